//! Video that moves, guarded.
//!
//! Where a frame goes, in the order of these modules: a [`picture`] in somebody's buffer enters a [`stream`]; its
//! tiles and regions are read; a `detectors` thread has a [`panel`] of judges look at it (the policy's [`lists`] and
//! [`models`]); the machine in `guard` decides; the emitter sends the frame or one of the `covers`.
//! Around the stream stand the GStreamer [`element`]s, files ([`mod@file`]), pipes ([`pipe`]) and live streams (`network`),
//! where a `keeper` watches over a checker in its `sandbox`; a `folder` whose files are judged before they can be opened.
//! Where somebody else holds the frames and decides, [`judge`] only says what the judges see; [`wire`] is how.

mod error;
mod read;
pub mod picture;
pub mod stream;
mod exact;
mod paced;
mod detectors;
pub mod panel;
pub mod lists;
pub mod models;
pub mod hash;
pub mod policies;
mod covers;
mod held;
mod timeline;
pub mod element;
pub mod report;
pub mod file;
pub mod pipe;
mod network;
mod sandbox;
mod keeper;
mod film;
mod stills;
mod folder;
mod screen;
mod camera;
mod fleet;
mod status;
mod metrics;
pub mod wire;
pub mod judge;
pub mod command;

pub use error::Error;

/// Starts the media framework and registers the guard's elements, once.
///
/// # Errors
/// [`Error::Media`] when GStreamer cannot start.
pub fn start_media() -> Result<(), Error> {
    static STARTED: std::sync::OnceLock<Result<(), String>> = std::sync::OnceLock::new();
    let start = || {
        gst::init().map_err(|error| error.to_string())?;
        element::register_for(None).map_err(|error| error.to_string())
    };
    STARTED.get_or_init(start).clone().map_err(|detail| Error::Media {
        what: "GStreamer cannot start".into(),
        detail,
        todo: "run `streamward doctor` to see what is missing",
    })
}
