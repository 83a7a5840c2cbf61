//! How does a look at a frame travel to another process, and what was found travel back?
//!
//! Messages of bytes, each after its length: a [`Look`] goes out, an [`Answer`] comes back. Whoever reads one believes
//! nothing: every length has a limit, and what does not fit is an error, never a frame that counts as judged.
//!
//! Numbers are little-endian. A look: `u64` frame, `u32` milliseconds left, `u8` format, `u8` colour, `u16` width,
//! `u16` height, `u8` regions (each `u8` kind, `u16` x, y, width, height), `u16` looks (each `u8` judge, `u8` region),
//! then the planes. An answer: `u64` frame, `u16` findings (each `u8` judge, `u8` region, `u8` what, and what belongs
//! to it). A text is its `u16` length and its bytes.

use std::io::{self, Read};
use std::time::Duration;

use guard::finding::{Finding, Found, FrameId, JudgeId, Match, RegionId, Score};
use guard::policy::RegionKind;
use guard::region::Region;
use guard::{Colour, Format, Frame, Rect, Size};

use crate::Error;
use crate::picture::{Packed, Picture};

/// A longer message is refused, bytes. A raw 4K frame has 12 MB in 4:2:0 and 33 MB in four bytes a pixel.
pub const BYTES_MAX: usize = 40 << 20;

/// What the judging process says first, when its judges are seated.
pub const READY: &[u8] = b"streamward-judge 1";

/// A frame that somebody wants looked at.
pub struct Look {
    /// Which frame.
    pub frame: FrameId,
    /// How long until its place is decided, when it was sent.
    pub left: Duration,
    /// Where to look.
    pub regions: Vec<Region>,
    /// Who looks where.
    pub looks: Vec<(JudgeId, RegionId)>,
    /// Its pixels.
    pub picture: Packed,
}

/// What was found in one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Which frame.
    pub frame: FrameId,
    /// A finding for each look.
    pub findings: Vec<Finding>,
}

const FORMATS: [Format; 6] = [Format::I420, Format::Nv12, Format::Rgb, Format::Rgba, Format::Bgrx, Format::Gray8];
const COLOURS: [Colour; 4] = [Colour::Bt601, Colour::Bt601Full, Colour::Bt709, Colour::Bt709Full];
/// In the order of [`kind_number`].
const KINDS: [RegionKind; 6] = [
    RegionKind::Whole,
    RegionKind::Trimmed,
    RegionKind::Quarters,
    RegionKind::Ninths,
    RegionKind::Insets,
    RegionKind::Given,
];

/// Reads one message, or `None` where the stream ends before one begins.
///
/// # Errors
/// What the stream says, or [`io::ErrorKind::InvalidData`] for a length above [`BYTES_MAX`].
pub fn read(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match input.read(&mut length)? {
        0 => return Ok(None),
        n => input.read_exact(&mut length[n..])?,
    }
    let n_bytes = u32::from_le_bytes(length) as usize;
    if n_bytes > BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; n_bytes];
    input.read_exact(&mut body)?;
    Ok(Some(body))
}

/// A body with its length before it.
pub fn framed(body: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(4 + body.len());
    message.extend((body.len() as u32).to_le_bytes());
    message.extend(body);
    message
}

/// The body of a look at `picture`.
pub fn look(
    frame: FrameId,
    left: Duration,
    regions: &[Region],
    looks: &[(JudgeId, RegionId)],
    picture: &Packed,
) -> Vec<u8> {
    let view = picture.frame();
    let mut body = Vec::with_capacity(64 + regions.len() * 9 + looks.len() * 2 + picture.data().len());
    body.extend(frame.0.to_le_bytes());
    body.extend((left.as_millis().min(u32::MAX.into()) as u32).to_le_bytes());
    body.push(place(&FORMATS, view.format()));
    body.push(place(&COLOURS, view.colour()));
    let mut number = |value: usize| body.extend((value as u16).to_le_bytes());
    number(view.size().width);
    number(view.size().height);
    body.push(regions.len() as u8);
    for Region { kind, rect } in regions {
        body.push(kind_number(*kind));
        let numbers = [rect.x, rect.y, rect.size.width, rect.size.height];
        body.extend(numbers.into_iter().flat_map(|value| (value as u16).to_le_bytes()));
    }
    body.extend((looks.len() as u16).to_le_bytes());
    body.extend(looks.iter().flat_map(|(judge, region)| [judge.0 as u8, region.0 as u8]));
    body.extend(picture.data());
    body
}

fn place<T: PartialEq>(all: &[T], value: T) -> u8 {
    all.iter().position(|other| *other == value).expect("every value is in its table") as u8
}

/// A new kind does not compile until it has its number here, and its place in [`KINDS`].
fn kind_number(kind: RegionKind) -> u8 {
    match kind {
        RegionKind::Whole => 0,
        RegionKind::Trimmed => 1,
        RegionKind::Quarters => 2,
        RegionKind::Ninths => 3,
        RegionKind::Insets => 4,
        RegionKind::Given => 5,
    }
}

impl Look {
    /// Reads the body of a message.
    ///
    /// # Errors
    /// [`Error::Wire`] when any part of it cannot be.
    pub fn parse(body: &[u8]) -> Result<Look, Error> {
        let mut rest = Rest(body);
        let (frame, left_ms) = (FrameId(rest.u64()?), rest.u32()?);
        let format = *FORMATS.get(usize::from(rest.u8()?)).ok_or(Error::Wire("it has no such format"))?;
        let colour = *COLOURS.get(usize::from(rest.u8()?)).ok_or(Error::Wire("it has no such colour"))?;
        let size = Size { width: rest.number()?, height: rest.number()? };
        let mut regions = Vec::new();
        for _ in 0..rest.u8()? {
            let kind = *KINDS.get(usize::from(rest.u8()?)).ok_or(Error::Wire("it has no such region"))?;
            let (x, y) = (rest.number()?, rest.number()?);
            regions.push(Region {
                kind,
                rect: Rect { x, y, size: Size { width: rest.number()?, height: rest.number()? } },
            });
        }
        let mut looks = Vec::new();
        for _ in 0..rest.u16()? {
            let (judge, region) = (JudgeId(rest.u8()?.into()), RegionId(rest.u8()?.into()));
            if region.0 >= regions.len() {
                return Err(Error::Wire("it asks for a look at no region"));
            }
            looks.push((judge, region));
        }
        let n_bytes: usize = (0..format.n_planes()).map(|p| format.plane_size(p, size)).map(|(w, h)| w * h).sum();
        if rest.0.len() != n_bytes {
            return Err(Error::Wire("its pixels are too few or too many"));
        }
        let picture = Packed::new(format, colour, size, rest.0.to_vec());
        let picture = picture.map_err(|_| Error::Wire("its size cannot be"))?;
        Ok(Look { frame, left: Duration::from_millis(left_ms.into()), regions, looks, picture })
    }

    /// The picture, borrowed.
    pub fn view(&self) -> Frame<'_> {
        self.picture.frame()
    }
}

impl Answer {
    /// The body of a message.
    pub fn body(&self) -> Vec<u8> {
        let mut body = self.frame.0.to_le_bytes().to_vec();
        body.extend((self.findings.len() as u16).to_le_bytes());
        for finding in &self.findings {
            body.extend([finding.judge.0 as u8, finding.region.0 as u8]);
            match &finding.found {
                Found::Clear => body.push(0),
                Found::Match(found) => {
                    body.push(1);
                    body.extend((found.distance_bits as u16).to_le_bytes());
                    text(&mut body, &found.list);
                    text(&mut body, &found.entry);
                }
                Found::Scores(scores) => {
                    body.extend([2, scores.len() as u8]);
                    for score in scores {
                        text(&mut body, &score.class);
                        body.extend(score.value.to_le_bytes());
                    }
                }
                Found::Failed => body.push(3),
            }
        }
        body
    }

    /// Reads the body of a message.
    ///
    /// # Errors
    /// [`Error::Wire`] when any part of it cannot be.
    pub fn parse(body: &[u8]) -> Result<Answer, Error> {
        let mut rest = Rest(body);
        let frame = FrameId(rest.u64()?);
        let mut findings = Vec::new();
        for _ in 0..rest.u16()? {
            let (judge, region) = (JudgeId(rest.u8()?.into()), RegionId(rest.u8()?.into()));
            let found = match rest.u8()? {
                0 => Found::Clear,
                1 => {
                    let distance_bits = rest.u16()?.into();
                    Found::Match(Match { distance_bits, list: rest.text()?.into(), entry: rest.text()?.into() })
                }
                2 => {
                    let n = rest.u8()?;
                    let score = |_| Ok(Score { class: rest.text()?.into(), value: f32::from_le_bytes(rest.take()?) });
                    Found::Scores((0..n).map(score).collect::<Result<_, Error>>()?)
                }
                3 => Found::Failed,
                _ => return Err(Error::Wire("it has no such finding")),
            };
            findings.push(Finding { frame, judge, region, found });
        }
        if !rest.0.is_empty() {
            return Err(Error::Wire("something follows its end"));
        }
        Ok(Answer { frame, findings })
    }
}

/// A text is cut at the longest length that the number before it can say.
fn text(body: &mut Vec<u8>, text: &str) {
    let text = &text[..text.floor_char_boundary(u16::MAX.into())];
    body.extend((text.len() as u16).to_le_bytes());
    body.extend(text.as_bytes());
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Error::Wire("it ends too soon"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u8(&mut self) -> Result<u8, Error> {
        self.take().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Result<u16, Error> {
        self.take().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, Error> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Error> {
        self.take().map(u64::from_le_bytes)
    }

    fn number(&mut self) -> Result<usize, Error> {
        self.u16().map(usize::from)
    }

    fn text(&mut self) -> Result<&'a str, Error> {
        let n_bytes = self.number()?;
        let (text, rest) = self.0.split_at_checked(n_bytes).ok_or(Error::Wire("it ends too soon"))?;
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| Error::Wire("its text is no text"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { width: 6, height: 4 };

    fn body() -> Vec<u8> {
        let picture = Packed::new(Format::I420, Colour::Bt709, SIZE, (0..36).collect()).unwrap();
        let whole = Rect { x: 0, y: 0, size: SIZE };
        let regions = KINDS.map(|kind| Region { kind, rect: whole });
        look(FrameId(7), Duration::from_millis(140), &regions, &[(JudgeId(1), RegionId(0))], &picture)
    }

    fn answer() -> Answer {
        let finding =
            |judge, found| Finding { frame: FrameId(9), judge: JudgeId(judge), region: RegionId(judge), found };
        let found = Match { list: "lists/ä.csv".into(), entry: "17".into(), distance_bits: 256 };
        let score = |class: &str, value| Score { class: class.into(), value };
        let scores = vec![score("Neutral", 0.75), score("Drawing", 0.25)];
        let all = [Found::Clear, Found::Match(found), Found::Scores(scores), Found::Failed];
        Answer { frame: FrameId(9), findings: all.into_iter().enumerate().map(|(n, f)| finding(n, f)).collect() }
    }

    #[test]
    fn a_look_and_an_answer_survive_the_way() {
        let read = Look::parse(&body()).unwrap();
        assert_eq!(
            (read.frame, read.left, &read.looks[..]),
            (FrameId(7), Duration::from_millis(140), &[(JudgeId(1), RegionId(0))][..])
        );
        assert_eq!((read.view().size(), read.view().colour()), (SIZE, Colour::Bt709));
        assert_eq!(read.picture.data(), (0..36).collect::<Vec<u8>>());
        assert_eq!(look(read.frame, read.left, &read.regions, &read.looks, &read.picture), body());
        assert_eq!(Answer::parse(&answer().body()).unwrap(), answer());
    }

    #[test]
    fn what_is_cut_off_or_too_long_is_refused() {
        for whole in [body(), answer().body()] {
            for end in 0..whole.len() {
                assert!(Look::parse(&whole[..end]).is_err() && Answer::parse(&whole[..end]).is_err(), "{end}");
            }
            let longer = [&whole[..], &[0]].concat();
            assert!(Look::parse(&longer).is_err() && Answer::parse(&longer).is_err());
        }
    }

    #[test]
    fn any_byte_may_be_wrong_and_nothing_breaks() {
        for whole in [body(), answer().body()] {
            for at in 0..whole.len() {
                for value in [0, 1, 4, 0x7f, 0xff] {
                    let mut broken = whole.clone();
                    broken[at] = value;
                    let _ = (Look::parse(&broken), Answer::parse(&broken));
                }
            }
        }
    }

    #[test]
    fn a_length_above_the_limit_is_not_read() {
        let mut bytes = ((BYTES_MAX + 1) as u32).to_le_bytes().to_vec();
        bytes.extend([0; 16]);
        assert_eq!(read(&mut &bytes[..]).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(read(&mut &framed(b"abc")[..]).unwrap().unwrap(), b"abc");
        assert!(read(&mut &b""[..]).unwrap().is_none());
        assert!(read(&mut &framed(b"abc")[..5]).is_err());
    }
}
