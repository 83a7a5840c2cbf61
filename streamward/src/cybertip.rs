//! How does a report get to the CyberTipline, once?
//!
//! Every document is checked against the authority's own [`schema`] first; the [`client`] asks one thing at a time; the
//! [`outbox`] writes down each step before and after, so that a crash anywhere neither loses a report nor doubles it.

pub(crate) mod client;
pub(crate) mod outbox;
pub(crate) mod schema;
#[cfg(test)]
mod crashes;
