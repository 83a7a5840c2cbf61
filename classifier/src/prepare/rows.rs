//! Which colours have chosen pixels of one row?
//!
//! Only the pixels that a resizer looks at are read and converted, at most 4 for each pixel of the tensor: a whole
//! 1080p frame is never turned into RGB.

use guard::{Colour, Format, Frame};

/// Red, green and blue of a run of pixels, `0.0..=255.0`, a list for each.
pub(crate) type Rgb = [Vec<f32>; 3];

/// Room for `n` pixels.
pub(crate) fn rgb(n: usize) -> Rgb {
    [vec![0.0; n], vec![0.0; n], vec![0.0; n]]
}

/// Reads the pixels at the columns `xs` of row `y`; equal to [`Frame::rgb`] at each.
pub(crate) fn read(frame: &Frame, y: usize, xs: &[usize], out: &mut Rgb) {
    let [red, green, blue] = out.each_mut().map(|list| &mut list[..xs.len()]);
    let row = |plane: usize, y: usize| {
        let (n_bytes, _) = frame.format().plane_size(plane, frame.size());
        frame.planes()[plane].row(y, n_bytes)
    };
    let first = row(0, y);
    match frame.format() {
        Format::I420 => {
            let (u, v) = (row(1, y / 2), row(2, y / 2));
            for (i, &x) in xs.iter().enumerate() {
                (red[i], green[i], blue[i]) = (first[x].into(), u[x / 2].into(), v[x / 2].into());
            }
            to_rgb(frame.colour(), red, green, blue);
        }
        Format::Nv12 => {
            let uv = row(1, y / 2);
            for (i, &x) in xs.iter().enumerate() {
                let pair = &uv[x / 2 * 2..][..2];
                (red[i], green[i], blue[i]) = (first[x].into(), pair[0].into(), pair[1].into());
            }
            to_rgb(frame.colour(), red, green, blue);
        }
        Format::Rgb => pick::<3>(first, xs, [0, 1, 2], [red, green, blue]),
        Format::Rgba => pick::<4>(first, xs, [0, 1, 2], [red, green, blue]),
        Format::Bgrx => pick::<4>(first, xs, [2, 1, 0], [red, green, blue]),
        Format::Gray8 => pick::<1>(first, xs, [0, 0, 0], [red, green, blue]),
    }
}

fn pick<const BYTES: usize>(row: &[u8], xs: &[usize], order: [usize; 3], [red, green, blue]: [&mut [f32]; 3]) {
    for (i, &x) in xs.iter().enumerate() {
        let pixel = &row[x * BYTES..][..BYTES];
        (red[i], green[i], blue[i]) = (pixel[order[0]].into(), pixel[order[1]].into(), pixel[order[2]].into());
    }
}

/// Turns luma, blue and red difference, `0.0..=255.0` each, into red, green and blue in place.
///
/// The arithmetic of [`Colour::to_rgb`], laid out so that the compiler works on several pixels at a time.
pub(crate) fn to_rgb(colour: Colour, first: &mut [f32], second: &mut [f32], third: &mut [f32]) {
    let (kr, kb, is_full): (f32, f32, bool) = match colour {
        Colour::Bt601 => (0.299, 0.114, false),
        Colour::Bt601Full => (0.299, 0.114, true),
        Colour::Bt709 => (0.2126, 0.0722, false),
        Colour::Bt709Full => (0.2126, 0.0722, true),
    };
    let (y_offset, y_scale, c_scale) = if is_full { (0.0, 1.0, 1.0) } else { (16.0, 255.0 / 219.0, 255.0 / 224.0) };
    let kg = 1.0 - kr - kb;
    let (to_red, to_blue) = (2.0 * (1.0 - kr) * c_scale, 2.0 * (1.0 - kb) * c_scale);
    let (green_of_cb, green_of_cr) = (to_blue * kb / kg, to_red * kr / kg);
    for ((first, second), third) in first.iter_mut().zip(second.iter_mut()).zip(third.iter_mut()) {
        let luma = (*first - y_offset) * y_scale;
        let (cb, cr) = (*second - 128.0, *third - 128.0);
        *first = (luma + to_red * cr).clamp(0.0, 255.0);
        *second = (luma - green_of_cb * cb - green_of_cr * cr).clamp(0.0, 255.0);
        *third = (luma + to_blue * cb).clamp(0.0, 255.0);
    }
}

#[cfg(test)]
mod tests {
    use guard::Size;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn reads_what_the_frame_says(
            format in prop::sample::select(vec![
                Format::I420, Format::Nv12, Format::Rgb, Format::Rgba, Format::Bgrx, Format::Gray8,
            ]),
            colour in prop::sample::select(vec![
                Colour::Bt601, Colour::Bt601Full, Colour::Bt709, Colour::Bt709Full,
            ]),
            width in 1usize..20,
            height in 1usize..20,
            data in prop::collection::vec(any::<u8>(), 20 * 20 * 4),
        ) {
            let frame = Frame::packed(format, colour, Size { width, height }, &data).unwrap();
            let xs: Vec<usize> = (0..width).chain((0..width).rev()).collect();
            let mut out = rgb(xs.len());
            for y in 0..height {
                read(&frame, y, &xs, &mut out);
                for (i, &x) in xs.iter().enumerate() {
                    for (channel, expected) in frame.rgb(x, y).into_iter().enumerate() {
                        prop_assert!((out[channel][i] - expected).abs() < 1e-3, "{x} {y} {channel}");
                    }
                }
            }
        }
    }
}
