//! What did somebody see who watched the stream?

use std::path::Path;

use crate::clip::{Content, Recipe};
use crate::observer::{Observer, Picture, Sight, difference, times_s, watch};

/// Bursts and flashes, 8 s that are played over and over.
pub(crate) fn recipe() -> Recipe {
    let recipe = Recipe::new(Content::Pattern, (320, 180), 25, 200).planted(&[50..75, 130..131, 170..171]);
    Recipe { has_sound: true, ..recipe }
}

/// The part of a round that is covered: each planted frame and a second after it.
pub(crate) const COVERED_PART: f64 = (50.0 + 26.0 + 26.0) / 200.0;

/// A recording, frame by frame.
pub(crate) struct Watched {
    pub(crate) sights: Vec<Sight>,
    pub(crate) times_s: Vec<f64>,
    n_fresh: usize,
}

impl Watched {
    pub(crate) fn new(observer: &Observer, recording: &Path) -> Watched {
        let pictures = watch(recording);
        let mut times_s = times_s(recording);
        times_s.truncate(pictures.len());
        let sights = pictures.iter().map(|picture| sight(observer, picture)).collect::<Vec<_>>();
        let is_live = |index: &usize| {
            let picture = &pictures[*index];
            matches!(sights[*index], Sight::Source(_)) && difference(picture, &pictures[*index - 1]) > 0.05
        };
        let n_fresh = (1..pictures.len()).filter(is_live).count();
        Watched { sights, times_s, n_fresh }
    }

    pub(crate) fn n_forbidden(&self) -> usize {
        self.sights.iter().filter(|sight| **sight == Sight::Forbidden).count()
    }

    pub(crate) fn n_covered(&self) -> usize {
        self.sights.iter().filter(|sight| **sight == Sight::Cover).count()
    }

    /// Frames of the source that differ from the one before.
    pub(crate) fn n_fresh(&self) -> usize {
        self.n_fresh
    }

    /// How long a frame of the source stood before the first cover that lasts at least so long; seconds.
    pub(crate) fn wait_before_cover_s(&self, lasting_s: f64) -> Option<f64> {
        let mut start = None;
        for index in 1..self.sights.len() {
            let is_cover = |index: usize| self.sights[index] == Sight::Cover;
            if is_cover(index) && !is_cover(index - 1) {
                start = Some(index);
            }
            if let Some(from) = start.filter(|_| is_cover(index))
                && self.times_s[index] - self.times_s[from] >= lasting_s
            {
                return Some(self.times_s[from] - self.times_s[from - 1]);
            }
        }
        None
    }

    /// In words, for people who read the test's output.
    pub(crate) fn summary(&self) -> String {
        let n = self.sights.len();
        let n_unknown = self.sights.iter().filter(|sight| **sight == Sight::Unknown).count();
        format!(
            "{n} frames in {:.1} s: {} forbidden, {} covered, {} fresh, {n_unknown} neither",
            self.times_s.last().copied().unwrap_or_default(),
            self.n_forbidden(),
            self.n_covered(),
            self.n_fresh
        )
    }
}

/// Beside every frame of the clip: a live recording begins anywhere.
fn sight(observer: &Observer, picture: &Picture) -> Sight {
    let steps = (0..observer.source.len()).step_by(60);
    let sights: Vec<Sight> = steps.map(|index| observer.sight(index, picture)).collect();
    let first = |wanted: fn(&Sight) -> bool| sights.iter().copied().find(wanted);
    first(|sight| *sight == Sight::Forbidden)
        .or_else(|| first(|sight| *sight == Sight::Cover))
        .or_else(|| first(|sight| matches!(sight, Sight::Source(_))))
        .unwrap_or(Sight::Unknown)
}
