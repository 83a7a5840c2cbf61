//! `streamward hash`: what are the hashes of these files?

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};
use known::{Digester, Digests, Fingerprint};
use serde_json::json;

use crate::picture::{PIXELS_MAX, Picture, SIDE_MAX, Shrink};
use crate::video;

/// Prints the hashes of files, one line a file.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Subcommand)]
enum Kind {
    /// PDQ of pictures: `<64 hexadecimal digits> <quality> <file>`.
    Pdq(PdqArguments),
    /// vPDQ of a video: `frame,quality,hash,timestamp`, a line a frame.
    Vpdq(VpdqArguments),
    /// MD5 of files: `<32 hexadecimal digits> <file>`.
    Md5(DigestArguments),
    /// SHA-1 of files: `<40 hexadecimal digits> <file>`.
    Sha1(DigestArguments),
    /// SHA-256 of files: `<64 hexadecimal digits> <file>`.
    Sha256(DigestArguments),
}

#[derive(Args)]
struct PdqArguments {
    /// Picture files: BMP, GIF (first frame), JPEG, PNG, TIFF, WebP. Transparent parts are laid on white;
    /// the camera's orientation note is not applied, as in Meta's tool.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The files hold bare pixels of this size, three bytes each, and are hashed without shrinking.
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    raw: Option<(usize, usize)>,
    /// Hash at full size; without this a picture with a side over 512 is shrunk to 512×512, as by Meta's tool.
    #[arg(long)]
    full: bool,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct VpdqArguments {
    /// The video, in any format that GStreamer decodes here.
    video: PathBuf,
    /// One frame in so many seconds, as Meta's tools take 1; 0 takes every frame.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = parse_seconds)]
    every: f64,
    /// One JSON array, `hash,quality,timestamp` a frame, as Meta's Python package writes it.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct DigestArguments {
    /// Any files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// One JSON object a line, with all three digests.
    #[arg(long)]
    json: bool,
}

/// The largest file that is read into memory as a picture.
pub(crate) const PICTURE_BYTES_MAX: u64 = 512 << 20;

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.kind {
        Kind::Pdq(arguments) => each(&arguments.files, |file| pdq_line(file, arguments)),
        Kind::Vpdq(arguments) => vpdq(arguments),
        Kind::Md5(arguments) => each(&arguments.files, |file| digest_line(file, arguments.json, |[md5, _, _]| md5)),
        Kind::Sha1(arguments) => each(&arguments.files, |file| digest_line(file, arguments.json, |[_, sha1, _]| sha1)),
        Kind::Sha256(arguments) => {
            each(&arguments.files, |file| digest_line(file, arguments.json, |[_, _, sha256]| sha256))
        }
    }
}

/// Prints a line for each file that can be read and a sentence for each that cannot.
fn each(files: &[PathBuf], line: impl Fn(&Path) -> Result<String>) -> Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let mut code = ExitCode::SUCCESS;
    for file in files {
        match line(file) {
            Ok(line) => writeln!(out, "{line}").context("cannot write to standard output")?,
            Err(error) => {
                eprintln!("{error:#}");
                code = ExitCode::from(2);
            }
        }
    }
    Ok(code)
}

/// 0 when the video was read to its end, 3 when only in part.
fn vpdq(arguments: &VpdqArguments) -> Result<ExitCode> {
    // A file that is not there or not a file is told here, in this program's words.
    File::open(&arguments.video).and_then(|file| file.metadata()).map_err(|error| {
        anyhow!(
            "cannot read {}: {error}\n  to do: give a file that exists and that you may read",
            arguments.video.display()
        )
    })?;
    let frames = video::frames(&arguments.video, arguments.every)?;
    let text = match arguments.json {
        true => format!("{}\n", known::vpdq::write_json(&frames.features)),
        false => known::vpdq::write_text(&frames.features),
    };
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to standard output")?;
    Ok(match frames.in_part {
        None => ExitCode::SUCCESS,
        Some(why) => {
            eprintln!("{why}");
            ExitCode::from(3)
        }
    })
}

/// Reads a number of seconds, 0 to a day.
pub(crate) fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds @ 0.0..=86_400.0) => Ok(seconds),
        _ => Err("a number of seconds from 0 to 86400 is needed".into()),
    }
}

fn pdq_line(file: &Path, arguments: &PdqArguments) -> Result<String> {
    let bytes = read(file)?;
    let (picture, shrink) = match arguments.raw {
        Some(size) => (raw(file, bytes, size)?, Shrink::Never),
        None => (decode(file, &bytes)?, if arguments.full { Shrink::Never } else { Shrink::AsMeta }),
    };
    let pdq = picture.pdq(shrink);
    let (width, height) = picture.size();
    Ok(match arguments.json {
        true => json!({
            "file": file.display().to_string(), "hash": pdq.hash.to_string(), "quality": pdq.quality,
            "width": width, "height": height,
        })
        .to_string(),
        false => format!("{} {} {}", pdq.hash, pdq.quality, file.display()),
    })
}

fn raw(file: &Path, bytes: Vec<u8>, (width, height): (usize, usize)) -> Result<Picture> {
    if bytes.len() != width * height * 3 {
        bail!(
            "cannot hash {}: {width}×{height} pixels of three bytes are {} bytes, and the file has {}\n  \
             to do: give the size that the pixels were written with",
            file.display(),
            width * height * 3,
            bytes.len()
        );
    }
    Ok(Picture::of_rgb(width, height, bytes))
}

/// Unpacks a picture, or says why not.
pub(crate) fn decode(file: &Path, bytes: &[u8]) -> Result<Picture> {
    Picture::decode(bytes).map_err(|refused| {
        anyhow!(
            "cannot hash the picture {}: {refused}\n  to do: check that the file is whole and opens in a viewer",
            file.display()
        )
    })
}

/// Reads a whole file that may be a picture.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>> {
    let trouble = |what: String| {
        anyhow!("cannot read {}: {what}\n  to do: give a file that exists and that you may read", file.display())
    };
    let open = File::open(file).map_err(|error| trouble(error.to_string()))?;
    let metadata = open.metadata().map_err(|error| trouble(error.to_string()))?;
    if metadata.is_dir() {
        return Err(trouble("it is a directory".into()));
    }
    let mut bytes = Vec::new();
    open.take(PICTURE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| trouble(error.to_string()))?;
    match bytes.len() as u64 > PICTURE_BYTES_MAX {
        true => Err(trouble("it is larger than 512 MiB".into())),
        false => Ok(bytes),
    }
}

fn digest_line(file: &Path, is_json: bool, chosen: impl Fn([Fingerprint; 3]) -> Fingerprint) -> Result<String> {
    let digests = digests(file)?;
    let [md5, sha1, sha256] = digests.fingerprints();
    Ok(match is_json {
        true => json!({
            "file": file.display().to_string(), "md5": md5.to_string(), "sha1": sha1.to_string(),
            "sha256": sha256.to_string(), "bytes": digests.n_bytes,
        })
        .to_string(),
        false => format!("{} {}", chosen([md5, sha1, sha256]), file.display()),
    })
}

/// Reads a file of any size once.
pub(crate) fn digests(file: &Path) -> Result<Digests> {
    let trouble = |error: std::io::Error| {
        anyhow!("cannot read {}: {error}\n  to do: give a file that exists and that you may read", file.display())
    };
    let mut open = File::open(file).map_err(trouble)?;
    let mut digester = Digester::default();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match open.read(&mut buffer).map_err(trouble)? {
            0 => return Ok(digester.finish()),
            n_bytes => digester.update(&buffer[..n_bytes]),
        }
    }
}

/// Reads a size like 640x480.
pub(crate) fn parse_size(text: &str) -> Result<(usize, usize), String> {
    let sides = text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    match sides {
        Some((width @ 1..=SIDE_MAX, height @ 1..=SIDE_MAX)) if u64::from(width) * u64::from(height) <= PIXELS_MAX => {
            Ok((width as usize, height as usize))
        }
        _ => Err(format!("a size is written like 640x480, with sides from 1 to {SIDE_MAX}")),
    }
}
