//! What does one party's window hold, and how does it change when a transfer enters or leaves?
//!
//! Every number is a whole one and moves by addition and subtraction, so that a window that slid for years holds
//! exactly what a fresh count would give. Queues keep the order of entry; a reversal takes its transfer out of the
//! middle, if it is still there.

use std::collections::VecDeque;

use super::Spans;
use super::sorted::Sorted;
use super::table::{Anew, Table};
use crate::book::{N_CHANNELS, Row, mark};

/// What a sender did on one corridor within the window, this transfer included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderFeatures {
    /// Transfers.
    pub n_transfers: u32,
    /// Different beneficiaries.
    pub n_beneficiaries: u32,
    /// Beneficiaries with whom no relation was declared although it was asked.
    pub n_unrelated: u32,
    /// Of those, the ones paid [`N_FREQUENT`] times or more.
    pub n_unrelated_frequent: u32,
    /// Of the unrelated, those paid [`N_REPEATED`] times or more and in no steady rhythm, whom at most [`N_FEW`] pay.
    pub n_obscure: u32,
    /// Of those, the ones whom nobody else pays.
    pub n_exclusive: u32,
    /// Transfers for which a relation was asked and none declared.
    pub n_undeclared: u32,
    /// Of those, within the pack's small amounts.
    pub n_undeclared_small: u32,
    /// Of those, whose local hour is known.
    pub n_undeclared_hour_known: u32,
    /// Of these, at night.
    pub n_undeclared_night: u32,
    /// Transfers within the pack's small amounts.
    pub n_small: u32,
    /// Round sums.
    pub n_round: u32,
    /// Transfers whose local hour is known.
    pub n_hour_known: u32,
    /// Of those, at night.
    pub n_night: u32,
    /// Transfers in the recent part of the window.
    pub n_recent: u32,
    /// Transfers to this beneficiary.
    pub n_to_this: u32,
    /// Transfers the other way, from this beneficiary, within the pair's window and on any corridor.
    pub n_from_this: u32,
    /// Travel purchases, on any corridor.
    pub n_travel: u32,
    /// Worth of all, in minor units of the reference.
    pub sum_minor: i64,
    /// Worth of those in the recent part.
    pub recent_sum_minor: i64,
    /// Median worth, halves rounded down.
    pub median_minor: i64,
    /// Seconds from the first to the last transfer in the window.
    pub spread_s: i64,
}

/// What the sender and this beneficiary have done together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PairFeatures {
    /// Transfers within the pair's window, this one included.
    pub n_transfers: u32,
    /// Of those, with a verified relation.
    pub n_verified: u32,
    /// Of those, to a school, biller, business or charity.
    pub n_service: u32,
    /// Seconds since the first transfer between the two, even if it was later taken back.
    pub age_s: i64,
    /// Seconds from the first to the last transfer in the pair's window.
    pub spread_s: i64,
    /// Variation of the gaps between transfers: standard deviation in percent of the mean; 0 with fewer than two gaps.
    pub gap_variation_percent: u32,
    /// Worth of the first [`N_REPEATED`] in the pair's window; 0 with fewer than twice as many.
    pub first_minor: i64,
    /// Worth of the latest [`N_REPEATED`]; 0 likewise.
    pub latest_minor: i64,
}

/// What a beneficiary received within the window, this transfer included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BeneficiaryFeatures {
    /// Transfers.
    pub n_transfers: u32,
    /// Different senders.
    pub n_senders: u32,
    /// Senders who declared no relation although asked.
    pub n_unrelated: u32,
    /// Of those, the ones who paid [`N_FREQUENT`] times or more.
    pub n_unrelated_frequent: u32,
    /// Senders who paid once.
    pub n_once: u32,
    /// Different countries sent from.
    pub n_countries: u32,
    /// Transfers within the pack's small amounts.
    pub n_small: u32,
    /// Transfers whose hour on the sender's clock is known.
    pub n_hour_known: u32,
    /// Of those, at night.
    pub n_night: u32,
    /// Transfers within the burst.
    pub n_burst: u32,
    /// Worth of all, in minor units of the reference.
    pub sum_minor: i64,
}

/// One row on its way into the windows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position<'a> {
    pub(crate) index: u32,
    pub(crate) row: &'a Row,
    /// The row that this one takes back.
    pub(crate) original: Option<&'a Row>,
    /// How many senders the beneficiary has in its window, this one included; the beneficiary's own windows need none.
    pub(crate) n_senders: u32,
}

/// All windows of one sender.
#[derive(Clone, Debug, Default)]
pub(crate) struct SenderWindows {
    /// The first `n_corridors` are in use; the rest keep their memory for the next party.
    corridors: Vec<(u16, CorridorWindow)>,
    n_corridors: usize,
    travel: VecDeque<Entry>,
    pairs: Table<PairWindow>,
}

impl SenderWindows {
    /// Forgets the party, keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.n_corridors = 0;
        self.travel.clear();
        self.pairs.clear();
    }

    /// Takes a row; gives the features after it and the sender's count at the last transfer on its corridor and channel.
    pub(crate) fn push(&mut self, at: Position<'_>, spans: Spans) -> (SenderFeatures, PairFeatures, u32) {
        if let Some(original) = at.original {
            self.reverse(at.row.reverses, original);
        } else if at.row.has(mark::TRAVEL) {
            self.travel.push_back(Entry::new(at));
        } else if at.row.counts() {
            return self.count(at, spans);
        }
        (SenderFeatures::default(), PairFeatures::default(), 0)
    }

    /// How many transfers to `beneficiary` since `since_s` there are.
    pub(crate) fn n_paid(&self, beneficiary: u32, since_s: i64) -> u32 {
        self.pairs.get(beneficiary).map_or(0, |pair| pair.n_since(since_s))
    }

    fn count(&mut self, at: Position<'_>, spans: Spans) -> (SenderFeatures, PairFeatures, u32) {
        while self.travel.front().is_some_and(|entry| entry.at_s < at.row.at_s - spans.window_s) {
            self.travel.pop_front();
        }
        let n_travel = self.travel.len() as u32;
        let pair = self.pairs.entry(at.row.beneficiary).push(at, spans);
        let window = self.corridor(at.row.corridor);
        let sender = window.push(at, &pair, spans);
        let previous = std::mem::replace(&mut window.standings[usize::from(at.row.channel)], sender.n_transfers);
        (SenderFeatures { n_travel, ..sender }, pair, previous)
    }

    fn reverse(&mut self, index: u32, original: &Row) {
        if original.has(mark::TRAVEL) {
            take(&mut self.travel, index);
        } else if original.counts() {
            self.corridor(original.corridor).reverse(index);
            self.pairs.entry(original.beneficiary).reverse(index);
        }
    }

    fn corridor(&mut self, corridor: u16) -> &mut CorridorWindow {
        let in_use = &self.corridors[..self.n_corridors];
        let place = match in_use.iter().position(|(number, _)| *number == corridor) {
            Some(place) => place,
            None => {
                match self.corridors.get_mut(self.n_corridors) {
                    Some((number, window)) => {
                        *number = corridor;
                        window.clear();
                    }
                    None => self.corridors.push((corridor, CorridorWindow::default())),
                }
                self.n_corridors += 1;
                self.n_corridors - 1
            }
        };
        &mut self.corridors[place].1
    }
}

/// One transfer in a queue.
#[derive(Clone, Copy, Debug)]
struct Entry {
    at_s: i64,
    value_minor: i64,
    index: u32,
    /// The party on the other side.
    other: u32,
    marks: u16,
    country: u16,
}

impl Entry {
    fn new(at: Position<'_>) -> Entry {
        let Row { at_s, value_minor, beneficiary, marks, country, .. } = *at.row;
        Entry { at_s, value_minor, index: at.index, other: beneficiary, marks, country }
    }

    fn has(&self, marks: u16) -> u32 {
        u32::from(self.marks & marks == marks)
    }
}

/// One transfer between two parties: what their window needs and no more, since there are many such windows.
#[derive(Clone, Copy, Debug)]
struct PairEntry {
    at_s: i64,
    value_minor: i64,
    index: u32,
    marks: u16,
}

impl PairEntry {
    fn has(&self, marks: u16) -> u32 {
        u32::from(self.marks & marks == marks)
    }
}

/// Takes the entry of row `index` out of a queue, and tells where it was.
fn take(entries: &mut VecDeque<Entry>, index: u32) -> Option<(usize, Entry)> {
    let place = entries.binary_search_by_key(&index, |entry| entry.index).ok()?;
    entries.remove(place).map(|entry| (place, entry))
}

fn spread_s(entries: &VecDeque<Entry>) -> i64 {
    match (entries.front(), entries.back()) {
        (Some(first), Some(last)) => last.at_s - first.at_s,
        _ => 0,
    }
}

fn clamped(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(i64::MAX)
}

/// From so many transfers within a window on, one party pays the other frequently: in 90 days the fewest with gaps under
/// 20 days (Australian Institute of Criminology, Trends & issues 634, abstract). Who gives monthly has three or four.
pub const N_FREQUENT: u32 = 5;

/// From so many transfers on, a payment was no single occasion: "a series", "repeated" (AUSTRAC, FATF; no number).
pub const N_REPEATED: u32 = 3;

/// Whom more customers pay than this within a window has a public; our judgement, since published cases say "multiple".
pub const N_FEW: u32 = 3;

/// Gaps that vary by no more than this, standard deviation in percent of their mean, are a steady rhythm. Weekly or
/// monthly support, given a few days early or late, stays well below it; dates drawn by chance come to about 100.
pub const STEADY_PERCENT_MAX: u32 = 50;

/// What an entry adds to the marks of its row, as it stood at its moment.
mod seen {
    /// More than [`super::N_FEW`] paid the beneficiary, or it is a verified school, biller, business or charity.
    pub(super) const BY_MANY: u16 = 1 << 13;
    /// Somebody else paid the beneficiary too, or it is such a payee.
    pub(super) const BY_OTHERS: u16 = 1 << 14;
    /// The pair kept a steady rhythm.
    pub(super) const STEADY: u16 = 1 << 15;
    pub(super) const ALL: u16 = BY_MANY | BY_OTHERS | STEADY;
}

/// The marks of a row and what was seen of its beneficiary and pair.
fn seen(at: Position<'_>, pair: &PairFeatures) -> u16 {
    let is_service = at.row.has(mark::SERVICE);
    let is_steady = pair.n_transfers >= N_REPEATED && pair.gap_variation_percent <= STEADY_PERCENT_MAX;
    (at.row.marks & !seen::ALL)
        | if is_service || at.n_senders > N_FEW { seen::BY_MANY } else { 0 }
        | if is_service || at.n_senders > 1 { seen::BY_OTHERS } else { 0 }
        | if is_steady { seen::STEADY } else { 0 }
}

/// How often each party on the other side occurs, and how it stands to this one.
#[derive(Clone, Debug, Default)]
struct Tally {
    others: Table<Other>,
    n_unrelated: u32,
    n_unrelated_frequent: u32,
    n_obscure: u32,
    n_exclusive: u32,
    n_once: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Other {
    n: u32,
    n_declared: u32,
    n_undeclared: u32,
    n_by_many: u32,
    n_by_others: u32,
    n_steady: u32,
}

impl Anew for Other {
    fn begin_anew(&mut self) {
        *self = Other::default();
    }
}

impl Other {
    /// It was asked, and never once was a relation declared.
    fn is_unrelated(self) -> bool {
        self.n_declared == 0 && self.n_undeclared > 0
    }

    /// Unrelated, paid again and again, not as support is paid, and never seen with a public. A rhythm can show at the
    /// third transfer and after, so two fewer than there are can be steady.
    fn is_obscure(self) -> bool {
        self.is_unrelated() && self.n >= N_REPEATED && self.n_by_many == 0 && 2 * self.n_steady + 1 < self.n
    }

    fn is_exclusive(self) -> bool {
        self.is_obscure() && self.n_by_others == 0
    }
}

impl Tally {
    /// Counts one in; gives how many there are now of the same.
    fn enter(&mut self, entry: &Entry) -> u32 {
        let other = self.others.entry(entry.other);
        let before = *other;
        other.n += 1;
        other.n_declared += entry.has(mark::DECLARED);
        other.n_undeclared += entry.has(mark::UNDECLARED);
        other.n_by_many += entry.has(seen::BY_MANY);
        other.n_by_others += entry.has(seen::BY_OTHERS);
        other.n_steady += entry.has(seen::STEADY);
        let after = *other;
        self.replace(before, after);
        after.n
    }

    fn leave(&mut self, entry: &Entry) {
        let other = self.others.entry(entry.other);
        let before = *other;
        other.n -= 1;
        other.n_declared -= entry.has(mark::DECLARED);
        other.n_undeclared -= entry.has(mark::UNDECLARED);
        other.n_by_many -= entry.has(seen::BY_MANY);
        other.n_by_others -= entry.has(seen::BY_OTHERS);
        other.n_steady -= entry.has(seen::STEADY);
        let after = *other;
        self.replace(before, after);
        if after.n == 0 {
            self.others.remove(entry.other);
        }
    }

    fn replace(&mut self, before: Other, after: Other) {
        let moved = |n: u32, is_one: fn(Other) -> bool| n + u32::from(is_one(after)) - u32::from(is_one(before));
        self.n_unrelated = moved(self.n_unrelated, Other::is_unrelated);
        self.n_unrelated_frequent =
            moved(self.n_unrelated_frequent, |other| other.is_unrelated() && other.n >= N_FREQUENT);
        self.n_obscure = moved(self.n_obscure, Other::is_obscure);
        self.n_exclusive = moved(self.n_exclusive, Other::is_exclusive);
        self.n_once = moved(self.n_once, |other| other.n == 1);
    }

    fn clear(&mut self) {
        self.others.clear();
        (self.n_unrelated, self.n_unrelated_frequent, self.n_once) = (0, 0, 0);
        (self.n_obscure, self.n_exclusive) = (0, 0);
    }
}

/// A sender's transfers on one corridor.
#[derive(Clone, Debug, Default)]
struct CorridorWindow {
    entries: VecDeque<Entry>,
    /// How many entries at the front are older than the recent part.
    n_earlier: usize,
    values: Sorted,
    beneficiaries: Tally,
    sum_minor: i128,
    recent_sum_minor: i128,
    n_small: u32,
    n_round: u32,
    n_hour_known: u32,
    n_night: u32,
    n_undeclared: u32,
    n_undeclared_small: u32,
    n_undeclared_hour_known: u32,
    n_undeclared_night: u32,
    /// The count at the last transfer through each channel.
    standings: [u32; N_CHANNELS],
}

impl CorridorWindow {
    fn push(&mut self, at: Position<'_>, pair: &PairFeatures, spans: Spans) -> SenderFeatures {
        while let Some(oldest) = self.entries.front().copied().filter(|e| e.at_s < at.row.at_s - spans.window_s) {
            self.entries.pop_front();
            self.leave(&oldest, 0);
        }
        let entry = Entry { marks: seen(at, pair), ..Entry::new(at) };
        self.values.insert(entry.value_minor);
        self.sum_minor += i128::from(entry.value_minor);
        self.recent_sum_minor += i128::from(entry.value_minor);
        self.n_small += entry.has(mark::SMALL);
        self.n_round += entry.has(mark::ROUND);
        self.n_hour_known += entry.has(mark::HOUR_KNOWN);
        self.n_night += entry.has(mark::NIGHT);
        self.n_undeclared += entry.has(mark::UNDECLARED);
        self.n_undeclared_small += entry.has(mark::UNDECLARED | mark::SMALL);
        self.n_undeclared_hour_known += entry.has(mark::UNDECLARED | mark::HOUR_KNOWN);
        self.n_undeclared_night += entry.has(mark::UNDECLARED | mark::NIGHT);
        let n_to_this = self.beneficiaries.enter(&entry);
        self.entries.push_back(entry);
        while let Some(entry) = self.entries.get(self.n_earlier).filter(|e| e.at_s < at.row.at_s - spans.recent_s) {
            self.recent_sum_minor -= i128::from(entry.value_minor);
            self.n_earlier += 1;
        }
        SenderFeatures {
            n_transfers: self.entries.len() as u32,
            n_beneficiaries: self.beneficiaries.others.len() as u32,
            n_unrelated: self.beneficiaries.n_unrelated,
            n_unrelated_frequent: self.beneficiaries.n_unrelated_frequent,
            n_obscure: self.beneficiaries.n_obscure,
            n_exclusive: self.beneficiaries.n_exclusive,
            n_undeclared: self.n_undeclared,
            n_undeclared_small: self.n_undeclared_small,
            n_undeclared_hour_known: self.n_undeclared_hour_known,
            n_undeclared_night: self.n_undeclared_night,
            n_small: self.n_small,
            n_round: self.n_round,
            n_hour_known: self.n_hour_known,
            n_night: self.n_night,
            n_recent: (self.entries.len() - self.n_earlier) as u32,
            n_to_this,
            n_from_this: 0,
            n_travel: 0,
            sum_minor: clamped(self.sum_minor),
            recent_sum_minor: clamped(self.recent_sum_minor),
            median_minor: self.values.median(),
            spread_s: spread_s(&self.entries),
        }
    }

    fn reverse(&mut self, index: u32) {
        if let Some((place, entry)) = take(&mut self.entries, index) {
            self.leave(&entry, place);
        }
    }

    /// Counts out an entry that was at `place`.
    fn leave(&mut self, entry: &Entry, place: usize) {
        self.values.remove(entry.value_minor);
        self.beneficiaries.leave(entry);
        self.sum_minor -= i128::from(entry.value_minor);
        if place < self.n_earlier {
            self.n_earlier -= 1;
        } else {
            self.recent_sum_minor -= i128::from(entry.value_minor);
        }
        self.n_small -= entry.has(mark::SMALL);
        self.n_round -= entry.has(mark::ROUND);
        self.n_hour_known -= entry.has(mark::HOUR_KNOWN);
        self.n_night -= entry.has(mark::NIGHT);
        self.n_undeclared -= entry.has(mark::UNDECLARED);
        self.n_undeclared_small -= entry.has(mark::UNDECLARED | mark::SMALL);
        self.n_undeclared_hour_known -= entry.has(mark::UNDECLARED | mark::HOUR_KNOWN);
        self.n_undeclared_night -= entry.has(mark::UNDECLARED | mark::NIGHT);
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.n_earlier = 0;
        self.values.clear();
        self.beneficiaries.clear();
        (self.sum_minor, self.recent_sum_minor) = (0, 0);
        (self.n_small, self.n_round, self.n_hour_known, self.n_night) = (0, 0, 0, 0);
        (self.n_undeclared, self.n_undeclared_small) = (0, 0);
        (self.n_undeclared_hour_known, self.n_undeclared_night) = (0, 0);
        self.standings = [0; N_CHANNELS];
    }
}

/// The transfers between one sender and one beneficiary.
#[derive(Clone, Debug, Default)]
struct PairWindow {
    entries: VecDeque<PairEntry>,
    first_s: Option<i64>,
    /// Sum of the squared gaps between neighbours, in s².
    squared_gaps: i128,
    n_verified: u32,
    n_service: u32,
}

impl Anew for PairWindow {
    fn begin_anew(&mut self) {
        self.entries.clear();
        self.first_s = None;
        self.squared_gaps = 0;
        (self.n_verified, self.n_service) = (0, 0);
    }
}

impl PairWindow {
    fn push(&mut self, at: Position<'_>, spans: Spans) -> PairFeatures {
        while let Some(oldest) = self.entries.front().copied().filter(|e| e.at_s < at.row.at_s - spans.pair_s) {
            self.squared_gaps -= self.squared_gap(0);
            self.entries.pop_front();
            self.leave(&oldest);
        }
        let entry =
            PairEntry { at_s: at.row.at_s, value_minor: at.row.value_minor, index: at.index, marks: at.row.marks };
        self.n_verified += entry.has(mark::VERIFIED);
        self.n_service += entry.has(mark::SERVICE);
        self.entries.push_back(entry);
        if let Some(last) = self.entries.len().checked_sub(2) {
            self.squared_gaps += self.squared_gap(last);
        }
        let first_s = *self.first_s.get_or_insert(at.row.at_s);
        let n_transfers = self.entries.len() as u32;
        let (first_minor, latest_minor) = self.ends_minor();
        let spread_s = at.row.at_s - self.entries.front().map_or(at.row.at_s, |first| first.at_s);
        PairFeatures {
            n_transfers,
            n_verified: self.n_verified,
            n_service: self.n_service,
            age_s: at.row.at_s - first_s,
            spread_s,
            gap_variation_percent: variation_percent(n_transfers.saturating_sub(1), spread_s, self.squared_gaps),
            first_minor,
            latest_minor,
        }
    }

    fn n_since(&self, since_s: i64) -> u32 {
        (self.entries.len() - self.entries.partition_point(|entry| entry.at_s < since_s)) as u32
    }

    /// Worth of the first and of the latest [`N_REPEATED`] transfers.
    fn ends_minor(&self) -> (i64, i64) {
        let n = N_REPEATED as usize;
        if self.entries.len() < 2 * n {
            return (0, 0);
        }
        let sum = |first: usize| {
            let each = self.entries.range(first..first + n);
            clamped(each.map(|entry| i128::from(entry.value_minor)).sum())
        };
        (sum(0), sum(self.entries.len() - n))
    }

    fn reverse(&mut self, index: u32) {
        let Ok(place) = self.entries.binary_search_by_key(&index, |entry| entry.index) else { return };
        self.squared_gaps -= self.squared_gap(place);
        if let Some(before) = place.checked_sub(1) {
            self.squared_gaps -= self.squared_gap(before);
        }
        if let Some(entry) = self.entries.remove(place) {
            self.leave(&entry);
        }
        if let Some(before) = place.checked_sub(1) {
            self.squared_gaps += self.squared_gap(before);
        }
    }

    /// The square of the gap after entry `place`; 0 when it is the last.
    fn squared_gap(&self, place: usize) -> i128 {
        match (self.entries.get(place), self.entries.get(place + 1)) {
            (Some(one), Some(next)) => i128::from(next.at_s - one.at_s).pow(2),
            _ => 0,
        }
    }

    fn leave(&mut self, entry: &PairEntry) {
        self.n_verified -= entry.has(mark::VERIFIED);
        self.n_service -= entry.has(mark::SERVICE);
    }
}

/// Standard deviation of `n_gaps` gaps in percent of their mean, rounded down, whole numbers throughout.
pub(crate) fn variation_percent(n_gaps: u32, sum_s: i64, squared_sum: i128) -> u32 {
    if n_gaps < 2 || sum_s <= 0 {
        return 0;
    }
    // sd / mean = sqrt(n·Σg² − (Σg)²) / Σg
    let spread = i128::from(n_gaps) * squared_sum - i128::from(sum_s).pow(2);
    let percent_squared = spread.max(0).saturating_mul(10_000) / i128::from(sum_s).pow(2);
    u32::try_from(percent_squared.isqrt()).unwrap_or(u32::MAX)
}

/// All windows of one beneficiary.
#[derive(Clone, Debug, Default)]
pub(crate) struct BeneficiaryWindows {
    entries: VecDeque<Entry>,
    /// How many entries at the front are older than the burst.
    n_before_burst: usize,
    senders: Tally,
    countries: Table<u32>,
    sum_minor: i128,
    n_small: u32,
    n_hour_known: u32,
    n_night: u32,
}

impl BeneficiaryWindows {
    /// Forgets the party, keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.n_before_burst = 0;
        self.senders.clear();
        self.countries.clear();
        self.sum_minor = 0;
        (self.n_small, self.n_hour_known, self.n_night) = (0, 0, 0);
    }

    /// Takes a row; gives the features after it.
    pub(crate) fn push(&mut self, at: Position<'_>, spans: Spans) -> BeneficiaryFeatures {
        match at.original {
            Some(_) => {
                if let Some((place, entry)) = take(&mut self.entries, at.row.reverses) {
                    self.leave(&entry, place);
                }
                BeneficiaryFeatures::default()
            }
            None if at.row.counts() => self.count(at, spans),
            None => BeneficiaryFeatures::default(),
        }
    }

    fn count(&mut self, at: Position<'_>, spans: Spans) -> BeneficiaryFeatures {
        while let Some(oldest) = self.entries.front().copied().filter(|e| e.at_s < at.row.at_s - spans.window_s) {
            self.entries.pop_front();
            self.leave(&oldest, 0);
        }
        let marks = at.row.marks & !seen::ALL;
        let entry = Entry { other: at.row.sender, marks, ..Entry::new(at) };
        self.senders.enter(&entry);
        *self.countries.entry(u32::from(entry.country)) += 1;
        self.sum_minor += i128::from(entry.value_minor);
        self.n_small += entry.has(mark::SMALL);
        self.n_hour_known += entry.has(mark::HOUR_KNOWN);
        self.n_night += entry.has(mark::NIGHT);
        self.entries.push_back(entry);
        while self.entries.get(self.n_before_burst).is_some_and(|e| e.at_s < at.row.at_s - spans.burst_s) {
            self.n_before_burst += 1;
        }
        BeneficiaryFeatures {
            n_transfers: self.entries.len() as u32,
            n_senders: self.senders.others.len() as u32,
            n_unrelated: self.senders.n_unrelated,
            n_unrelated_frequent: self.senders.n_unrelated_frequent,
            n_once: self.senders.n_once,
            n_countries: self.countries.len() as u32,
            n_small: self.n_small,
            n_hour_known: self.n_hour_known,
            n_night: self.n_night,
            n_burst: (self.entries.len() - self.n_before_burst) as u32,
            sum_minor: clamped(self.sum_minor),
        }
    }

    fn leave(&mut self, entry: &Entry, place: usize) {
        self.senders.leave(entry);
        let n = self.countries.entry(u32::from(entry.country));
        *n -= 1;
        if *n == 0 {
            self.countries.remove(u32::from(entry.country));
        }
        if place < self.n_before_burst {
            self.n_before_burst -= 1;
        }
        self.sum_minor -= i128::from(entry.value_minor);
        self.n_small -= entry.has(mark::SMALL);
        self.n_hour_known -= entry.has(mark::HOUR_KNOWN);
        self.n_night -= entry.has(mark::NIGHT);
    }
}
