//! Which pack holds, and who let it?
//!
//! One person proposes a pack, another lets it hold: whoever proposed it cannot. A proposal that was made against a pack
//! that no longer holds cannot be let hold either, since what it would change is not what anybody looked at.
//!
//! From the activation on, windows, marks and scores are the new pack's, over all transfers so far. What was raised,
//! held, released and found before stays as it was, and a party that rests under a typology goes on resting under the
//! typology of that name.

use rustc_hash::FxHashMap;

use super::event::text;
use super::{Gate, PackDecided, Proposed, Refusal};
use crate::features::Stream;
use crate::{Alert, Pack};

/// A pack that was proposed, and what became of it.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// `pack-` and its number, from 1.
    pub id: String,
    /// The pack, checked.
    pub pack: Pack,
    /// [`Pack::digest`] of the pack that held when it was proposed.
    pub against: String,
    /// As it was proposed.
    pub proposed: Proposed,
    /// What became of it.
    pub state: ProposalState,
}

/// What became of a proposal.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum ProposalState {
    /// It waits for a second person.
    Open,
    /// A second person let it hold.
    Activated(PackDecided),
    /// Somebody declined it, or took it back.
    Declined(PackDecided),
}

impl ProposalState {
    /// One word for messages.
    pub fn name(&self) -> &'static str {
        match self {
            ProposalState::Open => "open",
            ProposalState::Activated(_) => "activated",
            ProposalState::Declined(_) => "declined",
        }
    }
}

impl Gate {
    /// Every proposal, in order.
    pub fn proposals(&self) -> &[Proposal] {
        &self.proposals
    }

    /// The proposal of this id.
    pub fn proposal(&self, id: &str) -> Option<&Proposal> {
        self.proposals.iter().find(|proposal| proposal.id == id)
    }

    /// The pack that held first.
    pub fn begun_with(&self) -> &Pack {
        &self.begun_with
    }

    /// The proposal by which the pack that holds now came to hold; none for the first.
    pub fn active_proposal(&self) -> Option<&Proposal> {
        self.last_activated.map(|number| &self.proposals[number])
    }

    /// The first row that was scored with the pack that holds now as it came; 0 for the first pack.
    pub fn active_from(&self) -> u32 {
        self.active_from
    }

    /// The pack that raised an alert.
    pub fn pack_of(&self, alert: &Alert) -> &Pack {
        let digest = alert.inputs.pack_sha256.clone() + alert.inputs.overlay_sha256.as_deref().unwrap_or_default();
        let proposed = self.proposals.iter().map(|proposal| &proposal.pack);
        let mut all = [&self.pack, &self.begun_with].into_iter().chain(proposed);
        all.find(|pack| pack.digest() == digest).unwrap_or(&self.pack)
    }

    pub(super) fn propose(&mut self, proposed: &Proposed) -> Result<(), Refusal> {
        text("the name of the person", &proposed.by, Self::NAME_CHARS_MAX)?;
        text("the reason", &proposed.reason, Self::REASON_CHARS_MAX)?;
        let pack = Pack::parse(&proposed.pack, proposed.overlay.as_deref())
            .map_err(|why| Refusal::Pack { why: why.to_string() })?;
        if pack.currency != self.pack.currency {
            let (theirs, ours) = (pack.currency.to_string(), self.pack.currency.to_string());
            return Err(Refusal::OtherCurrency { theirs, ours });
        }
        let (digest, against) = (pack.digest(), self.pack.digest());
        if digest == against {
            return Err(Refusal::SamePack);
        }
        let same = self.proposals.iter().find(|one| one.state == ProposalState::Open && one.pack.digest() == digest);
        // One that was overtaken can be made again.
        if let Some(same) = same.filter(|one| one.against == against) {
            return Err(Refusal::ProposedBefore { proposal: same.id.clone() });
        }
        let id = format!("pack-{}", self.proposals.len() + 1);
        let proposed = proposed.clone();
        self.proposals.push(Proposal { id, pack, against, proposed, state: ProposalState::Open });
        Ok(())
    }

    pub(super) fn activate(&mut self, decided: &PackDecided) -> Result<(), Refusal> {
        decided.check()?;
        let number = self.open_proposal(&decided.proposal)?;
        let proposal = &self.proposals[number];
        if is_same_person(&proposal.proposed.by, &decided.by) {
            return Err(Refusal::OwnProposal { by: decided.by.trim().to_owned() });
        }
        if proposal.against != self.pack.digest() {
            return Err(Refusal::Overtaken { proposal: decided.proposal.clone() });
        }
        let pack = proposal.pack.clone();
        self.proposals[number].state = ProposalState::Activated(decided.clone());
        self.last_activated = Some(number);
        self.active_from = self.book.rows().len() as u32;
        self.change_to(pack);
        Ok(())
    }

    pub(super) fn decline(&mut self, decided: &PackDecided) -> Result<(), Refusal> {
        decided.check()?;
        let number = self.open_proposal(&decided.proposal)?;
        self.proposals[number].state = ProposalState::Declined(decided.clone());
        Ok(())
    }

    fn open_proposal(&self, id: &str) -> Result<usize, Refusal> {
        let number = self.proposals.iter().position(|proposal| proposal.id == id);
        let number = number.ok_or_else(|| Refusal::NoProposal { proposal: id.to_owned() })?;
        match &self.proposals[number].state {
            ProposalState::Open => Ok(number),
            state => Err(Refusal::ProposalNotOpen { proposal: id.to_owned(), state: state.name() }),
        }
    }

    /// Reckons marks and windows anew, and keeps what is known about parties by the name of the typology.
    fn change_to(&mut self, pack: Pack) {
        let place = |id: &str| pack.typologies.iter().position(|typology| typology.id == id).map(|place| place as u32);
        let places: Vec<Option<u32>> = self.pack.typologies.iter().map(|typology| place(&typology.id)).collect();
        self.memory.rename(&places);
        self.alert_about = renamed(std::mem::take(&mut self.alert_about), &places);
        self.cleared_until = renamed(std::mem::take(&mut self.cleared_until), &places);
        for held in &mut self.holds {
            held.about = held.about.and_then(|(typology, party)| Some((places[typology as usize]?, party)));
        }
        self.pack = pack;
        self.book.rescope(&self.pack.scope);
        self.stream = Stream::default();
        for index in 0..self.book.rows().len() as u32 {
            self.stream.push(self.book.rows(), index, self.pack.spans);
        }
    }
}

/// The same values under the typologies' new places; those without one are dropped.
pub(crate) fn renamed<T>(of: FxHashMap<(u32, u32), T>, places: &[Option<u32>]) -> FxHashMap<(u32, u32), T> {
    let renamed = |((typology, party), value): ((u32, u32), T)| Some(((places[typology as usize]?, party), value));
    of.into_iter().filter_map(renamed).collect()
}

/// Whether two names are one person's, however they are written.
fn is_same_person(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}
