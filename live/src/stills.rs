//! What does a file look like, in a few small pictures, for a person who must look at it?
//!
//! Whoever stores a stranger's video does not decode it: this process does, in the sandbox of a checker, and gives back
//! pixels. They are evenly spread over the film, from its first part to its last, without sound. Of a picture file it is
//! the first picture.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use image::{DynamicImage, RgbImage};
use rustix::fs::MemfdFlags;

use crate::Error;
use crate::film::{Came, Film};
use crate::folder::media::{self, Media};
use crate::folder::still;
use crate::network::codecs;
use crate::picture::Picture;
use crate::sandbox::{self, Room};

/// The longest file that is taken, in bytes.
const LEN_MAX: u64 = 1 << 30;
/// Longer than this is not decoded: a person waits.
const PATIENCE: Duration = Duration::from_secs(20);
/// Up to this length all is decoded. It is also what a film says that was written as it came, and never got its length.
const SHORT: Duration = Duration::from_secs(1);

/// Reads a file from standard input; writes for each of at most `n` pictures, of at most `side` pixels a side, a line
/// `WIDTH HEIGHT MILLISECONDS` and then its pixels, three bytes each, to standard output.
///
/// # Errors
/// When the file is too long, is no picture or video that is decoded here, or the sandbox cannot be closed.
pub(crate) fn run(n: usize, side: u32) -> Result<(), Error> {
    crate::start_media()?;
    codecs::load();
    sandbox::read_only(&[])?;
    let file = taken()?;
    sandbox::close(Room::Files)?;
    let mut bytes = [0; media::N_BYTES];
    let n_bytes = crate::read::at(&file, &mut bytes, 0).map_err(unshown)?;
    let stills = match media::of(&bytes[..n_bytes]) {
        Some(Media::Still) => first(&file)?,
        Some(Media::Film(demux)) => spread(Film::open(&file, demux)?, n)?,
        Some(Media::Unknown) | None => return Err(unshown("it is no picture or video that is decoded here")),
    };
    let mut out = std::io::stdout().lock();
    for (picture, at) in stills {
        let small = match picture.width().max(picture.height()) > side {
            true => DynamicImage::from(picture).thumbnail(side, side).into_rgb8(),
            false => picture,
        };
        let head = format!("{} {} {}\n", small.width(), small.height(), at.as_millis());
        out.write_all(head.as_bytes()).and_then(|()| out.write_all(small.as_raw())).map_err(unshown)?;
    }
    out.flush().map_err(unshown)
}

/// Standard input in memory that has no name: a film is read here and there, which a pipe does not allow.
fn taken() -> Result<OwnedFd, Error> {
    let memory = rustix::fs::memfd_create("film", MemfdFlags::CLOEXEC).map_err(unshown)?;
    let mut file = File::from(memory);
    let n_bytes = std::io::copy(&mut std::io::stdin().lock().take(LEN_MAX + 1), &mut file).map_err(unshown)?;
    match n_bytes <= LEN_MAX {
        true => Ok(file.into()),
        false => Err(unshown("it is longer than a gigabyte")),
    }
}

fn first(file: &OwnedFd) -> Result<Vec<(RgbImage, Duration)>, Error> {
    let mut first = None;
    let ended = still::each(file, |picture| {
        first = Some(picture.to_rgb8());
        false
    });
    match first {
        Some(picture) => Ok(vec![(picture, Duration::ZERO)]),
        None => {
            Err(unshown(ended.err().map_or_else(|| "there is no picture in it".to_owned(), |error| error.to_string())))
        }
    }
}

/// Pictures from the middle of each n-th of the film; where it cannot be gone to a place, from all that is decoded in
/// time.
fn spread(mut film: Film, n: usize) -> Result<Vec<(RgbImage, Duration)>, Error> {
    let began = Instant::now();
    let (picture, at) =
        wait(&mut film, began)?.ok_or_else(|| unshown("there is no picture in it that can be decoded"))?;
    let length = film.duration().unwrap_or_default();
    if length <= SHORT {
        return thinned(film, vec![(picture, at)], n, began);
    }
    let mut stills = Vec::new();
    for part in 0..n {
        if !film.seek(length.mul_f64((part as f64 + 0.5) / n as f64)) {
            return thinned(film, vec![(picture, at)], n, began);
        }
        match wait(&mut film, began) {
            Ok(Some(still)) => stills.push(still),
            // It says that it is longer than it is, or is broken from here on: what there is.
            Ok(None) | Err(_) => return Ok(if stills.is_empty() { vec![(picture, at)] } else { stills }),
        }
    }
    // One that was written as it came may be longer than is known of it.
    let mut end = None;
    let asked = Instant::now();
    while asked.elapsed() < Duration::from_secs(3) {
        let Ok(Some(still)) = wait(&mut film, began) else { break };
        end = Some(still).filter(|(_, at)| *at > length);
    }
    if let (Some(end), Some(last)) = (end, stills.last_mut()) {
        *last = end;
    }
    Ok(stills)
}

/// Decodes on, and keeps at most twice as many as are wanted: whenever there are more, every other one goes.
fn thinned(
    mut film: Film,
    mut kept: Vec<(RgbImage, Duration)>,
    n: usize,
    began: Instant,
) -> Result<Vec<(RgbImage, Duration)>, Error> {
    let (mut step, mut n_passed) = (1, 0);
    while let Ok(Some(still)) = wait(&mut film, began) {
        n_passed += 1;
        if n_passed % step == 0 {
            kept.push(still);
        }
        if kept.len() > 2 * n {
            let mut place = 0;
            kept.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            step *= 2;
        }
    }
    let n_kept = kept.len();
    let wanted: Vec<usize> = (0..n.min(n_kept)).map(|part| (2 * part + 1) * n_kept / (2 * n.min(n_kept))).collect();
    let mut place = 0;
    kept.retain(|_| {
        place += 1;
        wanted.contains(&(place - 1))
    });
    Ok(kept)
}

/// The next picture; none at the end.
fn wait(film: &mut Film, began: Instant) -> Result<Option<(RgbImage, Duration)>, Error> {
    while began.elapsed() < PATIENCE {
        match film.next() {
            Came::Picture(picture, at) => return Ok(Some((rgb(&*picture), at))),
            Came::Nothing => (),
            Came::End => return Ok(None),
            Came::Broken => return Err(unshown("it cannot be decoded further")),
        }
    }
    Err(unshown("it takes longer to decode than anybody waits"))
}

fn rgb(picture: &impl Picture) -> RgbImage {
    let frame = picture.frame();
    let size = frame.size();
    let pixel = |x: u32, y: u32| image::Rgb(frame.rgb(x as usize, y as usize).map(|c| c as u8));
    RgbImage::from_fn(size.width as u32, size.height as u32, pixel)
}

fn unshown(error: impl std::fmt::Display) -> Error {
    Error::Media {
        what: "the file cannot be shown".into(),
        detail: error.to_string(),
        todo: "nothing; decide from what is known of it",
    }
}
