//! May this frame be shown?

mod error;
pub mod frame;

pub use error::Error;
pub use frame::{Colour, Format, Frame, Plane, Rect, Size};
