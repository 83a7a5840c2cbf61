//! What do the guard's GStreamer elements look like from outside?
//!
//! `streamwardguard` takes raw video and lets no unjudged frame out; `streamwardmute` takes raw audio and silences it
//! under the cover. Both of one stream name the same `channel`.
//!
//! ```text
//! gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! streamwardguard policy=test ! autovideosink
//! ```

mod buffer;
mod guard_element;
mod mute_element;

pub(crate) use guard_element::default_threads;

pub(crate) use buffer::{Mapped, colour_of, format_of, size_of};

use gst::glib;
use gst::prelude::*;

use crate::panel::PanelMaker;
use crate::stream::Pace;

pub use guard_element::{INCIDENT_MESSAGE, STATE_MESSAGE};

glib::wrapper! {
    /// Lets no unjudged frame out. See `gst-inspect-1.0 streamwardguard` for its properties.
    pub struct GuardElement(ObjectSubclass<guard_element::GuardElement>) @extends gst::Element, gst::Object;
}

glib::wrapper! {
    /// Silences the sound under the cover. See `gst-inspect-1.0 streamwardmute` for its properties.
    pub struct MuteElement(ObjectSubclass<mute_element::MuteElement>) @extends gst::Element, gst::Object;
}

/// Registers both elements, for a plugin or, with `None`, for this program alone.
///
/// # Errors
/// When another element of that name is registered.
pub fn register_for(plugin: Option<&gst::Plugin>) -> Result<(), glib::BoolError> {
    gst::Element::register(plugin, "streamwardguard", gst::Rank::NONE, GuardElement::static_type())?;
    gst::Element::register(plugin, "streamwardmute", gst::Rank::NONE, MuteElement::static_type())
}

/// Registers both elements for a plugin.
///
/// # Errors
/// As [`register_for`].
pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    register_for(Some(plugin))
}

impl GuardElement {
    /// A guard with this policy, for programs that link it.
    ///
    /// `maker` makes the judges; with `None` the policy's own lists and models are loaded when the element starts.
    pub fn with(policy: guard::Policy, pace: Pace, n_threads: usize, maker: Option<PanelMaker>) -> GuardElement {
        let element: GuardElement = glib::Object::builder().build();
        guard_element::configure(&element, policy, pace, n_threads, maker);
        element
    }

    /// What became of the frames so far, or of the last stream.
    pub fn counts(&self) -> guard::Counts {
        guard_element::counts(self)
    }

    /// Where the last frame that came in ends, in running time.
    pub fn reached(&self) -> std::time::Duration {
        guard_element::reached(self)
    }
}

impl Default for MuteElement {
    fn default() -> Self {
        glib::Object::builder().build()
    }
}
