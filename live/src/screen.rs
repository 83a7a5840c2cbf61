//! How is a window on an X11 screen guarded?
//!
//! The keeper has taken the window off the screen. Whenever something in it changed, the checker copies it to a snapshot
//! that nobody else draws on, judges that snapshot, and paints exactly it on the veil; what it does not let through
//! leaves the cover there. Between looking and showing nothing can change.
//!
//! Wayland gives no such place to stand: a program there can only be told what was shown (the ScreenCast portal), after
//! it was shown. Nothing here pretends otherwise.

pub(crate) mod cover;
mod shared;

use std::time::{Duration, Instant};

use guard::{Cause, Colour, Format, Shown, Size, State};
use x11rb::connection::Connection;
use x11rb::protocol::Event as XEvent;
use x11rb::protocol::composite::ConnectionExt as _;
use x11rb::protocol::damage::{ConnectionExt as _, ReportLevel};
use x11rb::protocol::xproto::{
    ChangeWindowAttributesAux, ConnectionExt as _, CreateGCAux, EventMask, Gcontext, Pixmap, SubwindowMode, Window,
};
use x11rb::rust_connection::RustConnection;

use shared::Shared;

use crate::Error;
use crate::network::pulse::{Pulse, Standing};
use crate::network::{BEAT, Record, checker};
use crate::picture::Packed;
use crate::policies::Source;
use crate::sandbox::Room;
use crate::stream::{Event, Pace, Stream};

/// A window that does not change is looked at again after this long: a cover ends only when it was judged benign since.
const AGAIN: Duration = Duration::from_millis(200);
/// Between two questions whether anything changed.
const NAP: Duration = Duration::from_millis(1);

/// Checks one window until it is gone.
///
/// # Errors
/// When there is no X server, the sandbox cannot be closed, or a judge cannot be had.
pub(crate) fn run(window: Window, veil: Window, policy: &Source, lists: &[String]) -> Result<(), Error> {
    let (x, _) = x11rb::connect(None).map_err(refused)?;
    x.composite_query_version(0, 4).map_err(refused)?.reply().map_err(refused)?;
    x.damage_query_version(1, 1).map_err(refused)?.reply().map_err(refused)?;
    let (policy, judges) = checker::shut_in(policy, lists, Room::Window)?;
    let stream = Stream::start(policy.clone(), &judges.into_maker(), Pace::Exact, 1)?;
    let damage = x.generate_id().map_err(refused)?;
    x.damage_create(damage, window, ReportLevel::NON_EMPTY).map_err(refused)?;
    let told = ChangeWindowAttributesAux::new().event_mask(EventMask::EXPOSURE);
    x.change_window_attributes(veil, &told).map_err(refused)?;
    let facts = CreateGCAux::new().graphics_exposures(0).subwindow_mode(SubwindowMode::INCLUDE_INFERIORS);
    let gc = x.generate_id().map_err(refused)?;
    x.create_gc(gc, veil, &facts).map_err(refused)?;
    let looker = Looker { x, window, veil, gc, stream, policy, began: Instant::now() };
    looker.until_gone(damage)
}

struct Looker {
    x: RustConnection,
    window: Window,
    veil: Window,
    gc: Gcontext,
    stream: Stream<Packed, ()>,
    policy: guard::Policy,
    began: Instant,
}

impl Looker {
    fn until_gone(&self, damage: u32) -> Result<(), Error> {
        let mut snapshot: Option<Snapshot> = None;
        let (mut looked, mut beaten) = (Instant::now() - AGAIN, Instant::now() - BEAT);
        let mut pulse = Pulse::default();
        loop {
            let mut has_changed = false;
            while let Some(event) = self.x.poll_for_event().map_err(refused)? {
                has_changed |= matches!(event, XEvent::DamageNotify(_) | XEvent::Expose(_));
            }
            if beaten.elapsed() >= BEAT {
                beaten = Instant::now();
                self.beat(&mut pulse)?;
            }
            if !has_changed && looked.elapsed() < AGAIN {
                std::thread::sleep(NAP);
                continue;
            }
            looked = Instant::now();
            self.x.damage_subtract(damage, x11rb::NONE, x11rb::NONE).map_err(refused)?;
            let place = self.x.get_geometry(self.window).map_err(refused)?.reply().map_err(refused)?;
            if snapshot.as_ref().is_none_or(|snapshot| snapshot.size != (place.width, place.height)) {
                if let Some(old) = snapshot.take() {
                    old.free(&self.x);
                }
                snapshot = Snapshot::new(self, (place.width, place.height), place.depth)?;
            }
            match &snapshot {
                Some(snapshot) => self.look(snapshot, &mut pulse)?,
                None => std::thread::sleep(NAP * 20),
            }
        }
    }

    /// Judges one snapshot, and shows exactly it or the cover.
    fn look(&self, snapshot: &Snapshot, pulse: &mut Pulse) -> Result<(), Error> {
        let (width, height) = snapshot.size;
        self.x.copy_area(snapshot.source, snapshot.frozen, self.gc, 0, 0, 0, 0, width, height).map_err(refused)?;
        let picture = shared::picture(&self.x, snapshot.shared.as_ref(), snapshot.frozen, snapshot.size)?;
        let Some(picture) = picture else { return Ok(()) };
        let size = Size { width: width.into(), height: height.into() };
        let frame = Packed::new(Format::Bgrx, Colour::Bt709Full, size, picture).map_err(refused)?;
        self.stream.push(frame, (), self.began.elapsed(), &[]);
        loop {
            match self.stream.next() {
                Event::State(state) => {
                    pulse.standing = match state {
                        State::Clear => Standing::Shown,
                        State::Covered => Standing::Covered,
                        State::Stalled => Standing::Stalled,
                    }
                }
                Event::Incident(incident) if incident.to.is_none() => {
                    pulse.n_incidents += 1;
                    pulse.last_incident = serde_json::to_string(&crate::report::Incident::from(&incident)).ok();
                }
                Event::Incident(_) => (),
                Event::Place { shown: Shown::Frame(_), .. } => {
                    let x = &self.x;
                    x.copy_area(snapshot.frozen, self.veil, self.gc, 0, 0, 0, 0, width, height).map_err(refused)?;
                    break;
                }
                Event::Place { shown: Shown::Cover(Cause::Found, _), .. } => {
                    let x = &self.x;
                    x.copy_area(snapshot.found, self.veil, self.gc, 0, 0, 0, 0, width, height).map_err(refused)?;
                    break;
                }
                Event::Place { .. } => {
                    self.x.clear_area(false, self.veil, 0, 0, 0, 0).map_err(refused)?;
                    break;
                }
                Event::End => break,
            }
        }
        // Only when the server has done it may the snapshot be drawn over.
        self.x.get_input_focus().map_err(refused)?.reply().map_err(refused)?;
        Ok(())
    }

    fn beat(&self, pulse: &mut Pulse) -> Result<(), Error> {
        pulse.counts.clear();
        checker::add(&mut pulse.counts, &self.stream.counts());
        let text = serde_json::to_string(&*pulse).unwrap_or_default();
        Record::Beat(text).write(&mut std::io::stdout()).map_err(refused)
    }
}

/// The window's own picture, a copy that stands still, and the cover for what is found in it.
struct Snapshot {
    source: Pixmap,
    frozen: Pixmap,
    found: Pixmap,
    /// Where the server writes the copy for this process.
    shared: Option<Shared>,
    size: (u16, u16),
}

impl Snapshot {
    /// `None` while the window is not on the screen.
    fn new(looker: &Looker, size: (u16, u16), depth: u8) -> Result<Option<Snapshot>, Error> {
        let (x, window) = (&looker.x, looker.window);
        if depth != 24 {
            return Err(refused(format!("windows of depth {depth} are not judged")));
        }
        let (source, frozen) = (x.generate_id().map_err(refused)?, x.generate_id().map_err(refused)?);
        if x.composite_name_window_pixmap(window, source).map_err(refused)?.check().is_err() {
            return Ok(None);
        }
        x.create_pixmap(depth, frozen, window, size.0, size.1).map_err(refused)?;
        let found = cover::pixmap(x, looker.veil, size, &looker.policy, Cause::Found)?;
        Ok(Some(Snapshot { source, frozen, found, shared: Shared::new(x, size), size }))
    }

    fn free(&self, x: &RustConnection) {
        for pixmap in [self.source, self.frozen, self.found] {
            // A server that is gone has freed it already.
            let _ = x.free_pixmap(pixmap);
        }
        if let Some(shared) = &self.shared {
            shared.free(x);
        }
    }
}

/// An error of the X server, in words.
pub(crate) fn refused(detail: impl std::fmt::Display) -> Error {
    Error::Media {
        what: "the window cannot be guarded".into(),
        detail: detail.to_string(),
        todo: "check DISPLAY, and with `xwininfo` that the window is there; only X11 can hold a window back",
    }
}
