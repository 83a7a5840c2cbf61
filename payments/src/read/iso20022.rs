//! What do ISO 20022 messages say: pacs.008, pain.001, camt.053?
//!
//! A pull reader keeps the path to the current element and the dozen values that a transfer needs; it never builds a
//! document. One element may hold 1 MiB and lie 64 deep; `DOCTYPE` is passed over and no entity of its own is resolved.
//!
//! Parties are told apart by account (IBAN or other identification), else by private identification. Names, dates of
//! birth and addresses are not read, but for the country of residence when no bank code or IBAN gives a country.
//!
//! Source: ISO 20022 message definitions pacs.008.001.08, pain.001.001.09 and camt.053.001.08 (element names and order).

use std::io::{self, BufRead, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{Door, Entry, Fields};
use crate::Error;

/// Reads transfers from one document.
#[derive(Debug)]
pub struct IsoReader<R: BufRead> {
    xml: Reader<Bounded<R>>,
    door: Door,
    buffer: Vec<u8>,
    path: String,
    ends: Vec<usize>,
    text: String,
    document: Scope,
    n_transfers: u64,
    has_message: bool,
    is_over: bool,
}

/// Values found so far: of the message or payment block, and of the transfer within it.
#[derive(Clone, Debug, Default)]
struct Scope {
    outer: Values,
    inner: Values,
    /// The account a statement is about.
    own: Side,
}

#[derive(Clone, Debug, Default)]
struct Values {
    ids: [String; 4],
    time: String,
    date: String,
    amount: String,
    currency: String,
    is_instructed: bool,
    debtor: Side,
    creditor: Side,
    purpose: String,
    is_credit: bool,
    is_reversal: bool,
    is_pending: bool,
    is_detailed: bool,
}

#[derive(Clone, Debug, Default)]
struct Side {
    account: String,
    private_id: String,
    bic: String,
    residence: String,
}

impl<R: BufRead> IsoReader<R> {
    /// Reads from `source` through `door`.
    pub fn new(source: R, door: Door) -> IsoReader<R> {
        IsoReader {
            xml: Reader::from_reader(Bounded { source, n_left: Bounded::<R>::ELEMENT_BYTES_MAX }),
            door,
            buffer: Vec::new(),
            path: String::new(),
            ends: Vec::new(),
            text: String::new(),
            document: Scope::default(),
            n_transfers: 0,
            has_message: false,
            is_over: false,
        }
    }

    fn read_on(&mut self) -> Result<Option<Entry>, Error> {
        loop {
            self.buffer.clear();
            self.xml.get_mut().n_left = Bounded::<R>::ELEMENT_BYTES_MAX;
            let position = self.xml.buffer_position();
            let fault = |reason: String| Error::Xml { position, reason };
            let event = self.xml.read_event_into(&mut self.buffer).map_err(|e| fault(e.to_string()))?;
            match event {
                Event::Start(start) => {
                    if self.ends.len() == DEPTH_MAX {
                        return Err(fault(format!("elements lie more than {DEPTH_MAX} deep")));
                    }
                    open(&mut self.path, &mut self.ends, &start);
                    self.text.clear();
                    let currency = currency_of(&start).map_err(fault)?;
                    self.document.begin(&self.path, currency);
                    self.has_message |= MESSAGES.contains(&last(&self.path));
                }
                Event::Empty(_) => {}
                Event::Text(text) => self.text.push_str(&text.decode().map_err(|e| fault(e.to_string()))?),
                Event::CData(text) => self.text.push_str(&text.decode().map_err(|e| fault(e.to_string()))?),
                Event::GeneralRef(_) => self.text.push('&'),
                Event::End(_) => {
                    let is_transfer = self.document.end(&self.path, self.text.trim());
                    self.text.clear();
                    let entry = is_transfer.then(|| self.entry());
                    self.path.truncate(self.ends.pop().unwrap_or(0));
                    if let Some(entry) = entry {
                        return Ok(Some(entry));
                    }
                }
                Event::Eof if !self.ends.is_empty() => return Err(fault("the document ends in the middle".to_owned())),
                Event::Eof if !self.has_message => return Err(Error::NoMessage),
                Event::Eof => return Ok(None),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::DocType(_) => {}
            }
        }
    }

    fn entry(&mut self) -> Entry {
        self.n_transfers += 1;
        self.document.admit(&self.door, self.n_transfers)
    }
}

impl<R: BufRead> Iterator for IsoReader<R> {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let outcome = self.read_on();
        self.is_over = !matches!(outcome, Ok(Some(_)));
        outcome.transpose()
    }
}

const DEPTH_MAX: usize = 64;
const MESSAGES: [&str; 3] = ["FIToFICstmrCdtTrf", "CstmrCdtTrfInitn", "BkToCstmrStmt"];

fn open(path: &mut String, ends: &mut Vec<usize>, start: &BytesStart<'_>) {
    ends.push(path.len());
    path.push('/');
    path.push_str(&String::from_utf8_lossy(start.local_name().as_ref()));
}

fn currency_of(start: &BytesStart<'_>) -> Result<Option<String>, String> {
    let attribute = start.try_get_attribute("Ccy").map_err(|e| e.to_string())?;
    Ok(attribute.map(|a| String::from_utf8_lossy(&a.value).into_owned()))
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or("")
}

impl Scope {
    fn begin(&mut self, path: &str, currency: Option<String>) {
        match last(path) {
            "FIToFICstmrCdtTrf" | "CstmrCdtTrfInitn" | "BkToCstmrStmt" => *self = Scope::default(),
            "PmtInf" | "Stmt" => {
                let time = std::mem::take(&mut self.outer.time);
                *self = Scope { outer: Values { time, ..Values::default() }, ..Scope::default() };
            }
            "CdtTrfTxInf" => self.inner = self.outer.clone(),
            "Ntry" => {
                self.outer = Values::default();
                self.inner = Values::default();
            }
            "TxDtls" => {
                self.outer.is_detailed = true;
                self.inner = self.outer.clone();
            }
            _ => {}
        }
        if let Some(currency) = currency {
            self.values(path).take_currency(path, currency);
        }
    }

    fn values(&mut self, path: &str) -> &mut Values {
        if path.contains("/CdtTrfTxInf") || path.contains("/TxDtls") { &mut self.inner } else { &mut self.outer }
    }

    /// Takes the text of the element that ends; true when a transfer is complete.
    fn end(&mut self, path: &str, text: &str) -> bool {
        if path.ends_with("/Stmt/Acct/Id/IBAN") || path.ends_with("/Stmt/Acct/Id/Othr/Id") {
            self.own.account = text.to_owned();
        } else if path.ends_with("/Stmt/Acct/Svcr/FinInstnId/BICFI") {
            self.own.bic = text.to_owned();
        } else if !text.is_empty() {
            self.values(path).take(path, text);
        }
        match last(path) {
            "CdtTrfTxInf" | "TxDtls" => true,
            "Ntry" if !self.outer.is_detailed => {
                self.inner = self.outer.clone();
                true
            }
            _ => false,
        }
    }

    fn admit(&self, door: &Door, line: u64) -> Entry {
        let values = &self.inner;
        // A reversal entry books the other way round; the parties stay those of the payment.
        let own_side_received = values.is_credit != values.is_reversal;
        let (debtor, creditor) = match (self.own.account.is_empty(), own_side_received) {
            (true, _) => (&values.debtor, &values.creditor),
            (false, true) => (&values.debtor, &self.own),
            (false, false) => (&self.own, &values.creditor),
        };
        let id = values.ids.iter().find(|id| !id.is_empty() && *id != "NOTPROVIDED").map_or("", String::as_str);
        let reversal_id = format!("{id}/reversal");
        let fields = Fields {
            id: if values.is_reversal { &reversal_id } else { id },
            reverses: if values.is_reversal { id } else { "" },
            time: if values.time.is_empty() { &values.date } else { &values.time },
            sender: debtor.id(),
            beneficiary: creditor.id(),
            amount: &values.amount,
            currency: &values.currency,
            from: debtor.country(),
            to: creditor.country(),
            channel: "bank",
            purpose: purpose_of(&values.purpose),
            status: if values.is_pending { "refused" } else { "" },
            ..Fields::default()
        };
        door.admit(&fields, line)
    }
}

impl Values {
    fn take_currency(&mut self, path: &str, currency: String) {
        match last(path) {
            "InstdAmt" => (self.currency, self.is_instructed) = (currency, true),
            "IntrBkSttlmAmt" | "Amt" if !self.is_instructed => self.currency = currency,
            _ => {}
        }
    }

    fn take(&mut self, path: &str, text: &str) {
        let text = text.to_owned();
        let ends = |tail: &str| path.ends_with(tail);
        match last(path) {
            "UETR" => self.ids[0] = text,
            "TxId" | "AcctSvcrRef" => self.ids[1] = text,
            "EndToEndId" => self.ids[2] = text,
            "InstrId" | "NtryRef" => self.ids[3] = text,
            "InstdAmt" => self.amount = text,
            "IntrBkSttlmAmt" if !self.is_instructed => self.amount = text,
            "Amt" if !self.is_instructed && (ends("/Ntry/Amt") || ends("/TxDtls/Amt") || ends("/TxAmt/Amt")) => {
                self.amount = text;
            }
            "CreDtTm" if self.time.is_empty() => self.time = text,
            "AccptncDtTm" => self.time = text,
            "DtTm" if ends("/ReqdExctnDt/DtTm") || ends("/BookgDt/DtTm") => self.time = text,
            "Dt" if ends("/ReqdExctnDt/Dt") || ends("/BookgDt/Dt") => self.date = text,
            "IntrBkSttlmDt" => self.date = text,
            "CdtDbtInd" if ends("/Ntry/CdtDbtInd") || ends("/TxDtls/CdtDbtInd") => self.is_credit = text == "CRDT",
            "RvslInd" => self.is_reversal = text == "true" || text == "1",
            "Cd" if ends("/Ntry/Sts/Cd") => self.is_pending = text == "PDNG",
            "Sts" if ends("/Ntry/Sts") && !text.is_empty() => self.is_pending = text == "PDNG",
            "Cd" if ends("/Purp/Cd") || (ends("/CtgyPurp/Cd") && self.purpose.is_empty()) => self.purpose = text,
            _ if path.contains("/Dbtr") => self.debtor.take(path, "Dbtr", text),
            _ if path.contains("/Cdtr") => self.creditor.take(path, "Cdtr", text),
            _ => {}
        }
    }
}

impl Side {
    fn take(&mut self, path: &str, role: &str, text: String) {
        let Some((_, rest)) = path.rsplit_once(&format!("/{role}")) else { return };
        match rest {
            "Acct/Id/IBAN" | "Acct/Id/Othr/Id" => self.account = text,
            "Agt/FinInstnId/BICFI" | "Agt/FinInstnId/BIC" => self.bic = text,
            "/Id/PrvtId/Othr/Id" | "/Pty/Id/PrvtId/Othr/Id" => self.private_id = text,
            "/CtryOfRes" | "/Pty/CtryOfRes" => self.residence = text,
            "/PstlAdr/Ctry" | "/Pty/PstlAdr/Ctry" if self.residence.is_empty() => self.residence = text,
            _ => {}
        }
    }

    fn id(&self) -> &str {
        if self.account.is_empty() { &self.private_id } else { &self.account }
    }

    /// The bank's country, else that of the IBAN, else that of residence.
    fn country(&self) -> &str {
        let iban =
            self.account.get(..2).filter(|c| c.bytes().all(|b| b.is_ascii_uppercase()) && self.account.len() > 14);
        self.bic.get(4..6).or(iban).unwrap_or(&self.residence)
    }
}

/// Codes of the external purpose code list that have a word of ours (ISO 20022 ExternalPurpose1Code).
fn purpose_of(code: &str) -> &'static str {
    match code {
        "" => "",
        "FAMI" => "family",
        "MDCS" | "HLTC" | "HLTI" => "medical",
        "EDUC" | "STDY" => "education",
        "GIFT" => "gift",
        "GDDS" | "SCVE" => "goods",
        _ => "other",
    }
}

/// A source that gives each XML event no more than a mebibyte.
#[derive(Debug)]
struct Bounded<R> {
    source: R,
    n_left: usize,
}

impl<R> Bounded<R> {
    const ELEMENT_BYTES_MAX: usize = 1024 * 1024;
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_taken = self.fill_buf()?.read(buffer)?;
        self.consume(n_taken);
        Ok(n_taken)
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.n_left == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "one element is longer than 1 MiB"));
        }
        let available = self.source.fill_buf()?;
        Ok(&available[..available.len().min(self.n_left)])
    }

    fn consume(&mut self, n_bytes: usize) {
        self.n_left = self.n_left.saturating_sub(n_bytes);
        self.source.consume(n_bytes);
    }
}

#[cfg(test)]
mod tests;
