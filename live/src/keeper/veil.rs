//! What lies over one window?
//!
//! A veil of the same size, on which the window's own checker paints what it let through. Its background is the cover,
//! so the X server itself paints that wherever nobody has painted anything else.

use std::sync::mpsc;
use std::time::Instant;

use x11rb::connection::Connection;
use x11rb::protocol::composite::{ConnectionExt as _, Redirect};
use x11rb::protocol::shape::SK;
use x11rb::protocol::xfixes::ConnectionExt as _;
use x11rb::protocol::xproto::{
    ChangeWindowAttributesAux, ConfigureWindowAux, ConnectionExt as _, CreateWindowAux, EventMask, StackMode, Window,
    WindowClass,
};
use x11rb::rust_connection::RustConnection;

use super::part::{Heard, Part};
use super::{LATE, LOADING, LOST, Plan, Tally};
use crate::Error;
use crate::network::Backoff;
use crate::network::pulse::{Pulse, Standing};
use crate::screen::{cover, refused};

/// Windows of another depth have transparent places, and among all windows are not judged.
const DEPTH: u8 = 24;

/// Windows smaller than this, pixels a side, show nothing that could be judged: the cover's words need more.
const SIDE_MIN: u16 = 16;

/// Where veils lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// Beside the window, just above it.
    Window,
    /// On the overlay of the screen.
    Overlay(Window),
}

/// What lies over one window.
pub(super) struct Veil {
    window: Window,
    pub(super) veil: Window,
    over: Over,
    /// Which of all veils.
    pub(super) number: u64,
    /// Whether a checker can judge it; else the cover stays.
    pub(super) is_judged: bool,
    checker: Option<Part>,
    began: Instant,
    /// When its checker last spoke.
    pub(super) beat: Option<Instant>,
    pub(super) is_covered: bool,
    /// What its checker last said.
    pub(super) pulse: Pulse,
    /// What its earlier checkers said in all.
    past: Pulse,
    backoff: Backoff,
    start_at: Instant,
    size: (u16, u16),
}

/// Keys and clicks go to what lies below.
pub(super) fn let_input_through(x: &RustConnection, window: Window) -> Result<(), Error> {
    let nothing = x.generate_id().map_err(refused)?;
    x.xfixes_create_region(nothing, &[]).map_err(refused)?;
    x.xfixes_set_window_shape_region(window, SK::INPUT, 0, 0, nothing).map_err(refused)?;
    x.xfixes_destroy_region(nothing).map_err(refused)?;
    Ok(())
}

impl Veil {
    /// Lays the cover over the window, and takes the window off the screen where that has not been done for all.
    pub(super) fn raise(
        x: &RustConnection,
        window: Window,
        over: Over,
        visual: u32,
        policy: &guard::Policy,
        number: u64,
    ) -> Result<Veil, Error> {
        let parent = match over {
            Over::Window => x.query_tree(window).map_err(refused)?.reply().map_err(refused)?.parent,
            Over::Overlay(overlay) => overlay,
        };
        let place = x.get_geometry(window).map_err(refused)?.reply().map_err(refused)?;
        let veil = x.generate_id().map_err(refused)?;
        let facts = CreateWindowAux::new().override_redirect(1).background_pixel(0);
        let size = (place.width + 2 * place.border_width, place.height + 2 * place.border_width);
        let (left, top, class) = (place.x, place.y, WindowClass::INPUT_OUTPUT);
        x.create_window(DEPTH, veil, parent, left, top, size.0, size.1, 0, class, visual, &facts).map_err(refused)?;
        let_input_through(x, veil)?;
        let is_judged = over == Over::Window || (place.depth == DEPTH && place.width.min(place.height) >= SIDE_MIN);
        let (checker, beat, began, start_at) = (None, None, Instant::now(), Instant::now());
        let backoff = Backoff::default();
        let (is_covered, pulse, past) = (true, Pulse::default(), Pulse::default());
        let veil = Veil {
            window,
            veil,
            over,
            number,
            is_judged,
            checker,
            began,
            beat,
            is_covered,
            pulse,
            past,
            backoff,
            start_at,
            size,
        };
        veil.paint(x, policy)?;
        if over == Over::Window {
            let above = ConfigureWindowAux::new().sibling(window).stack_mode(StackMode::ABOVE);
            x.configure_window(veil.veil, &above).map_err(refused)?;
            let events = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
            x.change_window_attributes(window, &events).map_err(refused)?;
        }
        veil.show(x)?;
        if over == Over::Window {
            let taken = x.composite_redirect_window(window, Redirect::MANUAL).map_err(refused)?;
            taken.check().map_err(|_| refused("another program is the compositor of that window"))?;
        }
        Ok(veil)
    }

    pub(super) fn show(&self, x: &RustConnection) -> Result<(), Error> {
        x.map_window(self.veil).map_err(refused).map(|_| ())
    }

    pub(super) fn hide(&self, x: &RustConnection) -> Result<(), Error> {
        x.unmap_window(self.veil).map_err(refused).map(|_| ())
    }

    /// What its checkers said in all, and how it stands.
    pub(super) fn said(&self) -> Pulse {
        let mut said = self.past.clone();
        said.join(&self.pulse);
        said
    }

    /// Takes it away, and its checker with it.
    pub(super) fn lift(self, x: &RustConnection) -> Result<(), Error> {
        x.destroy_window(self.veil).map_err(refused).map(|_| ())
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
    pub(super) fn follow(&mut self, x: &RustConnection, policy: &guard::Policy) -> Result<(), Error> {
        let Ok(place) = x.get_geometry(self.window).map_err(refused)?.reply() else { return Ok(()) };
        let size = (place.width + 2 * place.border_width, place.height + 2 * place.border_width);
        let to = ConfigureWindowAux::new().x(i32::from(place.x)).y(i32::from(place.y));
        let to = to.width(u32::from(size.0)).height(u32::from(size.1));
        let to = if self.over == Over::Window { to.sibling(self.window).stack_mode(StackMode::ABOVE) } else { to };
        x.configure_window(self.veil, &to).map_err(refused)?;
        if std::mem::replace(&mut self.size, size) != size {
            self.paint(x, policy)?;
        }
        Ok(())
    }

    pub(super) fn start(&mut self, plan: &Plan, sender: &mpsc::Sender<Heard>) -> Result<(), Error> {
        let mut arguments = plan.checker.clone();
        arguments.extend([self.window.to_string().into(), self.veil.to_string().into()]);
        self.checker = Some(Part::start("checker", &plan.program, &arguments, None, sender, self.number)?);
        (self.began, self.beat) = (Instant::now(), None);
        Ok(())
    }

    /// Covers when the checker is late, replaces it when it is lost; says whether it has just covered.
    pub(super) fn watch(
        &mut self,
        x: &RustConnection,
        plan: &Plan,
        sender: &mpsc::Sender<Heard>,
        tally: &mut Tally,
    ) -> Result<bool, Error> {
        if !self.is_judged {
            return Ok(false);
        }
        let silent = self.beat.map_or(self.began.elapsed(), |beat| beat.elapsed());
        let Some(checker) = &mut self.checker else {
            if self.start_at <= Instant::now() {
                self.start(plan, sender)?;
            }
            return Ok(false);
        };
        let is_dead = checker.is_dead();
        // One window of many may be gone by now.
        if is_dead && self.beat.is_none() && tally.checkers_lost == 0 && self.over == Over::Window {
            return Err(Error::Part { code: checker.exit_code().unwrap_or(2) });
        }
        let has_covered = !self.is_covered && (is_dead || silent > LATE);
        if has_covered {
            x.clear_area(false, self.veil, 0, 0, 0, 0).map_err(refused)?;
            self.is_covered = true;
            self.pulse.standing = Standing::Stalled;
        }
        if is_dead || silent > if self.beat.is_some() { LOST } else { LOADING } {
            self.checker = None;
            // It may have painted after the cover was laid.
            x.clear_area(false, self.veil, 0, 0, 0, 0).map_err(refused)?;
            self.start_at = Instant::now() + self.backoff.next();
            self.past.join(&Pulse { standing: Standing::default(), ..std::mem::take(&mut self.pulse) });
            self.pulse.standing = Standing::Stalled;
            tally.checkers_lost += 1;
        }
        Ok(has_covered)
    }
}
