//! Which pixels are in this picture file, and are they safe to unpack?
//!
//! A file of a kilobyte can claim thousands of millions of pixels: size and memory are checked from its first bytes,
//! before anything is unpacked ([`unpack`], for all commands). What PDQ then sees, so that hashes agree with those of Meta's tool:
//!
//! - grey pictures stay grey; colours of more than 8 bits are scaled to 8; CMYK is turned into RGB by the decoder;
//! - what is transparent is laid on white, since there is no colour to hash behind it;
//! - the orientation that a camera notes beside the picture is *not* applied: Meta's tool does not either,
//!   and a list is made of hashes of the pixels as they lie;
//! - of a moving picture the first frame is taken;
//! - a picture with a side over 512 is shrunk to 512×512 first, as Meta's tool does ([`known::pdq::shrink_rgb`]).

mod jpeg;

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};
use known::Hash256;
use known::pdq::{self, Luma, Pdq, Rgb};

/// The longest side that is unpacked.
pub(crate) const SIDE_MAX: u32 = 32_768;
/// The most pixels that are unpacked.
pub(crate) const PIXELS_MAX: u64 = 120_000_000;
/// The most memory that a decoder may ask for.
const ALLOCATION_BYTES_MAX: u64 = 1 << 30;

/// A picture's pixels, without padding.
pub(crate) struct Picture {
    width: usize,
    height: usize,
    pixels: Pixels,
}

enum Pixels {
    Grey(Vec<u8>),
    Rgb(Vec<u8>),
}

/// Why there are no pixels.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("it is not a picture of a known format")]
    NotAPicture,
    #[error("it claims {width}×{height} pixels; at most {SIDE_MAX} on a side and {PIXELS_MAX} in all are unpacked")]
    TooLarge { width: u32, height: u32 },
    #[error("unpacking it would take more than a gigabyte")]
    TooMuchMemory,
    #[error("its content is broken or cut short ({0})")]
    Broken(ImageError),
    #[error("it is cut short: its end is missing")]
    CutShort,
}

/// At which size a picture is hashed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shrink {
    /// Shrunk to 512×512 when a side is longer, as Meta's tool.
    AsMeta,
    /// As it is.
    Never,
}

impl Picture {
    /// Unpacks a picture file, its pixels as they lie.
    pub(crate) fn decode(file: &[u8]) -> Result<Picture, Refused> {
        unpack(file).map(|unpacked| Picture::of_image(unpacked.image))
    }

    fn of_image(image: DynamicImage) -> Picture {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let pixels = match image {
            DynamicImage::ImageLuma8(_) | DynamicImage::ImageLuma16(_) => Pixels::Grey(image.into_luma8().into_raw()),
            _ if image.color().has_alpha() => {
                let flat =
                    image.into_rgba8().into_raw().as_chunks().0.iter().flat_map(|pixel| on_white(*pixel)).collect();
                Pixels::Rgb(flat)
            }
            _ => Pixels::Rgb(image.into_rgb8().into_raw()),
        };
        Picture { width, height, pixels }
    }

    /// Takes `width * height` pixels of three bytes.
    pub(crate) fn of_rgb(width: usize, height: usize, bytes: Vec<u8>) -> Picture {
        assert_eq!(
            Some(bytes.len()),
            width.checked_mul(height).and_then(|n| n.checked_mul(3)),
            "the caller has counted"
        );
        Picture { width, height, pixels: Pixels::Rgb(bytes) }
    }

    /// Pixels in a row, and rows.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Its PDQ hash.
    pub(crate) fn pdq(&self, shrink: Shrink) -> Pdq {
        match (&self.pixels, shrink) {
            (Pixels::Grey(_), Shrink::AsMeta) => pdq::hash_luma(pdq::shrink_luma(self.grey()).as_luma()),
            (Pixels::Grey(_), Shrink::Never) => pdq::hash_luma(self.grey()),
            (Pixels::Rgb(bytes), Shrink::AsMeta) => pdq::hash_rgb(pdq::shrink_rgb(self.rgb(bytes)).as_rgb()),
            (Pixels::Rgb(bytes), Shrink::Never) => pdq::hash_rgb(self.rgb(bytes)),
        }
    }

    /// The hash of the part inside flat bars, when there are bars.
    pub(crate) fn trimmed_pdq(&self) -> Option<Pdq> {
        let luma;
        let grey = match &self.pixels {
            Pixels::Grey(bytes) => bytes,
            Pixels::Rgb(bytes) => {
                let weigh =
                    |[r, g, b]: [u8; 3]| ((u32::from(r) * 77 + u32::from(g) * 150 + u32::from(b) * 29) >> 8) as u8;
                luma = bytes.as_chunks().0.iter().map(|pixel| weigh(*pixel)).collect();
                &luma
            }
        };
        let whole = Luma::new(grey, self.width, self.height, self.width).expect("one byte for each pixel");
        let rect = pdq::trim(whole);
        if (rect.width, rect.height) == (self.width, self.height) {
            return None;
        }
        let n_bytes = if matches!(self.pixels, Pixels::Grey(_)) { 1 } else { 3 };
        let (Pixels::Grey(bytes) | Pixels::Rgb(bytes)) = &self.pixels;
        let rows = (rect.y..rect.y + rect.height).flat_map(|y| {
            let first = (y * self.width + rect.x) * n_bytes;
            &bytes[first..first + rect.width * n_bytes]
        });
        let cut = rows.copied().collect();
        let pixels = if n_bytes == 1 { Pixels::Grey(cut) } else { Pixels::Rgb(cut) };
        Some(Picture { width: rect.width, height: rect.height, pixels }.pdq(Shrink::AsMeta))
    }

    fn grey(&self) -> Luma<'_, u8> {
        let (Pixels::Grey(bytes) | Pixels::Rgb(bytes)) = &self.pixels;
        Luma::new(bytes, self.width, self.height, self.width).expect("one byte for each pixel")
    }

    fn rgb<'a>(&self, bytes: &'a [u8]) -> Rgb<'a> {
        Rgb::new(bytes, self.width, self.height, self.width * 3).expect("three bytes for each pixel")
    }
}

/// What a picture file holds, as its decoder gives it.
pub(crate) struct Unpacked {
    /// The pixels as they lie.
    pub(crate) image: DynamicImage,
    /// How to turn them upright.
    pub(crate) orientation: Orientation,
}

/// Unpacks the first picture of a file, within the limits above. The format is told by the content.
pub(crate) fn unpack(file: &[u8]) -> Result<Unpacked, Refused> {
    let mut reader = ImageReader::new(Cursor::new(file));
    if let Ok(format) = image::guess_format(file) {
        reader.set_format(format);
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(ALLOCATION_BYTES_MAX);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(refusal)?;
    let (width, height) = decoder.dimensions();
    if width > SIDE_MAX || height > SIDE_MAX || u64::from(width) * u64::from(height) > PIXELS_MAX {
        return Err(Refused::TooLarge { width, height });
    }
    if decoder.total_bytes() > ALLOCATION_BYTES_MAX {
        return Err(Refused::TooMuchMemory);
    }
    if !jpeg::is_whole(file) {
        return Err(Refused::CutShort);
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).map_err(refusal)?;
    Ok(Unpacked { image, orientation })
}

/// The hashes worth looking up: of the whole picture and of the part inside its bars, where they have enough detail.
pub(crate) fn hashes_to_look_up(picture: &Picture, quality_min: u8) -> Vec<Hash256> {
    let both = [Some(picture.pdq(Shrink::AsMeta)), picture.trimmed_pdq()];
    both.into_iter().flatten().filter(|pdq| pdq.quality >= quality_min).map(|pdq| pdq.hash).collect()
}

fn on_white([red, green, blue, alpha]: [u8; 4]) -> [u8; 3] {
    let alpha = u32::from(alpha);
    [red, green, blue].map(|c| ((u32::from(c) * alpha + 255 * (255 - alpha) + 127) / 255) as u8)
}

fn refusal(error: ImageError) -> Refused {
    match error {
        ImageError::Unsupported(_) => Refused::NotAPicture,
        ImageError::Limits(_) => Refused::TooMuchMemory,
        error => Refused::Broken(error),
    }
}

#[cfg(test)]
mod tests {
    use image::{ImageFormat, Rgba, RgbaImage};

    use super::*;

    fn png(image: &DynamicImage) -> Vec<u8> {
        let mut bytes = Vec::new();
        image.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
        bytes
    }

    /// A PNG that claims a size, with the checksum of its header right.
    fn png_that_claims(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = png(&DynamicImage::new_rgb8(1, 1));
        bytes[16..20].copy_from_slice(&width.to_be_bytes());
        bytes[20..24].copy_from_slice(&height.to_be_bytes());
        let crc = bytes[12..29].iter().fold(!0_u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
        });
        bytes[29..33].copy_from_slice(&(!crc).to_be_bytes());
        bytes
    }

    #[test]
    fn a_small_file_that_claims_a_huge_picture_is_refused() {
        let file = png_that_claims(50_000, 50_000);
        assert!(file.len() < 1000);
        assert!(matches!(Picture::decode(&file), Err(Refused::TooLarge { width: 50_000, height: 50_000 })));
        assert!(matches!(Picture::decode(&png_that_claims(30_000, 30_000)), Err(Refused::TooLarge { .. })));
    }

    #[test]
    fn what_is_transparent_lies_on_white() {
        let image =
            RgbaImage::from_fn(40, 40, |x, y| Rgba([x as u8 * 6, y as u8 * 6, 9, if x < 20 { 0 } else { 255 }]));
        let picture = Picture::decode(&png(&image.into())).unwrap();
        let Pixels::Rgb(bytes) = &picture.pixels else { panic!("colour") };
        assert_eq!((&bytes[..3], &bytes[39 * 3..40 * 3]), (&[255, 255, 255][..], &[234, 0, 9][..]));
        assert_eq!(on_white([0, 100, 255, 128]), [127, 177, 255]);
    }

    #[test]
    fn sixteen_bits_and_grey_are_read() {
        let sixteen = DynamicImage::ImageRgb16(image::ImageBuffer::from_fn(80, 60, |x, y| {
            image::Rgb([(x * 800) as u16, (y * 1000) as u16, 77])
        }));
        let eight = DynamicImage::ImageRgb8(sixteen.to_rgb8());
        let read = |image: &DynamicImage| Picture::decode(&png(image)).unwrap().pdq(Shrink::AsMeta);
        assert_eq!(read(&sixteen), read(&eight));
        let grey = DynamicImage::ImageLuma8(eight.to_luma8());
        assert!(matches!(Picture::decode(&png(&grey)).unwrap().pixels, Pixels::Grey(_)));
    }

    #[test]
    fn broken_and_other_files_are_told_apart() {
        let whole = png(&DynamicImage::new_rgb8(90, 90));
        assert!(matches!(Picture::decode(&whole[..whole.len() / 2]), Err(Refused::Broken(_))));
        assert!(matches!(Picture::decode(b"just some text"), Err(Refused::NotAPicture)));
        assert!(matches!(Picture::decode(b""), Err(Refused::NotAPicture)));
    }

    const RGB: &[u8] = include_bytes!("../testdata/rgb.jpg");

    #[test]
    fn a_jpeg_cut_short_is_refused_and_other_colours_are_read() {
        assert!(matches!(Picture::decode(&RGB[..RGB.len() / 2]), Err(Refused::CutShort)));
        let hash = |file: &[u8]| Picture::decode(file).unwrap().pdq(Shrink::AsMeta).hash;
        assert_eq!(hash(include_bytes!("../testdata/progressive.jpg")), hash(RGB));
        let distance = hash(include_bytes!("../testdata/cmyk.jpg")).distance_bits(&hash(RGB));
        assert!(distance <= 10, "{distance}");
    }

    #[test]
    fn a_note_of_orientation_does_not_change_the_hash() {
        // Exif 2.3: big-endian TIFF, one entry, orientation (0x0112), short, 6: turned by 90°.
        let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let turned = [&RGB[..2], exif, &RGB[2..]].concat();
        assert_eq!(unpack(&turned).unwrap().orientation, Orientation::Rotate90);
        let hash = |file: &[u8]| Picture::decode(file).unwrap().pdq(Shrink::AsMeta);
        assert_eq!(hash(&turned), hash(RGB));
    }

    #[test]
    fn of_a_moving_picture_only_the_first_frame_is_unpacked() {
        use image::codecs::gif::GifEncoder;
        let frame = |shade: u8| RgbaImage::from_fn(90, 70, |x, y| Rgba([(x * 2) as u8, (y * 3) as u8, shade, 255]));
        let gif = |n_frames: usize| {
            let mut bytes = Vec::new();
            let frames = (0..n_frames).map(|i| image::Frame::new(frame((i * 60) as u8)));
            GifEncoder::new(&mut bytes).encode_frames(frames).unwrap();
            bytes
        };
        let (one, many) = (gif(1), gif(40));
        let hash = |file: &[u8]| Picture::decode(file).unwrap().pdq(Shrink::AsMeta);
        assert_eq!(hash(&one), hash(&many));
        // A small file whose frames claim more than is ever unpacked.
        let mut bomb = many;
        bomb[6..10].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
        assert!(matches!(Picture::decode(&bomb), Err(Refused::TooLarge { width: 65_535, height: 65_535 })));
    }

    #[test]
    fn bars_give_a_second_hash() {
        let texture = |x: u32, y: u32| ((x * x / 7 + y * 13) % 200 + 20) as u8;
        let boxed = image::RgbImage::from_fn(200, 160, |x, y| match y {
            30..130 => image::Rgb([texture(x, y - 30); 3]),
            _ => image::Rgb([0; 3]),
        });
        let alone = image::RgbImage::from_fn(200, 100, |x, y| image::Rgb([texture(x, y); 3]));
        let (boxed, alone) = [boxed, alone].map(|image| Picture::decode(&png(&image.into())).unwrap()).into();
        assert_eq!(boxed.trimmed_pdq(), Some(alone.pdq(Shrink::AsMeta)));
        assert_eq!(alone.trimmed_pdq(), None);
    }
}
