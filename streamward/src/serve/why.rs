//! Why was something refused? In the reader's language.
//!
//! The crates that refuse say it in English, for programs and logs; here each refusal has its sentence in the message
//! files.

use payments::gate::Refusal;

use crate::{say, term};

/// Why a deed about a case was refused: a clause, without a capital or a full stop.
pub(super) fn refused(error: &casework::Error) -> String {
    use casework::Error::*;
    match error {
        Text { field, n_chars, n_chars_max } => {
            say!("refused.text", field = term!("field", field), n = n_chars, n_max = n_chars_max)
        }
        Number { field, value, range } => {
            say!("refused.number", field = term!("field", field), value = value, range = range)
        }
        Span { began_at, ended_at } => say!("refused.span", began = began_at, ended = ended_at),
        Transition { what, state, event } => say!(
            "refused.transition",
            what = term!("thing", what),
            state = term!("thing_is", state),
            event = term!("thing_be", event)
        ),
        TakenByAnother => say!("refused.taken_by_another"),
        SamePerson => say!("refused.same_person"),
        TookPart => say!("refused.took_part"),
        NothingToAppeal => say!("refused.nothing_to_appeal"),
        SaysWhatWasPaid => say!("refused.says_what_was_paid"),
        VaultShut => say!("refused.vault_shut"),
        Basis { country } => say!("refused.basis", country = country),
        Holders => say!("refused.holders"),
        NotTaken => say!("refused.not_taken"),
        TileFirst => say!("refused.tile_first"),
        BudgetSpent => say!("refused.budget_spent"),
        Held => say!("refused.held"),
        NoSuchReport { number } => say!("refused.no_such_report", number = number),
        JournaledMeanwhile => say!("refused.journaled_meanwhile"),
        Journal { index } => say!("refused.journal", number = index + 1),
        OtherDocument => say!("refused.other_document"),
        NotAsked => say!("refused.not_asked"),
        Answer { .. } => say!("refused.answer"),
        other => other.to_string(),
    }
}

/// Why the desk of payments did not do it: a clause.
pub(super) fn paid(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NotOpen { hold, state } => {
            say!("refused.hold_not_open", hold = hold, state = term!("hold_state", state))
        }
        Refusal::Text { field, n_chars_max } => {
            say!("refused.paid_text", field = term!("field", field), n = n_chars_max)
        }
        Refusal::OtherCurrency { theirs, ours } => say!("refused.other_currency", theirs = theirs, ours = ours),
        Refusal::SamePack => say!("refused.same_pack"),
        Refusal::ProposedBefore { proposal } => say!("refused.proposed_before", proposal = proposal),
        Refusal::ProposalNotOpen { proposal, state } => {
            say!("refused.proposal_not_open", proposal = proposal, state = term!("proposal_state", state))
        }
        Refusal::OwnProposal { by } => say!("refused.own_proposal", by = by),
        Refusal::Overtaken { proposal } => say!("refused.overtaken", proposal = proposal),
        other => other.to_string(),
    }
}

/// A clause as a sentence.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| format!("{}{}.", first.to_uppercase(), letters.as_str())).unwrap_or_default()
}
