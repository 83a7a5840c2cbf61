//! What is written to NCMEC's CyberTipline, and what comes back?
//!
//! Source: the authority's schema `cyber_tipline.xsd` as of November 2025, which enforces the order of elements, and its
//! documentation at <https://report.cybertip.org/ispws/documentation>. The edge checks every document against the schema
//! that the operator has fetched before anything is sent.

pub mod document;
pub mod answer;

pub use answer::{Answer, Class, Code};
pub use document::{FileDetails, Report};
