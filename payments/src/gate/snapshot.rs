//! How does a gate begin again without its whole log?
//!
//! A snapshot holds the transfers as they were taken, with their worth, the alerts as they were written, and what became
//! of the holds. The windows are reckoned anew from the rows; nothing is parsed, scored or chained a second time.
//! It ends with a SHA-256 over all before, so half of one or a changed one is refused, and the log is read instead.
//!
//! ```text
//! "swgate1\n"  length u32, JSON of `Rest`  count u64, transfers  SHA-256        integers little-endian
//! ```

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Event, Gate, Held, Hold, HoldRule, member};
use crate::score::hex;
use crate::transfer::{Channel, Payee, Purpose, Relation, Status};
use crate::{Alert, Amount, Corridor, Country, Currency, Error, Moment, Pack, PartyId, Transfer};

const MAGIC: &[u8; 8] = b"swgate1\n";
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
    alerts: Vec<Alert>,
    /// Row and place of the typology, of each alert.
    places: Vec<(u32, u32)>,
    /// Row, place of the typology, hold.
    holds: Vec<(u32, u32, Hold)>,
    /// Place of the typology, number of the party, moment.
    cleared_until: Vec<(u32, u32, i64)>,
    outcomes: Vec<Event>,
}

impl Gate {
    /// Writes everything that the gate knows, with a `mark` that [`Gate::restore`] gives back.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_snapshot(&self, mark: &str, out: &mut impl Write) -> io::Result<()> {
        let mut currencies: Vec<Currency> = self.book.transfers().iter().map(|t| t.amount.currency()).collect();
        currencies.sort_unstable();
        currencies.dedup();
        let about = |alert: usize| (self.places[alert].0, self.typology_of(&self.alerts[alert]));
        let row_of = |hold: &Hold| self.book.find(&hold.transfer).expect("a hold is of a transfer that was taken");
        let mut cleared_until: Vec<(u32, u32, i64)> =
            self.cleared_until.iter().map(|(&(typology, party), &at_s)| (typology, party, at_s)).collect();
        cleared_until.sort_unstable();
        let rest = Rest {
            mark: mark.to_owned(),
            begun: self.begun(),
            rates_sha256: self.rates_sha256.clone(),
            digest: hex(&self.book.digest()),
            corridors: self.book.corridors().iter().map(|c| (c.from.to_string(), c.to.to_string())).collect(),
            currencies: currencies.iter().map(|c| c.as_str().to_owned()).collect(),
            alerts: self.alerts.clone(),
            places: (0..self.alerts.len()).map(about).collect(),
            holds: self.holds.iter().map(|held| (row_of(&held.hold), held.about.0, held.hold.clone())).collect(),
            cleared_until,
            outcomes: self.outcomes.clone(),
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

    fn typology_of(&self, alert: &Alert) -> u32 {
        let name = |place: &usize| {
            let typology = &self.pack.typologies[*place];
            alert.typology == format!("{} {}", typology.id, typology.version)
        };
        (0..self.pack.typologies.len()).find(name).expect("the gate's own pack wrote the alert") as u32
    }

    /// Reads a snapshot back: the gate as it was, and the mark.
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
        let names = Names::parse(&rest).ok_or_else(|| fault("it names an unknown country or currency"))?;
        let n_transfers = u64::from_le_bytes(input.array()?);
        let mut places = rest.places.iter().zip(rest.alerts.iter()).peekable();
        for _ in 0..n_transfers {
            let (transfer, value_minor) = read_transfer(&mut input, &names)?;
            let scope = &gate.pack.scope;
            let index =
                gate.book.admit(transfer, value_minor, scope).map_err(|(_, why)| Error::Log(why.to_string()))?;
            let row = gate.book.rows()[index as usize];
            member(&mut gate.of_sender, row.sender).push(index);
            member(&mut gate.of_beneficiary, row.beneficiary).push(index);
            let features = gate.stream.push(gate.book.rows(), index, gate.pack.spans);
            while let Some((&(_, typology), alert)) = places.next_if(|((row, _), _)| *row == index) {
                if typology as usize >= gate.pack.typologies.len() {
                    return Err(fault("an alert is of a typology that the pack does not have"));
                }
                let about = gate.party(typology as usize, index);
                let number = gate.places.len() as u32;
                gate.memory.recall(about, alert.level, row.at_s);
                gate.alert_about.insert(about, number);
                gate.alert_numbers.insert(alert.id.clone(), number);
                gate.places.push((index, features));
            }
        }
        let sum: [u8; 32] = input.sum.clone().finalize().into();
        if input.array::<32>()? != sum || gate.places.len() != rest.alerts.len() {
            return Err(fault("it does not add up"));
        }
        gate.book.set_digest(unhex(&rest.digest).ok_or_else(|| fault("its digest is none"))?);
        for (row, typology, hold) in rest.holds {
            let is_known = (row as usize) < gate.book.rows().len() && (typology as usize) < gate.pack.typologies.len();
            if !is_known {
                return Err(fault("a hold is of a transfer that it does not have"));
            }
            gate.n_open += usize::from(hold.state == super::HoldState::Open);
            let number = gate.holds.len() as u32;
            gate.hold_of_row.insert(row, number);
            gate.hold_numbers.insert(hold.id.clone(), number);
            gate.holds.push(Held { hold, about: gate.party(typology as usize, row) });
        }
        let cleared = rest.cleared_until.into_iter();
        gate.cleared_until = cleared.map(|(typology, party, at_s)| ((typology, party), at_s)).collect();
        (gate.alerts, gate.outcomes, gate.rates_sha256) = (rest.alerts, rest.outcomes, rest.rates_sha256);
        Ok((gate, rest.mark))
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
