//! What does the X server paint where nothing was let through?

use guard::{Cause, Colour, CoverArt, Format, Frame, Plane, Signature, Size};
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{ConnectionExt as _, CreateGCAux, ImageFormat, Pixmap, Window};
use x11rb::rust_connection::RustConnection;

use super::refused;
use crate::Error;

/// Bytes of one request; the protocol's least limit is 256 KiB.
const REQUEST_MAX: usize = 200_000;

/// The cover as a pixmap of this size.
///
/// # Errors
/// When the X server refuses.
pub(crate) fn pixmap(
    x: &RustConnection,
    on: Window,
    size: (u16, u16),
    policy: &guard::Policy,
    cause: Cause,
) -> Result<Pixmap, Error> {
    let depth = x.get_geometry(on).map_err(refused)?.reply().map_err(refused)?.depth;
    let (pixmap, gc) = (x.generate_id().map_err(refused)?, x.generate_id().map_err(refused)?);
    x.create_pixmap(depth, pixmap, on, size.0, size.1).map_err(refused)?;
    x.create_gc(gc, pixmap, &CreateGCAux::new()).map_err(refused)?;
    let whole = Size { width: size.0.into(), height: size.1.into() };
    let art = CoverArt::new(Format::Bgrx, Colour::Bt709Full, whole, &policy.cover, cause);
    let mut data = vec![0; art.n_bytes()];
    art.paint_packed(&mut data, &plain());
    let row_bytes = usize::from(size.0) * 4;
    let n_rows = (REQUEST_MAX / row_bytes.max(1)).max(1);
    for (index, rows) in data.chunks(n_rows * row_bytes).enumerate() {
        let (y, height) = (index * n_rows, rows.len() / row_bytes);
        x.put_image(ImageFormat::Z_PIXMAP, pixmap, gc, size.0, height as u16, 0, y as i16, 0, depth, rows)
            .map_err(refused)?;
    }
    x.free_gc(gc).map_err(refused)?;
    Ok(pixmap)
}

/// The signature of nothing.
fn plain() -> Signature {
    let plane = Plane { data: &[0], stride: 1 };
    let size = Size { width: 1, height: 1 };
    Signature::of(&Frame::new(Format::Gray8, Colour::Bt601, size, &[plane]).expect("one byte is one pixel"))
}
