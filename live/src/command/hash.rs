//! `streamward-guard hash`: which hashes do the frames of this video have?

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use crate::Error;
use crate::file::hashes;

/// Prints the PDQ hash of every frame of a video: `frame,quality,hash,timestamp`, as Meta's vPDQ writes it.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The video.
    input: PathBuf,
    /// One frame in so many seconds; 0 takes every frame.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = seconds)]
    every: f64,
}

/// 0 when the video was read to its end, 3 when it could be read only in part.
pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut written = Ok(());
    let ended = hashes::run(&arguments.input, arguments.every, |frame| {
        if written.is_ok() {
            written = out.write_all(known::vpdq::write_text(&[frame]).as_bytes());
        }
    })?;
    let failed = |source| Error::Write { path: "the standard output".into(), source };
    written.and_then(|()| out.flush()).map_err(failed)?;
    let input = arguments.input.display();
    match (ended.stopped_by, ended.unread_ms) {
        (None, 0) => return Ok(0),
        (Some(why), _) => eprintln!("{input} could be read only in part, {} frames: {why}", ended.n_hashed),
        (None, ms) => {
            eprintln!("{input} ends {:.1} s before the file says: that part could not be read", ms as f64 / 1000.0)
        }
    }
    Ok(3)
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds @ 0.0..=86_400.0) => Ok(seconds),
        _ => Err("a number of seconds from 0 to 86400 is needed".into()),
    }
}
