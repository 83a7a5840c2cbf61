//! How is a clip guarded in a test, and what must hold whatever the clip?

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use guard::Policy;
use live::file::{self, Encoder, Job};
use live::panel::PanelMaker;
use live::report::Report;
use live::stream::Pace;

use crate::clip::Recipe;
use crate::judges;
use crate::observer::{Observer, Sight, watch};

/// Clips that the clock paces run without other tests beside them.
static TURN: RwLock<()> = RwLock::new(());

/// Waits for a turn at exact pace.
pub(crate) fn turn() -> RwLockReadGuard<'static, ()> {
    TURN.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Waits for a turn alone.
pub(crate) fn turn_alone() -> RwLockWriteGuard<'static, ()> {
    TURN.write().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What came of one run.
pub(crate) struct Outcome {
    pub(crate) report: Report,
    pub(crate) sights: Vec<Sight>,
    pub(crate) pictures: Vec<crate::observer::Picture>,
    pub(crate) path: PathBuf,
}

impl Outcome {
    /// How many frames of the output show this.
    pub(crate) fn n(&self, wanted: impl Fn(Sight) -> bool) -> usize {
        self.sights.iter().filter(|sight| wanted(**sight)).count()
    }

    /// How many frames show the planted picture.
    pub(crate) fn n_leaked(&self) -> usize {
        self.n(|sight| sight == Sight::Forbidden)
    }

    /// How many frames show the cover.
    pub(crate) fn n_covered(&self) -> usize {
        self.n(|sight| sight == Sight::Cover)
    }

    /// How many frames show a frame of the source that was not seen in the output before.
    pub(crate) fn n_fresh(&self) -> usize {
        let mut last = None;
        let mut n_fresh = 0;
        for sight in &self.sights {
            if let Sight::Source(index) = sight {
                n_fresh += usize::from(last.is_none_or(|last| *index > last));
                last = Some(*index);
            }
        }
        n_fresh
    }
}

/// The test policy: the card by its list, no model.
pub(crate) fn test_policy() -> Policy {
    Policy::shipped("test").unwrap()
}

/// Guards `clip` with the policy's own judges.
pub(crate) fn guarded(clip: &Path, output: &str, policy: &Policy, pace: Pace, observer: &Observer) -> Outcome {
    guarded_by(judges::real(policy), clip, output, policy, pace, observer)
}

/// Guards `clip` with these judges, and watches what comes out. `output` is a name beside the clip.
pub(crate) fn guarded_by(
    maker: PanelMaker,
    clip: &Path,
    output: &str,
    policy: &Policy,
    pace: Pace,
    observer: &Observer,
) -> Outcome {
    let path = clip.with_file_name(output);
    let n_threads = if pace == Pace::Live { 1 } else { 2 };
    let job = Job {
        input: clip.to_owned(),
        output: path.clone(),
        policy: policy.clone(),
        maker,
        pace,
        n_threads,
        encoder: Encoder::Auto,
        interrupt: Arc::new(AtomicBool::new(false)),
    };
    let report = file::run(&job, |_| ()).unwrap_or_else(|error| panic!("{error}"));
    let pictures = watch(&path);
    Outcome { sights: observer.sights(&pictures), report, pictures, path }
}

/// The four assertions where every frame is judged: nothing leaks; each cover begins on its first planted frame and
/// ends when the policy says, two frames more or less; every other frame comes out as itself; the guard was alive.
pub(crate) fn assert_exactly_guarded(recipe: &Recipe, observer: &Observer, outcome: &Outcome, clear_s: f64) {
    let what = format!("{recipe:?}\n{:?}", outcome.report);
    assert_eq!(outcome.sights.len(), recipe.n_frames, "as many frames as went in: {what}");
    assert_eq!(outcome.n_leaked(), 0, "planted frames seen: {what}");
    let is_expected = observer.expected_covered(clear_s);
    let n_expected = is_expected.iter().filter(|covered| **covered).count();
    let is_covered = |index: usize| outcome.sights[index] == Sight::Cover;
    for burst in &recipe.bursts {
        assert!(burst.clone().all(is_covered), "burst {burst:?} is covered: {what}");
        let is_clear_before = burst.start > 0 && !is_expected[burst.start - 1];
        assert!(!(is_clear_before && is_covered(burst.start - 1)), "the cover begins on frame {}: {what}", burst.start);
    }
    let slack = 2 * recipe.bursts.len();
    let n_covered = outcome.n_covered();
    assert!(n_covered.abs_diff(n_expected) <= slack, "{n_covered} covered, {n_expected} expected: {what}");
    let is_near_cover = |index: usize| (index.saturating_sub(2)..=index + 2).any(|i| is_expected.get(i) == Some(&true));
    for index in (0..recipe.n_frames).filter(|index| !is_near_cover(*index)) {
        let is_own = observer.is_own(index, &outcome.pictures[index]);
        assert!(is_own, "frame {index} comes out as itself, not {:?}: {what}", outcome.sights[index]);
    }
    let report = &outcome.report;
    assert_eq!((report.frames, report.judged), (recipe.n_frames as u64, recipe.n_frames as u64), "all judged");
    assert_eq!((report.released_unjudged, report.stalled, report.repeated, report.reused), (0, 0, 0, 0), "{what}");
    assert_eq!(report.covered, n_covered as u64, "the report says what was seen: {what}");
    assert_eq!(report.released + report.covered, report.frames, "{what}");
}

/// What holds at live pace whatever the machine's load: a place for every frame, nothing leaks, nothing unjudged.
pub(crate) fn assert_nothing_leaks(recipe: &Recipe, outcome: &Outcome, what: &str) {
    let report = &outcome.report;
    assert_eq!(outcome.sights.len(), recipe.n_frames, "{what}: a place for every frame: {report:?}");
    assert_eq!(outcome.n_leaked(), 0, "{what}: planted frames seen: {report:?}");
    assert_eq!(report.released_unjudged, 0, "{what}: {report:?}");
    assert_eq!(report.frames, recipe.n_frames as u64, "{what}: {report:?}");
    let n_unknown = outcome.n(|sight| sight == Sight::Unknown);
    assert_eq!(n_unknown, 0, "{what}: every frame is a source frame or the cover: {report:?}");
}
