//! What did the CyberTipline answer?
//!
//! `reportResponse` and `reportDoneResponse` of the schema. Numbers of codes: Appendix D of the authority's documentation,
//! as three public clients read it. Whatever is not such a document says nothing about what the authority has done.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde::{Deserialize, Serialize};

use crate::Error;

/// What the authority answered, or that it did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Answer {
    /// `responseCode`; 0 is success.
    pub code: Code,
    /// `reportId`.
    pub report_id: Option<i64>,
    /// `fileId`: 32 hexadecimal digits.
    pub file_id: Option<String>,
    /// `hash`: MD5 of the file as it arrived, in lower-case hexadecimal digits.
    pub md5: Option<String>,
    /// The `Request-ID` header, by which the authority finds the request again.
    #[serde(default)]
    pub request_id: Option<String>,
}

/// `responseCode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Code(pub i64);

/// What a code asks of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It has been done.
    Success,
    /// The authority has trouble; ask again later. Whether it has acted is not known.
    Retry,
    /// Name or password is not accepted; a person must look before anything else is sent.
    Credentials,
    /// The document is refused; it must never go again unchanged.
    Invalid,
    /// 5001: there is no such report, or no longer.
    NoSuchReport,
    /// 5002: there is no such file.
    NoSuchFile,
    /// 5101: the report was retracted.
    Retracted,
    /// 5102: the report is finished already.
    Finished,
    /// Not in the documentation; a person must look.
    Unknown,
}

impl Code {
    /// Not a code of the authority: HTTP 401 or 403, which come with an empty body.
    pub const NOT_LET_IN: Code = Code(-401);

    /// What the code asks of us.
    pub fn class(self) -> Class {
        match self.0 {
            0 => Class::Success,
            1000..=1999 => Class::Retry,
            -401 | 2000..=3999 => Class::Credentials,
            4000..=4999 => Class::Invalid,
            5001 => Class::NoSuchReport,
            5002 => Class::NoSuchFile,
            5101 => Class::Retracted,
            5102 => Class::Finished,
            _ => Class::Unknown,
        }
    }
}

impl Answer {
    /// What HTTP 401 and 403 say without a body: name or password is not accepted.
    pub fn not_let_in() -> Answer {
        Answer { code: Code::NOT_LET_IN, report_id: None, file_id: None, md5: None, request_id: None }
    }

    /// The longest answer that is read, in bytes; a real one has a few hundred.
    pub const LEN_MAX: usize = 1 << 20;

    /// Reads the body of an answer.
    ///
    /// # Errors
    /// [`Error::Answer`] when it is not a `reportResponse` or `reportDoneResponse` with a code: then nothing is known
    /// about what the authority has done.
    pub fn parse(body: &[u8]) -> Result<Answer, Error> {
        let wrong = |wrong| Error::Answer { wrong };
        if body.len() > Self::LEN_MAX {
            return Err(wrong("it is longer than a mebibyte"));
        }
        let body = str::from_utf8(body).map_err(|_| wrong("it is not UTF-8"))?;
        let mut reader = Reader::from_str(body);
        let (mut path, mut fields) = (Vec::new(), Fields::default());
        loop {
            match reader.read_event().map_err(|_| wrong("it is not well-formed XML"))? {
                Event::Start(start) => path.push(start.local_name().as_ref().to_vec()),
                Event::End(_) => drop(path.pop()),
                Event::Text(text) => {
                    let text = text.decode().map_err(|_| wrong("it is not UTF-8"))?;
                    fields.take(&path, text.trim())?;
                }
                Event::DocType(_) => return Err(wrong("it declares a document type")),
                Event::Eof if path.is_empty() => break,
                Event::Eof => return Err(wrong("it ends too early")),
                _ => {}
            }
            if path.len() > 8 {
                return Err(wrong("its elements are nested too deep"));
            }
        }
        let Fields { code, report_id, file_id, md5 } = fields;
        Ok(Answer { code: code.ok_or(wrong("it has no response code"))?, report_id, file_id, md5, request_id: None })
    }
}

#[derive(Default)]
struct Fields {
    code: Option<Code>,
    report_id: Option<i64>,
    file_id: Option<String>,
    md5: Option<String>,
}

impl Fields {
    fn take(&mut self, path: &[Vec<u8>], text: &str) -> Result<(), Error> {
        let number = |text: &str| text.parse().map_err(|_| Error::Answer { wrong: "a number is not one" });
        let [root, field] = path else { return Ok(()) };
        if !matches!(root.as_slice(), b"reportResponse" | b"reportDoneResponse") {
            return Ok(());
        }
        match field.as_slice() {
            b"responseCode" => self.code = Some(Code(number(text)?)),
            b"reportId" => self.report_id = Some(number(text)?),
            b"fileId" => self.file_id = Some(text.chars().take(100).collect()),
            b"hash" => self.md5 = Some(text.chars().take(100).collect::<String>().to_ascii_lowercase()),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_answer_is_read_and_anything_else_says_nothing() {
        let body = "<reportResponse><responseCode>0</responseCode><responseDescription>Success</responseDescription>\
                    <reportId>4564654</reportId></reportResponse>";
        let opened = Answer { code: Code(0), report_id: Some(4564654), file_id: None, md5: None, request_id: None };
        assert_eq!(Answer::parse(body.as_bytes()), Ok(opened));
        for wrong in [
            "",
            "<html><body>Bad gateway</body></html>",
            "<reportResponse><responseCode>0</responseCode>",
            "<reportResponse><responseCode>x</responseCode></reportResponse>",
            "<a><responseCode>0</responseCode></a>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><reportResponse><responseCode>0</responseCode></reportResponse>",
        ] {
            assert!(matches!(Answer::parse(wrong.as_bytes()), Err(Error::Answer { .. })), "{wrong}");
        }
    }

    #[test]
    fn codes_ask_what_the_documentation_says() {
        let classes = [
            (0, Class::Success),
            (1210, Class::Retry),
            (3100, Class::Credentials),
            (4100, Class::Invalid),
            (5001, Class::NoSuchReport),
            (5102, Class::Finished),
            (-1, Class::Unknown),
            (9999, Class::Unknown),
        ];
        classes.into_iter().for_each(|(code, class)| assert_eq!(Code(code).class(), class));
    }

    proptest! {
        #[test]
        fn no_answer_is_too_strange_to_be_read(bytes: Vec<u8>, text in "(<|>|/|&|reportResponse|responseCode|0|x| ){0,40}") {
            let _ = Answer::parse(&bytes);
            let _ = Answer::parse(text.as_bytes());
        }
    }
}
