//! Who owns the window while it is judged?
//!
//! The keeper does: it takes the window off the screen (its pictures go to memory that only X clients see), lays a veil
//! of the same size over its place, and has a checker paint on the veil what it let through. A checker that is dead,
//! stopped or late finds the cover on it. When the keeper dies its windows stay as they are (`RetainPermanent`): the
//! window remains off the screen and the veil remains on it.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::composite::{ConnectionExt as _, Redirect};
use x11rb::protocol::shape::SK;
use x11rb::protocol::xfixes::ConnectionExt as _;
use x11rb::protocol::xproto::{
    ChangeWindowAttributesAux, CloseDown, ConfigureWindowAux, ConnectionExt as _, CreateWindowAux, EventMask,
    StackMode, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;

use super::part::Part;
use super::{LATE, LOADING, LOST, Plan, Tally};
use crate::Error;
use crate::network::pulse::{Pulse, Standing};
use crate::network::{Backoff, Record};
use crate::screen::{cover, refused};
use crate::status::Board;

/// Keeps the windows veiled until it is interrupted or they are gone.
///
/// # Errors
/// When there is no X server, a window cannot be taken off the screen, or a checker cannot be started.
pub(crate) fn run(plan: &Plan, windows: &[Window], policy: &guard::Policy, mut board: Board) -> Result<Tally, Error> {
    let (x, screen) = x11rb::connect(None).map_err(refused)?;
    x.composite_query_version(0, 4).map_err(refused)?.reply().map_err(refused)?;
    x.xfixes_query_version(5, 0).map_err(refused)?.reply().map_err(refused)?;
    x.set_close_down_mode(CloseDown::RETAIN_PERMANENT).map_err(refused)?;
    let root_visual = x.setup().roots[screen].root_visual;
    let (sender, heard) = mpsc::channel();
    let mut tally = Tally::default();
    let mut veils = BTreeMap::new();
    for (number, window) in windows.iter().enumerate() {
        let mut veil = Veil::raise(&x, *window, root_visual, policy, number as u64)?;
        veil.start(plan, &sender)?;
        veils.insert(*window, veil);
    }
    while !plan.interrupt.load(Ordering::SeqCst) && !veils.is_empty() {
        if let Ok(heard) = heard.recv_timeout(Duration::from_millis(20))
            && let Some(Record::Beat(text)) = heard.record
            && let Ok(pulse) = serde_json::from_str::<Pulse>(&text)
            && let Some(veil) = veils.values_mut().find(|veil| veil.number == heard.generation)
        {
            veil.beat = Some(Instant::now());
            veil.is_covered = false;
            tally.hear(pulse);
        }
        while let Some(event) = x.poll_for_event().map_err(refused)? {
            match event {
                Event::ConfigureNotify(event) => {
                    if let Some(veil) = veils.get_mut(&event.window) {
                        veil.follow(&x, policy)?;
                    }
                }
                Event::UnmapNotify(event) => {
                    if let Some(veil) = veils.get(&event.window) {
                        x.unmap_window(veil.veil).map_err(refused)?;
                    }
                }
                Event::MapNotify(event) => {
                    if let Some(veil) = veils.get(&event.window) {
                        x.map_window(veil.veil).map_err(refused)?;
                    }
                }
                Event::DestroyNotify(event) => {
                    if let Some(veil) = veils.remove(&event.window) {
                        x.destroy_window(veil.veil).map_err(refused)?;
                    }
                }
                _ => (),
            }
        }
        for veil in veils.values_mut() {
            if veil.watch(&x, plan, &sender, &mut tally)? {
                tally.stand(Standing::Stalled);
            }
        }
        x.flush().map_err(refused)?;
        let standing = tally.standing();
        board.tell(standing.words(), standing != Standing::Stalled, &tally, |_| String::new());
    }
    // An interrupt gives the windows back: the person who started the guard ends it.
    for (window, veil) in veils {
        let _ = x.composite_unredirect_window(window, Redirect::MANUAL).map_err(refused)?;
        x.destroy_window(veil.veil).map_err(refused)?;
    }
    x.set_close_down_mode(CloseDown::DESTROY_ALL).map_err(refused)?;
    x.flush().map_err(refused)?;
    Ok(tally)
}

/// What lies over one window.
struct Veil {
    window: Window,
    veil: Window,
    number: u64,
    checker: Option<Part>,
    began: Instant,
    beat: Option<Instant>,
    is_covered: bool,
    backoff: Backoff,
    start_at: Instant,
    size: (u16, u16),
}

impl Veil {
    fn raise(
        x: &RustConnection,
        window: Window,
        root_visual: u32,
        policy: &guard::Policy,
        number: u64,
    ) -> Result<Veil, Error> {
        let parent = x.query_tree(window).map_err(refused)?.reply().map_err(refused)?.parent;
        let place = x.get_geometry(window).map_err(refused)?.reply().map_err(refused)?;
        let veil = x.generate_id().map_err(refused)?;
        let facts = CreateWindowAux::new().override_redirect(1).background_pixel(0);
        let (width, height) = (place.width + 2 * place.border_width, place.height + 2 * place.border_width);
        x.create_window(
            x11rb::COPY_DEPTH_FROM_PARENT,
            veil,
            parent,
            place.x,
            place.y,
            width,
            height,
            0,
            WindowClass::INPUT_OUTPUT,
            root_visual,
            &facts,
        )
        .map_err(refused)?;
        // Clicks and keys go to the window below.
        let nothing = x.generate_id().map_err(refused)?;
        x.xfixes_create_region(nothing, &[]).map_err(refused)?;
        x.xfixes_set_window_shape_region(veil, SK::INPUT, 0, 0, nothing).map_err(refused)?;
        x.xfixes_destroy_region(nothing).map_err(refused)?;
        let size = (width, height);
        let (checker, beat, began, start_at) = (None, None, Instant::now(), Instant::now());
        let backoff = Backoff::default();
        let veil = Veil { window, veil, number, checker, began, beat, is_covered: true, backoff, start_at, size };
        veil.paint(x, policy)?;
        let above = ConfigureWindowAux::new().sibling(window).stack_mode(StackMode::ABOVE);
        x.configure_window(veil.veil, &above).map_err(refused)?;
        x.map_window(veil.veil).map_err(refused)?;
        let events = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
        x.change_window_attributes(window, &events).map_err(refused)?;
        let taken = x.composite_redirect_window(window, Redirect::MANUAL).map_err(refused)?;
        taken.check().map_err(|_| refused("another program is the compositor of that window"))?;
        Ok(veil)
    }

    /// The cover is the veil's own background: the X server paints it where nobody painted anything else.
    fn paint(&self, x: &RustConnection, policy: &guard::Policy) -> Result<(), Error> {
        let picture = cover::pixmap(x, self.veil, self.size, policy, guard::Cause::Stalled)?;
        x.change_window_attributes(self.veil, &ChangeWindowAttributesAux::new().background_pixmap(picture))
            .map_err(refused)?;
        x.free_pixmap(picture).map_err(refused)?;
        x.clear_area(false, self.veil, 0, 0, 0, 0).map_err(refused)?;
        Ok(())
    }

    /// The window was moved or resized.
    fn follow(&mut self, x: &RustConnection, policy: &guard::Policy) -> Result<(), Error> {
        let Ok(place) = x.get_geometry(self.window).map_err(refused)?.reply() else { return Ok(()) };
        let size = (place.width + 2 * place.border_width, place.height + 2 * place.border_width);
        let to = ConfigureWindowAux::new().x(i32::from(place.x)).y(i32::from(place.y));
        let to = to.width(u32::from(size.0)).height(u32::from(size.1)).sibling(self.window);
        x.configure_window(self.veil, &to.stack_mode(StackMode::ABOVE)).map_err(refused)?;
        if std::mem::replace(&mut self.size, size) != size {
            self.paint(x, policy)?;
        }
        Ok(())
    }

    fn start(&mut self, plan: &Plan, sender: &mpsc::Sender<super::part::Heard>) -> Result<(), Error> {
        let mut arguments = plan.checker.clone();
        arguments.extend([self.window.to_string().into(), self.veil.to_string().into()]);
        self.checker = Some(Part::start("checker", &plan.program, &arguments, None, sender, self.number)?);
        (self.began, self.beat) = (Instant::now(), None);
        Ok(())
    }

    /// Covers when the checker is late, replaces it when it is lost; says whether it has just covered.
    fn watch(
        &mut self,
        x: &RustConnection,
        plan: &Plan,
        sender: &mpsc::Sender<super::part::Heard>,
        tally: &mut Tally,
    ) -> Result<bool, Error> {
        let silent = self.beat.map_or(self.began.elapsed(), |beat| beat.elapsed());
        let Some(checker) = &mut self.checker else {
            if self.start_at <= Instant::now() {
                self.start(plan, sender)?;
            }
            return Ok(false);
        };
        let is_dead = checker.is_dead();
        if is_dead && self.beat.is_none() && tally.checkers_lost == 0 {
            return Err(Error::Part { code: checker.exit_code().unwrap_or(2) });
        }
        let has_covered = !self.is_covered && (is_dead || silent > LATE);
        if has_covered {
            x.clear_area(false, self.veil, 0, 0, 0, 0).map_err(refused)?;
            self.is_covered = true;
        }
        if is_dead || silent > if self.beat.is_some() { LOST } else { LOADING } {
            self.checker = None;
            // It may have painted after the cover was laid.
            x.clear_area(false, self.veil, 0, 0, 0, 0).map_err(refused)?;
            self.start_at = Instant::now() + self.backoff.next();
            tally.checker_is_gone();
        }
        Ok(has_covered)
    }
}
