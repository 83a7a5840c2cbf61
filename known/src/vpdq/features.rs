//! How are the hashes of a video's frames written down?
//!
//! As text, a frame a line, `frame,quality,hash,timestamp` with seconds to three places;
//! as JSON, an array of strings `hash,quality,timestamp`. An older JSON, an object from frame numbers to objects with
//! `quality`, `hash` and `timestamp`, is read too.
//! Source: `vpdqio.cpp` and `vpdq_util.py` in facebook/ThreatExchange.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use crate::error::FeatureError;
use crate::hash256::shortened;
use crate::{Error, Hash256};

/// The hash of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Which frame, from 0; in JSON, its place in the array.
    pub frame: u32,
    /// As in [`crate::pdq::Pdq::quality`], `0..=100`.
    pub quality: u8,
    /// The hash.
    pub hash: Hash256,
    /// When it is shown, in milliseconds from the start.
    pub timestamp_ms: u64,
}

/// The most frames that are read: at 60 a second, over two days.
pub const FEATURES_MAX: usize = 12_000_000;

/// No video is so many seconds long; larger numbers could not be written and read again.
const SECONDS_END: f64 = 1e11;

/// Reads one frame a line; empty lines are skipped.
///
/// # Errors
/// [`Error::Features`] with the first line that is wrong; nothing is read from such a text.
pub fn parse_text(text: &str) -> Result<Vec<Feature>, Error> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty());
    let features = lines.take(FEATURES_MAX + 1).map(|(place, line)| {
        let feature = match line.split(',').collect::<Vec<_>>()[..] {
            [frame, quality, hash, timestamp] => {
                let frame = frame.parse().map_err(|_| wrong(line));
                frame.and_then(|frame| feature(frame, quality, hash, timestamp))
            }
            _ => Err(wrong(line)),
        };
        feature.map_err(|wrong| Error::Features { place, wrong })
    });
    limited(features.collect())
}

/// Reads either JSON form.
///
/// # Errors
/// [`Error::Features`] with the first frame that is wrong; nothing is read from such a text.
pub fn parse_json(text: &str) -> Result<Vec<Feature>, Error> {
    let at = |place| move |wrong| Error::Features { place, wrong };
    let not_json = |error: serde_json::Error| at(error.line())(FeatureError::Json(error));
    if text.trim_start().starts_with('{') {
        let older: BTreeMap<u32, OlderFeature> = serde_json::from_str(text).map_err(not_json)?;
        let features = (1..).zip(older).map(|(place, (frame, older))| {
            let quality = u8::try_from(older.quality).ok().filter(|quality| *quality <= 100);
            let is_time = (0.0..SECONDS_END).contains(&older.timestamp);
            let timestamp_ms = is_time.then(|| (older.timestamp * 1e3).round() as u64);
            let (Some(quality), Some(timestamp_ms), Ok(hash)) = (quality, timestamp_ms, older.hash.parse()) else {
                return Err(at(place)(wrong(&older.hash)));
            };
            Ok(Feature { frame, quality, hash, timestamp_ms })
        });
        return limited(features.collect());
    }
    let strings: Vec<&str> = serde_json::from_str(text).map_err(not_json)?;
    let features = (0..).zip(strings).map(|(frame, string)| {
        let feature = match string.split(',').collect::<Vec<_>>()[..] {
            [hash, quality, timestamp] => feature(frame, quality, hash, timestamp),
            _ => Err(wrong(string)),
        };
        feature.map_err(at(frame as usize + 1))
    });
    limited(features.collect())
}

/// Writes what [`parse_text`] reads.
pub fn write_text(features: &[Feature]) -> String {
    let mut text = String::with_capacity(features.len() * 90);
    for Feature { frame, quality, hash, timestamp_ms } in features {
        let (s, ms) = (timestamp_ms / 1000, timestamp_ms % 1000);
        writeln!(text, "{frame},{quality},{hash},{s}.{ms:03}").expect("a string takes any text");
    }
    text
}

/// Writes the newer form that [`parse_json`] reads.
pub fn write_json(features: &[Feature]) -> String {
    let strings = features.iter().map(|Feature { quality, hash, timestamp_ms, .. }| {
        format!("\"{hash},{quality},{}.{:03}\"", timestamp_ms / 1000, timestamp_ms % 1000)
    });
    format!("[{}]", strings.collect::<Vec<_>>().join(", "))
}

#[derive(Deserialize)]
struct OlderFeature {
    quality: i64,
    hash: String,
    timestamp: f64,
}

fn feature(frame: u32, quality: &str, hash: &str, timestamp: &str) -> Result<Feature, FeatureError> {
    let quality = quality.parse().ok().filter(|quality| *quality <= 100).ok_or_else(|| wrong(quality))?;
    let hash = hash.parse().map_err(|_| wrong(hash))?;
    let timestamp_ms = milliseconds(timestamp).ok_or_else(|| wrong(timestamp))?;
    Ok(Feature { frame, quality, hash, timestamp_ms })
}

/// Seconds with any number of places, without a detour over binary fractions.
fn milliseconds(text: &str) -> Option<u64> {
    let (s, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if s.is_empty() || s.len() > 12 || !is_digits(s) || !is_digits(fraction) {
        return None;
    }
    let ms = fraction.bytes().chain(*b"000").take(3).fold(0, |ms, b| ms * 10 + u64::from(b - b'0'));
    Some(s.parse::<u64>().ok()? * 1000 + ms)
}

fn wrong(text: &str) -> FeatureError {
    FeatureError::Frame { found: shortened(text) }
}

fn limited(features: Result<Vec<Feature>, Error>) -> Result<Vec<Feature>, Error> {
    match features {
        Ok(features) if features.len() > FEATURES_MAX => {
            Err(Error::Features { place: FEATURES_MAX + 1, wrong: FeatureError::TooMany { n_max: FEATURES_MAX } })
        }
        features => features,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_json_forms_are_read() {
        let hash = "d8f8".repeat(16);
        let newer = format!("[\"{hash},77,1.5\"]");
        let older = format!("{{\"0\": {{\"quality\": 77, \"hash\": \"{hash}\", \"timestamp\": 1.5}}}}");
        let expected = [Feature { frame: 0, quality: 77, hash: hash.parse().unwrap(), timestamp_ms: 1500 }];
        assert_eq!(parse_json(&newer).unwrap(), expected);
        assert_eq!(parse_json(&older).unwrap(), expected);
        for endless in ["99999999999999999999", "1e300", "-1.5"] {
            assert!(parse_json(&older.replace("1.5", endless)).is_err(), "{endless}");
        }
    }

    #[test]
    fn the_first_wrong_line_is_named() {
        let good = format!("0,100,{},0.000\n", "d8f8".repeat(16));
        for bad in ["1,100,d8f8,0.0", "1,101,H,0.0", "1,100,H", "1,100,H,-1", "1,100,H,1e3", "x,100,H,0", "1,-1,H,0"] {
            let text = format!("{good}{}\n", bad.replace('H', &"d8f8".repeat(16)));
            assert!(matches!(parse_text(&text), Err(Error::Features { place: 2, .. })), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn features_round_trip(parts in prop::collection::vec((0u8..=100, any::<[u8; 32]>(), 0u64..1 << 40), 0..20)) {
            let features: Vec<Feature> = (0..)
                .zip(parts)
                .map(|(frame, (quality, hash, timestamp_ms))| Feature { frame, quality, hash: Hash256(hash), timestamp_ms })
                .collect();
            prop_assert_eq!(&parse_text(&write_text(&features)).unwrap(), &features);
            prop_assert_eq!(&parse_json(&write_json(&features)).unwrap(), &features);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,200}", json in "[\\[{\"0-9a-f,.:}\\] ]{0,120}") {
            let _ = (parse_text(&text), parse_json(&text), parse_text(&json), parse_json(&json));
        }
    }
}
