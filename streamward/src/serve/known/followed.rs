//! Is what is served the newest that enough people signed?
//!
//! `streamward-cluster lists follow` brings lists from a bus, and says in a file what it knows. A node that serves an
//! older version than the newest says so at once, and is not ready when that lasts. A bus that is not heard makes no
//! node unready: what is served was signed, and all nodes would go together. It is said, and counted.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use super::catalogue::Catalogue;

/// Where it is said, and how long a node may be behind.
pub(super) struct Followed {
    file: PathBuf,
    behind_max_s: u64,
    /// Since when each list that is served was seen to be older than the newest.
    since: Mutex<BTreeMap<String, u64>>,
}

/// As `streamward-cluster lists follow` writes it; what it writes besides is passed over.
#[derive(Deserialize)]
struct Status {
    heard_s: u64,
    lists: Vec<OfList>,
}

#[derive(Deserialize)]
struct OfList {
    name: String,
    newest: Option<u64>,
    behind_since_s: Option<u64>,
    refused: Option<String>,
}

/// How it stands.
pub(super) struct Standing {
    /// A sentence for each thing that is not as it should be.
    pub(super) said: Vec<String>,
    /// A list has been behind for too long.
    pub(super) is_behind: bool,
    /// For Prometheus.
    pub(super) metrics: String,
}

/// Without a word of the bus for so long, it is said.
const UNHEARD_MAX_S: u64 = 60;

impl Followed {
    pub(super) fn new(file: PathBuf, behind_max_s: u64) -> Followed {
        Followed { file, behind_max_s, since: Mutex::default() }
    }

    /// Compares what is served with what is said. `now_s` are seconds since 1970.
    pub(super) fn standing(&self, catalogue: &Catalogue, now_s: u64) -> Standing {
        let mut standing = Standing { said: Vec::new(), is_behind: false, metrics: String::new() };
        let read = std::fs::read(&self.file).map_err(|why| why.to_string());
        let status = match read.and_then(|text| serde_json::from_slice::<Status>(&text).map_err(|why| why.to_string()))
        {
            Ok(status) => status,
            Err(why) => {
                standing.said.push(format!("whether the lists are the newest cannot be told: {why}"));
                Status { heard_s: 0, lists: Vec::new() }
            }
        };
        let unheard_s = now_s.saturating_sub(status.heard_s);
        if unheard_s > UNHEARD_MAX_S {
            standing.said.push(match status.heard_s {
                0 => "the bus of lists was not heard yet".to_owned(),
                _ => format!("the bus of lists was not heard for {unheard_s} s"),
            });
        }
        standing.gauge("streamward_lists_unheard_seconds", "Since the bus of lists was heard.", "", unheard_s);
        for list in &status.lists {
            self.compare(list, catalogue, now_s, &mut standing);
        }
        standing
    }

    fn compare(&self, list: &OfList, catalogue: &Catalogue, now_s: u64, standing: &mut Standing) {
        let Some(newest) = list.newest else { return };
        let served = catalogue.bank(&list.name).map(|shelf| shelf.header.version);
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let behind_s = match served.is_some_and(|version| version >= newest) {
            true => {
                since.remove(&list.name);
                0
            }
            false => {
                let seen_s = *since.entry(list.name.clone()).or_insert(now_s);
                let behind_s = now_s.saturating_sub(list.behind_since_s.map_or(seen_s, |said_s| said_s.min(seen_s)));
                let has = served.map_or("none".to_owned(), |version| format!("version {version}"));
                standing.said.push(format!(
                    "\"{}\" is behind: {has} is served, and version {newest} was signed; for {behind_s} s",
                    list.name
                ));
                behind_s
            }
        };
        standing.is_behind |= behind_s > self.behind_max_s;
        if let Some(why) = &list.refused {
            standing.said.push(format!("what the bus has of \"{}\" is refused: {why}", list.name));
        }
        let label = format!("{{bank=\"{}\"}}", list.name.replace('\\', "\\\\").replace('"', "\\\""));
        standing.gauge("streamward_list_newest_version", "The newest that was signed.", &label, newest);
        standing.gauge("streamward_list_behind_seconds", "Since an older one is served.", &label, behind_s);
        let is_refused = u64::from(list.refused.is_some());
        standing.gauge("streamward_list_refused", "1 while what the bus has is refused.", &label, is_refused);
    }
}

impl Standing {
    fn gauge(&mut self, name: &str, what: &str, label: &str, value: u64) {
        if !self.metrics.contains(&format!("# TYPE {name} ")) {
            let _ = writeln!(self.metrics, "# HELP {name} {what}\n# TYPE {name} gauge");
        }
        let _ = writeln!(self.metrics, "{name}{label} {value}");
    }
}
