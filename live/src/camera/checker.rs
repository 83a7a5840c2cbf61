//! What does the process do that judges the camera's pictures?
//!
//! Raw pictures in on standard input, decided ones out on standard output; no file, no socket, no decoder.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex};

use guard::{Cause, Colour, CoverArt, Format, Shown, State};

use super::Mode;
use crate::detectors::lock;
use crate::network::pulse::{Pulse, Standing};
use crate::network::{BEAT, Record, checker, now_ms};
use crate::picture::Packed;
use crate::policies::Source;
use crate::sandbox::Room;
use crate::stream::{Event, Pace, Stream};
use crate::{Error, network};

/// The checker is well while its last picture is no older, milliseconds.
const FRESH_MS: u64 = 500;

/// Judges until the pipes end.
///
/// # Errors
/// When the sandbox cannot be closed, or a judge cannot be had.
pub(crate) fn run(policy: &Source, lists: &[String], n_threads: usize, mode: Mode) -> Result<(), Error> {
    let (policy, judges) = checker::shut_in(policy, lists, Room::Checker)?;
    let art = |cause| CoverArt::new(Format::I420, Colour::Bt601, mode.size(), &policy.cover, cause);
    let covers = [art(Cause::Found), art(Cause::Stalled)];
    let stream: Stream<Packed, ()> = Stream::start(policy.clone(), &judges.into_maker(), Pace::Live, n_threads)?;
    let (stream, pulse) = (Arc::new(stream), Arc::new(Mutex::new(Pulse::default())));
    let (came_ms, went_ms) = (AtomicU64::new(0), Arc::new(AtomicU64::new(0)));
    let (going, told, went) = (Arc::clone(&stream), Arc::clone(&pulse), Arc::clone(&went_ms));
    say(&Record::Restart)?;
    std::thread::spawn(move || {
        loop {
            match going.next() {
                Event::Place { shown, .. } => {
                    let bytes = match shown {
                        Shown::Frame(picture) | Shown::Repeat(picture) => picture.frame().data().to_vec(),
                        Shown::Cover(cause, signature) => {
                            let art = &covers[usize::from(cause == Cause::Stalled)];
                            let mut data = vec![0; art.n_bytes()];
                            art.paint_packed(&mut data, &signature);
                            data
                        }
                    };
                    went.store(now_ms(), Ordering::SeqCst);
                    if say(&Record::Tag { made_ms: now_ms(), bytes }).is_err() {
                        return;
                    }
                }
                Event::State(state) => {
                    lock(&told).standing = match state {
                        State::Clear => Standing::Shown,
                        State::Covered => Standing::Covered,
                        State::Stalled => Standing::Stalled,
                    };
                }
                Event::Incident(incident) if incident.to.is_none() => {
                    let mut told = lock(&told);
                    told.n_incidents += 1;
                    told.last_incident = serde_json::to_string(&crate::report::Incident::from(&incident)).ok();
                }
                Event::Incident(_) => (),
                Event::End => return,
            }
        }
    });
    lock(&pulse).standing = Standing::Shown;
    let heard = network::push::listen(std::io::stdin());
    let mut beaten_ms = 0;
    loop {
        match heard.recv_timeout(BEAT / 4) {
            Ok(Record::Bytes { bytes, .. }) if bytes.len() == mode.n_bytes() => {
                came_ms.store(now_ms(), Ordering::SeqCst);
                if let Ok(picture) = Packed::new(Format::I420, Colour::Bt601, mode.size(), bytes) {
                    stream.push(picture, (), std::time::Duration::from_millis(now_ms()), &[]);
                }
            }
            Ok(_) | Err(RecvTimeoutError::Timeout) => (),
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        if now_ms() - beaten_ms < BEAT.as_millis() as u64 {
            continue;
        }
        beaten_ms = now_ms();
        let age_ms = |at: &AtomicU64| now_ms().saturating_sub(at.load(Ordering::SeqCst));
        let is_silent = age_ms(&came_ms) > 2 * FRESH_MS;
        // No word is better than a good word while nothing goes out.
        if is_silent || age_ms(&went_ms) < FRESH_MS {
            let mut pulse = lock(&pulse).clone();
            checker::add(&mut pulse.counts, &stream.counts());
            if is_silent {
                pulse.standing = Standing::Silent;
            }
            say(&Record::Beat(serde_json::to_string(&pulse).unwrap_or_default()))?;
        }
    }
}

/// Whole records only, whoever says them.
fn say(record: &Record) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    let written = record.write(&mut out).and_then(|()| out.flush());
    written.map_err(|source| Error::Write { path: "the standard output".into(), source })
}
