//! How is a folder guarded, so that a picture or video that is known or scores high cannot be opened?
//!
//! ```text
//! open() ──▶ kernel ──▶ keeper ──▶ gate: whose file is it, what is known of it? ──▶ yes or no
//!                          │ not known yet                                             ▲
//!                          ▼                                                           │
//!                       checker: decodes and judges, without file, socket or program ──┘
//! ```
//!
//! The kernel asks before every open on the file systems that hold the folders ([`mod@group`]), also through another
//! name, a subfolder, a handle or another mount; the [`mod@gate`] tells whose file it is by identity, not by name. The
//! [`mod@keeper`] answers. It has no decoder and no model: the [`mod@checker`] judges in its sandbox, and while it is
//! dead, stopped or late what was not judged before cannot be opened. When the keeper dies a stand-in that holds the
//! same group refuses whoever waits and becomes the keeper. Without the privilege the guard can only [`mod@react`].
//!
//! Out of reach: what is open already, and whatever root does.

mod group;
mod gate;
pub(crate) mod media;
mod link;
mod looker;
pub(crate) mod keeper;
pub(crate) mod checker;
pub(crate) mod still;
mod film;
pub(crate) mod react;

pub(crate) use group::Group;

/// What is thought of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every judge looked at all of it, and none saw anything.
    Clear,
    /// A judge saw something.
    Flagged,
    /// It could not be judged, or not all of it: it stays shut.
    Unjudged,
}
