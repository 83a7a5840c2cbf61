//! What do the judges say of a picture file?
//!
//! Every picture in it is judged by the thresholds that the policy has for stills. Whatever cannot be decoded to its end
//! was not judged.

use std::io::{BufReader, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;

use guard::finding::{Found, FrameId, Score};
use guard::policy::{RegionKind, ScoreRule};
use guard::region::{self, Sight};
use guard::{Colour, Format, Frame, Policy, Rect, Size};
use image::codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder};
use image::{AnimationDecoder, DynamicImage, ImageFormat, ImageReader, Limits};

use super::Verdict;
use crate::panel::Panel;
use crate::read;

/// Longest side that is decoded, pixels: that of the formats themselves is more than a machine has memory for.
const SIDE_MAX: u32 = 20_000;
/// Memory for one decoded picture, bytes.
const MEMORY_MAX: u64 = 1 << 30;
/// Pictures of one file; more are not judged.
const PICTURES_MAX: usize = 5_000;

/// Judges every picture of the file.
pub(super) fn judge(file: &OwnedFd, policy: &Policy, panel: &mut dyn Panel) -> Verdict {
    let mut verdict = Verdict::Clear;
    let mut n_pictures = 0;
    let decoded = each(file, |picture| {
        n_pictures += 1;
        verdict = match n_pictures {
            ..=PICTURES_MAX => look(picture, policy, panel),
            _ => Verdict::Unjudged,
        };
        verdict == Verdict::Clear
    });
    match decoded {
        _ if verdict != Verdict::Clear => verdict,
        Ok(()) if n_pictures > 0 => Verdict::Clear,
        _ => Verdict::Unjudged,
    }
}

/// Gives each picture of the file until one time the answer is no.
pub(crate) fn each(file: &OwnedFd, mut goes_on: impl FnMut(&DynamicImage) -> bool) -> image::ImageResult<()> {
    let mut reader = ImageReader::new(BufReader::with_capacity(1 << 16, At { file, at: 0 })).with_guessed_format()?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(SIDE_MAX), Some(SIDE_MAX));
    limits.max_alloc = Some(MEMORY_MAX);
    let frames = match reader.format() {
        Some(ImageFormat::Gif) => Some(GifDecoder::new(reader.into_inner())?.into_frames()),
        Some(ImageFormat::WebP) => {
            let decoder = WebPDecoder::new(BufReader::with_capacity(1 << 16, At { file, at: 0 }))?;
            match decoder.has_animation() {
                true => Some(decoder.into_frames()),
                false => return one(file, limits, goes_on),
            }
        }
        Some(ImageFormat::Png) => {
            let decoder =
                PngDecoder::with_limits(BufReader::with_capacity(1 << 16, At { file, at: 0 }), limits.clone())?;
            match decoder.is_apng()? {
                true => Some(decoder.apng()?.into_frames()),
                false => return one(file, limits, goes_on),
            }
        }
        _ => {
            reader.limits(limits);
            goes_on(&reader.decode()?);
            return Ok(());
        }
    };
    for frame in frames.into_iter().flatten() {
        if !goes_on(&DynamicImage::ImageRgba8(frame?.into_buffer())) {
            break;
        }
    }
    Ok(())
}

fn one(file: &OwnedFd, limits: Limits, mut goes_on: impl FnMut(&DynamicImage) -> bool) -> image::ImageResult<()> {
    let reader = BufReader::with_capacity(1 << 16, At { file, at: 0 });
    let mut reader = ImageReader::new(reader).with_guessed_format()?;
    reader.limits(limits);
    goes_on(&reader.decode()?);
    Ok(())
}

/// What the judges say of one picture.
fn look(picture: &DynamicImage, policy: &Policy, panel: &mut dyn Panel) -> Verdict {
    // What is transparent is shown on white by most programs; the pixels under it are looked at as they are.
    let rgb = picture.to_rgb8();
    let size = Size { width: rgb.width() as usize, height: rgb.height() as usize };
    let Ok(frame) = Frame::packed(Format::Rgb, Colour::Bt601, size, rgb.as_raw()) else { return Verdict::Unjudged };
    let kinds = &policy.judges.regions;
    let trimmed = kinds.contains(&RegionKind::Trimmed).then(|| trimmed(picture)).flatten();
    let insets = if kinds.contains(&RegionKind::Insets) { guard::inset::find(&frame) } else { Vec::new() };
    let regions = region::plan(kinds, size, Sight { trimmed, insets: &insets, given: &[] });
    let looks = region::looks(policy, &regions);
    let findings = panel.look(FrameId(0), &frame, &regions, &looks);
    let is_whole = !looks.is_empty()
        && looks.iter().all(|(judge, region)| findings.iter().any(|f| (f.judge, f.region) == (*judge, *region)));
    let mut verdict = if is_whole { Verdict::Clear } else { Verdict::Unjudged };
    for finding in findings {
        match finding.found {
            Found::Match(_) => return Verdict::Flagged,
            Found::Scores(scores) if policy.scores.iter().any(|rule| is_over(rule, &scores)) => {
                return Verdict::Flagged;
            }
            Found::Failed => verdict = Verdict::Unjudged,
            Found::Clear | Found::Scores(_) => (),
        }
    }
    verdict
}

/// Written so that a value that is no number is over too.
fn is_over(rule: &ScoreRule, scores: &[Score]) -> bool {
    let named = scores.iter().filter(|score| rule.classes.iter().any(|class| **class == *score.class));
    let is_below = named.map(|score| score.value).sum::<f32>() < rule.still.unwrap_or(rule.block);
    !is_below
}

/// The picture without its flat bars.
fn trimmed(picture: &DynamicImage) -> Option<Rect> {
    let luma = picture.to_luma8();
    let (width, height) = (luma.width() as usize, luma.height() as usize);
    let rect = known::pdq::trim(known::pdq::Luma::new(luma.as_raw(), width, height, width).ok()?);
    Some(Rect { x: rect.x, y: rect.y, size: Size { width: rect.width, height: rect.height } })
}

/// Reads a file that others may read too, each at a place of its own.
struct At<'a> {
    file: &'a OwnedFd,
    at: u64,
}

impl Read for At<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let n_bytes = read::at(self.file, bytes, self.at)?;
        self.at += n_bytes as u64;
        Ok(n_bytes)
    }
}

impl Seek for At<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let to = match to {
            SeekFrom::Start(to) => i64::try_from(to).ok(),
            SeekFrom::Current(by) => i64::try_from(self.at).ok().and_then(|at| at.checked_add(by)),
            SeekFrom::End(by) => rustix::fs::fstat(self.file)?.st_size.checked_add(by),
        };
        let to = to.and_then(|to| u64::try_from(to).ok());
        self.at = to.ok_or(std::io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
