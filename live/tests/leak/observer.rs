//! What does somebody see who watches the video that came out?
//!
//! ffmpeg decodes it to small grey pictures; the comparison here is a plain normalised correlation and a mean
//! difference. Nothing of the guard's own looking (PDQ, signatures) is used, only the pictures it would show: the
//! card, and the cover for the words on it.

use std::path::Path;
use std::process::Command;

use guard::{Cause, Colour, CoverArt, Format, Policy, Signature, Size, test_card};

use crate::clip::{Recipe, run};

/// Size of the grey pictures.
const WIDTH: usize = 80;
const HEIGHT: usize = 45;

/// From this correlation on a picture shows the forbidden one. The most that a benign frame of these clips reaches is
/// printed by the tests and is well below.
const FORBIDDEN_FROM: f64 = 0.6;
const COVER_FROM: f64 = 0.9;
/// Encoders change a picture by less, levels of 255.
const SAME_TO: f64 = 8.0;

/// A small grey picture, `[45, 80]` u8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture(pub(crate) Vec<u8>);

/// What one frame of the output shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// The planted picture.
    Forbidden,
    /// The cover.
    Cover,
    /// This frame of the source.
    Source(usize),
    /// Nothing that is known.
    Unknown,
}

/// Knows what may be seen.
pub(crate) struct Observer {
    pub(crate) source: Vec<Picture>,
    /// Time of each frame of the source, seconds.
    pub(crate) times_s: Vec<f64>,
    planted: Vec<usize>,
    forbidden: Option<Picture>,
    covers: Vec<Picture>,
}

impl Observer {
    /// Watches the unguarded clip, and must see every planted frame there and no other.
    pub(crate) fn new(recipe: &Recipe, clip: &Path, policy: &Policy) -> Observer {
        let source = watch(clip);
        assert_eq!(source.len(), recipe.n_frames, "frames of the clip");
        let planted = recipe.planted_frames();
        let fills = recipe.place.is_none();
        let forbidden = match planted.first() {
            Some(_) if fills && recipe.picture.is_none() => Some(card(recipe.size)),
            Some(&first) if fills => Some(source[first].clone()),
            _ => None,
        };
        let covers = [Cause::Found, Cause::Stalled].map(|cause| cover(recipe.size, policy, cause)).to_vec();
        let observer = Observer { times_s: times_s(clip), source, planted, forbidden, covers };
        observer.check_itself();
        observer
    }

    /// The observer can see: all planted frames on the unguarded video, nothing else, and no cover.
    fn check_itself(&self) {
        let sights = self.sights(&self.source);
        let seen: Vec<usize> = (0..sights.len()).filter(|i| sights[*i] == Sight::Forbidden).collect();
        assert_eq!(seen, self.planted, "the observer counts the planted frames on the unguarded video");
        assert!(!sights.contains(&Sight::Cover), "the unguarded video has no cover");
    }

    /// What each frame of an output shows, frame by frame beside the source.
    pub(crate) fn sights(&self, output: &[Picture]) -> Vec<Sight> {
        output.iter().enumerate().map(|(index, picture)| self.sight(index, picture)).collect()
    }

    /// What a picture shows that should be about frame `index` of the source.
    pub(crate) fn sight(&self, index: usize, picture: &Picture) -> Sight {
        if self.forbidden.as_ref().is_some_and(|forbidden| correlation(picture, forbidden) >= FORBIDDEN_FROM) {
            return Sight::Forbidden;
        }
        let is_cover =
            |cover: &Picture| correlation(picture, cover) >= COVER_FROM && difference(picture, cover) <= 12.0;
        if self.covers.iter().any(is_cover) {
            return Sight::Cover;
        }
        // The latest of the most alike: a repeat is an earlier frame.
        let near = index.saturating_sub(40)..self.source.len().min(index + 41);
        let mut alike: Vec<(f64, usize)> = near.map(|i| (difference(picture, &self.source[i]), i)).collect();
        alike.sort_by(|(a, i), (b, j)| a.total_cmp(b).then(i.abs_diff(index).cmp(&j.abs_diff(index))));
        match alike.first() {
            Some((difference, i)) if *difference <= SAME_TO && self.planted.contains(i) => Sight::Forbidden,
            Some((difference, i)) if *difference <= SAME_TO => Sight::Source(*i),
            _ => Sight::Unknown,
        }
    }

    /// Whether frame `index` of an output shows its own frame of the source.
    pub(crate) fn is_own(&self, index: usize, picture: &Picture) -> bool {
        difference(picture, &self.source[index]) <= SAME_TO
    }

    /// Which frames a policy covers that clears after `clear_s` of nothing found: each planted one and what follows.
    pub(crate) fn expected_covered(&self, clear_s: f64) -> Vec<bool> {
        let since = |time: f64| self.planted.iter().map(move |p| time - self.times_s[*p]);
        // Half a millisecond for the rounding of containers.
        self.times_s.iter().map(|time| since(*time).any(|s| s >= 0.0 && s < clear_s - 0.0005)).collect()
    }
}

/// Decodes a video to small grey pictures.
pub(crate) fn watch(path: &Path) -> Vec<Picture> {
    let filter = format!("scale={WIDTH}:{HEIGHT}:flags=area,format=gray");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(path).args(["-map", "0:v:0", "-fps_mode", "passthrough", "-vf", &filter]);
    let bytes = run(ffmpeg.args(["-f", "rawvideo", "-"]));
    bytes.chunks_exact(WIDTH * HEIGHT).map(|picture| Picture(picture.to_vec())).collect()
}

/// Times of the frames of a video, seconds from the first.
pub(crate) fn times_s(path: &Path) -> Vec<f64> {
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-select_streams", "v:0", "-show_entries", "frame=pts_time", "-of", "csv=p=0"]);
    let text = String::from_utf8(run(ffprobe.arg(path))).unwrap();
    let times: Vec<f64> = text.lines().filter_map(|line| line.trim_end_matches(',').parse().ok()).collect();
    let first = times.first().copied().unwrap_or_default();
    times.into_iter().map(|time| time - first).collect()
}

/// Normalised correlation, `-1.0..=1.0`; 0 for a picture of one shade.
pub(crate) fn correlation(a: &Picture, b: &Picture) -> f64 {
    let mean = |picture: &Picture| picture.0.iter().map(|v| f64::from(*v)).sum::<f64>() / picture.0.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.0.iter().zip(&b.0) {
        let (x, y) = (f64::from(*x) - mean_a, f64::from(*y) - mean_b);
        (ab, aa, bb) = (ab + x * y, aa + x * x, bb + y * y);
    }
    if aa * bb < 1.0 { 0.0 } else { ab / (aa * bb).sqrt() }
}

/// Mean absolute difference, levels of 255.
pub(crate) fn difference(a: &Picture, b: &Picture) -> f64 {
    let sum: u64 = a.0.iter().zip(&b.0).map(|(x, y)| u64::from(x.abs_diff(*y))).sum();
    sum as f64 / a.0.len() as f64
}

fn card(size: Size) -> Picture {
    small(&test_card::draw_in(Format::I420, Colour::Bt601, size), size)
}

fn cover(size: Size, policy: &Policy, cause: Cause) -> Picture {
    let art = CoverArt::new(Format::I420, Colour::Bt601, size, &policy.cover, cause);
    let plain = guard::Frame::packed(Format::Gray8, Colour::Bt601, Size { width: 1, height: 1 }, &[0]).unwrap();
    let mut data = vec![0; art.n_bytes()];
    art.paint_packed(&mut data, &Signature::of(&plain));
    small(&data, size)
}

/// The first plane of `data`, limited-range luma stretched as ffmpeg does when it makes grey, each small pixel the
/// mean of those under it.
fn small(data: &[u8], size: Size) -> Picture {
    let mut picture = Vec::with_capacity(WIDTH * HEIGHT);
    for row in 0..HEIGHT {
        for column in 0..WIDTH {
            let span = |at: usize, n: usize, len: usize| at * len / n..((at + 1) * len / n).max(at * len / n + 1);
            let (rows, columns) = (span(row, HEIGHT, size.height), span(column, WIDTH, size.width));
            let n = (rows.len() * columns.len()) as u32;
            let sum: u32 =
                rows.map(|y| data[y * size.width..][columns.clone()].iter().map(|v| u32::from(*v)).sum::<u32>()).sum();
            let luma = sum as f32 / n as f32;
            picture.push(((luma - 16.0) * 255.0 / 219.0).clamp(0.0, 255.0) as u8);
        }
    }
    Picture(picture)
}
