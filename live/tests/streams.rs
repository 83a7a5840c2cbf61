//! Does any forbidden frame come out of a live stream, whoever dies?
//!
//! A real server (nginx with its RTMP module, gst-rtsp-server) stands on both sides, and ffmpeg watches beside it. As in
//! `leak.rs` four things are asserted: none of the planted frames is seen; what is covered is what should be; benign
//! frames arrive live; the guard was alive. The same observer counts the planted frames on the unguarded stream.
//!
//! `STREAMWARD_TEST_ALL=1` kills 50 times each and measures lip sync for ten minutes.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]
#![allow(dead_code, reason = "clips and observer are shared with leak.rs, which uses more of them")]

#[path = "leak/clip.rs"]
mod clip;
#[path = "leak/observer.rs"]
mod observer;
#[path = "streams/servers.rs"]
mod servers;
#[path = "streams/guarded.rs"]
mod guarded;
#[path = "streams/watched.rs"]
mod watched;
#[path = "streams/leaks.rs"]
mod leaks;
#[path = "streams/deaths.rs"]
mod deaths;
#[path = "streams/nonsense.rs"]
mod nonsense;
#[path = "streams/ways.rs"]
mod ways;
#[path = "streams/told.rs"]
mod told;
#[path = "streams/lip_sync.rs"]
mod lip_sync;
