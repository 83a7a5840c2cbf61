//! Writes the safety test card and the covers as PPM files into the folder given, to be looked at.
#![allow(clippy::disallowed_methods)]

use guard::policy::{Cover, CoverStyle, Reader};
use guard::{Cause, Colour, CoverArt, Format, Signature, Size, test_card};

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    for (width, height) in [(320, 180), (1280, 720), (360, 640)] {
        let size = Size { width, height };
        let card = test_card::draw(size);
        write(&format!("{folder}/card-{width}.ppm"), size, &card)?;
        let signature = Signature::of(&test_card::frame(&card, size));
        for (style, reader, cause) in [
            (CoverStyle::Solid, Reader::Adult, Cause::Found),
            (CoverStyle::Pixelate, Reader::Child, Cause::Found),
            (CoverStyle::Blur, Reader::Adult, Cause::Stalled),
        ] {
            let policy = Cover { style, radius_px: 64, reader, language: "en".into() };
            let art = CoverArt::new(Format::Rgb, Colour::Bt601, size, &policy, cause);
            let mut data = vec![0; art.n_bytes()];
            art.paint_packed(&mut data, &signature);
            write(&format!("{folder}/cover-{style:?}-{width}.ppm"), size, &data)?;
        }
    }
    Ok(())
}

fn write(path: &str, size: Size, rgb: &[u8]) -> std::io::Result<()> {
    let mut bytes = format!("P6 {} {} 255\n", size.width, size.height).into_bytes();
    bytes.extend(rgb);
    std::fs::write(path, bytes)
}
