//! Who owns windows while they are judged?
//!
//! The keeper does: it takes a window off the screen (its pictures go to memory that only X clients see), lays a veil
//! of the same size over its place, and has a checker paint on the veil what it let through. A checker that is dead,
//! stopped or late finds the cover on it. When the keeper dies its windows stay as they are (`RetainPermanent`): the
//! window remains off the screen and the veil remains on it.
//!
//! For all windows the server takes every window off the screen as it is made, so that there is no moment in which a
//! new one is seen; their veils lie on the composite overlay, above everything.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::composite::{ConnectionExt as _, Redirect};
use x11rb::protocol::xfixes::ConnectionExt as _;
use x11rb::protocol::xproto::{
    ChangeWindowAttributesAux, CloseDown, ConfigureWindowAux, ConnectionExt as _, EventMask, MapState, StackMode,
    Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;

use super::part::Heard;
use super::veil::{self, Over, Veil};
use super::{Plan, Tally};
use crate::Error;
use crate::network::Record;
use crate::network::pulse::{Pulse, Standing};
use crate::screen::refused;
use crate::status::Board;

/// So many windows are judged at once, each by a process; more stay covered until others close.
const CHECKERS_MAX: usize = 24;

/// Keeps the windows veiled until it is interrupted or they are gone; all that there are and will be, where none is
/// named.
///
/// # Errors
/// When there is no X server, a window cannot be taken off the screen, or a checker cannot be started.
pub(crate) fn run(plan: &Plan, windows: &[Window], policy: &guard::Policy, mut board: Board) -> Result<Tally, Error> {
    let (x, screen) = x11rb::connect(None).map_err(refused)?;
    x.composite_query_version(0, 4).map_err(refused)?.reply().map_err(refused)?;
    x.xfixes_query_version(5, 0).map_err(refused)?.reply().map_err(refused)?;
    x.set_close_down_mode(CloseDown::RETAIN_PERMANENT).map_err(refused)?;
    let (root, visual) = (x.setup().roots[screen].root, x.setup().roots[screen].root_visual);
    let (sender, heard) = mpsc::channel();
    let overlay = if windows.is_empty() { Some(take_all(&x, root)?) } else { None };
    let over = overlay.map_or(Over::Window, Over::Overlay);
    let (veils, order, gone) = (BTreeMap::new(), Vec::new(), Pulse::default());
    let mut keeper = Keeper { x: &x, root, visual, over, plan, policy, sender, veils, order, gone, n: 0 };
    let mut tally = Tally::default();
    match overlay {
        Some(_) => keeper.children()?.into_iter().try_for_each(|window| keeper.appeared(window))?,
        None => windows.iter().try_for_each(|window| keeper.raise(*window))?,
    }
    while !plan.interrupt.load(Ordering::SeqCst) && (overlay.is_some() || !keeper.veils.is_empty()) {
        if let Ok(heard) = heard.recv_timeout(Duration::from_millis(20)) {
            keeper.hear(heard, &mut tally);
        }
        keeper.follow_windows()?;
        for veil in keeper.veils.values_mut() {
            if veil.watch(&x, plan, &keeper.sender, &mut tally)? {
                tally.stand(Standing::Stalled);
            }
        }
        x.flush().map_err(refused)?;
        let standing = tally.standing();
        board.tell(standing.words(), standing != Standing::Stalled, &tally, |_| String::new());
    }
    // An interrupt gives the windows back: the person who started the guard ends it.
    keeper.give_back()?;
    x.set_close_down_mode(CloseDown::DESTROY_ALL).map_err(refused)?;
    // Heard to the end: what is on its way when a program ends may be lost, and the windows would stay taken.
    x.get_input_focus().map_err(refused)?.reply().map_err(refused)?;
    Ok(tally)
}

/// Takes all windows off the screen, those to come too; gives the overlay, which lets keys and clicks through.
fn take_all(x: &RustConnection, root: Window) -> Result<Window, Error> {
    let taken = x.composite_redirect_subwindows(root, Redirect::MANUAL).map_err(refused)?;
    taken.check().map_err(|_| refused("another program is the compositor of this screen"))?;
    let overlay = x.composite_get_overlay_window(root).map_err(refused)?.reply().map_err(refused)?.overlay_win;
    veil::let_input_through(x, overlay)?;
    x.change_window_attributes(overlay, &ChangeWindowAttributesAux::new().background_pixel(0)).map_err(refused)?;
    x.clear_area(false, overlay, 0, 0, 0, 0).map_err(refused)?;
    let events = ChangeWindowAttributesAux::new().event_mask(EventMask::SUBSTRUCTURE_NOTIFY);
    x.change_window_attributes(root, &events).map_err(refused)?;
    Ok(overlay)
}

struct Keeper<'a> {
    x: &'a RustConnection,
    root: Window,
    visual: u32,
    over: Over,
    plan: &'a Plan,
    policy: &'a guard::Policy,
    sender: mpsc::Sender<Heard>,
    veils: BTreeMap<Window, Veil>,
    /// The veils' windows, lowest first, as they lie on the overlay.
    order: Vec<Window>,
    /// What was said of windows that are gone.
    gone: Pulse,
    /// How many veils there ever were.
    n: u64,
}

impl Keeper<'_> {
    fn raise(&mut self, window: Window) -> Result<(), Error> {
        let mut veil = Veil::raise(self.x, window, self.over, self.visual, self.policy, self.n)?;
        self.n += 1;
        let n_judged = self.veils.values().filter(|veil| veil.is_judged).count();
        match self.over {
            Over::Overlay(_) if !veil.is_judged => {
                eprintln!("window {window:#x} is transparent or tiny: it stays covered")
            }
            Over::Overlay(_) if n_judged >= CHECKERS_MAX => {
                veil.is_judged = false;
                eprintln!("window {window:#x} stays covered: {CHECKERS_MAX} windows are judged already");
            }
            _ => veil.start(self.plan, &self.sender)?,
        }
        self.veils.insert(window, veil);
        Ok(())
    }

    /// Raises a veil for one of all windows, if it is on the screen and has something to show.
    fn appeared(&mut self, window: Window) -> Result<(), Error> {
        let Ok(facts) = self.x.get_window_attributes(window).map_err(refused)?.reply() else { return Ok(()) };
        let is_seen = facts.map_state == MapState::VIEWABLE && facts.class == WindowClass::INPUT_OUTPUT;
        let is_overlay = matches!(self.over, Over::Overlay(overlay) if overlay == window);
        if !is_seen || is_overlay || self.veils.contains_key(&window) {
            return Ok(());
        }
        // Gone again by now, it needs none.
        match self.raise(window) {
            Err(_) if self.x.get_geometry(window).map_err(refused)?.reply().is_err() => Ok(()),
            raised => raised,
        }
    }

    /// The screen's windows, lowest first.
    fn children(&self) -> Result<Vec<Window>, Error> {
        Ok(self.x.query_tree(self.root).map_err(refused)?.reply().map_err(refused)?.children)
    }

    fn hear(&mut self, heard: Heard, tally: &mut Tally) {
        if let Some(Record::Beat(text)) = heard.record
            && let Ok(pulse) = serde_json::from_str::<Pulse>(&text)
            && let Some(veil) = self.veils.values_mut().find(|veil| veil.number == heard.generation)
        {
            veil.beat = Some(Instant::now());
            veil.is_covered = false;
            veil.pulse = pulse;
            let last_incident = veil.pulse.last_incident.clone();
            let mut all = Pulse { last_incident, ..self.gone.clone() };
            self.veils.values().for_each(|veil| all.join(&veil.said()));
            tally.hear(all);
        }
    }

    fn follow_windows(&mut self) -> Result<(), Error> {
        let mut has_moved = false;
        while let Some(event) = self.x.poll_for_event().map_err(refused)? {
            match event {
                Event::ConfigureNotify(event) => {
                    if let Some(veil) = self.veils.get_mut(&event.window) {
                        veil.follow(self.x, self.policy)?;
                    }
                    has_moved = true;
                }
                Event::CirculateNotify(_) => has_moved = true,
                Event::MapNotify(event) => {
                    match self.veils.get(&event.window) {
                        Some(veil) => veil.show(self.x)?,
                        None if event.event == self.root => self.appeared(event.window)?,
                        None => (),
                    }
                    has_moved = true;
                }
                Event::UnmapNotify(event) => match (self.over, self.veils.get(&event.window)) {
                    // A closed window of many gives its checker back.
                    (Over::Overlay(_), Some(_)) => self.lift(event.window)?,
                    (Over::Window, Some(veil)) => veil.hide(self.x)?,
                    (_, None) => (),
                },
                Event::DestroyNotify(event) => self.lift(event.window)?,
                _ => (),
            }
        }
        if has_moved && matches!(self.over, Over::Overlay(_)) { self.stack() } else { Ok(()) }
    }

    fn lift(&mut self, window: Window) -> Result<(), Error> {
        match self.veils.remove(&window) {
            Some(veil) => {
                self.gone.join(&Pulse { standing: Standing::default(), ..veil.said() });
                veil.lift(self.x)
            }
            None => Ok(()),
        }
    }

    /// Lays the veils as their windows lie.
    fn stack(&mut self) -> Result<(), Error> {
        let mut order = self.children()?;
        order.retain(|window| self.veils.contains_key(window));
        if order != self.order {
            let above = ConfigureWindowAux::new().stack_mode(StackMode::ABOVE);
            for window in &order {
                self.x.configure_window(self.veils[window].veil, &above).map_err(refused)?;
            }
            self.order = order;
        }
        Ok(())
    }

    fn give_back(&mut self) -> Result<(), Error> {
        for (window, veil) in std::mem::take(&mut self.veils) {
            if self.over == Over::Window {
                self.x.composite_unredirect_window(window, Redirect::MANUAL).map_err(refused)?;
            }
            veil.lift(self.x)?;
        }
        if let Over::Overlay(_) = self.over {
            self.x.composite_unredirect_subwindows(self.root, Redirect::MANUAL).map_err(refused)?;
            self.x.composite_release_overlay_window(self.root).map_err(refused)?;
        }
        Ok(())
    }
}
