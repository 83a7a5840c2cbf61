//! Where is the guarded copy written, and in what?

use std::path::{Path, PathBuf};

use crate::Error;

/// Which encoder writes the video.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoder {
    /// By the container: openh264 (BSD) where H.264 fits, VP8 (BSD) elsewhere.
    #[default]
    Auto,
    /// H.264 by openh264.
    Openh264,
    /// VP8 by libvpx.
    Vp8,
    /// H.264 by x264, which is under the GPL: only when asked for.
    X264,
}

/// What the output's ending asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Mp4,
    Matroska,
    Webm,
    /// Raw frames without sound, for other programs and for tests.
    Y4m,
}

impl Container {
    pub(super) fn of(path: &Path) -> Result<Container, Error> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
        match ending.as_str() {
            "mp4" | "m4v" | "mov" => Ok(Container::Mp4),
            "mkv" => Ok(Container::Matroska),
            "webm" => Ok(Container::Webm),
            "y4m" => Ok(Container::Y4m),
            _ => Err(Error::Media {
                what: format!("cannot write {}", path.display()),
                detail: format!("the ending {ending:?} names no container"),
                todo: "end the name in .mp4, .mkv, .webm or .y4m",
            }),
        }
    }
}

/// A file under another name until it is whole. Dropped, it is gone.
pub(super) struct Partial {
    path: PathBuf,
    target: PathBuf,
}

impl Partial {
    /// A name beside `target`.
    ///
    /// # Errors
    /// [`Error::Write`] when nothing can be written there.
    pub(super) fn beside(target: &Path) -> Result<Partial, Error> {
        Container::of(target)?;
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let path = target.with_file_name(format!(".{name}.{}.partial", std::process::id()));
        let failed = |source| Error::Write { path: target.to_owned(), source };
        std::fs::File::create(&path).map_err(failed)?;
        Ok(Partial { path, target: target.to_owned() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// [`Error::Write`] when the disk is full at the last moment or the name cannot be taken.
    pub(super) fn publish(self) -> Result<(), Error> {
        let failed = |source| Error::Write { path: self.target.clone(), source };
        std::fs::File::open(&self.path).and_then(|file| file.sync_all()).map_err(failed)?;
        std::fs::rename(&self.path, &self.target).map_err(failed)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After `publish` nothing stands under this name any more.
        let _ = std::fs::remove_file(&self.path);
    }
}
