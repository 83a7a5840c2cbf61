//! Does the guard ever show what it has not looked at?
//!
//! Every order of up to six inputs, and random schedules in which judges are late, lost, failing, wrong or gone.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use guard::finding::{Finding, Found, FrameId, JudgeId, Match, RegionId, Score};
use guard::policy::{Policy, RegionKind};
use guard::region::Region;
use guard::{Arrival, Cause, Colour, Format, Frame, Guard, Held, Input, Output, Rect, Shown, Signature, Size, State};
use proptest::prelude::*;

const SIZE: Size = Size { width: 32, height: 32 };
const MS: fn(u64) -> Duration = Duration::from_millis;

/// Two judges: a list and a model, each looking at the whole picture.
fn policy(edit: impl FnOnce(&mut Policy)) -> Policy {
    let mut policy = Policy::shipped("messenger").expect("it is shipped");
    policy.reuse.max_ms = 0;
    edit(&mut policy);
    policy
}

/// A frame is its number; its picture is one of a few shades, half of it white so that it is not flat.
fn arrival(number: u64, shade: u8) -> Arrival<u64> {
    static SIGNATURES: LazyLock<Vec<Signature>> = LazyLock::new(|| (0..=255).map(signature).collect());
    let whole = Region { kind: RegionKind::Whole, rect: Rect { x: 0, y: 0, size: SIZE } };
    Arrival { frame: Held::new(number), signature: SIGNATURES[usize::from(shade)].clone(), regions: vec![whole] }
}

fn signature(shade: u8) -> Signature {
    let data: Vec<u8> = (0..32 * 32).map(|i| if i % 32 < 16 { shade } else { 255 }).collect();
    Signature::of(&Frame::packed(Format::Gray8, Colour::Bt601, SIZE, &data).expect("sizes agree"))
}

fn says(frame: u64, judge: usize, found: Found) -> Finding {
    Finding { frame: FrameId(frame), judge: JudgeId(judge), region: RegionId(0), found }
}

fn matched() -> Found {
    Found::Match(Match { list: "test".into(), entry: "card".into(), distance_bits: 4 })
}

fn scores(value: f32) -> Found {
    Found::Scores(vec![Score { class: "Porn".into(), value }])
}

fn is_bad(found: &Found) -> bool {
    match found {
        Found::Clear => false,
        Found::Match(_) => true,
        Found::Scores(scores) => scores.iter().any(|score| score.value >= 0.7),
        Found::Failed => true,
    }
}

/// What was decided, beside what could be known.
#[derive(Default)]
struct Record {
    arrived: BTreeMap<u64, (Duration, u8)>,
    heard: Vec<(Finding, Duration)>,
    shown: Vec<(u64, Option<u64>, bool)>,
}

impl Record {
    /// A word on a frame that has not come is about no frame.
    fn hear(&mut self, finding: &Finding, at: Duration) {
        if self.arrived.contains_key(&finding.frame.0) {
            self.heard.push((finding.clone(), at));
        }
    }

    fn drain(&mut self, guard: &mut Guard<u64>) {
        while let Some(output) = guard.poll() {
            if let Output::Show { id, shown, .. } = output {
                let entry = match shown {
                    Shown::Frame(released) => (id.0, Some(*released.frame()), false),
                    Shown::Repeat(released) => (id.0, Some(*released.frame()), true),
                    Shown::Cover(..) => (id.0, None, false),
                };
                self.shown.push(entry);
            }
        }
    }

    /// A frame with this picture was looked at by both judges before `due`, and neither saw anything.
    fn is_judged_clear(&self, number: u64, due: Duration) -> bool {
        let in_time: Vec<&Finding> =
            self.heard.iter().filter(|(f, at)| f.frame.0 == number && *at < due).map(|(f, _)| f).collect();
        let by = |judge| in_time.iter().any(|f| f.judge == JudgeId(judge));
        by(0) && by(1) && !in_time.iter().any(|f| is_bad(&f.found))
    }

    /// Checks the rule for everything that was shown.
    fn check(&self, hold: Duration, reuse: Duration) {
        for (place, (id, shown, is_repeat)) in self.shown.iter().enumerate() {
            assert_eq!(*id, place as u64, "every frame is decided once, in order");
            let Some(number) = shown else { continue };
            if *is_repeat {
                assert!(
                    self.shown[..place].iter().any(|(_, earlier, _)| earlier == shown),
                    "only what was released is repeated"
                );
                continue;
            }
            let (at, shade) = self.arrived[number];
            let is_covered_by_a_verdict = self.arrived.iter().any(|(other, (other_at, other_shade))| {
                let is_itself = other == number;
                let is_reusable = *other < *number && *other_shade == shade && at - *other_at < reuse;
                (is_itself || is_reusable) && self.is_judged_clear(*other, at + hold)
            });
            assert!(is_covered_by_a_verdict, "frame {number} was shown and not judged clear in time");
        }
    }
}

#[test]
fn every_order_of_six_inputs_shows_only_what_was_judged() {
    const N_KINDS: u32 = 9;
    let hold = MS(150);
    for code in 0..N_KINDS.pow(6) {
        let mut guard = Guard::new(policy(|_| ()));
        let mut record = Record::default();
        let (mut at, mut n) = (Duration::ZERO, 0);
        for step in 0..6 {
            at += MS(40);
            let last = u64::from(n).saturating_sub(1);
            let mut hear = |guard: &mut Guard<u64>, finding: Finding| {
                record.hear(&finding, at);
                guard.input(Input::Finding(finding), at);
            };
            match code / N_KINDS.pow(step) % N_KINDS {
                0 => {
                    record.arrived.insert(n.into(), (at, 0));
                    guard.input(Input::Frame(arrival(n.into(), 0)), at);
                    n += 1;
                }
                1 => hear(&mut guard, says(last, 0, Found::Clear)),
                2 => hear(&mut guard, says(last, 1, scores(0.01))),
                3 => hear(&mut guard, says(0, 0, matched())),
                4 => hear(&mut guard, says(0, 1, scores(0.9))),
                5 => hear(&mut guard, says(last, 1, Found::Failed)),
                6 => hear(&mut guard, says(0, 1, scores(0.01))),
                7 => guard.input(Input::EndOfStream, at),
                _ => {
                    at += MS(120);
                    guard.input(Input::Tick, at);
                }
            }
            record.drain(&mut guard);
        }
        guard.input(Input::Tick, at + hold);
        record.drain(&mut guard);
        assert_eq!(record.shown.len() as u32, n, "each frame is decided: order {code}");
        record.check(hold, Duration::ZERO);
    }
}

#[derive(Clone, Debug)]
enum Event {
    Frame { gap_ms: u64, shade: u8 },
    Word { back: u64, judge: usize, found: u8 },
    Wait { ms: u64 },
    Reset,
    NewPolicy,
    LookAgain,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (1u64..120, 0u8..3).prop_map(|(gap_ms, shade)| Event::Frame { gap_ms, shade: shade * 60 }),
        14 => (0u64..4, 0usize..3, 0u8..12).prop_map(|(back, judge, found)| Event::Word { back, judge, found }),
        3 => (0u64..400).prop_map(|ms| Event::Wait { ms }),
        1 => Just(Event::Reset),
        1 => Just(Event::NewPolicy),
        1 => Just(Event::LookAgain),
    ]
}

fn found(code: u8) -> Found {
    match code {
        0 => matched(),
        1 => scores(0.95),
        2 => Found::Failed,
        3 => scores(f32::NAN),
        4..=7 => scores(0.02),
        _ => Found::Clear,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Judges that are late, lost, failing, out of turn or talking nonsense; reuse on and off; resets and new
    /// policies in the middle: what is shown was judged clear in time, and each frame is decided once.
    #[test]
    fn random_schedules_show_only_what_was_judged(
        events in prop::collection::vec(event(), 0..120),
        reuse_ms in prop_oneof![Just(0u32), Just(300)],
        latch in any::<bool>(),
        hold_ms in 1u32..400,
    ) {
        let policy = policy(|p| {
            p.reuse.max_ms = reuse_ms;
            p.timing.latch = latch;
            p.timing.hold_ms = hold_ms;
        });
        let mut guard = Guard::new(policy.clone());
        let mut record = Record::default();
        let (mut at, mut n) = (Duration::ZERO, 0u64);
        let mut policy_since = 0;
        for event in events {
            match event {
                Event::Frame { gap_ms, shade } => {
                    at += MS(gap_ms);
                    record.arrived.insert(n, (at, shade));
                    guard.input(Input::Frame(arrival(n, shade)), at);
                    n += 1;
                }
                Event::Word { back, judge, found: code } => {
                    let finding = says(n.saturating_sub(1 + back), judge, found(code));
                    // Words under the policy before the change count for nothing after it.
                    if finding.frame.0 >= policy_since { record.hear(&finding, at); }
                    guard.input(Input::Finding(finding), at);
                }
                Event::Wait { ms } => { at += MS(ms); guard.input(Input::Tick, at); }
                Event::Reset => guard.input(Input::Reset, at),
                Event::NewPolicy => {
                    guard.input(Input::PolicyChanged(Box::new(policy.clone())), at);
                    record.drain(&mut guard);
                    let decided = record.shown.len() as u64;
                    record.heard.retain(|(f, _)| f.frame.0 < decided);
                    policy_since = n;
                }
                Event::LookAgain => {
                    guard.input(Input::LookAgain, at);
                    record.drain(&mut guard);
                    // What cleared a waiting frame counts no more; what was seen in it does.
                    let decided = record.shown.len() as u64;
                    record.heard.retain(|(f, _)| {
                        f.frame.0 < decided || (is_bad(&f.found) && f.found != Found::Failed)
                    });
                }
            }
            record.drain(&mut guard);
        }
        guard.input(Input::EndOfStream, at);
        record.drain(&mut guard);
        prop_assert_eq!(record.shown.len() as u64, n);
        record.check(MS(hold_ms.into()), MS(reuse_ms.into()));
        let counts = guard.counts();
        prop_assert_eq!(counts.released_unjudged, 0);
        prop_assert_eq!(counts.frames, counts.released + counts.repeated + counts.covered);
    }
}

/// Runs `n` frames at 30 a second in which `judge` says what is found, or `None` for no word at all.
fn run(
    policy: Policy,
    n: u64,
    judge: impl Fn(u64) -> Option<Found>,
) -> (Guard<u64>, Vec<Option<u64>>, Vec<Output<u64>>) {
    let mut guard = Guard::new(policy);
    let (mut record, mut others) = (Record::default(), Vec::new());
    let mut take = |guard: &mut Guard<u64>, record: &mut Record| {
        let mut kept = Vec::new();
        while let Some(output) = guard.poll() {
            match output {
                Output::Show { id, shown: Shown::Frame(r) | Shown::Repeat(r), .. } => {
                    record.shown.push((id.0, Some(*r.frame()), false))
                }
                Output::Show { id, shown: Shown::Cover(..), .. } => record.shown.push((id.0, None, false)),
                Output::Look { .. } => (),
                other => kept.push(other),
            }
        }
        others.extend(kept);
    };
    for number in 0..n {
        let at = MS(number * 1000 / 30);
        guard.input(Input::Frame(arrival(number, 0)), at);
        if let Some(found) = judge(number) {
            let (list, model) =
                if matches!(found, Found::Scores(_)) { (Found::Clear, found) } else { (found, scores(0.0)) };
            guard.input(Input::Finding(says(number, 0, list)), at);
            guard.input(Input::Finding(says(number, 1, model)), at);
        }
        take(&mut guard, &mut record);
    }
    guard.input(Input::Tick, MS(n * 1000 / 30 + 500));
    guard.input(Input::EndOfStream, MS(n * 1000 / 30 + 500));
    take(&mut guard, &mut record);
    (guard, record.shown.into_iter().map(|(_, shown, _)| shown).collect(), others)
}

#[test]
fn a_single_frame_is_covered_and_the_cover_goes_after_its_time() {
    let (guard, shown, others) = run(policy(|_| ()), 120, |n| Some(if n == 40 { matched() } else { Found::Clear }));
    let covered: Vec<usize> = (0..120).filter(|n| shown[*n].is_none()).collect();
    assert_eq!(covered.first(), Some(&40));
    assert_eq!(covered.last(), Some(&69), "frame 70 comes a second after frame 40");
    assert_eq!(covered.len(), 30);
    assert_eq!(guard.counts().covered, 30);
    let incidents: Vec<_> =
        others.iter().filter_map(|o| if let Output::Incident(i) = o { Some(i) } else { None }).collect();
    assert_eq!(incidents.len(), 2, "once when it begins, once when it ends");
    assert_eq!((incidents[1].from, incidents[1].to), (MS(40 * 1000 / 30), Some(MS(70 * 1000 / 30))));
    let order: Vec<String> =
        others.iter().filter(|o| !matches!(o, Output::Incident(_))).map(|o| format!("{o:?}")).collect();
    assert_eq!(order, ["State(Covered)", "Mute", "State(Clear)", "Unmute"]);
}

#[test]
fn a_latched_cover_stays_until_a_person_resets_it() {
    let (mut guard, shown, _) =
        run(policy(|p| p.timing.latch = true), 300, |n| Some(if n == 9 { matched() } else { Found::Clear }));
    assert!(shown[9..].iter().all(Option::is_none));
    assert_eq!(guard.state(), State::Covered);
    guard.input(Input::Reset, MS(20_000));
    guard.input(Input::Frame(arrival(300, 0)), MS(20_000));
    guard.input(Input::Finding(says(300, 0, Found::Clear)), MS(20_001));
    guard.input(Input::Finding(says(300, 1, scores(0.0))), MS(20_001));
    guard.input(Input::Tick, MS(20_150));
    assert_eq!(guard.state(), State::Clear);
}

#[test]
fn a_judge_at_half_speed_shows_half_of_benign_video_without_flicker() {
    let (guard, shown, others) = run(policy(|_| ()), 300, |n| n.is_multiple_of(2).then_some(Found::Clear));
    assert!(shown.iter().all(Option::is_some), "a repeat in place of each unjudged frame");
    assert_eq!(guard.counts().released, 150);
    assert!(others.is_empty(), "no change of state");
}

#[test]
fn a_judge_that_dies_leaves_the_picture_for_a_moment_then_covers() {
    let (guard, shown, others) = run(policy(|_| ()), 120, |n| (n < 60).then_some(Found::Clear));
    assert_eq!(shown.iter().position(Option::is_none), Some(66), "200 ms of the last frame");
    assert!(shown[66..].iter().all(Option::is_none));
    assert!(others.iter().any(|o| matches!(o, Output::State(State::Stalled))));
    assert_eq!(guard.counts().stalled, 54);
}

#[test]
fn a_stalled_cover_goes_after_a_second_of_steady_judging() {
    let (_, shown, _) = run(policy(|_| ()), 240, |n| (!(60..120).contains(&n)).then_some(Found::Clear));
    let covered: Vec<usize> = (0..240).filter(|n| shown[*n].is_none()).collect();
    assert_eq!((covered[0], covered.last()), (66, Some(&149)));
}

#[test]
fn scores_in_doubt_cover_by_three_of_five_and_not_by_one() {
    let (_, shown, _) = run(policy(|_| ()), 60, |n| Some(scores(if n == 20 { 0.6 } else { 0.05 })));
    assert!(shown.iter().all(Option::is_some));
    let (_, shown, _) = run(policy(|_| ()), 60, |n| Some(scores(if (20..23).contains(&n) { 0.6 } else { 0.05 })));
    assert_eq!(shown.iter().position(Option::is_none), Some(22));
}

#[test]
fn a_score_between_clear_and_review_keeps_the_cover() {
    let lingering = |n| {
        Some(scores(if n == 20 {
            0.9
        } else if n < 80 {
            0.35
        } else {
            0.1
        }))
    };
    let (_, shown, _) = run(policy(|_| ()), 150, lingering);
    let covered: Vec<usize> = (0..150).filter(|n| shown[*n].is_none()).collect();
    assert_eq!((covered[0], covered.last()), (20, Some(&108)));
}

#[test]
fn a_late_word_opens_nothing_and_what_it_saw_covers_what_follows() {
    let mut guard = Guard::new(policy(|_| ()));
    for n in 0..3 {
        guard.input(Input::Frame(arrival(n, 0)), MS(n * 33));
    }
    guard.input(Input::Tick, MS(300));
    for n in 0..3 {
        guard.input(Input::Finding(says(n, 0, Found::Clear)), MS(301));
        guard.input(Input::Finding(says(n, 1, scores(0.0))), MS(301));
    }
    assert_eq!(guard.counts().released, 0);
    guard.input(Input::Finding(says(1, 0, matched())), MS(302));
    assert_eq!(guard.state(), State::Covered);
}

fn flat() -> Arrival<u64> {
    let frame = [16; 32 * 32];
    let frame = Frame::packed(Format::Gray8, Colour::Bt601, SIZE, &frame).expect("sizes agree");
    let whole = Region { kind: RegionKind::Whole, rect: Rect { x: 0, y: 0, size: SIZE } };
    Arrival { frame: Held::new(0), signature: Signature::of(&frame), regions: vec![whole] }
}

#[test]
fn flat_frames_keep_the_state_whatever_a_model_says() {
    let mut guard = Guard::new(policy(|_| ()));
    for n in 0..60 {
        guard.input(Input::Frame(flat()), MS(n * 33));
        guard.input(Input::Finding(says(n, 0, if n == 30 { matched() } else { Found::Clear })), MS(n * 33));
        guard.input(Input::Finding(says(n, 1, scores(0.99))), MS(n * 33));
    }
    guard.input(Input::Tick, MS(60 * 33 + 150));
    assert_eq!(guard.counts().released, 30, "no score covers a flat frame, a match does");
    assert_eq!(guard.state(), State::Covered, "and flat frames take no cover away");
}

/// The frame at which the cover goes, of 25 a second with `n_flat` flat ones in each, after `first` at frame 10.
fn uncovered_at(n_flat: u64, first: impl Fn(u64) -> Option<Found>) -> u64 {
    let mut guard = Guard::new(policy(|p| (p.timing.cover_min_ms, p.timing.clear_ms) = (1000, 3000)));
    let mut was_covered = false;
    for n in 0..400 {
        let frame = if n % 25 < n_flat { flat() } else { arrival(n, 90) };
        guard.input(Input::Frame(frame), MS(n * 40));
        if let Some(found) = first(n) {
            guard.input(Input::Finding(says(n, 0, found)), MS(n * 40));
            guard.input(Input::Finding(says(n, 1, scores(0.0))), MS(n * 40));
        }
        was_covered |= guard.state() != State::Clear;
        if was_covered && guard.state() == State::Clear {
            return n;
        }
    }
    400
}

#[test]
fn flat_frames_do_not_keep_a_cover_for_good() {
    let found = |n| Some(if n == 10 { matched() } else { Found::Clear });
    // Twelve frames without a word are more than is frozen over.
    let late = |n| (!(10..40).contains(&n)).then_some(Found::Clear);
    for n_flat in [0, 1, 2, 12] {
        let (found, late) = (uncovered_at(n_flat, found), uncovered_at(n_flat, late));
        // In one second of video only the frames with content are quiet.
        let seconds = |quiet_ms: u64| quiet_ms * 25 / (25 - n_flat) / 40;
        let hold = 4;
        let (from_found, from_late) = (10 + hold + seconds(3000), 40 + hold + seconds(1000));
        assert!(found >= 10 + hold + 75 && found.abs_diff(from_found) <= 13, "{n_flat}: {found}, not {from_found}");
        assert!(late >= 40 + hold + 25 && late.abs_diff(from_late) <= 13, "{n_flat}: {late}, not {from_late}");
    }
    assert_eq!(uncovered_at(25, found), 400, "nothing but flat frames takes no cover away");
}

#[test]
fn frames_that_wait_are_looked_at_again_and_what_was_seen_in_them_stays() {
    let mut guard = Guard::new(policy(|p| p.reuse.max_ms = 500));
    let clear = |guard: &mut Guard<u64>, frame, at| {
        guard.input(Input::Finding(says(frame, 0, Found::Clear)), at);
        guard.input(Input::Finding(says(frame, 1, scores(0.0))), at);
    };
    for n in 0..4 {
        guard.input(Input::Frame(arrival(n, n as u8 * 60)), MS(n * 10));
        clear(&mut guard, n, MS(n * 10));
    }
    guard.input(Input::Finding(says(3, 0, matched())), MS(40));
    while guard.poll().is_some() {}
    guard.input(Input::LookAgain, MS(50));
    let looks: Vec<u64> = std::iter::from_fn(|| guard.poll())
        .filter_map(|o| if let Output::Look { id, .. } = o { Some(id.0) } else { None })
        .collect();
    assert_eq!(looks, [0, 1, 2, 3]);
    [0, 1, 3].into_iter().for_each(|frame| clear(&mut guard, frame, MS(60)));
    guard.input(Input::Tick, MS(300));
    let shown: Vec<(u64, bool)> = std::iter::from_fn(|| guard.poll())
        .filter_map(|o| {
            if let Output::Show { id, shown, .. } = o { Some((id.0, matches!(shown, Shown::Frame(_)))) } else { None }
        })
        .collect();
    assert_eq!(shown, [(0, true), (1, true), (2, false), (3, false)]);
    assert_eq!(guard.state(), State::Covered, "the match in frame 3 was heard before");
}

#[test]
fn slow_video_is_shown_when_every_frame_is_judged() {
    let mut guard = Guard::new(policy(|_| ()));
    for n in 0..20 {
        guard.input(Input::Frame(arrival(n, 0)), MS(n * 1000));
        guard.input(Input::Finding(says(n, 0, if n == 4 { matched() } else { Found::Clear })), MS(n * 1000));
        guard.input(Input::Finding(says(n, 1, scores(0.0))), MS(n * 1000));
    }
    guard.input(Input::Tick, MS(30_000));
    assert_eq!((guard.counts().released, guard.counts().covered), (19, 1));
}

#[test]
fn what_is_seen_in_a_frame_that_waits_for_the_word_on_another_counts() {
    for look_again in [false, true] {
        let mut guard = Guard::new(policy(|p| p.reuse.max_ms = 300));
        guard.input(Input::Frame(arrival(0, 0)), MS(0));
        guard.input(Input::Frame(arrival(1, 0)), MS(40));
        guard.input(Input::Finding(says(1, 0, matched())), MS(50));
        if look_again {
            guard.input(Input::LookAgain, MS(60));
        }
        for frame in 0..2 {
            guard.input(Input::Finding(says(frame, 0, Found::Clear)), MS(70));
            guard.input(Input::Finding(says(frame, 1, scores(0.0))), MS(70));
        }
        guard.input(Input::EndOfStream, MS(80));
        assert_eq!((guard.counts().released, guard.counts().covered), (0, 2), "looked at again: {look_again}");
    }
}

#[test]
fn an_optimistic_policy_counts_every_frame_it_shows_unjudged() {
    let optimistic = policy(|p| (p.timing.hold_ms, p.timing.optimistic_shows_unjudged_frames) = (0, true));
    let (guard, shown, _) = run(optimistic, 30, |n| Some(if n == 9 { matched() } else { Found::Clear }));
    assert_eq!(shown[9], Some(9), "this is what the name warns of");
    assert!(shown[10..].iter().all(Option::is_none));
    assert_eq!(guard.counts().released_unjudged, 10);
}

#[test]
fn a_reused_verdict_is_never_older_than_allowed() {
    let policy = policy(|p| p.reuse.max_ms = 500);
    let mut guard = Guard::new(policy);
    let mut n_looks = 0;
    for n in 0..90 {
        guard.input(Input::Frame(arrival(n, 0)), MS(n * 1000 / 30));
        while let Some(output) = guard.poll() {
            if let Output::Look { id, .. } = output {
                n_looks += 1;
                guard.input(Input::Finding(says(id.0, 0, Found::Clear)), MS(n * 1000 / 30));
                guard.input(Input::Finding(says(id.0, 1, scores(0.0))), MS(n * 1000 / 30));
            }
        }
    }
    guard.input(Input::EndOfStream, MS(3200));
    assert_eq!(n_looks, 6, "three seconds of one picture, looked at every half second");
    assert_eq!((guard.counts().judged, guard.counts().reused), (6, 84));
}

#[test]
fn a_cover_for_a_finding_outranks_one_for_a_stall() {
    let mut guard = Guard::new(policy(|_| ()));
    guard.input(Input::Frame(arrival(0, 0)), MS(0));
    guard.input(Input::Tick, MS(150));
    assert_eq!(guard.state(), State::Stalled);
    guard.input(Input::Frame(arrival(1, 0)), MS(160));
    guard.input(Input::Finding(says(1, 0, matched())), MS(170));
    guard.input(Input::Tick, MS(310));
    assert_eq!(guard.state(), State::Covered, "one judge saw it; the other was late");
    let causes: Vec<Cause> = std::iter::from_fn(|| guard.poll())
        .filter_map(|o| if let Output::Show { shown: Shown::Cover(cause, _), .. } = o { Some(cause) } else { None })
        .collect();
    assert_eq!(causes, [Cause::Stalled, Cause::Found]);
}
