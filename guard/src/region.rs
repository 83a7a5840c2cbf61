//! Which parts of a frame are looked at?
//!
//! A small picture inside a big one (a call grid, a window, a thumbnail) hides from a hash and from a score of the
//! whole. The policy names kinds of regions; this file turns them into rectangles for one frame.

use crate::finding::{JudgeId, RegionId};
use crate::policy::{Policy, RegionKind};
use crate::{Rect, Size};

/// A part of a frame, and why it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Which line of the policy asks for it.
    pub kind: RegionKind,
    /// Where it is.
    pub rect: Rect,
}

/// Regions whose side is shorter than this show nothing that a hash or a model can tell.
pub const SIDE_MIN: usize = 16;

/// A source may name at most this many windows or participants; more are refused by falling back to the first ones
/// only if the whole picture is looked at too, which [`plan`] sees to.
pub const GIVEN_MAX: usize = 32;

/// What was seen in a frame before anybody judges it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sight<'a> {
    /// The picture without its flat bars, where it has any.
    pub trimmed: Option<Rect>,
    /// Pictures within it: see [`crate::inset::find`].
    pub insets: &'a [Rect],
    /// Windows and participants that the source knows of.
    pub given: &'a [Rect],
}

/// Rectangles for one frame, in the policy's order.
///
/// Never empty: a frame too small for any region is looked at whole.
pub fn plan(kinds: &[RegionKind], size: Size, sight: Sight) -> Vec<Region> {
    let Sight { trimmed, insets, given } = sight;
    let whole = Rect { x: 0, y: 0, size };
    let mut regions = Vec::new();
    for &kind in kinds {
        let mut add = |rect: Rect| {
            if rect.size.width.min(rect.size.height) >= SIDE_MIN {
                regions.push(Region { kind, rect });
            }
        };
        match kind {
            RegionKind::Whole => add(whole),
            RegionKind::Trimmed => trimmed.into_iter().filter(|rect| *rect != whole).for_each(&mut add),
            RegionKind::Quarters => grid(size, 2).for_each(&mut add),
            RegionKind::Ninths => grid(size, 3).for_each(&mut add),
            RegionKind::Insets => insets.iter().copied().for_each(&mut add),
            RegionKind::Given => given.iter().take(GIVEN_MAX).copied().for_each(&mut add),
        }
    }
    let is_whole_seen = regions.iter().any(|region| region.rect == whole);
    if regions.is_empty() || (given.len() > GIVEN_MAX && !is_whole_seen) {
        regions.push(Region { kind: RegionKind::Whole, rect: whole });
    }
    regions
}

/// Whether two frames with the same picture are looked at in the same places. Insets are not asked: what the search
/// finds in noise differs from frame to frame, and one that is there shows in the tiles.
pub(crate) fn are_alike(a: &[Region], b: &[Region]) -> bool {
    let fixed = |region: &&Region| region.kind != RegionKind::Insets;
    a.iter().filter(fixed).eq(b.iter().filter(fixed))
}

/// Every look that must have been reported before the frame counts as judged: each list on every region, each model
/// on the regions that the policy gives to models, or on the first one where it gives none.
pub fn looks(policy: &Policy, regions: &[Region]) -> Vec<(JudgeId, RegionId)> {
    let n_lists = policy.judges.lists.len();
    let of_models = policy.judges.regions_of_models();
    let mut looks = Vec::new();
    for judge in 0..policy.n_judges() {
        let before = looks.len();
        for (index, region) in regions.iter().enumerate() {
            if judge < n_lists || of_models.contains(&region.kind) {
                looks.push((JudgeId(judge), RegionId(index)));
            }
        }
        if looks.len() == before {
            looks.push((JudgeId(judge), RegionId(0)));
        }
    }
    looks
}

fn grid(size: Size, n: usize) -> impl Iterator<Item = Rect> {
    (0..n * n).map(move |cell| {
        let (x, y) = (cell % n, cell / n);
        let (left, top) = (x * size.width / n, y * size.height / n);
        let (right, bottom) = ((x + 1) * size.width / n, (y + 1) * size.height / n);
        Rect { x: left, y: top, size: Size { width: right - left, height: bottom - top } }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { width: 1281, height: 719 };

    #[test]
    fn a_grid_covers_every_pixel_once() {
        for n in [2, 3] {
            let area: usize = grid(SIZE, n).map(|rect| rect.size.width * rect.size.height).sum();
            assert_eq!(area, SIZE.width * SIZE.height);
        }
    }

    #[test]
    fn a_frame_too_small_for_any_region_is_looked_at_whole() {
        let tiny = Size { width: 8, height: 8 };
        let regions = plan(&[RegionKind::Ninths, RegionKind::Trimmed], tiny, Sight::default());
        assert_eq!(regions, [Region { kind: RegionKind::Whole, rect: Rect { x: 0, y: 0, size: tiny } }]);
    }

    #[test]
    fn bars_that_are_not_there_add_no_region() {
        let whole = Rect { x: 0, y: 0, size: SIZE };
        let regions =
            |trimmed| plan(&[RegionKind::Whole, RegionKind::Trimmed], SIZE, Sight { trimmed, ..Sight::default() });
        assert_eq!(regions(Some(whole)).len(), 1);
        let inner = Rect { x: 0, y: 90, size: Size { width: 1281, height: 540 } };
        assert_eq!(regions(Some(inner))[1].rect, inner);
    }

    #[test]
    fn insets_are_looked_at_and_do_not_make_two_frames_differ() {
        let inset = Rect { x: 10, y: 20, size: Size { width: 300, height: 200 } };
        let kinds = [RegionKind::Whole, RegionKind::Insets];
        let with = plan(&kinds, SIZE, Sight { insets: &[inset], ..Sight::default() });
        assert_eq!(with[1], Region { kind: RegionKind::Insets, rect: inset });
        let (without, quarters) =
            (plan(&kinds, SIZE, Sight::default()), plan(&[RegionKind::Quarters], SIZE, Sight::default()));
        assert!(are_alike(&with, &without) && !are_alike(&with, &quarters));
    }

    #[test]
    fn every_judge_looks_at_least_once() {
        let policy = Policy::shipped("livestream").unwrap();
        let regions = plan(&policy.judges.regions, SIZE, Sight::default());
        assert_eq!(regions.len(), 14);
        let looks = looks(&policy, &regions);
        assert_eq!(looks.iter().filter(|(judge, _)| judge.0 == 0).count(), 14, "the list");
        assert_eq!(looks.iter().filter(|(judge, _)| judge.0 == 1).count(), 1, "the model");
    }
}
