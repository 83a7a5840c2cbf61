//! Which plots are there?

mod caterpillar;
mod hold_out;
mod intervals;
mod networks;
mod sensitivity;

pub(super) use caterpillar::caterpillar;
pub(super) use hold_out::hold_out;
pub(super) use intervals::{Row, intervals};
pub(super) use networks::{bins as networks_bins, networks};
pub(super) use sensitivity::sensitivity;

/// Width of a drawing for paper and wide screens, and for telephones.
pub(super) const WIDTHS: [f64; 2] = [680.0, 340.0];

/// Letters that fit beside a plot; the rest is cut, for the table behind it has the whole.
fn fitting(text: &str, width: f64) -> String {
    // A letter of 12 pixels is about 6.4 wide on average.
    let most = (width / 6.4) as usize;
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let cut: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}
