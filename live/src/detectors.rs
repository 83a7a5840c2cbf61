//! Who has time to look at this frame?
//!
//! A small number of threads, each with its own panel, take frames from a short queue. A full queue drops its oldest
//! job: that frame will not be judged in time, and so will not be shown. A panel that panics is replaced; its frame
//! counts as not judged.
//!
//! Where time presses the newest frame is looked at first: with the oldest first, a judge slower than the stream would
//! find each frame too late, having let all of its time pass in the queue, and nothing would ever be shown.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;

use guard::Held;
use guard::finding::{Finding, Found, FrameId, JudgeId, RegionId};
use guard::region::Region;

use crate::Error;
use crate::panel::{Panel, PanelMaker};
use crate::picture::Picture;

/// One frame to be looked at.
pub(crate) struct Job<F> {
    pub(crate) id: FrameId,
    pub(crate) frame: Held<F>,
    pub(crate) regions: Vec<Region>,
    pub(crate) looks: Vec<(JudgeId, RegionId)>,
}

/// Which of the waiting frames is looked at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// Where every frame is waited for.
    Oldest,
    /// Where frames are due: what has waited is nearly late already.
    Newest,
}

/// Told what was found, on the thread that found it.
pub(crate) type OnFound = Arc<dyn Fn(FrameId, Vec<Finding>) + Send + Sync>;

/// The threads and their queue.
pub(crate) struct Detectors<F> {
    shared: Arc<Shared<F>>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared<F> {
    queue: Mutex<Queue<F>>,
    has_work: Condvar,
}

struct Queue<F> {
    jobs: VecDeque<Job<F>>,
    len_max: usize,
    first: First,
    is_closed: bool,
}

impl<F: Picture> Detectors<F> {
    /// Starts `n_threads`, each with a panel of its own, before a queue of at most `len_max` frames.
    ///
    /// # Errors
    /// When a panel cannot be made.
    pub(crate) fn start(
        maker: &PanelMaker,
        n_threads: usize,
        (len_max, first): (usize, First),
        on_found: &OnFound,
    ) -> Result<Detectors<F>, Error> {
        let queue = Mutex::new(Queue { jobs: VecDeque::new(), len_max, first, is_closed: false });
        let shared = Arc::new(Shared { queue, has_work: Condvar::new() });
        let panels = (0..n_threads).map(|_| maker()).collect::<Result<Vec<_>, _>>()?;
        let thread = |panel| {
            let (shared, maker, on_found) = (Arc::clone(&shared), Arc::clone(maker), Arc::clone(on_found));
            std::thread::spawn(move || shared.work(panel, &maker, &on_found))
        };
        let threads = panels.into_iter().map(thread).collect();
        Ok(Detectors { shared, threads })
    }

    /// Queues a job; returns the oldest one if it had to give way.
    pub(crate) fn submit(&self, job: Job<F>) -> Option<FrameId> {
        let mut queue = lock(&self.shared.queue);
        let dropped = if queue.jobs.len() >= queue.len_max { queue.jobs.pop_front() } else { None };
        queue.jobs.push_back(job);
        self.shared.has_work.notify_one();
        dropped.map(|job| job.id)
    }
}

impl<F> Drop for Detectors<F> {
    /// Lets the threads finish what they are looking at. One that hangs is left behind, not waited for.
    fn drop(&mut self) {
        let mut queue = lock(&self.shared.queue);
        queue.is_closed = true;
        queue.jobs.clear();
        drop(queue);
        self.shared.has_work.notify_all();
        for thread in self.threads.drain(..).filter(JoinHandle::is_finished) {
            // A thread that ended in a panic has said so itself.
            let _ = thread.join();
        }
    }
}

impl<F: Picture> Shared<F> {
    fn work(&self, mut panel: Box<dyn Panel>, maker: &PanelMaker, on_found: &OnFound) {
        while let Some(job) = self.next() {
            let looked = catch_unwind(AssertUnwindSafe(|| {
                job.frame.look(|picture| panel.look(job.id, &picture.frame(), &job.regions, &job.looks))
            }));
            let has_panicked = looked.is_err();
            let findings = looked.unwrap_or_else(|_| failed(job.id, &job.looks));
            // The frame must be let go before anyone is told: a decoder may be waiting for its buffer.
            let id = job.id;
            drop(job);
            if has_panicked && let Ok(fresh) = maker() {
                panel = fresh;
            }
            on_found(id, findings);
        }
    }

    fn next(&self) -> Option<Job<F>> {
        let mut queue = lock(&self.queue);
        loop {
            if queue.is_closed {
                return None;
            }
            let job = match queue.first {
                First::Oldest => queue.jobs.pop_front(),
                First::Newest => queue.jobs.pop_back(),
            };
            if job.is_some() {
                return job;
            }
            queue = self.has_work.wait(queue).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }
}

/// The findings of judges who could not look.
pub(crate) fn failed(frame: FrameId, looks: &[(JudgeId, RegionId)]) -> Vec<Finding> {
    looks.iter().map(|&(judge, region)| Finding { frame, judge, region, found: Found::Failed }).collect()
}

/// A lock that outlives a panic elsewhere: what it guards is checked by the machine, not by the panicking thread.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
