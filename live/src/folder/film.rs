//! What do the judges say of a video file?
//!
//! Every frame is judged, in order, by the guard's own machine. A file without pictures is clear; one whose pictures
//! cannot be decoded, or not all of them, was not judged.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use guard::Policy;

use super::Verdict;
use crate::Error;
use crate::element::Mapped;
use crate::film::{Came, Film};
use crate::panel::PanelMaker;
use crate::stream::{Event, Pace, Stream};

/// Judges every frame of the file.
pub(super) fn judge(file: &OwnedFd, demux: &'static str, policy: &Policy, maker: &PanelMaker) -> Verdict {
    Film::open(file, demux).and_then(|film| look(film, policy, maker)).unwrap_or(Verdict::Unjudged)
}

fn look(mut film: Film, policy: &Policy, maker: &PanelMaker) -> Result<Verdict, Error> {
    let stream: Stream<Mapped, ()> = Stream::start(policy.clone(), maker, Pace::Exact, 1)?;
    let has_found = AtomicBool::new(false);
    let is_whole = std::thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                match stream.next() {
                    Event::Incident(_) => has_found.store(true, Ordering::SeqCst),
                    Event::Place { .. } | Event::State(_) => (),
                    Event::End => return,
                }
            }
        });
        let is_whole = loop {
            if has_found.load(Ordering::SeqCst) {
                break false;
            }
            match film.next() {
                Came::Picture(picture, at) => stream.push(*picture, (), at, &[]),
                Came::Nothing => (),
                Came::End => break true,
                Came::Broken => break false,
            }
        };
        match is_whole {
            true => stream.end(),
            false => stream.abort(),
        }
        is_whole
    });
    let counts = stream.counts();
    Ok(match (has_found.load(Ordering::SeqCst), film.has_pictures()) {
        (true, _) => Verdict::Flagged,
        (false, true) if is_whole && counts.frames > 0 && counts.released == counts.frames => Verdict::Clear,
        (false, false) if is_whole => Verdict::Clear,
        (false, _) => Verdict::Unjudged,
    })
}
