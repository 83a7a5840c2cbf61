//! In which order did transfers happen, and what was each worth?
//!
//! A [`Book`] holds transfers in the one order that matters: by time, and at equal times by id, however the file had
//! them. Two seconds alike are common; without a second key the result would depend on the sender of the file.
//! Beside each transfer lies its [`Row`]: the same facts as small numbers, which is all the windows read.

use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

use crate::error::{Field, Problem, Reject};
use crate::transfer::{Channel, Payee, Relation, Status};
use crate::{Corridor, Error, PartyId, Rates, Transfer};

/// What a row is told by: set bits of [`Row::marks`].
pub mod mark {
    /// Counts in the windows; else the row is of interest to nobody, or only as travel.
    pub const IN_SCOPE: u16 = 1;
    /// A travel purchase by the sender.
    pub const TRAVEL: u16 = 1 << 1;
    /// Within the pack's small amounts.
    pub const SMALL: u16 = 1 << 2;
    /// A round sum.
    pub const ROUND: u16 = 1 << 3;
    /// The sender's hour is known.
    pub const HOUR_KNOWN: u16 = 1 << 4;
    /// It was night where the sender was.
    pub const NIGHT: u16 = 1 << 5;
    /// The institution asked for the relation, and none was declared.
    pub const UNDECLARED: u16 = 1 << 6;
    /// A relation was declared, verified or not.
    pub const DECLARED: u16 = 1 << 7;
    /// A relation was declared and verified.
    pub const VERIFIED: u16 = 1 << 8;
    /// Paid to a school, biller, business or charity the institution has verified.
    pub const SERVICE: u16 = 1 << 9;
}

/// One transfer as numbers, 40 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Seconds since 1970, UTC.
    pub at_s: i64,
    /// Worth in minor units of the reference currency.
    pub value_minor: i64,
    /// Index into [`Book::parties`].
    pub sender: u32,
    /// Index into [`Book::parties`].
    pub beneficiary: u32,
    /// The row it takes back, or [`Row::NO_ROW`].
    pub reverses: u32,
    /// Index into [`Book::corridors`].
    pub corridor: u16,
    /// Index into [`Book::countries`], the sender's side.
    pub country: u16,
    /// Bits of [`mark`].
    pub marks: u16,
    /// As [`Channel`].
    pub channel: u8,
}

impl Row {
    /// In [`Row::reverses`]: takes nothing back.
    pub const NO_ROW: u32 = u32::MAX;

    /// Whether all bits of `marks` are set.
    #[inline]
    pub fn has(&self, marks: u16) -> bool {
        self.marks & marks == marks
    }

    /// Whether the row pays, and counts in windows and scores.
    #[inline]
    pub fn counts(&self) -> bool {
        self.has(mark::IN_SCOPE) && self.reverses == Row::NO_ROW
    }
}

/// Which transfers count, and what is small, or night: set by a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Only money that crosses a border.
    pub cross_border_only: bool,
    /// Amounts that the pack calls small, in minor units of the reference, both ends included.
    pub small_minor: std::ops::RangeInclusive<i64>,
    /// First hour of night on the sender's clock, `0..24`.
    pub night_from_hour: u8,
    /// First hour that is no longer night, `0..24`.
    pub night_to_hour: u8,
}

impl Scope {
    /// Whether `hour`, `0..24`, is at night.
    pub fn is_night(&self, hour: u8) -> bool {
        if self.night_from_hour <= self.night_to_hour {
            (self.night_from_hour..self.night_to_hour).contains(&hour)
        } else {
            hour >= self.night_from_hour || hour < self.night_to_hour
        }
    }

    fn marks_of(&self, transfer: &Transfer, value_minor: i64) -> u16 {
        match transfer.status {
            Status::Sent => self.marks(transfer, value_minor),
            Status::Refused => 0,
        }
    }

    fn marks(&self, transfer: &Transfer, value_minor: i64) -> u16 {
        let hour = transfer.at.local_hour();
        let reaches_a_person = !matches!(transfer.payee, Payee::Agent | Payee::Travel);
        let is_in_scope = reaches_a_person
            && transfer.sender != transfer.beneficiary
            && (transfer.corridor.is_cross_border() || !self.cross_border_only);
        let is_service = matches!(transfer.payee, Payee::School | Payee::Biller | Payee::Business | Payee::Charity);
        [
            (mark::IN_SCOPE, is_in_scope),
            (mark::TRAVEL, transfer.payee == Payee::Travel),
            (mark::SMALL, self.small_minor.contains(&value_minor)),
            (mark::ROUND, transfer.amount.is_round()),
            (mark::HOUR_KNOWN, hour.is_some()),
            (mark::NIGHT, hour.is_some_and(|hour| self.is_night(hour))),
            (mark::UNDECLARED, transfer.relation == Relation::Undeclared),
            (mark::DECLARED, matches!(transfer.relation, Relation::Declared | Relation::Verified)),
            (mark::VERIFIED, transfer.relation == Relation::Verified),
            (mark::SERVICE, is_service),
        ]
        .into_iter()
        .fold(0, |marks, (bit, is_set)| if is_set { marks | bit } else { marks })
    }
}

/// Transfers in order, each once, each priced.
#[derive(Clone, Debug, Default)]
pub struct Book {
    transfers: Vec<Transfer>,
    rows: Vec<Row>,
    parties: Vec<PartyId>,
    corridors: Vec<Corridor>,
    countries: Vec<crate::Country>,
    digest: Digest32,
    party_numbers: FxHashMap<PartyId, u32>,
    corridor_numbers: FxHashMap<Corridor, u16>,
    /// By 128 bits of the id's SHA-256: ids come from outside and may be chosen to collide in a weaker hash.
    rows_by_id: FxHashMap<[u8; 16], u32>,
}

/// SHA-256 over every transfer so far, in order: it grows by one link a transfer.
pub type Digest32 = [u8; 32];

impl Book {
    /// The most transfers one book can hold.
    pub const N_ROWS_MAX: usize = u32::MAX as usize - 1;

    /// Puts transfers in order, leaves out what cannot be used, and says what and why.
    ///
    /// The `line` of each reject counts transfers as they were given, from 1.
    ///
    /// # Errors
    /// [`Error::TooManyRows`].
    pub fn new(transfers: Vec<Transfer>, rates: &Rates, scope: &Scope) -> Result<(Book, Vec<Reject>), Error> {
        if transfers.len() > Self::N_ROWS_MAX {
            return Err(Error::TooManyRows { n_rows: transfers.len() });
        }
        let mut order: Vec<u32> = (0..transfers.len() as u32).collect();
        let key = |&i: &u32| (transfers[i as usize].at.utc_s, &transfers[i as usize].id, i);
        if !order.is_sorted_by_key(key) {
            order.sort_unstable_by_key(key);
        }
        let mut places: Vec<Option<Transfer>> = transfers.into_iter().map(Some).collect();
        let mut book = Book::default();
        let mut rejects = Vec::new();
        for place in order {
            let Some(transfer) = places[place as usize].take() else { continue };
            if let Err((field, problem)) = book.push(transfer, rates, scope) {
                rejects.push(Reject { line: u64::from(place) + 1, field: Field(field), problem });
            }
        }
        rejects.sort_by_key(|reject| reject.line);
        Ok((book, rejects))
    }

    /// Adds a transfer that is not earlier than the last one; gives its row.
    ///
    /// # Errors
    /// The field and what is wrong: a duplicate, a reused id, a reversal of nothing, no rate.
    pub fn push(&mut self, transfer: Transfer, rates: &Rates, scope: &Scope) -> Result<u32, (&'static str, Problem)> {
        if let Some(row) = self.find(&transfer.id) {
            let is_same = self.transfers[row as usize] == transfer;
            return Err(("id", if is_same { Problem::Duplicate } else { Problem::IdReused }));
        }
        let value_minor = rates.value_minor(transfer.amount, transfer.at.day()).map_err(|p| ("currency", p))?;
        self.arrive(transfer, value_minor, scope)
    }

    /// Adds a transfer whose worth is known, in order of arrival; gives its row.
    ///
    /// One that is earlier than the last is counted at the moment of the last: what was said before stays true.
    ///
    /// # Errors
    /// The field and what is wrong: a duplicate, a reversal of nothing, a full book.
    pub fn arrive(
        &mut self,
        transfer: Transfer,
        value_minor: i64,
        scope: &Scope,
    ) -> Result<u32, (&'static str, Problem)> {
        let index = self.admit(transfer, value_minor, scope)?;
        let transfer = &self.transfers[index as usize];
        self.digest = link(&self.digest, transfer, value_minor, &id_digest(&transfer.id));
        Ok(index)
    }

    /// As [`Book::arrive`], but for the chained hash, which the caller sets.
    pub(crate) fn admit(
        &mut self,
        transfer: Transfer,
        value_minor: i64,
        scope: &Scope,
    ) -> Result<u32, (&'static str, Problem)> {
        let id = id_digest(&transfer.id);
        if self.rows_by_id.contains_key(&id) {
            return Err(("id", Problem::Duplicate));
        }
        if self.rows.len() >= Self::N_ROWS_MAX {
            return Err(("row", Problem::BookFull));
        }
        let reverses = match &transfer.reverses {
            None => Row::NO_ROW,
            Some(id) => self.reversible(id).ok_or(("reverses", Problem::ReversesNothing))?,
        };
        let index = self.rows.len() as u32;
        let mut row = self.row(&transfer, value_minor, reverses, scope);
        if let Some(original) = self.rows.get(reverses as usize) {
            // A reversal belongs to the parties it takes back from, whichever way round the file writes them.
            (row.sender, row.beneficiary) = (original.sender, original.beneficiary);
        }
        if let Some(last) = self.rows.last() {
            row.at_s = row.at_s.max(last.at_s);
        }
        self.rows_by_id.insert(id, index);
        self.rows.push(row);
        self.transfers.push(transfer);
        Ok(index)
    }

    /// Marks every row anew, as another scope says. Order, worth and hash stay.
    pub fn rescope(&mut self, scope: &Scope) {
        for (row, transfer) in self.rows.iter_mut().zip(&self.transfers) {
            row.marks = scope.marks_of(transfer, row.value_minor);
        }
    }

    /// Whether every row is marked as `scope` says.
    pub(crate) fn is_marked_by(&self, scope: &Scope) -> bool {
        let mut all = self.rows.iter().zip(&self.transfers);
        all.all(|(row, transfer)| row.marks == scope.marks_of(transfer, row.value_minor))
    }

    /// The number of a party that occurs.
    pub fn number_of(&self, party: PartyId) -> Option<u32> {
        self.party_numbers.get(&party).copied()
    }

    /// The transfers, in order.
    pub fn transfers(&self) -> &[Transfer] {
        &self.transfers
    }

    /// The rows, in order, one for each transfer.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Everybody, by number; numbers follow the order of first appearance.
    pub fn parties(&self) -> &[PartyId] {
        &self.parties
    }

    /// All corridors, by number.
    pub fn corridors(&self) -> &[Corridor] {
        &self.corridors
    }

    /// All countries sent from, by number.
    pub fn countries(&self) -> &[crate::Country] {
        &self.countries
    }

    /// The chained hash of all transfers so far.
    pub fn digest(&self) -> Digest32 {
        self.digest
    }

    /// Sets the chained hash, as it was written down with the same transfers.
    pub(crate) fn set_digest(&mut self, digest: Digest32) {
        self.digest = digest;
    }

    /// The number of a corridor that occurs.
    pub(crate) fn corridor_of(&self, corridor: Corridor) -> Option<u16> {
        self.corridor_numbers.get(&corridor).copied()
    }

    /// The row of the transfer with this id.
    pub fn find(&self, id: &str) -> Option<u32> {
        self.rows_by_id.get(&id_digest(id)).copied()
    }

    /// The chained hash after each of `rows`, which ascend: what was known at those moments, and no more.
    pub fn digests_after(&self, rows: &[u32]) -> Vec<Digest32> {
        let mut digest = Digest32::default();
        let mut wanted = rows.iter().copied().peekable();
        let mut digests = Vec::with_capacity(rows.len());
        for (index, (transfer, row)) in (0..).zip(self.transfers.iter().zip(&self.rows)) {
            if wanted.peek().is_none() {
                break;
            }
            digest = link(&digest, transfer, row.value_minor, &id_digest(&transfer.id));
            while wanted.next_if_eq(&index).is_some() {
                digests.push(digest);
            }
        }
        digests
    }

    fn reversible(&self, id: &str) -> Option<u32> {
        let row = self.find(id)?;
        (self.rows[row as usize].reverses == Row::NO_ROW).then_some(row)
    }

    fn row(&mut self, transfer: &Transfer, value_minor: i64, reverses: u32, scope: &Scope) -> Row {
        let corridor = self.corridor_number(transfer.corridor);
        let country = match self.countries.iter().position(|&c| c == transfer.corridor.from) {
            Some(number) => number,
            None => {
                self.countries.push(transfer.corridor.from);
                self.countries.len() - 1
            }
        };
        let marks = scope.marks_of(transfer, value_minor);
        Row {
            at_s: transfer.at.utc_s,
            value_minor,
            sender: self.party_number(transfer.sender),
            beneficiary: self.party_number(transfer.beneficiary),
            reverses,
            corridor,
            country: country as u16,
            marks,
            channel: transfer.channel as u8,
        }
    }

    fn party_number(&mut self, party: PartyId) -> u32 {
        *self.party_numbers.entry(party).or_insert_with(|| {
            self.parties.push(party);
            self.parties.len() as u32 - 1
        })
    }

    /// There are 250 countries, so 62,500 corridors at most: a `u16` holds them all.
    fn corridor_number(&mut self, corridor: Corridor) -> u16 {
        *self.corridor_numbers.entry(corridor).or_insert_with(|| {
            self.corridors.push(corridor);
            self.corridors.len() as u16 - 1
        })
    }
}

/// How many kinds of [`Channel`] there are.
pub const N_CHANNELS: usize = Channel::ALL.len();

fn id_digest(id: &str) -> [u8; 16] {
    let digest: Digest32 = Sha256::digest(id.as_bytes()).into();
    digest.first_chunk().copied().expect("32 bytes begin with 16")
}

/// The next link: the last one, then everything about the transfer that a score can depend on.
fn link(previous: &Digest32, transfer: &Transfer, value_minor: i64, id: &[u8; 16]) -> Digest32 {
    let mut hash = Sha256::new();
    hash.update(previous);
    hash.update(id);
    hash.update(transfer.at.utc_s.to_le_bytes());
    hash.update(transfer.at.offset_min.unwrap_or(i16::MIN).to_le_bytes());
    hash.update(transfer.sender.0);
    hash.update(transfer.beneficiary.0);
    hash.update(transfer.amount.minor().to_le_bytes());
    hash.update(transfer.amount.currency().as_str());
    hash.update(value_minor.to_le_bytes());
    hash.update(transfer.corridor.from.as_str());
    hash.update(transfer.corridor.to.as_str());
    hash.update([
        transfer.channel as u8,
        transfer.payee as u8,
        transfer.relation as u8,
        transfer.purpose as u8,
        transfer.status as u8,
    ]);
    hash.update(transfer.reverses.as_deref().map_or([0; 16], id_digest));
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{corridor, scope, transfer};

    fn book(transfers: Vec<Transfer>) -> (Book, Vec<Reject>) {
        Book::new(transfers, &Rates::none(crate::Currency::EUR), &scope()).unwrap()
    }

    #[test]
    fn the_order_of_the_file_does_not_matter() {
        let [a, b, c] = [transfer("a", 100, 1, 2, 1500), transfer("b", 100, 1, 3, 1500), transfer("c", 50, 4, 2, 1500)];
        let (one, _) = book(vec![a.clone(), b.clone(), c.clone()]);
        let (two, _) = book(vec![b, c, a]);
        assert_eq!((one.rows(), one.transfers(), one.digest()), (two.rows(), two.transfers(), two.digest()));
        assert_eq!(one.transfers().iter().map(|t| &*t.id).collect::<Vec<_>>(), ["c", "a", "b"]);
    }

    #[test]
    fn what_cannot_be_used_is_named_and_left_out() {
        let first = transfer("a", 100, 1, 2, 1500);
        let mut foreign = transfer("b", 100, 1, 2, 1500);
        foreign.amount = crate::Amount::new(5, crate::Currency::parse("GBP").unwrap()).unwrap();
        let mut orphan = transfer("c", 100, 1, 2, 1500);
        orphan.reverses = Some("never".into());
        let mut reused = first.clone();
        reused.amount = crate::Amount::new(7, crate::Currency::EUR).unwrap();
        let (book, rejects) = book(vec![first.clone(), foreign, orphan, first, reused]);
        let found: Vec<(u64, Problem)> = rejects.iter().map(|r| (r.line, r.problem)).collect();
        let expected =
            [(2, Problem::NoRate), (3, Problem::ReversesNothing), (4, Problem::Duplicate), (5, Problem::IdReused)];
        assert_eq!(found, expected);
        assert_eq!(book.rows().len(), 1);
    }

    #[test]
    fn a_payment_to_oneself_or_to_an_agent_is_out_of_scope() {
        let to_self = transfer("a", 1, 1, 1, 1500);
        let mut to_agent = transfer("b", 2, 1, 2, 1500);
        to_agent.payee = Payee::Agent;
        let mut at_home = transfer("c", 3, 1, 2, 1500);
        at_home.corridor = corridor("GB", "GB");
        let mut refused = transfer("d", 4, 1, 2, 1500);
        refused.status = Status::Refused;
        let (book, rejects) = book(vec![to_self, to_agent, at_home, refused, transfer("e", 5, 1, 2, 1500)]);
        assert!(rejects.is_empty());
        assert_eq!(book.rows().iter().map(Row::counts).collect::<Vec<_>>(), [false, false, false, false, true]);
    }

    #[test]
    fn one_changed_fact_changes_the_digest() {
        let (before, _) = book(vec![transfer("a", 1, 1, 2, 1500), transfer("b", 2, 1, 2, 1500)]);
        let mut changed = transfer("a", 1, 1, 2, 1500);
        changed.relation = Relation::Verified;
        let (after, _) = book(vec![changed, transfer("b", 2, 1, 2, 1500)]);
        assert_ne!(before.digest(), after.digest());
        assert_eq!(before.digests_after(&[1, 1]), [before.digest(); 2]);
    }
}
