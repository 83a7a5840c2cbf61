//! How is a case written so that others' tools can read it?
//!
//! CASE 1.4 on UCO 1.4, as JSON-LD (<https://caseontology.org>): the case is an investigation, each file an observable
//! with its digests, each deed an investigative action with who did it, when, and the number of its record in the log.

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{Deed, Entry, Evidence, Person};

/// One deed as it stands in the log.
#[derive(Clone, Debug)]
pub struct Done<'d> {
    /// The number of its record.
    pub position: u64,
    /// When.
    pub at: Timestamp,
    /// Who did it; none when a program did.
    pub who: Option<&'d Person>,
    /// What.
    pub deed: &'d Deed,
}

impl<'d> Done<'d> {
    /// The deed of an entry at this place in the log.
    pub fn of(entry: &'d Entry, position: u64, deed: &'d Deed) -> Done<'d> {
        Done { position, at: entry.at, who: entry.who.as_ref(), deed }
    }
}

/// The case as JSON-LD, the same text for the same deeds.
pub fn to_json_ld(case: &str, done: &[Done<'_>]) -> String {
    let mut graph = Vec::new();
    let mut objects = Vec::new();
    for Done { deed, .. } in done {
        if let Deed::Evidence(evidence) = deed {
            let id = named("file", &evidence.digits());
            if !objects.contains(&json!({ "@id": id })) {
                objects.push(json!({ "@id": id }));
                graph.push(file(&id, evidence));
            }
        }
    }
    let tool = named("tool", "streamward");
    graph.push(json!({ "@id": tool, "@type": "uco-tool:Tool", "uco-core:name": "streamward" }));
    let mut people: Vec<&Person> = done.iter().filter_map(|done| done.who).collect();
    people.sort();
    people.dedup();
    for person in people {
        let id = named("person", person.name());
        graph.push(json!({ "@id": id, "@type": "uco-identity:Person", "uco-core:name": person.name() }));
    }
    for done in done {
        let (action, provenance) = action(case, done, &tool);
        graph.extend([action, provenance]);
    }
    let investigation = named("investigation", case);
    let mut whole = json!({
        "@id": investigation,
        "@type": "case-investigation:Investigation",
        "uco-core:name": case,
    });
    objects.extend(done.iter().map(|done| json!({ "@id": named("action", &format!("{case} {}", done.position)) })));
    whole["uco-core:object"] = Value::Array(objects);
    graph.insert(0, whole);
    let text = serde_json::to_string_pretty(&json!({ "@context": context(), "@graph": graph }));
    text.expect("names and numbers can be written as JSON")
}

fn file(id: &str, evidence: &Evidence) -> Value {
    json!({
        "@id": id,
        "@type": "uco-observable:File",
        "uco-core:hasFacet": [
            {
                "@id": named("file-facet", &evidence.digits()),
                "@type": "uco-observable:FileFacet",
                "uco-observable:fileName": evidence.name.open(),
                "uco-observable:sizeInBytes": { "@type": "xsd:integer", "@value": evidence.len.to_string() },
            },
            {
                "@id": named("content-facet", &evidence.digits()),
                "@type": "uco-observable:ContentDataFacet",
                "uco-observable:mimeType": evidence.media_type,
                "uco-observable:hash": [
                    hash("SHA256", &evidence.digits()),
                    hash("MD5", &evidence.md5),
                ],
            },
        ],
    })
}

fn hash(method: &str, digits: &str) -> Value {
    json!({
        "@id": named("hash", &format!("{method} {digits}")),
        "@type": "uco-types:Hash",
        "uco-types:hashMethod": { "@type": "uco-vocabulary:HashNameVocab", "@value": method },
        "uco-types:hashValue": { "@type": "xsd:hexBinary", "@value": digits },
    })
}

fn action(case: &str, done: &Done<'_>, tool: &str) -> (Value, Value) {
    let name = format!("{case} {}", done.position);
    let provenance = named("record", &name);
    let at = json!({ "@type": "xsd:dateTime", "@value": done.at.to_string() });
    let objects = match done.deed {
        Deed::Evidence(evidence) => vec![json!({ "@id": named("file", &evidence.digits()) })],
        Deed::Viewed(view) => vec![json!({ "@id": named("file", &digits(&view.evidence)) })],
        _ => Vec::new(),
    };
    let mut action = json!({
        "@id": named("action", &name),
        "@type": "case-investigation:InvestigativeAction",
        "uco-core:name": done.deed.action().name(),
        "uco-action:startTime": at,
        "uco-action:endTime": at,
        "uco-action:instrument": { "@id": tool },
        "uco-action:result": [{ "@id": provenance }],
    });
    if let Some(person) = done.who {
        action["uco-action:performer"] = json!({ "@id": named("person", person.name()) });
    }
    let mut record = json!({
        "@id": provenance,
        "@type": "case-investigation:ProvenanceRecord",
        "case-investigation:exhibitNumber": format!("record {}", done.position),
        "uco-core:description": format!("record {} of the log", done.position),
    });
    // A provenance record says of what it is the provenance: of the file, or else of the deed.
    record["uco-core:object"] = match objects.is_empty() {
        true => json!([{ "@id": named("action", &name) }]),
        false => json!(objects),
    };
    if !objects.is_empty() {
        action["uco-action:object"] = Value::Array(objects);
    }
    (action, record)
}

fn digits(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An identifier that ends in a UUID, as the ontology's shapes ask; the same for the same name (RFC 9562 §5.8).
fn named(kind: &str, name: &str) -> String {
    let digest = Sha256::digest(format!("{kind}\n{name}"));
    let mut bytes: [u8; 16] = digest[..16].try_into().expect("a digest has 32 bytes");
    bytes[6] = (bytes[6] & 0x0F) | 0x80;
    bytes[8] = (bytes[8] & 0x3F) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("kb:{kind}-{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn context() -> Value {
    json!({
        "kb": "http://example.org/kb/",
        "case-investigation": "https://ontology.caseontology.org/case/investigation/",
        "uco-core": "https://ontology.unifiedcyberontology.org/uco/core/",
        "uco-action": "https://ontology.unifiedcyberontology.org/uco/action/",
        "uco-observable": "https://ontology.unifiedcyberontology.org/uco/observable/",
        "uco-types": "https://ontology.unifiedcyberontology.org/uco/types/",
        "uco-vocabulary": "https://ontology.unifiedcyberontology.org/uco/vocabulary/",
        "uco-identity": "https://ontology.unifiedcyberontology.org/uco/identity/",
        "uco-tool": "https://ontology.unifiedcyberontology.org/uco/tool/",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Referral;
    use crate::referral::tests::incident;

    #[test]
    fn the_same_deeds_give_the_same_text_and_each_is_in_it() {
        let person = Person::new("ada").unwrap();
        let deed = Deed::Referred(Referral::new(incident()).unwrap());
        let done = [Done { position: 41, at: Timestamp::UNIX_EPOCH, who: Some(&person), deed: &deed }];
        let text = to_json_ld("case 1", &done);
        assert_eq!(text, to_json_ld("case 1", &done));
        assert!(text.contains("record 41 of the log") && text.contains("\"ada\""), "{text}");
    }
}
