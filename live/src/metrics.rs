//! What is told to whoever runs guards for many: counts, in the text format of Prometheus.
//!
//! Never what was seen, whose it was, or where it came from: numbers, the policy's name and the lists' names. Off unless
//! asked for. A part of its own answers who asks: the keeper hears nobody.
//! Source: Prometheus, "Exposition formats", text format 0.0.4.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::Error;
use crate::detectors::lock;
use crate::held::ENDS_MS;
use crate::keeper::Tally;
use crate::network::Record;
use crate::network::pulse::Standing;
use crate::sandbox::{self, Room};
use crate::status::Facts;

/// Counts of frames, by their names in a report.
const FRAMES: [(&str, &str, &str); 6] = [
    ("frames", "seen", "Frames that came in."),
    ("judged", "judged", "Frames that every judge looked at in time."),
    ("reused", "reused", "Frames that a judged frame's verdict served for."),
    ("released", "released", "Frames shown."),
    ("repeated", "repeated", "Places where the last released frame was shown again."),
    ("released_unjudged", "released_unjudged", "Frames shown without a verdict: must be 0."),
];

/// Everything that is told of one stream, now.
pub(crate) fn text(facts: &Facts, tally: &Tally, now_s: u64) -> String {
    let mut text = String::new();
    let label = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " ");
    let mut metric = |name: &str, kind: &str, help: &str, samples: &[(String, f64)]| {
        let _ = writeln!(text, "# HELP streamward_guard_{name} {help}\n# TYPE streamward_guard_{name} {kind}");
        for (labels, value) in samples {
            let _ = writeln!(text, "streamward_guard_{name}{labels} {value}");
        }
    };
    let one = |value: u64| vec![(String::new(), value as f64)];
    let policy = format!("{{policy=\"{}\",version=\"{}\"}}", label(&facts.policy), facts.version);
    metric("info", "gauge", "The policy in force.", &[(policy, 1.0)]);
    for (count, name, help) in FRAMES {
        metric(&format!("frames_{name}_total"), "counter", help, &one(tally.n(count)));
    }
    let (covered, stalled) = (tally.n("covered"), tally.n("stalled"));
    let by_reason = [("found", covered.saturating_sub(stalled)), ("stalled", stalled)];
    let by_reason = by_reason.map(|(reason, n)| (format!("{{reason=\"{reason}\"}}"), n as f64));
    metric("frames_covered_total", "counter", "Places where the cover was shown.", &by_reason);
    metric("incidents_total", "counter", "Findings that covered the picture.", &one(tally.incidents));
    metric("stalls_total", "counter", "Times that checking stalled.", &one(tally.n_stalls));
    metric("checkers_lost_total", "counter", "Checkers that had to be replaced.", &one(tally.checkers_lost));
    let standings = [Standing::Starting, Standing::Silent, Standing::Shown, Standing::Covered, Standing::Stalled];
    let standings = standings.map(|standing| {
        let is_it = tally.standing() == standing;
        (format!("{{state=\"{}\"}}", standing.name()), f64::from(u8::from(is_it)))
    });
    metric("state", "gauge", "How the stream stands: 1 for the state that holds.", &standings);
    let age = |created: &u64| now_s.saturating_sub(*created) as f64;
    let ages = facts.lists.iter().map(|(name, created)| (format!("{{list=\"{}\"}}", label(name)), age(created)));
    metric("list_age_seconds", "gauge", "Since the list in force was made.", &ages.collect::<Vec<_>>());
    let times = tally.hold_times();
    let (mut n, mut samples) = (0, Vec::new());
    for (bin, n_bin) in times.bins.iter().enumerate() {
        n += n_bin;
        let end = ENDS_MS.get(bin).map_or("+Inf".into(), |end| format!("{}", *end as f64 / 1000.0));
        samples.push((format!("_bucket{{le=\"{end}\"}}"), n as f64));
    }
    samples.extend([("_sum".into(), times.sum_ms as f64 / 1000.0), ("_count".into(), n as f64)]);
    metric("hold_seconds", "histogram", "How long frames were held.", &samples);
    text
}

/// Answers on `address` with the last text that came on standard input, until that ends.
///
/// # Errors
/// When nobody can be answered there, or the sandbox cannot be closed.
pub(crate) fn serve(address: &str) -> Result<(), Error> {
    let listener = TcpListener::bind(address).map_err(|error| Error::Media {
        what: format!("metrics cannot be served on {address}"),
        detail: error.to_string(),
        todo: "give an address of this machine and a free port, as 127.0.0.1:9464",
    })?;
    sandbox::close(Room::Ingress)?;
    let last = Arc::new(Mutex::new(String::new()));
    let asked = Arc::clone(&last);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Who asks and goes away needs no answer.
            let _ = answer(stream, &lock(&asked).clone());
        }
    });
    let mut keeper = std::io::stdin();
    while let Ok(Some(Record::Beat(text))) = Record::read(&mut keeper) {
        *lock(&last) = text;
    }
    Ok(())
}

fn answer(mut stream: TcpStream, text: &str) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.set_write_timeout(Some(Duration::from_secs(2)))?;
    let mut head = BufReader::new((&stream).take(8192)).lines();
    let first = head.next().transpose()?.unwrap_or_default();
    // What else is said is read so that the connection ends in peace.
    while let Some(Ok(line)) = head.next()
        && !line.is_empty()
    {}
    let (code, body) = match first.split(' ').take(2).collect::<Vec<_>>()[..] {
        ["GET", "/metrics"] => ("200 OK", text),
        _ => ("404 Not Found", "only GET /metrics is answered\n"),
    };
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    write!(
        stream,
        "HTTP/1.1 {code}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn names(text: &str) -> BTreeSet<String> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let words = text.split(|c| !is_part(c)).filter(|word| word.starts_with("streamward_guard_"));
        words
            .map(|word| ["_bucket", "_sum", "_count"].iter().fold(word, |w, end| w.trim_end_matches(end)).to_owned())
            .collect()
    }

    #[test]
    fn dashboard_and_alerts_ask_only_for_what_is_told() {
        let facts = Facts { lists: vec![("Test".into(), 5)], ..Facts::default() };
        let text = text(&facts, &Tally::default(), 65);
        assert!(text.contains("streamward_guard_list_age_seconds{list=\"Test\"} 60"), "{text}");
        let told: BTreeSet<String> =
            text.lines().filter_map(|line| Some(line.strip_prefix("# TYPE ")?.split(' ').next()?.to_owned())).collect();
        let asked = [include_str!("../monitoring/grafana.json"), include_str!("../monitoring/alerts.yml")];
        for file in asked {
            let asked = names(file);
            assert!(asked.len() >= 4 && asked.is_subset(&told), "{:?} are not told", asked.difference(&told));
        }
        serde_json::from_str::<serde_json::Value>(include_str!("../monitoring/grafana.json")).unwrap();
    }
}
