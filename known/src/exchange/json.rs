//! What did an exchange that speaks JSON send?

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Page, Update, check_size, text};
use crate::error::ExchangeError;
use crate::hash256::shortened;
use crate::{Error, Instant};

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(i64),
    Real(f64),
    Text(String),
}

impl Number {
    fn instant(&self) -> Result<Instant, ExchangeError> {
        let wrong = || ExchangeError::Text { field: "time", found: shortened(&self.id()) };
        match self {
            Number::Whole(unix_s) => Ok(Instant::from_unix_s(*unix_s)),
            Number::Real(unix_s) => Ok(Instant::from_unix_s(*unix_s as i64)),
            Number::Text(text) => text.parse::<i64>().map(Instant::from_unix_s).or(text.parse()).map_err(|_| wrong()),
        }
    }

    fn id(&self) -> String {
        match self {
            Number::Whole(id) => id.to_string(),
            Number::Real(id) => id.to_string(),
            Number::Text(id) => id.clone(),
        }
    }
}

#[derive(Deserialize)]
struct ThreatExchangePage {
    data: Vec<Indicator>,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
struct Paging {
    next: Option<String>,
}

#[derive(Deserialize)]
struct Indicator {
    id: Number,
    indicator: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    last_updated: Option<Number>,
    should_delete: bool,
    descriptors: Option<serde::de::IgnoredAny>,
}

/// Reads a page of ThreatExchange's `threat_updates`. An entry without descriptors is one to forget.
///
/// # Errors
/// [`Error::Exchange`]; nothing is read from such a page.
pub fn parse_threatexchange(bytes: &[u8]) -> Result<Page, Error> {
    let sent: ThreatExchangePage = from_json(bytes)?;
    let next = sent.paging.and_then(|paging| paging.next);
    collect(Page { next, ..Page::default() }, sent.data, |page, sent| {
        let is_deleted = sent.should_delete || sent.descriptors.is_none();
        let changed_at = sent.last_updated.map(|time| time.instant()).transpose()?;
        let mut update = Update { id: text("id", &sent.id.id())?, is_deleted, changed_at, ..Update::default() };
        match (sent.kind, sent.indicator) {
            (Some(kind), Some(indicator)) => page.add(&mut update, &kind, &indicator)?,
            _ if is_deleted => {}
            _ => return Err(ExchangeError::Missing { field: "indicator and type" }),
        }
        Ok(update)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StopNciiPage {
    next_page_token: Option<String>,
    next_set_timestamp: i64,
    has_more_records: bool,
    hash_records: Vec<HashRecord>,
}

#[derive(Deserialize)]
struct HashRecord {
    #[serde(rename = "lastModtimestamp")]
    last_mod_timestamp: i64,
    #[serde(rename = "signalType")]
    signal_type: String,
    #[serde(rename = "hashValue")]
    hash_value: String,
    #[serde(rename = "hashStatus")]
    hash_status: String,
    #[serde(default, rename = "caseNumbers")]
    _case_numbers: BTreeMap<String, serde::de::IgnoredAny>,
}

/// Reads a page of StopNCII's `FetchHashes`. `Withdrawn` and `Deleted` entries are ones to forget.
///
/// # Errors
/// [`Error::Exchange`]; nothing is read from such a page.
pub fn parse_stopncii(bytes: &[u8]) -> Result<Page, Error> {
    let sent: StopNciiPage = from_json(bytes)?;
    let next = sent.next_page_token.filter(|token| sent.has_more_records && !token.is_empty());
    if sent.has_more_records && next.is_none() {
        return Err(Error::Exchange { place: 1, wrong: ExchangeError::Missing { field: "nextPageToken" } });
    }
    let up_to = Some(Instant::from_unix_s(sent.next_set_timestamp));
    collect(Page { next, up_to, ..Page::default() }, sent.hash_records, |page, sent| {
        let mut update = Update {
            // Records have no id of their own: kind and value are what a later record replaces.
            id: format!("{}:{}", text("signalType", &sent.signal_type)?, text("hashValue", &sent.hash_value)?),
            is_deleted: matches!(sent.hash_status.as_str(), "Withdrawn" | "Deleted"),
            class: Some(text("hashStatus", &sent.hash_status)?),
            changed_at: Some(Instant::from_unix_s(sent.last_mod_timestamp)),
            ..Update::default()
        };
        page.add(&mut update, &sent.signal_type, &sent.hash_value)?;
        Ok(update)
    })
}

#[derive(Deserialize)]
struct TatPage {
    next: Option<String>,
    results: Vec<TatEntry>,
}

#[derive(Deserialize)]
struct TatEntry {
    id: Number,
    hash_digest: String,
    algorithm: String,
    ideology: Option<String>,
    deleted: bool,
    updated_on: Option<Number>,
}

/// Reads a page of Tech Against Terrorism's hash list.
///
/// # Errors
/// [`Error::Exchange`]; nothing is read from such a page.
pub fn parse_tech_against_terrorism(bytes: &[u8]) -> Result<Page, Error> {
    let sent: TatPage = from_json(bytes)?;
    collect(Page { next: sent.next, ..Page::default() }, sent.results, |page, sent| {
        let mut update = Update {
            id: text("id", &sent.id.id())?,
            is_deleted: sent.deleted,
            class: sent.ideology.map(|class| text("ideology", &class)).transpose()?,
            changed_at: sent.updated_on.map(|time| time.instant()).transpose()?,
            ..Update::default()
        };
        page.add(&mut update, &sent.algorithm, &sent.hash_digest)?;
        Ok(update)
    })
}

#[derive(Deserialize)]
struct VicsPage {
    value: Vec<VicsMedia>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VicsMedia {
    #[serde(rename = "MediaID")]
    media_id: Number,
    #[serde(rename = "MD5")]
    md5: Option<String>,
    #[serde(rename = "SHA1")]
    sha1: Option<String>,
    date_updated: Option<String>,
}

/// Reads a VICS 2.0 export, its established fields only. A date in another form than ours is left out.
///
/// # Errors
/// [`Error::Exchange`]; nothing is read from such a file.
pub fn parse_vics(bytes: &[u8]) -> Result<Page, Error> {
    let sent: VicsPage = from_json(bytes)?;
    collect(Page::default(), sent.value, |page, sent| {
        let changed_at = sent.date_updated.and_then(|date| date.parse().ok());
        let mut update = Update { id: text("MediaID", &sent.media_id.id())?, changed_at, ..Update::default() };
        for (kind, value) in [("MD5", sent.md5), ("SHA1", sent.sha1)] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                page.add(&mut update, kind, &value)?;
            }
        }
        Ok(update)
    })
}

fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    check_size(bytes)?;
    serde_json::from_slice(bytes)
        .map_err(|error| Error::Exchange { place: error.line(), wrong: ExchangeError::Json(error) })
}

fn collect<T>(
    mut page: Page,
    sent: Vec<T>,
    mut update: impl FnMut(&mut Page, T) -> Result<Update, ExchangeError>,
) -> Result<Page, Error> {
    for (place, entry) in (1..).zip(sent) {
        let read = update(&mut page, entry).and_then(|update| page.push(update));
        read.map_err(|wrong| Error::Exchange { place, wrong })?;
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Parser = fn(&[u8]) -> Result<Page, Error>;
    const PARSERS: [Parser; 4] = [parse_threatexchange, parse_stopncii, parse_tech_against_terrorism, parse_vics];

    fn pages() -> [String; 4] {
        let (pdq, md5) = ("d8f0".repeat(16), "d8f0".repeat(8));
        [
            format!(
                r#"{{"data":[{{"id":"7","indicator":"{pdq}","type":"HASH_PDQ","last_updated":1795479059,"should_delete":false,
                "descriptors":{{"data":[]}}}},{{"id":8,"should_delete":true}},{{"id":9,"indicator":"x","type":"HASH_TMK",
                "should_delete":false,"descriptors":{{}}}}],"paging":{{"next":"https://exchange.example/2"}}}}"#
            ),
            format!(
                r#"{{"count":2,"nextPageToken":"t","nextSetTimestamp":1795479059,"hasMoreRecords":true,"hashRecords":[
                {{"lastModtimestamp":5,"signalType":"ImagePDQ","hashValue":"{pdq}","hashStatus":"Active","caseNumbers":{{"1":"Active"}}}},
                {{"lastModtimestamp":6,"signalType":"VideoMD5","hashValue":"{md5}","hashStatus":"Withdrawn","caseNumbers":{{}}}}]}}"#
            ),
            format!(
                r#"{{"count":1,"next":null,"previous":null,"checkpoint":"1,2","results":[{{"hash_digest":"{md5}","algorithm":"MD5",
                "ideology":"all","file_type":"mp4","deleted":false,"updated_on":1704901040.22,"created_on":"2025","id":2819}}]}}"#
            ),
            format!(
                r#"{{"@odata.context":"x","value":[{{"MediaID":3,"Category":1,"MD5":"{md5}","SHA1":"","MediaSize":9,
                "DateUpdated":"2026-11-24T00:00:00Z","IsPrecategorized":false}}]}}"#
            ),
        ]
    }

    #[test]
    fn established_fields_are_read() {
        let read: Vec<Page> =
            PARSERS.iter().zip(pages()).map(|(parse, page)| parse(page.as_bytes()).unwrap()).collect();
        let ids =
            |page: &Page| page.updates.iter().map(|update| (update.id.clone(), update.is_deleted)).collect::<Vec<_>>();
        assert_eq!(ids(&read[0]), [("7".into(), false), ("8".into(), true), ("9".into(), false)]);
        assert_eq!(read[0].n_not_read["HASH_TMK"], 1);
        assert_eq!((read[0].next.as_deref(), read[1].next.as_deref()), (Some("https://exchange.example/2"), Some("t")));
        assert_eq!(read[1].updates.iter().map(|update| update.is_deleted).collect::<Vec<_>>(), [false, true]);
        assert_eq!(read[1].up_to.unwrap().unix_s(), 1_795_479_059);
        assert_eq!((&read[2].updates[0].id, read[2].updates[0].fingerprints.len()), (&"2819".to_owned(), 1));
        assert_eq!(read[3].updates[0].changed_at.unwrap().to_string(), "2026-11-24T00:00:00Z");
    }

    #[test]
    fn one_short_hash_refuses_the_page() {
        for (parse, page) in PARSERS.iter().zip(pages()) {
            let error = parse(page.replacen("d8f0", "d8f", 1).as_bytes()).unwrap_err();
            assert!(matches!(error, Error::Exchange { place: 1, .. }), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_cut_or_changed_page_is_read_or_refused(cut: prop::sample::Index, at: prop::sample::Index, byte: u8) {
            for (parse, page) in PARSERS.iter().zip(pages()) {
                let mut bytes = page.into_bytes();
                prop_assert!(parse(&bytes[..cut.index(bytes.len())]).is_err());
                let at = at.index(bytes.len());
                bytes[at] = byte;
                let _ = parse(&bytes);
            }
        }
    }
}
