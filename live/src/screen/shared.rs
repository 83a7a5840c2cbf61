//! How does a picture come from the X server without going through a socket?
//!
//! By MIT-SHM: the server makes memory that it shares with this connection alone and writes a picture there when it is
//! asked, so that between two questions nothing in it changes. A server without it, or one at the other end of a
//! network, sends its pictures instead.
#![allow(unsafe_code)]

use memmap2::{Mmap, MmapOptions};
use x11rb::connection::Connection;
use x11rb::protocol::shm::{ConnectionExt as _, Seg};
use x11rb::protocol::xproto::{ConnectionExt as _, Drawable, ImageFormat};
use x11rb::rust_connection::RustConnection;

use super::refused;
use crate::Error;

/// Memory for one picture.
pub(super) struct Shared {
    segment: Seg,
    memory: Mmap,
}

impl Shared {
    /// Room for a picture of this size in BGRX; `None` where the server gives none.
    pub(super) fn new(x: &RustConnection, (width, height): (u16, u16)) -> Option<Shared> {
        let n_bytes = u32::from(width) * u32::from(height) * 4;
        let version = x.shm_query_version().ok()?.reply().ok()?;
        // Segments made by the server are there from 1.2 on.
        if (version.major_version, version.minor_version) < (1, 2) || n_bytes == 0 {
            return None;
        }
        let segment = x.generate_id().ok()?;
        let made = x.shm_create_segment(segment, n_bytes, false).ok()?.reply().ok()?;
        // SAFETY: the memory is the server's and this connection's; the server writes to it only while it is asked for
        // a picture, and nobody reads here meanwhile.
        match unsafe { MmapOptions::new().len(n_bytes as usize).map(&made.shm_fd) } {
            Ok(memory) => Some(Shared { segment, memory }),
            Err(_) => {
                let _ = x.shm_detach(segment);
                None
            }
        }
    }

    /// The picture of `what`, as large as this; `None` when it is gone.
    fn picture(
        &self,
        x: &RustConnection,
        what: Drawable,
        (width, height): (u16, u16),
    ) -> Result<Option<Vec<u8>>, Error> {
        let format = u8::from(ImageFormat::Z_PIXMAP);
        let written = x.shm_get_image(what, 0, 0, width, height, !0, format, self.segment, 0).map_err(refused)?;
        Ok(written.reply().is_ok().then(|| self.memory.to_vec()))
    }

    /// Gives it back.
    pub(super) fn free(&self, x: &RustConnection) {
        // A server that is gone has freed it already.
        let _ = x.shm_detach(self.segment);
    }
}

/// The picture of `what` in BGRX, by shared memory where there is some; `None` when it is gone.
///
/// # Errors
/// When the server is gone.
pub(super) fn picture(
    x: &RustConnection,
    shared: Option<&Shared>,
    what: Drawable,
    size: (u16, u16),
) -> Result<Option<Vec<u8>>, Error> {
    match shared {
        Some(shared) => shared.picture(x, what, size),
        None => {
            let sent = x.get_image(ImageFormat::Z_PIXMAP, what, 0, 0, size.0, size.1, !0).map_err(refused)?;
            Ok(sent.reply().ok().map(|image| image.data))
        }
    }
}
