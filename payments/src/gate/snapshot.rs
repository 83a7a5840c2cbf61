//! How does a gate begin again without its whole log?
//!
//! A snapshot holds the transfers as they were taken, with their worth, the alerts as they were written, the packs as
//! they were proposed, and what became of the holds. The windows are reckoned anew from the rows; nothing is parsed, scored or chained a second time.
//! It ends with a SHA-256 over all before, so half of one or a changed one is refused, and the log is read instead.
//!
//! ```text
//! "swgate2\n"  length u32, JSON of `Rest`  count u64, transfers  SHA-256        integers little-endian
//! ```

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Event, Gate, Held, Hold, HoldRule, HoldState, Proposal, ProposalState, Proposed, member};
use crate::score::hex;
use crate::transfer::{Channel, Payee, Purpose, Relation, Status};
use crate::{Alert, Amount, Corridor, Country, Currency, Error, Level, Moment, Pack, PartyId, Transfer};

const MAGIC: &[u8; 8] = b"swgate2\n";
/// The longest part that is not transfers; alerts are a few kilobytes each.
const REST_BYTES_MAX: u32 = 1 << 30;

/// Everything but the transfers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rest {
    /// The caller's own words, such as how far the log goes.
    mark: String,
    begun: Event,
    rates_sha256: String,
    /// The book's chained hash.
    digest: String,
    corridors: Vec<(String, String)>,
    currencies: Vec<String>,
    /// What was proposed, against which pack, and what became of it.
    proposals: Vec<(Proposed, String, ProposalState)>,
    last_activated: Option<u32>,
    active_from: u32,
    alerts: Vec<Alert>,
    alert_rows: Vec<u32>,
    /// The last level and moment at which something was raised about a party.
    last_raised: Vec<(About, Level, i64)>,
    /// Number of the last alert about a party.
    alert_about: Vec<(About, u32)>,
    /// Row, whom it is about, hold.
    holds: Vec<(u32, Option<About>, Hold)>,
    /// Until when a party is cleared.
    cleared_until: Vec<(About, i64)>,
    outcomes: Vec<Event>,
    looks_below: Vec<Event>,
}

/// Place of the typology, number of the party.
type About = (u32, u32);

impl Gate {
    /// Writes everything that the gate knows, with a `mark` that [`Gate::restore`] gives back.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_snapshot(&self, mark: &str, out: &mut impl Write) -> io::Result<()> {
        let mut currencies: Vec<Currency> = self.book.transfers().iter().map(|t| t.amount.currency()).collect();
        currencies.sort_unstable();
        currencies.dedup();
        let row_of = |hold: &Hold| self.book.find(&hold.transfer).expect("a hold is of a transfer that was taken");
        let proposal = |one: &Proposal| (one.proposed.clone(), one.against.clone(), one.state.clone());
        // In order, so that the same gate gives the same bytes.
        let mut last_raised: Vec<_> = self.memory.all().map(|(about, (level, at_s))| (about, level, at_s)).collect();
        let mut alert_about: Vec<_> = self.alert_about.iter().map(|(&about, &number)| (about, number)).collect();
        let mut cleared_until: Vec<_> = self.cleared_until.iter().map(|(&about, &at_s)| (about, at_s)).collect();
        last_raised.sort_unstable();
        alert_about.sort_unstable();
        cleared_until.sort_unstable();
        let rest = Rest {
            mark: mark.to_owned(),
            begun: self.begun(),
            rates_sha256: self.rates_sha256.clone(),
            digest: hex(&self.book.digest()),
            corridors: self.book.corridors().iter().map(|c| (c.from.to_string(), c.to.to_string())).collect(),
            currencies: currencies.iter().map(|c| c.as_str().to_owned()).collect(),
            proposals: self.proposals.iter().map(proposal).collect(),
            last_activated: self.last_activated.map(|number| number as u32),
            active_from: self.active_from,
            alerts: self.alerts.clone(),
            alert_rows: self.alert_rows.clone(),
            last_raised,
            alert_about,
            holds: self.holds.iter().map(|held| (row_of(&held.hold), held.about, held.hold.clone())).collect(),
            cleared_until,
            outcomes: self.outcomes.clone(),
            looks_below: self.looks_below.clone(),
        };
        let rest = serde_json::to_vec(&rest).map_err(io::Error::other)?;
        let n_bytes = u32::try_from(rest.len()).ok().filter(|&n| n <= REST_BYTES_MAX);
        let n_bytes = n_bytes.ok_or_else(|| io::Error::other("more alerts than a snapshot holds"))?;
        let mut out = Summed { inner: out, sum: Sha256::new() };
        out.write_all(MAGIC)?;
        out.write_all(&n_bytes.to_le_bytes())?;
        out.write_all(&rest)?;
        out.write_all(&(self.book.rows().len() as u64).to_le_bytes())?;
        let mut bytes = Vec::with_capacity(256);
        for (transfer, row) in self.book.transfers().iter().zip(self.book.rows()) {
            let currency = currencies.binary_search(&transfer.amount.currency()).expect("each was gathered above");
            let corridor = self.book.corridor_of(transfer.corridor).expect("each was numbered when it was taken");
            bytes.clear();
            write_transfer(transfer, row.value_minor, corridor, currency as u16, &mut bytes);
            out.write_all(&bytes)?;
        }
        let sum = out.sum.finalize();
        out.inner.write_all(&sum)
    }

    /// Reads a snapshot back: the gate as it was, and the mark. `pack` is the one that held first.
    ///
    /// # Errors
    /// [`Error::Log`] when it breaks off, was changed, or is of another pack or rule.
    pub fn restore(pack: Pack, rule: HoldRule, input: &mut impl Read) -> Result<(Gate, String), Error> {
        let mut input = Summed { inner: input, sum: Sha256::new() };
        if input.array::<8>()? != *MAGIC {
            return Err(fault("it is no snapshot of this version"));
        }
        let n_bytes = u32::from_le_bytes(input.array()?);
        if n_bytes > REST_BYTES_MAX {
            return Err(fault("its first part is too long"));
        }
        let mut rest = Vec::new();
        input.by_ref().take(u64::from(n_bytes)).read_to_end(&mut rest).map_err(cut)?;
        let rest: Rest = serde_json::from_slice(&rest).map_err(|why| Error::Log(why.to_string()))?;
        let mut gate = Gate::new(pack, rule);
        if rest.begun != gate.begun() {
            return Err(fault("it is of another pack or rule"));
        }
        gate.take_over_packs(&rest)?;
        let names = Names::parse(&rest).ok_or_else(|| fault("it names an unknown country or currency"))?;
        let n_transfers = u64::from_le_bytes(input.array()?);
        for _ in 0..n_transfers {
            let (transfer, value_minor) = read_transfer(&mut input, &names)?;
            let scope = &gate.pack.scope;
            let index =
                gate.book.admit(transfer, value_minor, scope).map_err(|(_, why)| Error::Log(why.to_string()))?;
            let row = gate.book.rows()[index as usize];
            member(&mut gate.of_sender, row.sender).push(index);
            member(&mut gate.of_beneficiary, row.beneficiary).push(index);
            gate.stream.push(gate.book.rows(), index, gate.pack.spans);
        }
        let sum: [u8; 32] = input.sum.clone().finalize().into();
        if input.array::<32>()? != sum || rest.alert_rows.len() != rest.alerts.len() {
            return Err(fault("it does not add up"));
        }
        gate.book.set_digest(unhex(&rest.digest).ok_or_else(|| fault("its digest is none"))?);
        let (n_rows, n_alerts) = (gate.book.rows().len(), rest.alerts.len());
        let is_whole = rest.holds.iter().all(|(row, _, _)| (*row as usize) < n_rows)
            && rest.alert_rows.iter().all(|row| (*row as usize) < n_rows)
            && rest.alert_about.iter().all(|(_, number)| (*number as usize) < n_alerts);
        if !is_whole {
            return Err(fault("it names a transfer or an alert that it does not have"));
        }
        for (row, about, hold) in rest.holds {
            gate.n_open += usize::from(hold.state == HoldState::Open);
            let number = gate.holds.len() as u32;
            gate.hold_of_row.insert(row, number);
            gate.hold_numbers.insert(hold.id.clone(), number);
            gate.holds.push(Held { hold, about });
        }
        rest.last_raised.into_iter().for_each(|(about, level, at_s)| gate.memory.recall(about, level, at_s));
        gate.alert_about = rest.alert_about.into_iter().collect();
        gate.cleared_until = rest.cleared_until.into_iter().collect();
        gate.alert_numbers = rest.alerts.iter().zip(0..).map(|(alert, number)| (alert.id.clone(), number)).collect();
        (gate.alerts, gate.alert_rows, gate.rates_sha256) = (rest.alerts, rest.alert_rows, rest.rates_sha256);
        (gate.outcomes, gate.looks_below) = (rest.outcomes, rest.looks_below);
        Ok((gate, rest.mark))
    }

    fn take_over_packs(&mut self, rest: &Rest) -> Result<(), Error> {
        for (proposed, against, state) in &rest.proposals {
            let pack = Pack::parse(&proposed.pack, proposed.overlay.as_deref())?;
            let id = format!("pack-{}", self.proposals.len() + 1);
            let (proposed, against, state) = (proposed.clone(), against.clone(), state.clone());
            self.proposals.push(Proposal { id, pack, against, proposed, state });
        }
        if let Some(number) = rest.last_activated {
            let active = self.proposals.get(number as usize);
            self.pack = active.ok_or_else(|| fault("it names a pack that it does not have"))?.pack.clone();
            self.last_activated = Some(number as usize);
            self.active_from = rest.active_from;
        }
        Ok(())
    }
}

/// Corridors and currencies by number.
struct Names {
    corridors: Vec<Corridor>,
    currencies: Vec<Currency>,
}

impl Names {
    fn parse(rest: &Rest) -> Option<Names> {
        let corridor =
            |(from, to): &(String, String)| Some(Corridor { from: Country::parse(from)?, to: Country::parse(to)? });
        let corridors = rest.corridors.iter().map(corridor).collect::<Option<_>>()?;
        let currencies = rest.currencies.iter().map(|code| Currency::parse(code)).collect::<Option<_>>()?;
        Some(Names { corridors, currencies })
    }
}

fn write_transfer(transfer: &Transfer, value_minor: i64, corridor: u16, currency: u16, out: &mut Vec<u8>) {
    let text = |text: &str, out: &mut Vec<u8>| {
        out.extend((text.len() as u16).to_le_bytes());
        out.extend(text.as_bytes());
    };
    text(&transfer.id, out);
    text(transfer.reverses.as_deref().unwrap_or(""), out);
    out.extend(transfer.at.utc_s.to_le_bytes());
    out.extend(transfer.at.offset_min.unwrap_or(i16::MIN).to_le_bytes());
    out.extend(transfer.sender.0);
    out.extend(transfer.beneficiary.0);
    out.extend(transfer.amount.minor().to_le_bytes());
    out.extend(value_minor.to_le_bytes());
    out.extend(corridor.to_le_bytes());
    out.extend(currency.to_le_bytes());
    out.extend([
        transfer.channel as u8,
        transfer.payee as u8,
        transfer.relation as u8,
        transfer.purpose as u8,
        transfer.status as u8,
        u8::from(transfer.payout.is_some()),
    ]);
    out.extend(transfer.payout.map_or([0; 16], |party| party.0));
}

fn read_transfer(input: &mut Summed<&mut impl Read>, names: &Names) -> Result<(Transfer, i64), Error> {
    let broken = || fault("a transfer in it cannot be read");
    let id = input.text()?;
    let reverses = input.text()?;
    let utc_s = i64::from_le_bytes(input.array()?);
    let offset_min = i16::from_le_bytes(input.array()?);
    let (sender, beneficiary) = (PartyId(input.array()?), PartyId(input.array()?));
    let (minor, value_minor) = (i64::from_le_bytes(input.array()?), i64::from_le_bytes(input.array()?));
    let corridor = u16::from_le_bytes(input.array()?);
    let currency = u16::from_le_bytes(input.array()?);
    let [channel, payee, relation, purpose, status, has_payout] = input.array::<6>()?;
    let payout = PartyId(input.array()?);
    let currency = names.currencies.get(usize::from(currency)).copied().ok_or_else(broken)?;
    let transfer = Transfer {
        id,
        at: Moment { utc_s, offset_min: (offset_min != i16::MIN).then_some(offset_min) },
        sender,
        beneficiary,
        amount: Amount::new(minor, currency).map_err(|why| Error::Log(why.to_string()))?,
        corridor: names.corridors.get(usize::from(corridor)).copied().ok_or_else(broken)?,
        channel: Channel::ALL.get(usize::from(channel)).copied().ok_or_else(broken)?,
        payee: Payee::ALL.get(usize::from(payee)).copied().ok_or_else(broken)?,
        relation: Relation::ALL.get(usize::from(relation)).copied().ok_or_else(broken)?,
        purpose: Purpose::ALL.get(usize::from(purpose)).copied().ok_or_else(broken)?,
        status: Status::ALL.get(usize::from(status)).copied().ok_or_else(broken)?,
        payout: (has_payout == 1).then_some(payout),
        reverses: (!reverses.is_empty()).then_some(reverses),
    };
    Ok((transfer, value_minor))
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |at: usize| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok();
    let bytes: Vec<u8> = (0..32).map(digit).collect::<Option<_>>()?;
    bytes.try_into().ok().filter(|_| text.len() == 64)
}

/// What passes through, with a hash over it.
struct Summed<T> {
    inner: T,
    sum: Sha256,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.sum.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(bytes)?;
        self.sum.update(&bytes[..n]);
        Ok(n)
    }
}

impl<R: Read> Summed<R> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.read_exact(&mut bytes).map_err(cut)?;
        Ok(bytes)
    }

    fn text(&mut self) -> Result<Box<str>, Error> {
        let mut bytes = vec![0; usize::from(u16::from_le_bytes(self.array()?))];
        self.read_exact(&mut bytes).map_err(cut)?;
        String::from_utf8(bytes).map(Into::into).map_err(|_| fault("an id in it is no text"))
    }
}

fn fault(why: &str) -> Error {
    Error::Log(why.to_owned())
}

fn cut(why: io::Error) -> Error {
    Error::Log(format!("it breaks off: {why}"))
}
