//! `streamward testcard`: what does the picture look like that every guard must cover?

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::Args;
use guard::{Size, test_card};
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use tempfile::NamedTempFile;

use crate::hash::parse_size;

/// Draws the safety test card: a harmless picture that every guard must cover.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Width and height in pixels.
    #[arg(long, value_name = "WxH", default_value = "1280x720", value_parser = parse_size)]
    size: (usize, usize),
    /// The PNG file to write.
    #[arg(long, value_name = "FILE.png")]
    out: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let (width, height) = arguments.size;
    let png = png(Size { width, height });
    write(&arguments.out, &png).map_err(|error| {
        anyhow!(
            "cannot write the test card {}: {error}\n  to do: name a file in a folder that you may write to",
            arguments.out.display()
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The card as a PNG file.
pub(crate) fn png(size: Size) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (width, height) = (size.width as u32, size.height as u32);
    PngEncoder::new(&mut bytes)
        .write_image(&test_card::draw(size), width, height, ExtendedColorType::Rgb8)
        .expect("three bytes a pixel go into memory");
    bytes
}

/// Under its name only when it is whole.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}
