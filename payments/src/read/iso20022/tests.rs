//! Does every message give the transfer it describes, and no damage more than an error?

use proptest::prelude::*;

use super::*;
use crate::PartyKey;
use crate::error::{Field, Problem, Reject};

const PACS008: &str = r#"<?xml version="1.0"?>
<Envelope xmlns="urn:x"><h:AppHdr xmlns:h="urn:h"><h:CreDt>2026-03-01T11:00:00Z</h:CreDt></h:AppHdr>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"><FIToFICstmrCdtTrf>
<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-03-01T12:00:00Z</CreDtTm><NbOfTxs>2</NbOfTxs></GrpHdr>
<CdtTrfTxInf><PmtId><InstrId>I1</InstrId><EndToEndId>E1</EndToEndId><UETR>u-1</UETR></PmtId>
<IntrBkSttlmAmt Ccy="EUR">17.50</IntrBkSttlmAmt><IntrBkSttlmDt>2026-03-01</IntrBkSttlmDt><InstdAmt Ccy="GBP">15.00</InstdAmt>
<Dbtr><Nm>Somebody &amp; Son</Nm><PstlAdr><Ctry>NL</Ctry></PstlAdr></Dbtr><DbtrAcct><Id><IBAN>GB29NWBK60161331926819</IBAN></Id></DbtrAcct>
<DbtrAgt><FinInstnId><BICFI>AAAAGB2L</BICFI></FinInstnId></DbtrAgt><CdtrAgt><FinInstnId><BICFI>BBBBPHMM</BICFI></FinInstnId></CdtrAgt>
<Cdtr><Nm>Somebody Else</Nm></Cdtr><CdtrAcct><Id><Othr><Id>000111222</Id></Othr></Id></CdtrAcct><Purp><Cd>FAMI</Cd></Purp></CdtTrfTxInf>
<CdtTrfTxInf><PmtId><EndToEndId>E2</EndToEndId></PmtId><IntrBkSttlmAmt Ccy="EUR">20</IntrBkSttlmAmt>
<Dbtr><CtryOfRes>NL</CtryOfRes><Id><PrvtId><Othr><Id>+31 600</Id></Othr></PrvtId></Id></Dbtr>
<Cdtr><PstlAdr><Ctry>BE</Ctry></PstlAdr></Cdtr></CdtTrfTxInf>
</FIToFICstmrCdtTrf></Document></Envelope>"#;

const PAIN001: &str = r#"<Document><CstmrCdtTrfInitn><GrpHdr><CreDtTm>2026-03-01T12:00:00Z</CreDtTm></GrpHdr>
<PmtInf><ReqdExctnDt><Dt>2026-03-02</Dt></ReqdExctnDt><DbtrAcct><Id><IBAN>DE02120300000000202051</IBAN></Id></DbtrAcct>
<CdtTrfTxInf><PmtId><EndToEndId>E1</EndToEndId></PmtId><Amt><InstdAmt Ccy="EUR">30.00</InstdAmt></Amt><CdtrAcct><Id><IBAN>RO49AAAA1B31007593840000</IBAN></Id></CdtrAcct></CdtTrfTxInf>
<CdtTrfTxInf><PmtId><EndToEndId>E2</EndToEndId></PmtId><Amt><InstdAmt Ccy="EUR">40.00</InstdAmt></Amt><CdtrAcct><Id><IBAN>RO09BCYP0000001234567890</IBAN></Id></CdtrAcct></CdtTrfTxInf>
</PmtInf></CstmrCdtTrfInitn></Document>"#;

const CAMT053: &str = r#"<Document><BkToCstmrStmt><GrpHdr><CreDtTm>2026-03-03T00:00:00Z</CreDtTm></GrpHdr><Stmt>
<Acct><Id><IBAN>PH00BANK0000000000001</IBAN></Id><Svcr><FinInstnId><BICFI>BBBBPHMM</BICFI></FinInstnId></Svcr></Acct>
<Bal><Amt Ccy="PHP">99999</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
<Ntry><Amt Ccy="PHP">1500</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-03-01</Dt></BookgDt>
<NtryDtls><TxDtls><Refs><EndToEndId>E1</EndToEndId></Refs><Amt Ccy="PHP">700</Amt><RltdPties><DbtrAcct><Id><IBAN>GB29NWBK60161331926819</IBAN></Id></DbtrAcct></RltdPties></TxDtls>
<TxDtls><Refs><EndToEndId>E2</EndToEndId></Refs><Amt Ccy="PHP">800</Amt><RltdPties><DbtrAcct><Id><IBAN>DE02120300000000202051</IBAN></Id></DbtrAcct></RltdPties></TxDtls></NtryDtls></Ntry>
<Ntry><NtryRef>N3</NtryRef><Amt Ccy="PHP">50</Amt><CdtDbtInd>DBIT</CdtDbtInd><BookgDt><DtTm>2026-03-02T08:00:00+08:00</DtTm></BookgDt></Ntry>
<Ntry><Amt Ccy="PHP">700</Amt><CdtDbtInd>DBIT</CdtDbtInd><RvslInd>true</RvslInd><BookgDt><Dt>2026-03-02</Dt></BookgDt>
<NtryDtls><TxDtls><Refs><EndToEndId>E1</EndToEndId></Refs><RltdPties><DbtrAcct><Id><IBAN>GB29NWBK60161331926819</IBAN></Id></DbtrAcct></RltdPties></TxDtls></NtryDtls></Ntry>
</Stmt></BkToCstmrStmt></Document>"#;

fn door() -> Door {
    Door::plain(PartyKey::new(&[1; 32]).unwrap())
}

fn read(text: &str) -> Vec<Entry> {
    IsoReader::new(text.as_bytes(), door()).map(Result::unwrap).collect()
}

fn summary(entry: &Entry) -> String {
    match entry {
        Entry::Reject(reject) => reject.to_string(),
        Entry::Transfer { transfer: t, .. } => {
            format!("{} {} {} {} {}", t.id, t.at.to_rfc3339(), t.amount, t.corridor, t.purpose.as_str())
        }
    }
}

#[test]
fn a_pacs008_gives_each_of_its_transfers() {
    let entries = read(PACS008);
    assert_eq!(summary(&entries[0]), "u-1 2026-03-01T12:00:00Z GBP 15.00 GB-PH family");
    let Entry::Transfer { transfer: first, .. } = &entries[0] else { panic!("good") };
    assert_eq!(first.sender, door().key.hide("GB29NWBK60161331926819"));
    assert_eq!(first.beneficiary, door().key.hide("000111222"));
    let nobody = Reject { line: 2, field: Field("beneficiary"), problem: Problem::Missing };
    assert_eq!(entries[1..], [Entry::Reject(nobody)]);
}

#[test]
fn a_pain001_gives_its_blocks_debtor_to_every_transfer() {
    let lines: Vec<String> = read(PAIN001).iter().map(summary).collect();
    assert_eq!(
        lines,
        ["E1 2026-03-01T12:00:00Z EUR 30.00 DE-RO unstated", "E2 2026-03-01T12:00:00Z EUR 40.00 DE-RO unstated"]
    );
}

#[test]
fn a_camt053_gives_details_entries_and_reversals() {
    let lines: Vec<String> = read(CAMT053).iter().map(summary).collect();
    assert_eq!(
        lines,
        [
            "E1 2026-03-01T00:00:00Z PHP 700.00 GB-PH unstated",
            "E2 2026-03-01T00:00:00Z PHP 800.00 DE-PH unstated",
            "line 3: to is missing",
            "E1/reversal 2026-03-02T00:00:00Z PHP 700.00 GB-PH unstated",
        ]
    );
}

#[test]
fn names_and_addresses_change_nothing() {
    let renamed = PACS008.replace("Somebody &amp; Son", "Anybody").replace("Somebody Else", "X");
    assert_eq!(read(PACS008), read(&renamed));
}

#[test]
fn half_a_document_gives_its_whole_transfers_and_then_an_error() {
    let half = &PACS008[..PACS008.find("E2").unwrap()];
    let outcomes: Vec<_> = IsoReader::new(half.as_bytes(), door()).collect();
    assert!(matches!(outcomes[0], Ok(Entry::Transfer { .. })));
    assert!(matches!(outcomes[1], Err(Error::Xml { .. })));
    assert_eq!(outcomes.len(), 2);
}

#[test]
fn another_document_is_refused() {
    let outcomes: Vec<_> = IsoReader::new("<html><b>x</b></html>".as_bytes(), door()).collect();
    assert!(matches!(outcomes[..], [Err(Error::NoMessage)]));
}

#[test]
fn depth_and_length_are_bounded() {
    let deep = "<a>".repeat(10_000);
    assert!(matches!(IsoReader::new(deep.as_bytes(), door()).next(), Some(Err(Error::Xml { .. }))));
    let long = format!("<a>{}</a>", "x".repeat(2_000_000));
    assert!(matches!(IsoReader::new(long.as_bytes(), door()).next(), Some(Err(Error::Xml { .. }))));
}

proptest! {
    #[test]
    fn no_damage_makes_the_reader_panic(noise in ".{0,30}", which in 0..3_usize, at in 0..5000_usize, n_cut in 0..40_usize) {
        let text = [PACS008, PAIN001, CAMT053][which];
        let at = at % text.len();
        let mut damaged = text.to_owned();
        damaged.replace_range(at..(at + n_cut).min(text.len()), &noise);
        for outcome in IsoReader::new(damaged.as_bytes(), door()).take(10) {
            let _ = outcome.map(|entry| summary(&entry));
        }
    }
}
