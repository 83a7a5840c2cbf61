//! Does any forbidden frame come out?
//!
//! "None was seen" alone is passed by a dead pipeline. Every test here asserts four things: none of the planted frames
//! is seen; what is covered is what should be; benign frames arrive; the guard was alive. The observer is another
//! program (ffmpeg) with a comparison of its own, and must first count every planted frame on the unguarded video.
//!
//! `STREAMWARD_TEST_ALL=1` runs every content at every rate and pace.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

#[path = "leak/clip.rs"]
mod clip;
#[path = "leak/observer.rs"]
mod observer;
#[path = "leak/judges.rs"]
mod judges;
#[path = "leak/run.rs"]
mod run;
#[path = "leak/planted.rs"]
mod planted;
#[path = "leak/slow_judges.rs"]
mod slow_judges;
#[path = "leak/benign_class.rs"]
mod benign_class;
#[path = "leak/small_cards.rs"]
mod small_cards;
#[path = "leak/sound.rs"]
mod sound;
