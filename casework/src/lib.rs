//! What happened, and who must be told?
//!
//! From an incident to a filed report, without a clock, a socket or a file. Read in this order: what comes in
//! ([`referral`]), what a [`case`] goes through, who [`decision`]s are made by, who has [`view`]ed what and how much a day allows ([`exposure`]), which facts of law
//! a case is held against ([`jurisdiction`]), what is written to the authority ([`cybertip`], and of payments
//! [`fincen`] and [`goaml`]), what a [`report`] goes
//! through, how it is filed exactly once ([`filing`]), what must not be erased ([`hold`]), what can be done to a case (each a [`deed`]), who [`paid`] whom and what goes with a survivor's [`claim`], what is said against a decision ([`appeal`]) and who may hear it ([`hands`]), how often a second person would have decided otherwise ([`quality`]), what the authorities' forms ask ([`transparency`]), what is known about one case all in all ([`dossier`]), whether media is kept at all
//! ([`vault`]), what a report
//! says of it ([`draft`]), how it is written for others' tools ([`export`]), by what a case is found again ([`search`]), who may do what ([`role`]), and what stands in the [`entry`] log about all of it.

mod error;
pub mod sealed;
pub mod referral;
pub mod case;
pub mod decision;
pub mod view;
pub mod exposure;
pub mod jurisdiction;
pub mod cybertip;
pub mod fincen;
pub mod goaml;
mod tree;
pub mod report;
pub mod filing;
pub mod evidence;
pub mod hold;
pub mod deed;
pub mod paid;
pub mod claim;
pub mod appeal;
pub mod quality;
pub mod transparency;
pub mod hands;
pub mod dossier;
pub mod vault;
pub mod draft;
pub mod export;
pub mod role;
pub mod search;
pub mod entry;

pub use case::Case;
pub use decision::{Decision, Person, Verdict};
pub use deed::Deed;
pub use dossier::Dossier;
pub use entry::Entry;
pub use error::Error;
pub use evidence::Evidence;
pub use filing::Filing;
pub use hold::Hold;
pub use referral::Referral;
pub use report::Report;
pub use role::Role;
pub use sealed::Sealed;
pub use vault::Vault;
pub use view::ViewLog;
