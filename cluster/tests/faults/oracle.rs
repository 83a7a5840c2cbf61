//! Did each frame leave under the lease that judged it?
//!
//! Reckoned from a gate's journal alone, line by line, by rules written down here a second time.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What a journal shows.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) frames: u64,
    /// Frames that left, and by whom each was sent to be judged last.
    pub(crate) released: BTreeSet<u64>,
    pub(crate) judge_of: BTreeMap<u64, String>,
    /// Frames that left although no lease that held had judged them clear.
    pub(crate) without_lease: Vec<String>,
    /// Frames that left twice, or under an epoch that two workers held.
    pub(crate) by_two: Vec<String>,
    /// Frames in which something was found while the lease held.
    pub(crate) found: BTreeSet<u64>,
    /// Places covered because nobody judged, and repeats.
    pub(crate) stalled: BTreeSet<u64>,
    pub(crate) repeated: BTreeSet<u64>,
    pub(crate) refused: u64,
    pub(crate) epochs: BTreeMap<u64, BTreeSet<String>>,
    pub(crate) incidents: Vec<String>,
}

/// Epochs under which two workers say that they judged one stream. Reckoned from what the workers say alone: each line
/// of a log that reads `STREAM: judged here, epoch N`.
pub(crate) fn judged_by_two(logs: &[(&str, String)]) -> Vec<String> {
    let mut judges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (worker, log) in logs {
        let lines = log.lines().filter(|line| line.contains(": judged here, epoch "));
        lines.for_each(|line| judges.entry(line).or_default().extend([*worker]));
    }
    assert!(!judges.is_empty(), "the workers' logs say nothing");
    judges.iter().filter(|(_, workers)| workers.len() > 1).map(|(line, by)| format!("{line}: {by:?}")).collect()
}

/// Reads a journal. `ttl_us` is how long a lease lasts that nobody renews.
pub(crate) fn judge(journal: &str, ttl_us: u64) -> Verdict {
    let mut verdict = Verdict::default();
    let (mut newest, mut view, mut view_at) = (None, None::<u64>, 0);
    let mut ended = BTreeSet::new();
    let mut first = true;
    let mut sent = BTreeSet::new();
    let mut clear: BTreeSet<(u64, u64)> = BTreeSet::new();
    for line in journal.lines() {
        let line: Value = serde_json::from_str(line).expect("every line of a journal is JSON");
        let at = line["at_us"].as_u64().expect("every line has its time");
        let holds = |view: Option<u64>, view_at: u64, ended: &BTreeSet<u64>| {
            view.filter(|epoch| !ended.contains(epoch) && at < view_at + ttl_us)
        };
        if let Some(bus) = line.get("bus") {
            let revision = bus["revision"].as_u64();
            if newest.is_none() || revision > newest {
                newest = revision;
                let epoch = bus["epoch"].as_u64();
                let worker = bus["worker"].as_str();
                if first {
                    // Epochs from before the stream began are over.
                    ended.extend(0..=epoch.unwrap_or(0));
                    first = false;
                }
                if view != epoch || worker.is_none() {
                    // Another epoch, or nobody: what held before is over for good.
                    ended.extend(view);
                }
                (view, view_at) = (epoch.filter(|_| worker.is_some()), at);
                if let (Some(epoch), Some(worker)) = (view, worker) {
                    verdict.epochs.entry(epoch).or_default().insert(worker.to_owned());
                }
            }
        } else if let Some(epoch) = line.get("lost").or(line.get("unlink")).and_then(Value::as_u64) {
            ended.insert(epoch);
        } else if let Some(one) = line.get("sent") {
            let (epoch, frame) = (one["epoch"].as_u64().unwrap(), one["frame"].as_u64().unwrap());
            sent.insert((epoch, frame));
            let worker = verdict.epochs.get(&epoch).and_then(|workers| workers.first()).cloned();
            verdict.judge_of.extend(worker.map(|worker| (frame, worker)));
        } else if let Some(answer) = line.get("answer") {
            let key = (answer["epoch"].as_u64().unwrap(), answer["frame"].as_u64().unwrap());
            if holds(view, view_at, &ended) == Some(key.0) && sent.contains(&key) {
                match answer["clear"] == true {
                    true => clear.extend([key]),
                    false => verdict.found.extend([key.1]),
                }
            }
        } else if let Some(place) = line.get("place") {
            let frame = place["frame"].as_u64().unwrap();
            verdict.frames += 1;
            match (place["shown"].as_str().unwrap(), place["cause"].as_str()) {
                ("frame", _) => {
                    let holder = holds(view, view_at, &ended);
                    if holder.is_none_or(|epoch| !clear.contains(&(epoch, frame)) || place["epoch"] != epoch) {
                        verdict.without_lease.push(line.to_string());
                    }
                    if !verdict.released.insert(frame) {
                        verdict.by_two.push(line.to_string());
                    }
                }
                ("repeat", _) => verdict.repeated.extend([frame]),
                (_, Some("Stalled")) => verdict.stalled.extend([frame]),
                _ => (),
            }
        } else if let Some(id) = line.get("incident").and_then(Value::as_str) {
            verdict.incidents.push(id.to_owned());
        } else if line.get("refused").is_some() {
            verdict.refused += 1;
        }
    }
    let doubled = verdict.epochs.iter().filter(|(_, workers)| workers.len() > 1);
    verdict.by_two.extend(doubled.map(|(epoch, workers)| format!("epoch {epoch}: {workers:?}")));
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: u64 = 1_000_000;

    fn lines(released_at: u64, answer_epoch: u64, last: &str) -> Verdict {
        let journal = format!(
            r#"{{"at_us":1,"bus":{{"revision":0,"epoch":null,"worker":null}}}}
{{"at_us":2,"bus":{{"revision":1,"epoch":1,"worker":"w1"}}}}
{{"at_us":3,"sent":{{"epoch":1,"frame":0}}}}
{{"at_us":4,"answer":{{"epoch":{answer_epoch},"frame":0,"clear":true}}}}
{last}{{"at_us":{released_at},"place":{{"frame":0,"shown":"frame","cause":null,"epoch":1}}}}
"#
        );
        judge(&journal, TTL)
    }

    #[test]
    fn the_oracle_passes_what_is_right_and_finds_what_is_wrong() {
        assert!(lines(5, 1, "").without_lease.is_empty());
        assert_eq!(lines(TTL + 2, 1, "").without_lease.len(), 1, "the lease was over");
        assert_eq!(lines(5, 2, "").without_lease.len(), 1, "somebody else answered");
        let taken = "{\"at_us\":4,\"bus\":{\"revision\":2,\"epoch\":2,\"worker\":\"w2\"}}\n";
        assert_eq!(lines(5, 1, taken).without_lease.len(), 1, "somebody else holds it");
        assert_eq!(lines(5, 1, "{\"at_us\":4,\"lost\":1}\n").without_lease.len(), 1, "the link was lost");
        let old = "{\"at_us\":4,\"bus\":{\"revision\":1,\"epoch\":1,\"worker\":\"w2\"}}\n";
        assert!(lines(5, 1, old).by_two.is_empty(), "an old revision says nothing");
        let twice = "{\"at_us\":4,\"bus\":{\"revision\":2,\"epoch\":1,\"worker\":\"w2\"}}\n";
        assert_eq!(lines(5, 1, twice).by_two.len(), 1, "two hold one epoch");
        let again = "{\"at_us\":5,\"place\":{\"frame\":0,\"shown\":\"frame\",\"cause\":null,\"epoch\":1}}\n";
        assert_eq!(lines(5, 1, again).by_two.len(), 1, "it left twice");
        let log = |epoch| format!("s1: judged here, epoch {epoch}\ns2: judged here, epoch 7\n");
        assert_eq!(judged_by_two(&[("w1", log(1)), ("w1", log(1))]), [""; 0]);
        assert_eq!(judged_by_two(&[("w1", log(1)), ("w2", log(2))]).len(), 1, "two judge s2 under 7");
    }
}
