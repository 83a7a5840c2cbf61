//! One guarded stream: frames go in on one thread, decided places come out on another.
//!
//! [`Pace::Exact`] is for files: every frame is judged, whatever it takes, and time is the video's own.
//! [`Pace::Live`] is for everything that cannot wait: each place leaves `hold_ms` after its frame came, judged or
//! not, and whoever emits waits for nobody.
//!
//! With each frame travels a `slot`, whatever the caller needs to put the decided place where it belongs.

use std::sync::Arc;
use std::time::Duration;

use guard::{Counts, Incident, Policy, Rect, Shown, State};

use crate::Error;
use crate::exact::Exact;
use crate::paced::Paced;
use crate::panel::PanelMaker;
use crate::picture::Picture;

/// Who sets the pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// The judges: every frame is judged.
    Exact,
    /// The clock: a frame that is not judged in time is not shown.
    Live,
}

/// What comes out, in the order of the frames.
#[derive(Debug)]
pub enum Event<F, S> {
    /// A frame's place is decided.
    Place {
        /// What was given with the frame.
        slot: S,
        /// Time of the frame since the stream began.
        at: Duration,
        /// What is shown there.
        shown: Shown<F>,
    },
    /// A finding covered the picture, or its cover ended.
    Incident(Incident),
    /// What the person is told.
    State(State),
    /// Nothing more will come.
    End,
}

/// A guarded stream.
pub enum Stream<F, S> {
    /// For files.
    Exact(Box<Exact<F, S>>),
    /// For everything that cannot wait.
    Live(Arc<Paced<F, S>>),
}

impl<F: Picture, S: Send + 'static> Stream<F, S> {
    /// Starts the detector threads.
    ///
    /// # Errors
    /// When a panel cannot be made.
    pub fn start(policy: Policy, maker: &PanelMaker, pace: Pace, n_threads: usize) -> Result<Stream<F, S>, Error> {
        match pace {
            Pace::Exact => Exact::start(policy, maker, n_threads).map(|exact| Stream::Exact(Box::new(exact))),
            Pace::Live => Paced::start(policy, maker, n_threads).map(Stream::Live),
        }
    }

    /// Takes a frame of time `at` since the stream began, with the regions its source knows of.
    ///
    /// At exact pace this waits while enough frames are being judged; at live pace it never waits and `at` is the
    /// clock's.
    pub fn push(&self, frame: F, slot: S, at: Duration, given: &[Rect]) {
        match self {
            Stream::Exact(exact) => exact.push(frame, slot, at, given),
            Stream::Live(paced) => paced.push(frame, slot, given),
        }
    }

    /// No frame will come. What is in the line still comes out, then [`Event::End`].
    pub fn end(&self) {
        match self {
            Stream::Exact(exact) => exact.end(),
            Stream::Live(paced) => paced.end(),
        }
    }

    /// Drops everything; [`Stream::next`] answers [`Event::End`] at once.
    pub fn abort(&self) {
        match self {
            Stream::Exact(exact) => exact.abort(),
            Stream::Live(paced) => paced.abort(),
        }
    }

    /// Waits for the next event.
    #[allow(clippy::should_implement_trait, reason = "it never ends with None")]
    pub fn next(&self) -> Event<F, S> {
        match self {
            Stream::Exact(exact) => exact.next(),
            Stream::Live(paced) => paced.next(),
        }
    }

    /// What became of the frames so far.
    pub fn counts(&self) -> Counts {
        match self {
            Stream::Exact(exact) => exact.counts(),
            Stream::Live(paced) => paced.counts(),
        }
    }
}
