//! How does a frame lie in this module's memory?

use guard::{Colour, Format, Frame, Size};

/// One frame, copied out of the browser's: its planes one after the other, without padding.
///
/// A copy is needed: a camera stops when a page keeps six of its frames.
pub struct Picture {
    format: Format,
    colour: Colour,
    size: Size,
    data: Vec<u8>,
}

/// A frame has at most this many bytes: 4096 × 4096 pixels of four bytes.
pub const BYTES_MAX: usize = 4096 * 4096 * 4;

/// The formats in the order of their numbers at the C edge.
pub(crate) const FORMATS: [Format; 6] =
    [Format::I420, Format::Nv12, Format::Rgb, Format::Rgba, Format::Bgrx, Format::Gray8];

/// The colours in the order of their numbers at the C edge.
pub(crate) const COLOURS: [Colour; 4] = [Colour::Bt601, Colour::Bt601Full, Colour::Bt709, Colour::Bt709Full];

impl Picture {
    /// Takes a frame.
    ///
    /// # Errors
    /// As [`Frame::new`].
    pub fn new(format: Format, colour: Colour, size: Size, data: Vec<u8>) -> Result<Picture, guard::Error> {
        Frame::packed(format, colour, size, &data)?;
        Ok(Picture { format, colour, size, data })
    }

    /// The frame, borrowed.
    pub fn frame(&self) -> Frame<'_> {
        Frame::packed(self.format, self.colour, self.size, &self.data).expect("checked in new")
    }

    /// Its bytes, plane after plane.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    pub(crate) fn shape(&self) -> Shape {
        Shape { format: self.format, colour: self.colour, size: self.size }
    }
}

/// What kind of frame it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) format: Format,
    pub(crate) colour: Colour,
    pub(crate) size: Size,
}

impl Shape {
    /// Numbers at the C edge: format, colour, width, height.
    pub(crate) fn numbers(self) -> [usize; 4] {
        let format = FORMATS.iter().position(|format| *format == self.format);
        let colour = COLOURS.iter().position(|colour| *colour == self.colour);
        [format.unwrap_or(0), colour.unwrap_or(0), self.size.width, self.size.height]
    }

    /// The kind that the numbers stand for.
    pub(crate) fn of_numbers([format, colour, width, height]: [usize; 4]) -> Option<Shape> {
        Some(Shape { format: *FORMATS.get(format)?, colour: *COLOURS.get(colour)?, size: Size { width, height } })
    }
}
