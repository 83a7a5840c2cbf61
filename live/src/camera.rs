//! How is a camera guarded, so that unchanged programs see only what was judged?
//!
//! ```text
//! camera ──▶ lens ──▶ checker ──▶ keeper ──▶ node "Guarded camera" ──▶ programs
//! ```
//!
//! The same four parts as for a stream ([`crate::network`]) and the same keeper; what passes between them are raw
//! pictures of one size. The [`mod@lens`] opens the camera and decodes nothing: a camera that gives compressed pictures is
//! not taken. The [`mod@checker`] judges in its sandbox. The [`mod@node`] offers a PipeWire camera and shows the cover
//! whenever nothing fresh comes. When it is killed the node is gone; the raw camera stays hidden by WirePlumber's rule
//! (`wireplumber/` beside this crate).

pub(crate) mod lens;
pub(crate) mod checker;
pub(crate) mod node;

/// Size and pace of the guarded camera; the lens fits the camera to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mode {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) fps: u32,
}

impl std::str::FromStr for Mode {
    type Err = String;

    /// `640x480@25`; sides are even and at most 1920, the pace at most 60.
    fn from_str(text: &str) -> Result<Mode, String> {
        let parse = || {
            let (size, fps) = text.split_once('@')?;
            let (width, height) = size.split_once('x')?;
            Some(Mode { width: width.parse().ok()?, height: height.parse().ok()?, fps: fps.parse().ok()? })
        };
        let is_side = |side: usize| (64..=1920).contains(&side) && side.is_multiple_of(2);
        parse().filter(|mode| is_side(mode.width) && is_side(mode.height) && (1..=60).contains(&mode.fps)).ok_or_else(
            || "a size and a pace are needed, as 640x480@25; even sides up to 1920, at most 60 a second".into(),
        )
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}@{}", self.width, self.height, self.fps)
    }
}

impl Mode {
    /// Bytes of one I420 picture.
    pub(crate) fn n_bytes(self) -> usize {
        self.width * self.height * 3 / 2
    }

    /// Its pictures, in GStreamer's words.
    pub(crate) fn caps(self) -> gst::Caps {
        let caps = gst_video::VideoCapsBuilder::new().format(gst_video::VideoFormat::I420);
        let caps = caps.width(self.width as i32).height(self.height as i32);
        caps.framerate(gst::Fraction::new(self.fps as i32, 1)).pixel_aspect_ratio(gst::Fraction::new(1, 1)).build()
    }

    pub(crate) fn size(self) -> guard::Size {
        guard::Size { width: self.width, height: self.height }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_read_and_written() {
        let mode: Mode = "640x480@25".parse().unwrap();
        assert_eq!((mode.to_string().as_str(), mode.n_bytes()), ("640x480@25", 460_800));
        for wrong in ["", "640x480", "641x480@25", "640x480@0", "0x0@25", "99999x480@25", "640x480@61"] {
            assert!(wrong.parse::<Mode>().is_err(), "{wrong}");
        }
    }
}
