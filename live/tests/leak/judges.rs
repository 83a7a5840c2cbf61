//! Which judges can go wrong, and how?
//!
//! Panels around the real one: slower than the stream, or well for a while and then broken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use guard::finding::{Finding, Found, FrameId, JudgeId, RegionId};
use guard::region::Region;
use guard::{Frame, Policy};
use live::panel::{Hired, Panel, PanelMaker};

/// What befalls a judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Says that it could not look.
    Fails,
    /// Never returns.
    Hangs,
    /// Panics at every look; the next panel does too.
    Panics,
    /// Panics, and no other panel can be made: its thread ends.
    Dies,
    /// Leaves out one of the looks.
    Omits,
}

/// Told what was found in which frame.
pub(crate) type Notice = Arc<dyn Fn(FrameId, &[Finding]) + Send + Sync>;

/// The judges of the policy.
pub(crate) fn real(policy: &Policy) -> PanelMaker {
    Hired::new(policy).unwrap().into_maker()
}

/// Judges that need `per_frame` for each frame, on each thread.
pub(crate) fn slow(real: PanelMaker, per_frame: Duration) -> PanelMaker {
    Arc::new(move || Ok(Box::new(Slow { real: real()?, per_frame })))
}

/// Judges that look `n_well` times and are broken from then on.
pub(crate) fn broken(real: PanelMaker, fault: Fault, n_well: usize) -> PanelMaker {
    let n_looks = Arc::new(AtomicUsize::new(0));
    Arc::new(move || {
        let is_broken = n_looks.load(Ordering::SeqCst) > n_well;
        assert!(!(is_broken && fault == Fault::Dies), "no other panel can be made, as the test wants");
        Ok(Box::new(Broken { real: real()?, fault, n_well, n_looks: Arc::clone(&n_looks) }))
    })
}

/// Judges whose findings are also shown to `notice`.
pub(crate) fn noted(real: PanelMaker, notice: Notice) -> PanelMaker {
    Arc::new(move || Ok(Box::new(Noted { real: real()?, notice: Arc::clone(&notice) })))
}

struct Slow {
    real: Box<dyn Panel>,
    per_frame: Duration,
}

impl Panel for Slow {
    fn look(&mut self, id: FrameId, frame: &Frame, regions: &[Region], looks: &[(JudgeId, RegionId)]) -> Vec<Finding> {
        let began = Instant::now();
        let findings = self.real.look(id, frame, regions, looks);
        std::thread::sleep(self.per_frame.saturating_sub(began.elapsed()));
        findings
    }
}

struct Broken {
    real: Box<dyn Panel>,
    fault: Fault,
    n_well: usize,
    n_looks: Arc<AtomicUsize>,
}

impl Panel for Broken {
    fn look(&mut self, id: FrameId, frame: &Frame, regions: &[Region], looks: &[(JudgeId, RegionId)]) -> Vec<Finding> {
        if self.n_looks.fetch_add(1, Ordering::SeqCst) < self.n_well {
            return self.real.look(id, frame, regions, looks);
        }
        match self.fault {
            Fault::Fails => {
                let failed = |&(judge, region)| Finding { frame: id, judge, region, found: Found::Failed };
                looks.iter().map(failed).collect()
            }
            Fault::Hangs => loop {
                std::thread::park();
            },
            // Unwinds as a panic does, without a word on standard error for each frame.
            Fault::Panics | Fault::Dies => std::panic::resume_unwind(Box::new("a judge panics, as the test wants")),
            Fault::Omits => self.real.look(id, frame, regions, &looks[1..]),
        }
    }
}

struct Noted {
    real: Box<dyn Panel>,
    notice: Notice,
}

impl Panel for Noted {
    fn look(&mut self, id: FrameId, frame: &Frame, regions: &[Region], looks: &[(JudgeId, RegionId)]) -> Vec<Finding> {
        let findings = self.real.look(id, frame, regions, looks);
        (self.notice)(id, &findings);
        findings
    }
}
