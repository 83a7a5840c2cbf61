//! How does the guard read a frame that lies in somebody's buffer?

use guard::{Frame, Signature};

/// A buffer that holds one picture and can be read in place.
pub trait Picture: Send + Sync + 'static {
    /// The picture, borrowed.
    fn frame(&self) -> Frame<'_>;
}

/// A picture with its planes one after the other.
#[derive(Clone)]
pub struct Packed {
    format: guard::Format,
    colour: guard::Colour,
    size: guard::Size,
    data: Vec<u8>,
}

impl Packed {
    /// Takes a picture.
    ///
    /// # Errors
    /// As [`Frame::new`].
    pub fn new(
        format: guard::Format,
        colour: guard::Colour,
        size: guard::Size,
        data: Vec<u8>,
    ) -> Result<Packed, guard::Error> {
        Frame::packed(format, colour, size, &data)?;
        Ok(Packed { format, colour, size, data })
    }

    /// The bytes, plane after plane.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The picture as it enters a guard whose judges sit elsewhere.
    pub fn arrive(self, policy: &guard::Policy) -> guard::Arrival<Packed> {
        let Glance { signature, regions } = Glance::at(&self.frame(), policy, &[]);
        guard::Arrival { frame: guard::Held::new(self), signature, regions }
    }
}

impl Picture for Packed {
    fn frame(&self) -> Frame<'_> {
        Frame::packed(self.format, self.colour, self.size, &self.data).expect("checked in new")
    }
}

/// What is read from a frame before any judge looks at it.
pub(crate) struct Glance {
    pub(crate) signature: Signature,
    pub(crate) regions: Vec<guard::region::Region>,
}

impl Glance {
    /// Reads what the policy asks for: tiles, the picture without its bars, pictures within it.
    pub(crate) fn at(frame: &Frame, policy: &guard::Policy, given: &[guard::Rect]) -> Glance {
        use guard::policy::RegionKind;
        use guard::region::Sight;
        let kinds = &policy.judges.regions;
        let trimmed = kinds.contains(&RegionKind::Trimmed).then(|| trimmed(frame)).flatten();
        let insets = if kinds.contains(&RegionKind::Insets) { guard::inset::find(frame) } else { Vec::new() };
        let sight = Sight { trimmed, insets: &insets, given };
        let signature = if policy.needs_tiles() { Signature::of(frame) } else { Signature::without_tiles(frame) };
        Glance { signature, regions: guard::region::plan(kinds, frame.size(), sight) }
    }
}

/// The picture without its flat bars, for formats whose first plane is luma.
fn trimmed(frame: &Frame) -> Option<guard::Rect> {
    let luma = crate::hash::luma_of(frame)?;
    let rect = known::pdq::trim(luma);
    Some(guard::Rect { x: rect.x, y: rect.y, size: guard::Size { width: rect.width, height: rect.height } })
}
