//! How does raw video pass through the guard from one program to another?
//!
//! YUV4MPEG2 comes in on one side and goes out on the other, frame by frame, every frame judged.
//! Format: `man 5 yuv4mpeg` of mjpegtools: a header line of tagged fields, then `FRAME` lines, each followed by the
//! three planes of one picture.

use std::io::{BufRead, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use guard::{CoverArt, Policy, Shown};

use crate::Error;
use crate::detectors::lock;
use crate::panel::PanelMaker;
use crate::picture::Packed;
use crate::report::{Incident, Report};
use crate::stream::{Event, Pace, Stream};

/// A header line longer than this is not one, bytes.
const LINE_BYTES_MAX: u64 = 1024;

/// What the header says.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The header itself, with its end.
    pub line: Vec<u8>,
    /// Width and height of every frame.
    pub size: guard::Size,
    /// From one frame to the next, `1 ms..=10 s`.
    pub frame: Duration,
}

/// Guards everything from `input` to `output`.
///
/// # Errors
/// [`Error::Y4m`] for a broken stream: what came before it has been guarded and written. [`Error::Write`] when the
/// reader of the output is gone.
pub fn run(
    input: &mut (impl BufRead + Send),
    output: &mut (impl Write + Send),
    policy: &Policy,
    maker: &PanelMaker,
    n_threads: usize,
) -> Result<Report, Error> {
    let header = Header::read(input)?;
    let stream: Arc<Stream<Packed, ()>> = Arc::new(Stream::start(policy.clone(), maker, Pace::Exact, n_threads)?);
    let read_outcome = Mutex::new(Ok(()));
    let written = std::thread::scope(|scope| {
        scope.spawn(|| {
            let outcome = header.feed(input, &stream);
            stream.end();
            *lock(&read_outcome) = outcome;
        });
        let written = header.drain(output, &stream, policy);
        stream.abort();
        written
    });
    let incidents = written?;
    read_outcome.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)?;
    Ok(Report { incidents, ..Report::new(stream.counts(), policy) })
}

impl Header {
    /// Reads the line that a stream begins with.
    ///
    /// # Errors
    /// [`Error::Y4m`] says what is wrong with it.
    pub fn read(input: &mut impl BufRead) -> Result<Header, Error> {
        let line = line(input)?.ok_or_else(|| broken("it is empty"))?;
        let text = std::str::from_utf8(&line).map_err(|_| broken("the header is not text"))?;
        let mut fields = text.trim_end().split(' ');
        if fields.next() != Some("YUV4MPEG2") {
            return Err(broken("it does not begin with YUV4MPEG2"));
        }
        let (mut width, mut height, mut rate) = (0, 0, (25.0, 1.0));
        for field in fields {
            let (tag, value) = field.split_at_checked(1).unwrap_or_default();
            match tag {
                "W" => width = value.parse().map_err(|_| broken("its width is no number"))?,
                "H" => height = value.parse().map_err(|_| broken("its height is no number"))?,
                "F" => rate = ratio(value).ok_or_else(|| broken("its frame rate is no ratio"))?,
                "C" if !value.starts_with("420") => return Err(broken("its chroma is not 4:2:0")),
                "C" if value.contains('p') && !matches!(value, "420jpeg" | "420mpeg2" | "420paldv") => {
                    return Err(broken("its samples have more than 8 bits"));
                }
                _ => (),
            }
        }
        let sides = 1..=guard::Frame::SIDE_MAX;
        if !sides.contains(&width) || !sides.contains(&height) {
            return Err(broken("its size is not from 1 to 16,384 pixels each way"));
        }
        let frame = Duration::from_secs_f64((rate.1 / rate.0).clamp(0.001, 10.0));
        Ok(Header { line: line.clone(), size: guard::Size { width, height }, frame })
    }

    fn n_bytes(&self) -> usize {
        let planes = (0..3).map(|plane| guard::Format::I420.plane_size(plane, self.size));
        planes.map(|(width, height)| width * height).sum()
    }

    /// Reads the next frame, or `None` at the end of the stream.
    ///
    /// # Errors
    /// [`Error::Y4m`] when what comes is no whole frame.
    pub fn next(&self, input: &mut impl BufRead) -> Result<Option<Packed>, Error> {
        let Some(line) = line(input)? else { return Ok(None) };
        if !line.starts_with(b"FRAME") {
            return Err(broken("a frame does not begin with FRAME"));
        }
        let mut data = vec![0; self.n_bytes()];
        input.read_exact(&mut data).map_err(|_| broken("it ends in the middle of a frame"))?;
        let picture = Packed::new(guard::Format::I420, guard::Colour::Bt601, self.size, data);
        Ok(Some(picture.expect("the size was checked and the bytes counted")))
    }

    fn feed(&self, input: &mut impl BufRead, stream: &Stream<Packed, ()>) -> Result<(), Error> {
        let mut at = Duration::ZERO;
        while let Some(picture) = self.next(input)? {
            stream.push(picture, (), at, &[]);
            at += self.frame;
        }
        Ok(())
    }

    fn drain(
        &self,
        output: &mut impl Write,
        stream: &Stream<Packed, ()>,
        policy: &Policy,
    ) -> Result<Vec<Incident>, Error> {
        let failed = |source| Error::Write { path: "the standard output".into(), source };
        let mut incidents = Vec::new();
        let mut covers = Covers::default();
        output.write_all(&self.line).map_err(failed)?;
        loop {
            match stream.next() {
                Event::Place { shown, .. } => {
                    output.write_all(b"FRAME\n").map_err(failed)?;
                    match shown {
                        Shown::Frame(released) | Shown::Repeat(released) => output.write_all(released.frame().data()),
                        Shown::Cover(cause, signature) => {
                            output.write_all(covers.paint(self.size, policy, cause, &signature))
                        }
                    }
                    .map_err(failed)?;
                }
                Event::Incident(incident) if incident.to.is_some() => incidents.push((&incident).into()),
                Event::Incident(_) | Event::State(_) => (),
                Event::End => break,
            }
        }
        output.flush().map_err(failed)?;
        Ok(incidents)
    }
}

/// What is painted over frames; the words of each cause are laid out once.
#[derive(Default)]
pub struct Covers {
    art: Vec<(guard::Cause, CoverArt)>,
    data: Vec<u8>,
}

impl Covers {
    /// Paints the cover of one place, the planes one after the other.
    pub fn paint(
        &mut self,
        size: guard::Size,
        policy: &Policy,
        cause: guard::Cause,
        signature: &guard::Signature,
    ) -> &[u8] {
        let (format, colour) = (guard::Format::I420, guard::Colour::Bt601);
        let index = self.art.iter().position(|(of, _)| *of == cause).unwrap_or_else(|| {
            self.art.push((cause, CoverArt::new(format, colour, size, &policy.cover, cause)));
            self.art.len() - 1
        });
        let art = &self.art[index].1;
        self.data.resize(art.n_bytes(), 0);
        art.paint_packed(&mut self.data, signature);
        &self.data
    }
}

/// One line with its end, or `None` at the end of the stream.
fn line(input: &mut impl BufRead) -> Result<Option<Vec<u8>>, Error> {
    let mut line = Vec::new();
    let failed = |error: std::io::Error| broken(&error.to_string());
    input.take(LINE_BYTES_MAX).read_until(b'\n', &mut line).map_err(failed)?;
    match line.last() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) => Err(broken("a header line has no end")),
    }
}

fn ratio(text: &str) -> Option<(f64, f64)> {
    let (top, bottom) = text.split_once(':')?;
    let (top, bottom) = (top.parse::<f64>().ok()?, bottom.parse::<f64>().ok()?);
    (top > 0.0 && bottom > 0.0).then_some((top, bottom))
}

fn broken(why: &str) -> Error {
    Error::Y4m(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Hired;

    fn guarded(bytes: &[u8]) -> (Result<Report, Error>, Vec<u8>) {
        let policy = Policy::shipped("test").unwrap();
        let maker = Hired::new(&policy).unwrap().into_maker();
        let mut output = Vec::new();
        let report = run(&mut &bytes[..], &mut output, &policy, &maker, 2);
        (report, output)
    }

    fn video(n_frames: usize, card_at: &[usize]) -> Vec<u8> {
        let size = guard::Size { width: 320, height: 180 };
        let card = guard::test_card::draw_in(guard::Format::I420, guard::Colour::Bt601, size);
        let mut bytes = b"YUV4MPEG2 W320 H180 F25:1 Ip C420jpeg\n".to_vec();
        for n in 0..n_frames {
            bytes.extend(b"FRAME\n");
            match card_at.contains(&n) {
                true => bytes.extend(&card),
                false => bytes.extend((0..320 * 270).map(|i| (i / 7 + i / 320 * 3 + n) as u8)),
            }
        }
        bytes
    }

    #[test]
    fn a_flash_of_the_card_is_covered_for_a_second_and_the_rest_comes_out_untouched() {
        let source = video(60, &[20]);
        let (report, output) = guarded(&source);
        let report = report.unwrap();
        assert_eq!((report.frames, report.judged, report.covered, report.released), (60, 60, 25, 35));
        assert_eq!((report.incidents[0].from_ms, report.incidents[0].to_ms), (800, Some(1800)));
        let frame_bytes = 6 + 320 * 270;
        let header = source.len() - 60 * frame_bytes;
        assert_eq!(output.len(), source.len());
        for n in 0..60 {
            let place = header + n * frame_bytes..header + (n + 1) * frame_bytes;
            assert_eq!(output[place.clone()] == source[place], !(20..45).contains(&n), "frame {n}");
        }
    }

    #[test]
    fn a_stream_cut_off_in_a_frame_is_guarded_up_to_there() {
        let source = video(5, &[]);
        let (report, output) = guarded(&source[..source.len() - 100]);
        assert!(report.unwrap_err().to_string().contains("in the middle of a frame"));
        assert_eq!(output.windows(6).filter(|window| window == b"FRAME\n").count(), 4);
    }

    #[test]
    fn what_is_not_yuv4mpeg_is_refused() {
        for bytes in [
            &b""[..],
            b"RIFF....AVI LIST",
            b"YUV4MPEG2 W320 H180 C444\n",
            b"YUV4MPEG2 W0 H180\n",
            b"YUV4MPEG2 W99999 H99999\n",
            b"YUV4MPEG2 W32x H18\n",
            b"YUV4MPEG2 W320 H180 F25\n",
            b"YUV4MPEG2 W320 H180 C420p10\n",
            &[b'Y'; 5000],
        ] {
            let (report, output) = guarded(bytes);
            assert!(matches!(report, Err(Error::Y4m(_))), "{:?}", String::from_utf8_lossy(bytes));
            assert!(output.is_empty());
        }
    }
}
