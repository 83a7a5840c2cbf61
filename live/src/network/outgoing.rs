//! Which tag goes out next, and with what time?
//!
//! What leaves has a time line of its own, in which checkers come and go. While the checker brings fresh pictures they
//! go out; as soon as it does not, the cover does, over and over, from tags that were encoded beforehand: whoever sends
//! needs no encoder and never has the source. A player is switched over on a picture that needs no other.

use super::record::Record;
use super::tag::{Kind, Tag};

/// Without a picture from the checker for this long the cover goes out, milliseconds.
pub(crate) const SILENT_MS: u64 = 400;
/// A tag older than this waited in a stopped process: what it shows is of the past, milliseconds.
const OLD_MS: u64 = 1000;
/// Tags of one cover. It lasts a second or two; more than this is not a cover.
const SPARE_MAX: usize = 1024;

/// The outgoing stream. Times are the machine's monotonic clock, milliseconds.
#[derive(Default)]
pub(crate) struct Outgoing {
    /// When the stream began; its own time counts from here.
    began_ms: Option<u64>,
    /// What a player needs before the checker's tags.
    headers: [Option<Tag>; 3],
    spare: Vec<Tag>,
    /// A cover that is still coming.
    coming: Vec<Tag>,
    mode: Mode,
    /// The latest time sent, milliseconds since it began.
    sent_ms: u64,
    heard_ms: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    /// Nothing was sent on this connection.
    #[default]
    Fresh,
    /// The checker's tags, so much later than they say, milliseconds.
    Live { later_ms: i64 },
    /// The cover, from tag `next` of a round that began at this time of the stream, milliseconds.
    Spare { round_ms: u64, next: usize },
}

impl Outgoing {
    /// Takes what the keeper passed on; returns what is to be sent.
    pub(crate) fn hear(&mut self, record: Record, now_ms: u64) -> Vec<Vec<u8>> {
        match record {
            Record::Restart => {
                self.headers = [None, None, None];
                self.cover(now_ms)
            }
            Record::Cover => self.cover(now_ms),
            Record::Spare(bytes) if bytes.is_empty() => {
                self.spare = std::mem::take(&mut self.coming);
                Vec::new()
            }
            Record::Spare(bytes) => {
                let tag = Tag::parse(bytes).filter(|_| self.coming.len() < SPARE_MAX);
                self.coming.extend(tag);
                Vec::new()
            }
            Record::Tag { made_ms, bytes } => match Tag::parse(bytes) {
                Some(tag) => self.take(tag, made_ms, now_ms),
                None => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// What is due now, whoever is silent.
    pub(crate) fn tick(&mut self, now_ms: u64) -> Vec<Vec<u8>> {
        match self.mode {
            Mode::Live { .. } if now_ms.saturating_sub(self.heard_ms) > SILENT_MS => self.cover(now_ms),
            Mode::Live { .. } => Vec::new(),
            Mode::Fresh => self.cover(now_ms),
            Mode::Spare { .. } => self.spare_until(now_ms),
        }
    }

    /// Another connection: what was sent before counts for nothing.
    pub(crate) fn reconnected(&mut self) {
        self.mode = Mode::Fresh;
    }

    /// Whether the cover goes out instead of what the checker lets through.
    pub(crate) fn is_spare(&self) -> bool {
        !matches!(self.mode, Mode::Live { .. })
    }

    fn take(&mut self, tag: Tag, made_ms: u64, now_ms: u64) -> Vec<Vec<u8>> {
        if tag.is_header() {
            let place = match tag.kind {
                Kind::Script => 0,
                Kind::PictureHeader => 1,
                _ => 2,
            };
            let is_new = self.headers[place].as_ref() != Some(&tag);
            self.headers[place] = Some(tag.clone());
            return match self.mode {
                Mode::Live { .. } if is_new => vec![tag.at(self.sent_ms as u32)],
                _ => Vec::new(),
            };
        }
        if now_ms.saturating_sub(made_ms) > OLD_MS {
            return Vec::new();
        }
        if matches!(tag.kind, Kind::Key | Kind::Delta) {
            self.heard_ms = now_ms;
        }
        let mut sent = Vec::new();
        if self.is_spare() {
            if tag.kind != Kind::Key {
                return self.spare_until(now_ms);
            }
            let from_ms = self.next_ms(now_ms);
            self.mode = Mode::Live { later_ms: from_ms as i64 - i64::from(tag.at_ms) };
            sent.extend(self.headers.iter().flatten().map(|header| header.at(from_ms as u32)));
        }
        let Mode::Live { later_ms } = self.mode else { return sent };
        let at_ms = (i64::from(tag.at_ms) + later_ms).max(0) as u64;
        self.sent_ms = self.sent_ms.max(at_ms);
        sent.push(tag.at(at_ms as u32));
        sent
    }

    /// From now on the cover, if there is one.
    fn cover(&mut self, now_ms: u64) -> Vec<Vec<u8>> {
        if matches!(self.mode, Mode::Spare { .. }) || self.spare.is_empty() {
            // Without a cover nothing goes out at all.
            if self.spare.is_empty() {
                self.mode = Mode::Fresh;
            }
            return Vec::new();
        }
        let round_ms = self.next_ms(now_ms);
        self.mode = Mode::Spare { round_ms, next: 0 };
        self.spare_until(now_ms)
    }

    fn spare_until(&mut self, now_ms: u64) -> Vec<Vec<u8>> {
        let Mode::Spare { mut round_ms, mut next } = self.mode else { return Vec::new() };
        let now_ms = now_ms - self.began_ms.unwrap_or(now_ms);
        let mut sent = Vec::new();
        while let Some(tag) = self.spare.get(next) {
            let at_ms = round_ms + u64::from(tag.at_ms);
            if at_ms > now_ms {
                break;
            }
            self.sent_ms = self.sent_ms.max(at_ms);
            sent.push(tag.at(at_ms as u32));
            next += 1;
            if next == self.spare.len() {
                // Headers were sent with the first round.
                next = self.spare.iter().position(|tag| !tag.is_header()).unwrap_or(0);
                round_ms = self.sent_ms.max(now_ms) + 1;
            }
        }
        self.mode = Mode::Spare { round_ms, next };
        sent
    }

    /// The time of the stream at which something else can begin.
    fn next_ms(&mut self, now_ms: u64) -> u64 {
        let began_ms = *self.began_ms.get_or_insert(now_ms);
        (now_ms - began_ms).max(self.sent_ms + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tag::tests::tag;
    use super::*;

    fn record(kind: Kind, at_ms: u32, made_ms: u64) -> Record {
        Record::Tag { made_ms, bytes: tag(kind, at_ms).at(at_ms) }
    }

    fn kinds(sent: &[Vec<u8>]) -> Vec<(Kind, u32)> {
        sent.iter().map(|bytes| Tag::parse(bytes.clone()).unwrap()).map(|tag| (tag.kind, tag.at_ms)).collect()
    }

    /// With a cover of a key picture and a delta, 500 ms apart.
    fn with_cover(now_ms: u64) -> Outgoing {
        let mut outgoing = Outgoing::default();
        for (kind, at_ms) in [(Kind::PictureHeader, 0), (Kind::Key, 0), (Kind::Delta, 500)] {
            assert!(outgoing.hear(Record::Spare(tag(kind, at_ms).at(at_ms)), now_ms).is_empty());
        }
        assert!(outgoing.hear(Record::Spare(Vec::new()), now_ms).is_empty());
        outgoing
    }

    #[test]
    fn without_a_cover_nothing_goes_out() {
        let mut outgoing = Outgoing::default();
        assert!(outgoing.tick(5).is_empty());
        assert!(outgoing.hear(record(Kind::Delta, 0, 5), 5).is_empty(), "a player cannot begin here");
        assert_eq!(kinds(&outgoing.hear(record(Kind::Key, 40, 6), 6)), [(Kind::Key, 1)]);
        assert!(outgoing.tick(500).is_empty());
        assert!(outgoing.hear(record(Kind::Delta, 80, 600), 600).is_empty(), "silent since then");
    }

    #[test]
    fn the_cover_goes_round_until_the_checker_brings_a_picture() {
        let mut outgoing = with_cover(1000);
        assert!(outgoing.tick(1000).is_empty(), "its first picture comes a millisecond after it begins");
        assert_eq!(kinds(&outgoing.tick(1001)), [(Kind::PictureHeader, 1), (Kind::Key, 1)]);
        assert_eq!(kinds(&outgoing.tick(1501)), [(Kind::Delta, 501)]);
        assert_eq!(kinds(&outgoing.tick(1502)), [(Kind::Key, 502)], "the next round");
        outgoing.hear(record(Kind::PictureHeader, 0, 1600), 1600);
        let sent = kinds(&outgoing.hear(record(Kind::Key, 7000, 1600), 1600));
        assert_eq!(sent, [(Kind::PictureHeader, 600), (Kind::Key, 600)]);
        assert_eq!(kinds(&outgoing.hear(record(Kind::Sound, 7020, 1620), 1620)), [(Kind::Sound, 620)]);
    }

    #[test]
    fn a_silent_checker_is_covered_and_what_waited_is_dropped() {
        let mut outgoing = with_cover(0);
        outgoing.hear(record(Kind::Key, 0, 0), 0);
        assert!(outgoing.tick(SILENT_MS).is_empty());
        let sent = kinds(&outgoing.tick(SILENT_MS + 1));
        assert_eq!(sent, [(Kind::PictureHeader, 401), (Kind::Key, 401)]);
        assert!(outgoing.hear(record(Kind::Key, 40, 40), 3000).is_empty(), "three seconds old");
        assert!(outgoing.is_spare());
    }

    #[test]
    fn an_order_to_cover_holds_until_a_key_picture() {
        let mut outgoing = with_cover(0);
        outgoing.hear(record(Kind::Key, 0, 10), 10);
        assert!(!outgoing.is_spare());
        outgoing.hear(Record::Cover, 20);
        assert!(outgoing.is_spare());
        let sent = kinds(&outgoing.hear(record(Kind::Delta, 10, 30), 30));
        assert!(!sent.iter().any(|(kind, at_ms)| *kind == Kind::Delta && *at_ms < 500), "{sent:?}");
    }

    #[test]
    fn time_never_runs_back() {
        let mut outgoing = with_cover(0);
        let mut last_ms = 0;
        for step in 0..400u32 {
            let now_ms = u64::from(step) * 10;
            let mut sent = outgoing.tick(now_ms);
            if step % 100 == 0 {
                sent.extend(outgoing.hear(Record::Restart, now_ms));
            }
            if step % 100 > 40 && step % 4 == 0 {
                let kind = if step % 20 == 0 { Kind::Key } else { Kind::Delta };
                sent.extend(outgoing.hear(record(kind, (step % 100) * 10, now_ms), now_ms));
            }
            for (kind, at_ms) in kinds(&sent) {
                assert!(at_ms >= last_ms, "{kind:?} at {at_ms} after {last_ms}");
                last_ms = at_ms;
            }
        }
        assert!(last_ms > 3500);
    }
}
