//! What did NCMEC's hash-sharing service, version 2, send?
//!
//! `queryResult` holds `images` and `videos` (with `maxTimestamp`), in them `image`, `video`, `deletedImage` and
//! `deletedVideo`, each with `member`, `timestamp`, `id`, `classification` and `fingerprints`; then `paging/next`.
//! Only one nesting is understood, so anything deeper, a document type or an entity of its own is refused:
//! there is no room for a document that grows when it is read.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{Page, TEXT_BYTES_MAX, Update, check_size, text};
use crate::Error;
use crate::error::ExchangeError;
use crate::hash256::shortened;

/// `queryResult/images/image/feedback/negativeFeedback/reasons/members/member` is the deepest that is known.
const DEPTH_MAX: usize = 12;

/// Reads a page of `entries`.
///
/// # Errors
/// [`Error::Exchange`] with the line; nothing is read from such a page.
pub fn parse_ncmec(bytes: &[u8]) -> Result<Page, Error> {
    check_size(bytes)?;
    let mut reader = Reader::from_reader(bytes);
    reader.config_mut().expand_empty_elements = true;
    let mut document = Document::default();
    loop {
        let event = reader.read_event().map_err(ExchangeError::Xml);
        match event.and_then(|event| document.event(event)) {
            Ok(true) => {}
            Ok(false) => return Ok(document.page),
            Err(wrong) => {
                let read = &bytes[..(reader.buffer_position() as usize).min(bytes.len())];
                let place = 1 + read.iter().filter(|byte| **byte == b'\n').count();
                return Err(Error::Exchange { place, wrong });
            }
        }
    }
}

#[derive(Default)]
struct Document {
    page: Page,
    path: Vec<String>,
    text: String,
    update: Update,
    is_complete: bool,
}

impl Document {
    /// False at the end.
    fn event(&mut self, event: Event<'_>) -> Result<bool, ExchangeError> {
        match event {
            Event::Start(start) => self.start(&start)?,
            Event::End(_) => self.end()?,
            Event::Text(piece) => self.append(utf8(&piece)?)?,
            Event::CData(piece) => self.append(utf8(&piece)?)?,
            Event::GeneralRef(name) => match utf8(&name)? {
                "amp" => self.append("&")?,
                "lt" => self.append("<")?,
                "gt" => self.append(">")?,
                "quot" => self.append("\"")?,
                "apos" => self.append("'")?,
                other => return Err(ExchangeError::Entity { found: shortened(other) }),
            },
            Event::DocType(_) => return Err(ExchangeError::Entity { found: "DOCTYPE".into() }),
            Event::Eof if self.is_complete && self.path.is_empty() => return Ok(false),
            Event::Eof => return Err(ExchangeError::Missing { field: "end of queryResult" }),
            Event::Empty(_) | Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
        Ok(true)
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), ExchangeError> {
        let name = utf8(start.local_name().into_inner())?.to_owned();
        if self.path.len() == DEPTH_MAX {
            return Err(ExchangeError::Depth { n_max: DEPTH_MAX });
        }
        if self.path.is_empty() && (self.is_complete || name != "queryResult") {
            return Err(ExchangeError::Text { field: "queryResult", found: shortened(&name) });
        }
        self.path.push(name);
        self.text.clear();
        match self.place()[..] {
            ["images" | "videos"] => self.page.up_to = self.page.up_to.max(up_to(start)?),
            ["images" | "videos", kind] => {
                let is_deleted = kind.starts_with("deleted");
                match kind {
                    "image" | "video" | "deletedImage" | "deletedVideo" => {
                        self.update = Update { is_deleted, ..Update::default() };
                    }
                    other => return Err(ExchangeError::Text { field: "entry", found: shortened(other) }),
                }
            }
            ["images" | "videos", _, "member"] => self.update.member = attribute(start, "id")?,
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), ExchangeError> {
        let value = std::mem::take(&mut self.text);
        let value = value.trim();
        let path = std::mem::take(&mut self.path);
        let place: Vec<&str> = path.iter().skip(1).map(String::as_str).collect();
        match place[..] {
            ["images" | "videos", _, "id"] => self.update.id = text("id", value)?,
            ["images" | "videos", _, "classification"] if !value.is_empty() => {
                self.update.class = Some(text("classification", value)?);
            }
            ["images" | "videos", _, "timestamp"] => self.update.changed_at = value.parse().ok(),
            // A fingerprint without text is a link to where a large one can be had.
            ["images" | "videos", _, "fingerprints", kind] if value.is_empty() => {
                *self.page.n_not_read.entry(text("kind", kind)?).or_default() += 1;
            }
            ["images" | "videos", _, "fingerprints", kind] => {
                let mut update = std::mem::take(&mut self.update);
                self.page.add(&mut update, kind, value)?;
                self.update = update;
            }
            ["images" | "videos", _] => {
                let update = std::mem::take(&mut self.update);
                match update.id.is_empty() {
                    true => return Err(ExchangeError::Missing { field: "id" }),
                    false => self.page.push(update)?,
                }
            }
            ["paging", "next"] if !value.is_empty() => self.page.next = Some(text("next", value)?),
            [] => self.is_complete = true,
            _ => {}
        }
        self.path = path;
        self.path.pop();
        Ok(())
    }

    fn append(&mut self, piece: &str) -> Result<(), ExchangeError> {
        // Hashes of other kinds may be long, but none that is read.
        if self.text.len() + piece.len() > TEXT_BYTES_MAX * 64 {
            return Err(ExchangeError::Text { field: "element", found: shortened(&self.text) });
        }
        self.text.push_str(piece);
        Ok(())
    }

    /// The elements around, below `queryResult`.
    fn place(&self) -> Vec<&str> {
        self.path.iter().skip(1).map(String::as_str).collect()
    }
}

fn up_to(start: &BytesStart<'_>) -> Result<Option<crate::Instant>, ExchangeError> {
    let Some(moment) = attribute(start, "maxTimestamp")? else { return Ok(None) };
    let wrong = || ExchangeError::Text { field: "maxTimestamp", found: shortened(&moment) };
    moment.parse().map(Some).map_err(|_| wrong())
}

fn attribute(start: &BytesStart<'_>, name: &'static str) -> Result<Option<String>, ExchangeError> {
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| ExchangeError::Xml(error.into()))?;
        if attribute.key.local_name().into_inner() == name.as_bytes() {
            return text(name, utf8(&attribute.value)?).map(Some);
        }
    }
    Ok(None)
}

fn utf8(bytes: &[u8]) -> Result<&str, ExchangeError> {
    str::from_utf8(bytes).map_err(|_| ExchangeError::Encoding)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page() -> String {
        let (pdq, md5) = ("d8f0".repeat(16), "d8f0".repeat(8));
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2">
 <images count="2" maxTimestamp="2026-11-24T09:30:00Z">
  <image>
   <member id="42">A &amp; B</member><timestamp>2026-11-23T00:00:00Z</timestamp><id>image1</id>
   <classification>A1</classification>
   <fingerprints><md5>{md5}</md5><pdq>{pdq}</pdq><pdna>x</pdna><videntifier rel="v" href="/v"/></fingerprints>
   <feedback><affirmativeFeedback type="MD5"><members><member id="43">C</member></members></affirmativeFeedback></feedback>
  </image>
  <deletedImage><member id="42">A</member><timestamp>2026-11-23T00:00:00Z</timestamp><id>image4</id></deletedImage>
 </images>
 <paging><next>/v2/entries?from=1&amp;start=2001&amp;size=1000&amp;max=3000</next></paging>
</queryResult>"#
        )
    }

    #[test]
    fn entries_deletions_and_paging_are_read() {
        let page = parse_ncmec(page().as_bytes()).unwrap();
        let [first, second] = &page.updates[..] else { panic!("{page:?}") };
        assert_eq!(
            (first.id.as_str(), first.member.as_deref(), first.class.as_deref()),
            ("image1", Some("42"), Some("A1"))
        );
        assert_eq!((first.fingerprints.len(), first.is_deleted, second.is_deleted), (2, false, true));
        assert_eq!(page.next.as_deref(), Some("/v2/entries?from=1&start=2001&size=1000&max=3000"));
        assert_eq!(page.up_to.unwrap().to_string(), "2026-11-24T09:30:00Z");
        assert_eq!(page.n_not_read.into_iter().collect::<Vec<_>>(), [("pdna".into(), 1), ("videntifier".into(), 1)]);
    }

    #[test]
    fn the_line_of_the_first_fault_is_named() {
        for (from, to, line) in [
            ("d8f0d8f0d8f0", "d8f0d8f0", 7),
            ("<id>image1</id>", "", 9),
            ("<deletedImage>", "<forgottenImage>", 10),
            ("2026-11-24T09:30:00Z", "soon", 3),
            ("A &amp; B", "&bomb;", 5),
            ("<queryResult ", "<!DOCTYPE q [<!ENTITY bomb \"bomb\">]>\n<queryResult ", 2),
        ] {
            let error = parse_ncmec(page().replacen(from, to, 1).as_bytes()).unwrap_err();
            assert!(matches!(error, Error::Exchange { place, .. } if place == line), "{to}: {error:?}");
        }
    }

    #[test]
    fn a_page_cut_short_anywhere_is_refused() {
        let page = page();
        for n_bytes in 0..page.len() {
            assert!(parse_ncmec(&page.as_bytes()[..n_bytes]).is_err(), "{n_bytes}");
        }
    }

    #[test]
    fn endless_nesting_is_refused() {
        let deep = format!("<queryResult>{}", "<a>".repeat(100_000));
        assert!(matches!(
            parse_ncmec(deep.as_bytes()),
            Err(Error::Exchange { wrong: ExchangeError::Depth { .. }, .. })
        ));
    }

    proptest! {
        #[test]
        fn a_changed_page_is_read_or_refused(at: prop::sample::Index, byte: u8, bytes: Vec<u8>) {
            let mut page = page().into_bytes();
            let at = at.index(page.len());
            page[at] = byte;
            let _ = (parse_ncmec(&page), parse_ncmec(&bytes));
        }
    }
}
