//! What does a film look like, for a person who must look at it, in one still picture?
//!
//! A sheet of pictures that are evenly spread over the film; no movement and no sound, so that one short look tells what
//! it is. Decoding is the work of the program streamward-guard, in its sandbox: this process reads pixels and no film.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use image::RgbImage;

use crate::sibling;

/// The longest film that is taken apart here, in bytes.
pub(crate) const LEN_MAX: u64 = 512 << 20;
/// Pictures on a sheet, and their longest side in pixels.
const N_PICTURES: u32 = 9;
const SIDE: u32 = 640;
/// Pixels between them.
const GAP: u32 = 4;
/// Longer than the other program decodes; after that it is stuck.
const PATIENCE: Duration = Duration::from_secs(40);

/// The sheet of a film; waits until it is made.
///
/// # Errors
/// When it cannot be decoded, or streamward-guard is not installed.
pub(crate) fn sheet(film: Vec<u8>) -> Result<RgbImage> {
    let mut child = Command::new(sibling::GUARD.find()?)
        .args(["part", "stills", "--count", &N_PICTURES.to_string(), "--side", &SIDE.to_string()])
        // Code that is written while it runs cannot be run in the sandbox.
        .env("ORC_CODE", "backup")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let answer = answer(&mut child, film);
    // It may have ended already.
    let _ = child.kill();
    let _ = child.wait();
    lay(&stills(&answer?)?)
}

/// What it writes while it is given the film.
fn answer(child: &mut Child, film: Vec<u8>) -> Result<Vec<u8>> {
    let (Some(mut to), Some(from)) = (child.stdin.take(), child.stdout.take()) else { bail!("it has no pipes") };
    // Whoever takes no more of it says why by what it answers.
    std::thread::spawn(move || to.write_all(&film));
    let (sender, receiver) = mpsc::channel();
    let most = u64::from(N_PICTURES) * (u64::from(SIDE) * u64::from(SIDE) * 3 + 64);
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = from.take(most).read_to_end(&mut bytes).map(|_| bytes);
        // Nobody may wait any more.
        let _ = sender.send(read);
    });
    Ok(receiver.recv_timeout(PATIENCE).map_err(|_| anyhow!("decoding it takes too long"))??)
}

/// Reads `WIDTH HEIGHT MILLISECONDS`, a line feed and the pixels, again and again.
fn stills(mut bytes: &[u8]) -> Result<Vec<RgbImage>> {
    let mut stills = Vec::new();
    while !bytes.is_empty() {
        let broken = || anyhow!("the pictures of the film are cut short");
        let end = bytes.iter().take(40).position(|byte| *byte == b'\n').ok_or_else(broken)?;
        let mut numbers = std::str::from_utf8(&bytes[..end])?.split(' ').map(str::parse::<u32>);
        let (Some(Ok(width @ 1..=SIDE)), Some(Ok(height @ 1..=SIDE))) = (numbers.next(), numbers.next()) else {
            bail!("a picture of the film has no size");
        };
        let len = width as usize * height as usize * 3;
        let pixels = bytes.get(end + 1..end + 1 + len).ok_or_else(broken)?;
        stills.push(RgbImage::from_raw(width, height, pixels.to_vec()).ok_or_else(broken)?);
        bytes = &bytes[end + 1 + len..];
    }
    Ok(stills)
}

/// Side by side, the first at the top left.
fn lay(stills: &[RgbImage]) -> Result<RgbImage> {
    let width = stills.iter().map(RgbImage::width).max().ok_or_else(|| anyhow!("no picture of it can be decoded"))?;
    let height = stills.iter().map(RgbImage::height).max().unwrap_or_default();
    let n_columns = (1..=N_PICTURES).find(|n| (n * n) as usize >= stills.len()).unwrap_or(N_PICTURES);
    let n_rows = (stills.len() as u32).div_ceil(n_columns);
    let mut sheet = RgbImage::new(n_columns * (width + GAP) - GAP, n_rows * (height + GAP) - GAP);
    for (place, still) in (0..).zip(stills) {
        let (column, row) = (place % n_columns, place / n_columns);
        image::imageops::replace(&mut sheet, still, i64::from(column * (width + GAP)), i64::from(row * (height + GAP)));
    }
    Ok(sheet)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(width: u32, height: u32, shade: u8) -> Vec<u8> {
        let mut bytes = format!("{width} {height} 40\n").into_bytes();
        bytes.extend(vec![shade; (width * height * 3) as usize]);
        bytes
    }

    #[test]
    fn nine_pictures_lie_three_by_three_the_first_at_the_top_left() {
        let all: Vec<u8> = (0..9).flat_map(|n| said(100, 50, n * 20)).collect();
        let sheet = lay(&stills(&all).unwrap()).unwrap();
        assert_eq!((sheet.width(), sheet.height()), (308, 158));
        for (place, (x, y)) in [(10, 10), (114, 10), (218, 10), (10, 64)].into_iter().enumerate() {
            assert_eq!(sheet.get_pixel(x, y).0, [place as u8 * 20; 3]);
        }
        let two = lay(&stills(&[said(100, 50, 1), said(100, 50, 2)].concat()).unwrap()).unwrap();
        assert_eq!((two.width(), two.height()), (204, 50));
    }

    #[test]
    fn an_answer_that_is_cut_short_or_too_large_is_no_picture() {
        let whole = said(20, 10, 7);
        for n_bytes in 1..whole.len() {
            assert!(stills(&whole[..n_bytes]).is_err(), "{n_bytes}");
        }
        for head in ["641 10 0\n", "0 10 0\n", "-1 10 0\n", "a b c\n", "10\n", "99999999999 9 0\n"] {
            assert!(stills(&[head.as_bytes(), &[0; 64]].concat()).is_err(), "{head}");
        }
        assert!(lay(&stills(b"").unwrap()).is_err(), "no picture at all");
    }
}
