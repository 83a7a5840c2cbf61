//! Has every judge reported on this frame, and what is the worst they saw?

use crate::finding::{self, Finding, Found, JudgeId, Match, RegionId};
use crate::policy::ScoreRule;

/// What is known so far about one frame that was looked at.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    missing: Vec<(JudgeId, RegionId)>,
    has_failed: bool,
    /// The nearest entry of any list.
    pub(crate) nearest: Option<Match>,
    /// The highest value of each score rule, over all models and regions.
    pub(crate) values: Vec<f32>,
}

impl Sighting {
    /// Waits for every one of `looks`. Without any, the frame never counts as judged.
    pub(crate) fn new(looks: Vec<(JudgeId, RegionId)>, n_rules: usize) -> Sighting {
        Sighting { has_failed: looks.is_empty(), missing: looks, nearest: None, values: vec![0.0; n_rules] }
    }

    /// Waits for every one of `looks` anew, and keeps what was seen.
    pub(crate) fn again(&self, looks: Vec<(JudgeId, RegionId)>) -> Sighting {
        let (nearest, values) = (self.nearest.clone(), self.values.clone());
        Sighting { has_failed: looks.is_empty(), missing: looks, nearest, values }
    }

    /// Whether every judge has reported on every region, and none has failed.
    pub(crate) fn is_complete(&self) -> bool {
        self.missing.is_empty() && !self.has_failed
    }

    /// Whether nothing more can come.
    pub(crate) fn is_closed(&self) -> bool {
        self.missing.is_empty()
    }

    /// Adds one finding. A second word on the same look, or one that nobody asked for, cannot clear a frame; what it
    /// saw still counts against it.
    pub(crate) fn add(&mut self, finding: Finding, rules: &[ScoreRule]) {
        self.missing.retain(|look| *look != (finding.judge, finding.region));
        self.see(finding.found, rules);
    }

    /// Counts what was seen in a frame with the same picture, which nobody had asked about: it can clear nothing.
    pub(crate) fn see(&mut self, found: Found, rules: &[ScoreRule]) {
        match found {
            Found::Clear => (),
            Found::Failed => self.has_failed = true,
            Found::Match(found) => self.add_match(found),
            Found::Scores(scores) if finding::are_sound(&scores) => self.add_scores(&scores, rules),
            Found::Scores(_) => self.has_failed = true,
        }
    }

    fn add_match(&mut self, found: Match) {
        if self.nearest.as_ref().is_none_or(|nearest| found.distance_bits < nearest.distance_bits) {
            self.nearest = Some(found);
        }
    }

    fn add_scores(&mut self, scores: &[finding::Score], rules: &[ScoreRule]) {
        for (value, rule) in self.values.iter_mut().zip(rules) {
            let named = scores.iter().filter(|score| rule.classes.iter().any(|class| **class == *score.class));
            *value = value.max(named.map(|score| score.value).sum::<f32>().min(1.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{FrameId, Score};

    fn rules() -> Vec<ScoreRule> {
        crate::policy::Policy::shipped("messenger").unwrap().scores
    }

    fn says(judge: usize, region: usize, found: Found) -> Finding {
        Finding { frame: FrameId(0), judge: JudgeId(judge), region: RegionId(region), found }
    }

    fn looks() -> Vec<(JudgeId, RegionId)> {
        (0..2).flat_map(|judge| (0..2).map(move |region| (JudgeId(judge), RegionId(region)))).collect()
    }

    #[test]
    fn each_missing_look_keeps_the_frame_unjudged() {
        for heard in 0u32..16 {
            let mut sighting = Sighting::new(looks(), 1);
            for (index, look) in looks().into_iter().enumerate().filter(|(index, _)| heard >> index & 1 == 1) {
                sighting.add(says(look.0.0, look.1.0, Found::Clear), &rules());
                assert!(sighting.is_complete() == (heard == 15 && index == 3));
            }
            assert_eq!(sighting.is_complete(), heard == 15, "{heard:04b}");
        }
    }

    #[test]
    fn a_word_that_nobody_asked_for_clears_nothing() {
        let mut sighting = Sighting::new(looks(), 1);
        (0..9).for_each(|_| sighting.add(says(0, 0, Found::Clear), &rules()));
        (2..9).for_each(|judge| sighting.add(says(judge, 0, Found::Clear), &rules()));
        assert!(!sighting.is_complete());
        assert!(!Sighting::new(vec![], 1).is_complete(), "nobody looks");
    }

    #[test]
    fn scores_outside_their_range_are_a_failure() {
        for value in [f32::NAN, -0.1, 1.1, f32::INFINITY] {
            let mut sighting = Sighting::new(vec![(JudgeId(0), RegionId(0))], 1);
            let score = Score { class: "Neutral".into(), value };
            sighting.add(says(0, 0, Found::Scores(vec![score])), &rules());
            assert!(!sighting.is_complete(), "{value}");
        }
    }

    #[test]
    fn classes_of_a_rule_are_added_and_the_worst_region_counts() {
        let mut sighting = Sighting::new(looks(), 1);
        let scores = |a, b| {
            Found::Scores(vec![Score { class: "Porn".into(), value: a }, Score { class: "Hentai".into(), value: b }])
        };
        sighting.add(says(1, 0, scores(0.2, 0.3)), &rules());
        sighting.add(says(1, 1, scores(0.1, 0.0)), &rules());
        assert_eq!(sighting.values, [0.5]);
    }
}
