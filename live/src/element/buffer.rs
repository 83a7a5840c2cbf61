//! How does a GStreamer buffer look to the guard?

use gst_video::prelude::*;
use gst_video::{VideoColorMatrix, VideoColorRange, VideoFormat, VideoFrame, VideoInfo};
use guard::{Colour, Format, Frame, Plane, Size};

use crate::picture::Picture;

/// Formats the guard reads in place; anything else is converted before it.
pub(super) const FORMATS: [(VideoFormat, Format); 7] = [
    (VideoFormat::I420, Format::I420),
    (VideoFormat::Nv12, Format::Nv12),
    (VideoFormat::Rgb, Format::Rgb),
    (VideoFormat::Rgba, Format::Rgba),
    (VideoFormat::Rgbx, Format::Rgba),
    (VideoFormat::Bgrx, Format::Bgrx),
    (VideoFormat::Gray8, Format::Gray8),
];

/// A mapped buffer, read by reference; the decoder's memory is never written to.
pub(crate) struct Mapped {
    frame: VideoFrame<gst_video::video_frame::Readable>,
    format: Format,
    colour: Colour,
}

impl Mapped {
    /// Maps a buffer for reading; `None` when it does not hold what its caps promise.
    pub(crate) fn new(buffer: gst::Buffer, info: &VideoInfo) -> Option<Mapped> {
        let format = format_of(info)?;
        let frame = VideoFrame::from_buffer_readable(buffer, info).ok()?;
        let mapped = Mapped { frame, format, colour: colour_of(info) };
        mapped.try_frame().is_some().then_some(mapped)
    }

    /// The buffer itself, by reference.
    pub(super) fn buffer(&self) -> gst::Buffer {
        self.frame.buffer_owned()
    }

    fn try_frame(&self) -> Option<Frame<'_>> {
        let mut planes = [Plane { data: &[], stride: 0 }; 3];
        for (index, plane) in planes.iter_mut().enumerate().take(self.format.n_planes()) {
            let stride = usize::try_from(self.frame.plane_stride()[index]).ok()?;
            *plane = Plane { data: self.frame.plane_data(index as u32).ok()?, stride };
        }
        Frame::new(self.format, self.colour, size_of(self.frame.info()), &planes).ok()
    }
}

impl Picture for Mapped {
    fn frame(&self) -> Frame<'_> {
        self.try_frame().expect("checked when it was mapped")
    }
}

/// The guard's name for a format.
pub(crate) fn format_of(info: &VideoInfo) -> Option<Format> {
    FORMATS.iter().find(|(theirs, _)| *theirs == info.format()).map(|(_, ours)| *ours)
}

/// Width and height.
pub(crate) fn size_of(info: &VideoInfo) -> Size {
    Size { width: info.width() as usize, height: info.height() as usize }
}

/// The guard's name for a colour space. Where the stream says nothing, GStreamer has guessed by its size.
pub(crate) fn colour_of(info: &VideoInfo) -> Colour {
    let is_full = info.colorimetry().range() == VideoColorRange::Range0_255;
    match (info.colorimetry().matrix(), is_full) {
        (VideoColorMatrix::Bt709, false) => Colour::Bt709,
        (VideoColorMatrix::Bt709, true) => Colour::Bt709Full,
        (_, false) => Colour::Bt601,
        (_, true) => Colour::Bt601Full,
    }
}
