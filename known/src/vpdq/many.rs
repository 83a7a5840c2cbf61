//! Which of many videos share frames with this one?
//!
//! The frames of all videos lie in one index. A frame of the query that is near a frame of another video makes that
//! frame near it too, so one search gives both percentages.

use std::collections::BTreeMap;

use super::{Overlap, Video};
use crate::{Error, Index};

/// Videos that can be searched together.
pub struct Videos {
    index: Index,
    /// For each frame of the index, its video.
    owners: Vec<u32>,
    /// For each video, its frames.
    n_frames: Vec<u32>,
}

impl Videos {
    /// Takes videos in, which get the numbers 0, 1, 2 and so on.
    ///
    /// # Errors
    /// [`Error::TooManyHashes`] for more frames than an index holds.
    pub fn build(videos: &[Video]) -> Result<Videos, Error> {
        let hashes: Vec<_> = videos.iter().flat_map(|video| video.hashes().iter().copied()).collect();
        let owners = (0..).zip(videos).flat_map(|(number, video)| std::iter::repeat_n(number, video.hashes().len()));
        Ok(Videos {
            owners: owners.collect(),
            n_frames: videos.iter().map(|video| video.hashes().len() as u32).collect(),
            index: Index::build(hashes.into_iter())?,
        })
    }

    /// Whether there is no frame at all.
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// Every video that has a frame in common with `query`, by number, and how much.
    pub fn query(&self, query: &Video, distance_bits_max: u32) -> Vec<(u32, Overlap)> {
        let mut shared: BTreeMap<u32, Shared> = BTreeMap::new();
        let found = self.index.query_batch(query.hashes(), distance_bits_max);
        for (of_query, found) in found.iter().enumerate() {
            for found in found {
                let shared = shared.entry(self.owners[found.number as usize]).or_default();
                shared.of_video.push(found.number);
                if shared.last_of_query != Some(of_query) {
                    shared.last_of_query = Some(of_query);
                    shared.n_of_query += 1;
                }
            }
        }
        let percent = |part: usize, whole: usize| part as f64 * 100.0 / whole as f64;
        let overlaps = shared.into_iter().map(|(number, mut shared)| {
            shared.of_video.sort_unstable();
            shared.of_video.dedup();
            let overlap = Overlap {
                query_percent: percent(shared.n_of_query, query.hashes().len()),
                compared_percent: percent(shared.of_video.len(), self.n_frames[number as usize] as usize),
            };
            (number, overlap)
        });
        overlaps.collect()
    }
}

/// Frames that the query and one video have in common.
#[derive(Default)]
struct Shared {
    n_of_query: usize,
    last_of_query: Option<usize>,
    of_video: Vec<u32>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Hash256;
    use crate::vpdq::Feature;

    fn video() -> impl Strategy<Value = Video> {
        // Few different bytes, so that videos often share frames and nearly share others.
        let frame = (0u8..6, 0u8..3).prop_map(|(kind, flipped)| {
            let mut hash = Hash256([kind.wrapping_mul(43); 32]);
            hash.0[0] ^= flipped;
            Feature { frame: 0, quality: 100, hash, timestamp_ms: 0 }
        });
        prop::collection::vec(frame, 0..12).prop_map(|frames| Video::new(&frames, 50))
    }

    proptest! {
        #[test]
        fn all_at_once_is_as_one_by_one(videos in prop::collection::vec(video(), 0..6), query in video(), radius in 0u32..40) {
            let together = Videos::build(&videos).unwrap().query(&query, radius);
            let mut alone = Vec::new();
            for (number, video) in (0..).zip(&videos) {
                let overlap = query.overlap(video, radius).unwrap();
                if overlap.query_percent > 0.0 {
                    alone.push((number, overlap));
                }
            }
            prop_assert_eq!(together, alone);
        }
    }
}
