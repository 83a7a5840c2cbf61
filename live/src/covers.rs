//! Where do the pixels of the cover come from?
//!
//! From buffers of our own, never from the decoder's. A cover that is the same over every frame is painted once for
//! a size and format and then sent by reference.

use std::collections::VecDeque;

use gst_video::VideoInfo;
use guard::{Cause, CoverArt, Signature, policy};

/// Covers for one stream, painted as they are needed.
pub(crate) struct Covers {
    policy: policy::Cover,
    painted: VecDeque<Painted>,
}

struct Painted {
    info: VideoInfo,
    cause: Cause,
    art: CoverArt,
    constant: Option<gst::Buffer>,
}

/// A stream whose size changes keeps this many covers.
const KEPT_MAX: usize = 4;

impl Covers {
    pub(crate) fn new(policy: policy::Cover) -> Covers {
        Covers { policy, painted: VecDeque::new() }
    }

    /// A cover for frames like `info`. Without a signature the cover is the solid one.
    pub(crate) fn buffer(
        &mut self,
        info: &VideoInfo,
        cause: Cause,
        signature: Option<&Signature>,
    ) -> Option<gst::Buffer> {
        let index = match self.painted.iter().position(|p| p.info == *info && p.cause == cause) {
            Some(index) => index,
            None => self.add(info, cause)?,
        };
        let painted = &mut self.painted[index];
        if let Some(buffer) = &painted.constant {
            return Some(buffer.clone());
        }
        let plain;
        let signature = match signature {
            Some(signature) => signature,
            None => {
                plain = black();
                &plain
            }
        };
        let buffer = paint(&painted.art, info, signature)?;
        if painted.art.is_constant() {
            painted.constant = Some(buffer.clone());
        }
        Some(buffer)
    }

    fn add(&mut self, info: &VideoInfo, cause: Cause) -> Option<usize> {
        let format = crate::element::format_of(info)?;
        let (colour, size) = (crate::element::colour_of(info), crate::element::size_of(info));
        let art = CoverArt::new(format, colour, size, &self.policy, cause);
        if self.painted.len() == KEPT_MAX {
            self.painted.pop_front();
        }
        self.painted.push_back(Painted { info: info.clone(), cause, art, constant: None });
        Some(self.painted.len() - 1)
    }
}

fn paint(art: &CoverArt, info: &VideoInfo, signature: &Signature) -> Option<gst::Buffer> {
    let mut buffer = gst::Buffer::with_size(info.size()).ok()?;
    {
        let mut map = buffer.get_mut()?.map_writable().ok()?;
        let mut rest = map.as_mut_slice();
        let mut planes = Vec::new();
        let mut begun = 0;
        for index in 0..info.n_planes() as usize {
            let offset = info.offset()[index];
            let (_, from_here) = rest.split_at_mut(offset - begun);
            let end = if index + 1 < info.n_planes() as usize { info.offset()[index + 1] } else { info.size() };
            let (plane, after) = from_here.split_at_mut(end - offset);
            planes.push((plane, usize::try_from(info.stride()[index]).ok()?));
            (rest, begun) = (after, end);
        }
        art.paint(&mut planes, signature);
    }
    Some(buffer)
}

/// The signature of nothing.
fn black() -> Signature {
    let size = guard::Size { width: 1, height: 1 };
    let frame = guard::Frame::packed(guard::Format::Gray8, guard::Colour::Bt601, size, &[0]);
    Signature::of(&frame.expect("one byte is one pixel"))
}
