//! May this frame be shown?
//!
//! The heart of streamward, without a clock, a thread or a file: frames and findings go in, verdicts come out.
//! Read in this order: what a [`frame`] is, what a judge's [`finding`] is, who may see pixels ([`held`]), what a
//! [`policy`] says, and how the [`machine`] decides.

mod error;
pub mod frame;
pub mod signature;
pub mod inset;
pub mod region;
pub mod finding;
pub mod held;
pub mod policy;
mod sighting;
mod decision;
pub mod incident;
pub mod machine;
mod lettering;
pub mod message;
pub mod cover;
pub mod test_card;

pub use cover::CoverArt;
pub use decision::Cause;
pub use error::Error;
pub use frame::{Colour, Format, Frame, Plane, Rect, Size};
pub use held::{Held, Released};
pub use incident::Incident;
pub use machine::{Arrival, Counts, Guard, Input, Output, Shown, State};
pub use policy::Policy;
pub use signature::Signature;
