//! Who looks at a frame, and what do they say?
//!
//! A [`Panel`] is all the judges that a policy names, on one thread. [`Hired`] is the real one: the policy's lists
//! and models, loaded. Tests put slow, failing and dying panels in its place.

use std::collections::BTreeMap;
use std::sync::Arc;

use classifier::RuntimeChoice;
use guard::finding::{Finding, Found, FrameId, JudgeId, Match, RegionId};
use guard::region::Region;
use guard::{Frame, Policy};

use crate::Error;
use crate::hash::FrameHasher;
use crate::lists::{KnownList, Trust};
use crate::models::{Models, Seat};

/// All judges of one detector thread.
pub trait Panel: Send {
    /// Looks at one frame: a finding for each of `looks`. A look left out, or a panic, counts as not judged.
    fn look(&mut self, id: FrameId, frame: &Frame, regions: &[Region], looks: &[(JudgeId, RegionId)]) -> Vec<Finding>;
}

/// Makes a panel for each detector thread.
pub type PanelMaker = Arc<dyn Fn() -> Result<Box<dyn Panel>, Error> + Send + Sync>;

/// The judges of a policy, loaded once and seated on each thread.
pub struct Hired {
    policy: Policy,
    lists: Arc<[KnownList]>,
    models: Models,
}

impl Hired {
    /// Loads every list and model that the policy names.
    ///
    /// # Errors
    /// The first one that cannot be had: without it no frame could ever be shown.
    pub fn new(policy: &Policy) -> Result<Hired, Error> {
        Hired::run_by(policy, &RuntimeChoice::default())
    }

    /// The same with the models on a runtime that is named.
    ///
    /// # Errors
    /// As [`Hired::new`]; also where this runtime is not here, or does not take a model.
    pub fn run_by(policy: &Policy, runtime: &RuntimeChoice) -> Result<Hired, Error> {
        let trust = Trust::of(policy)?;
        let lists = policy.judges.lists.iter().map(|name| trust.load(name)).collect::<Result<Vec<_>, _>>()?;
        Ok(Hired { policy: policy.clone(), lists: lists.into(), models: Models::load(policy, runtime)? })
    }

    /// The facts for reports: which lists, which model, which runtime.
    pub fn models(&self) -> &Models {
        &self.models
    }

    /// Every list, in the policy's order.
    pub fn lists(&self) -> &[KnownList] {
        &self.lists
    }

    /// A maker of panels with these judges.
    pub fn into_maker(self) -> PanelMaker {
        Arc::new(move || {
            let seats = self.models.seats()?;
            let (policy, lists) = (self.policy.clone(), Arc::clone(&self.lists));
            Ok(Box::new(Sitting { policy, lists, seats, hasher: FrameHasher::default() }))
        })
    }
}

/// The real panel of one thread.
struct Sitting {
    policy: Policy,
    lists: Arc<[KnownList]>,
    seats: Vec<Seat>,
    hasher: FrameHasher,
}

impl Panel for Sitting {
    fn look(&mut self, id: FrameId, frame: &Frame, regions: &[Region], looks: &[(JudgeId, RegionId)]) -> Vec<Finding> {
        let mut hashes = BTreeMap::new();
        let mut findings = Vec::with_capacity(looks.len());
        for &(judge, region) in looks {
            let part = frame.crop(regions[region.0].rect);
            let found = match self.lists.get(judge.0) {
                Some(list) => {
                    let pdq = hashes.entry(region).or_insert_with(|| self.hasher.pdq(&part));
                    compare(pdq, list, &self.policy)
                }
                None => self.seats.get_mut(judge.0 - self.lists.len()).map_or(Found::Failed, |seat| seat.look(&part)),
            };
            findings.push(Finding { frame: id, judge, region, found });
        }
        findings
    }
}

fn compare(pdq: &known::pdq::Pdq, list: &KnownList, policy: &Policy) -> Found {
    if u32::from(pdq.quality) < policy.matching.quality_min {
        return Found::Clear;
    }
    match list.nearest(&pdq.hash, policy.matching.distance_bits_max) {
        None => Found::Clear,
        Some((entry, distance_bits)) => Found::Match(Match { list: Arc::clone(list.name()), entry, distance_bits }),
    }
}
