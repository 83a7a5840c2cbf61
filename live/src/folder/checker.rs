//! What does the process do that judges files for the keeper?
//!
//! It closes its sandbox, then takes open files from its standard input and says a verdict on each. Files that it is
//! handed are all that it can read; it can open none itself.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use guard::Policy;

use super::media::{self, Media};
use super::{Verdict, film, link, still};
use crate::Error;
use crate::detectors::lock;
use crate::network::{BEAT, checker};
use crate::panel::{Panel, PanelMaker};
use crate::policies::Source;
use crate::read;
use crate::sandbox::Room;

/// Judges until the keeper is gone.
///
/// # Errors
/// When the sandbox cannot be closed, or a judge cannot be had.
pub(crate) fn run(policy: &Source, lists: &[String], n_threads: usize) -> Result<(), Error> {
    let (policy, judges) = checker::shut_in(policy, lists, Room::Files)?;
    let maker = judges.into_maker();
    let panels = (0..n_threads).map(|_| maker()).collect::<Result<Vec<_>, _>>()?;
    let (sender, files) = mpsc::channel::<(u64, OwnedFd)>();
    let files = Arc::new(Mutex::new(files));
    for panel in panels {
        let (files, policy, maker) = (Arc::clone(&files), policy.clone(), Arc::clone(&maker));
        std::thread::spawn(move || work(&files, &policy, &maker, panel));
    }
    let keeper = std::io::stdin();
    let mut beaten = Instant::now() - BEAT;
    loop {
        if beaten.elapsed() >= BEAT {
            beaten = Instant::now();
            if link::say(&keeper, 0, Verdict::Clear).is_err() {
                return Ok(());
            }
        }
        if let [false] = link::wait([&keeper], BEAT.saturating_sub(beaten.elapsed())) {
            continue;
        }
        match link::receive(&keeper) {
            Ok(Some(file)) => {
                if sender.send(file).is_err() {
                    return Ok(());
                }
            }
            Ok(None) => return Ok(()),
            Err(rustix::io::Errno::INTR) => (),
            // Without the file there is no verdict, and the keeper refuses it in time.
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn work(files: &Mutex<mpsc::Receiver<(u64, OwnedFd)>>, policy: &Policy, maker: &PanelMaker, mut panel: Box<dyn Panel>) {
    loop {
        let Ok((number, file)) = lock(files).recv() else { return };
        let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| judge(&file, policy, maker, &mut panel)));
        let verdict = looked.unwrap_or_else(|_| {
            // What a panel was in the middle of nobody knows.
            if let Ok(another) = maker() {
                panel = another;
            }
            Verdict::Unjudged
        });
        // A keeper that is gone ends this process.
        let _ = link::say(std::io::stdin(), number, verdict);
    }
}

/// Judges one file, whole.
pub(super) fn judge(file: &OwnedFd, policy: &Policy, maker: &PanelMaker, panel: &mut Box<dyn Panel>) -> Verdict {
    let mut bytes = [0; media::N_BYTES];
    match read::at(file, &mut bytes, 0).map(|n_bytes| media::of(&bytes[..n_bytes])) {
        Ok(None) => Verdict::Clear,
        Ok(Some(Media::Still)) => still::judge(file, policy, panel.as_mut()),
        Ok(Some(Media::Film(demux))) => film::judge(file, demux, policy, maker),
        Ok(Some(Media::Unknown)) | Err(_) => Verdict::Unjudged,
    }
}
