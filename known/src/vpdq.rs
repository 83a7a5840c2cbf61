//! Do two videos show the same frames?
//!
//! A video is the set of the PDQ hashes of its frames, without order: frames of low quality and repeated ones are left out.
//! Two videos are compared by the share of each one's frames that the other has, nearly.
//! Which shares make a match must be said each time: public programs disagree
//! (the README's example asks for 80 % of the compared video and nothing of the query, the constants for the reverse).
//! Source: `vpdq/README.md` and `vpdq_util.py` in facebook/ThreatExchange.

mod features;
mod many;

pub use features::{FEATURES_MAX, Feature, parse_json, parse_text, write_json, write_text};
pub use many::Videos;

use crate::{Error, Hash256, Index};

/// A video, as the set of its frames' hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Video {
    hashes: Vec<Hash256>,
}

/// When two frames, and two videos, are taken for the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// Frames further apart are different; `0..=256`, Meta uses 31.
    pub distance_bits_max: u32,
    /// At least this share of the query's frames must be in the compared video, `0.0..=100.0` %.
    pub query_percent_min: f64,
    /// At least this share of the compared video's frames must be in the query, `0.0..=100.0` %.
    pub compared_percent_min: f64,
}

/// What two videos have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overlap {
    /// Share of the query's frames that the compared video has, `0.0..=100.0` %.
    pub query_percent: f64,
    /// Share of the compared video's frames that the query has, `0.0..=100.0` %.
    pub compared_percent: f64,
}

impl Video {
    /// Keeps each hash once, of frames with at least `quality_min`; Meta uses 50.
    pub fn new(features: &[Feature], quality_min: u8) -> Video {
        Video::of_hashes(features.iter().filter(|feature| feature.quality >= quality_min).map(|feature| feature.hash))
    }

    /// The video of these hashes, as a list has them: without qualities, each once.
    pub fn of_hashes(hashes: impl IntoIterator<Item = Hash256>) -> Video {
        let mut hashes: Vec<Hash256> = hashes.into_iter().collect();
        hashes.sort_unstable();
        hashes.dedup();
        Video { hashes }
    }

    /// The frames' hashes, each once, in ascending order.
    pub fn hashes(&self) -> &[Hash256] {
        &self.hashes
    }

    /// How much this video, the query, has in common with another; nothing when either has no usable frame.
    ///
    /// # Errors
    /// [`Error::TooManyHashes`] for a video of more frames than an index holds.
    pub fn overlap(&self, compared: &Video, distance_bits_max: u32) -> Result<Overlap, Error> {
        Ok(Overlap {
            query_percent: self.percent_in(compared, distance_bits_max)?,
            compared_percent: compared.percent_in(self, distance_bits_max)?,
        })
    }

    fn percent_in(&self, other: &Video, distance_bits_max: u32) -> Result<f64, Error> {
        if self.hashes.is_empty() {
            return Ok(0.0);
        }
        let index = Index::build(other.hashes.iter().copied())?;
        let found = index.query_batch(&self.hashes, distance_bits_max);
        let n_found = found.iter().filter(|found| !found.is_empty()).count();
        Ok(n_found as f64 * 100.0 / self.hashes.len() as f64)
    }
}

impl Overlap {
    /// Whether both shares are large enough. Two videos with no frame in common never match, whatever the rule.
    pub fn is_match(&self, rule: &Rule) -> bool {
        self.query_percent > 0.0
            && self.query_percent >= rule.query_percent_min
            && self.compared_percent >= rule.compared_percent_min
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(bytes: &[u8]) -> Video {
        let feature = |(i, &byte): (usize, &u8)| Feature {
            frame: i as u32,
            quality: 100,
            hash: Hash256([byte; 32]),
            timestamp_ms: 0,
        };
        Video::new(&bytes.iter().enumerate().map(feature).collect::<Vec<_>>(), 50)
    }

    #[test]
    fn a_part_of_a_video_is_all_in_it_but_not_the_reverse() {
        let (part, whole) = (video(&[0x00, 0xff]), video(&[0x00, 0xff, 0x0f, 0xf0, 0xff]));
        let overlap = part.overlap(&whole, 31).unwrap();
        assert_eq!(overlap, Overlap { query_percent: 100.0, compared_percent: 50.0 });
        let rule = |query_percent_min, compared_percent_min| Rule {
            distance_bits_max: 31,
            query_percent_min,
            compared_percent_min,
        };
        assert!(overlap.is_match(&rule(80.0, 0.0)));
        assert!(!overlap.is_match(&rule(0.0, 80.0)));
    }

    #[test]
    fn nothing_in_common_never_matches() {
        let rule = Rule { distance_bits_max: 31, query_percent_min: 0.0, compared_percent_min: 0.0 };
        for (query, compared) in [(&[0x00][..], &[0xff][..]), (&[], &[0xff]), (&[0x00], &[]), (&[], &[])] {
            assert!(!video(query).overlap(&video(compared), 31).unwrap().is_match(&rule));
        }
    }

    #[test]
    fn frames_of_low_quality_do_not_count() {
        let hash = Hash256([7; 32]);
        let features = [49, 50].map(|quality| Feature { frame: 0, quality, hash, timestamp_ms: 0 });
        assert_eq!(Video::new(&features[..1], 50).hashes(), []);
        assert_eq!(Video::new(&features, 50).hashes(), [hash]);
    }
}
