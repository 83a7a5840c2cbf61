//! Does this look like payment for it?
//!
//! Transfers come in, alerts go out, each with its reasons in plain words and the transfers behind every reason.
//! An alert says that something looks like what published indicators describe and is worth a person's look; it accuses
//! nobody, and nothing here closes an account.
//!
//! Read in this order: [`transfer`] (what happened), [`read`] (from bytes), [`book`] (in order, priced),
//! [`features`] (windows), [`pack`] (indicators as data), [`score`] (points and alerts), [`gate`] (one by one, with
//! holds), [`rank`] (an order learnt from reviewed alerts, if asked for), [`draw`] (a picture of one), [`simulate`] (made-up customers to test with).
//!
//! Three questions about a pack: [`shadow`] (what would another raise?), [`below`] (whom do we miss?), [`drift`] (is it
//! still what it was?).
//!
//! Pure: no file, clock, socket, thread or chance. Bytes, key, rates and seed come in as arguments.

pub mod below;
pub mod book;
pub mod country;
pub mod draw;
pub mod drift;
pub mod error;
pub mod features;
pub mod gate;
pub mod money;
pub mod pack;
pub mod party;
pub mod rank;
pub mod rates;
pub mod read;
pub mod score;
pub mod scored;
pub mod shadow;
pub mod simulate;
#[cfg(test)]
mod testing;
pub mod time;
pub mod transfer;

pub use book::{Book, Row, Scope};
pub use country::{Corridor, Country};
pub use error::{Error, Problem, Reject};
pub use features::{Features, Spans};
pub use gate::Gate;
pub use money::{Amount, Currency};
pub use pack::Pack;
pub use party::{PartyId, PartyKey};
pub use rates::Rates;
pub use score::{Alert, Level};
pub use scored::Scored;
pub use time::Moment;
pub use transfer::Transfer;
