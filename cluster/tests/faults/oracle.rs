//! Did each frame leave under the lease that judged it?
//!
//! Reckoned from a gate's journal alone, line by line, by rules written down here a second time.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What a journal shows.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) frames: u64,
    /// Frames that left, and to whom each was sent first.
    pub(crate) released: BTreeSet<u64>,
    pub(crate) judge_of: BTreeMap<u64, String>,
    /// When each frame's place was decided, microseconds since the stream began.
    pub(crate) decided_us: BTreeMap<u64, u64>,
    /// From one lease to the next.
    pub(crate) handovers: Vec<Handover>,
    /// Frames that left although no lease that held had judged them clear.
    pub(crate) without_lease: Vec<String>,
    /// Frames that left twice, or by another worker than the first under their epoch.
    pub(crate) by_two: Vec<String>,
    /// Epochs that the bus gave to two workers, as nats-server up to 2.9.20 may where two writes meet
    /// (nats-io/nats-server#4320). Both are void from then on.
    pub(crate) given_twice: Vec<u64>,
    /// Frames in which something was found while the lease held.
    pub(crate) found: BTreeSet<u64>,
    /// Places covered because nobody judged, and repeats.
    pub(crate) stalled: BTreeSet<u64>,
    pub(crate) repeated: BTreeSet<u64>,
    pub(crate) refused: u64,
    pub(crate) epochs: BTreeMap<u64, BTreeSet<String>>,
    pub(crate) incidents: Vec<String>,
}

/// What passed between two leases, microseconds since the stream began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Handover {
    /// The last answer under the old lease.
    pub(crate) answered_us: u64,
    /// The old lease was found lost.
    pub(crate) lost_us: u64,
    /// Another worker was seen to hold it.
    pub(crate) taken_us: u64,
    /// Its first answer.
    pub(crate) judged_us: u64,
}

/// Epochs under which two workers say that they judged one stream, which they may where the bus gave it to both: at most
/// one of them was believed. Reckoned from what the workers say alone: each line
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
    let mut holder = None::<String>;
    let mut released_by: BTreeMap<u64, String> = BTreeMap::new();
    let mut first = true;
    let mut sent = BTreeSet::new();
    let mut clear: BTreeSet<(u64, u64)> = BTreeSet::new();
    let (mut handover, mut answered_us) = (None::<Handover>, 0);
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
                if view != epoch || worker != holder.as_deref() {
                    // Another epoch, another holder, or nobody: what held before is over for good.
                    ended.extend(view);
                }
                holder = worker.map(str::to_owned);
                (view, view_at) = (epoch.filter(|_| worker.is_some()), at);
                if let (Some(epoch), Some(worker)) = (view, worker) {
                    verdict.epochs.entry(epoch).or_default().insert(worker.to_owned());
                    if let Some(one) = handover.as_mut().filter(|_| !ended.contains(&epoch)) {
                        one.taken_us = at;
                    }
                }
            }
        } else if let Some(epoch) = line.get("lost").or(line.get("unlink")).and_then(Value::as_u64) {
            ended.insert(epoch);
            let lost = Handover { answered_us, lost_us: at, ..Handover::default() };
            handover = handover.or((answered_us > 0).then_some(lost));
        } else if let Some(one) = line.get("sent") {
            let (epoch, frame) = (one["epoch"].as_u64().unwrap(), one["frame"].as_u64().unwrap());
            sent.insert((epoch, frame));
            let worker = verdict.epochs.get(&epoch).and_then(|workers| workers.first()).cloned();
            if let Some(worker) = worker {
                verdict.judge_of.entry(frame).or_insert(worker);
            }
        } else if let Some(answer) = line.get("answer") {
            let key = (answer["epoch"].as_u64().unwrap(), answer["frame"].as_u64().unwrap());
            if holds(view, view_at, &ended) == Some(key.0) && sent.contains(&key) {
                answered_us = at;
                verdict.handovers.extend(handover.take().map(|one| Handover { judged_us: at, ..one }));
                match answer["clear"] == true {
                    true => clear.extend([key]),
                    false => verdict.found.extend([key.1]),
                }
            }
        } else if let Some(place) = line.get("place") {
            let frame = place["frame"].as_u64().unwrap();
            verdict.frames += 1;
            verdict.decided_us.insert(frame, at);
            match (place["shown"].as_str().unwrap(), place["cause"].as_str()) {
                ("frame", _) => {
                    let epoch = holds(view, view_at, &ended);
                    if epoch.is_none_or(|epoch| !clear.contains(&(epoch, frame)) || place["epoch"] != epoch) {
                        verdict.without_lease.push(line.to_string());
                    }
                    let by = holder.clone().unwrap_or_default();
                    let first = released_by.entry(place["epoch"].as_u64().unwrap_or(0)).or_insert_with(|| by.clone());
                    if !verdict.released.insert(frame) || *first != by {
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
    let twice = verdict.epochs.iter().filter(|(_, workers)| workers.len() > 1);
    verdict.given_twice = twice.map(|(epoch, _)| *epoch).collect();
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
        assert!(lines(5, 1, old).given_twice.is_empty(), "an old revision says nothing");
        let twice = "{\"at_us\":4,\"bus\":{\"revision\":2,\"epoch\":1,\"worker\":\"w2\"}}\n";
        assert_eq!(lines(5, 1, twice).given_twice, [1], "two hold one epoch");
        assert_eq!(lines(5, 1, twice).without_lease.len(), 1, "so nothing leaves under it any more");
        let other = "{\"at_us\":4,\"place\":{\"frame\":9,\"shown\":\"frame\",\"cause\":null,\"epoch\":1}}\n";
        assert_eq!(lines(5, 1, &[other, twice].concat()).by_two.len(), 1, "two released under one epoch");
        let again = "{\"at_us\":5,\"place\":{\"frame\":0,\"shown\":\"frame\",\"cause\":null,\"epoch\":1}}\n";
        assert_eq!(lines(5, 1, again).by_two.len(), 1, "it left twice");
        let next = "{\"at_us\":5,\"unlink\":1}\n{\"at_us\":7,\"bus\":{\"revision\":2,\"epoch\":2,\"worker\":\"w2\"}}\n\
                    {\"at_us\":8,\"sent\":{\"epoch\":2,\"frame\":0}}\n\
                    {\"at_us\":9,\"answer\":{\"epoch\":2,\"frame\":0,\"clear\":true}}\n";
        let handover = Handover { answered_us: 4, lost_us: 5, taken_us: 7, judged_us: 9 };
        assert_eq!(lines(10, 1, next).handovers, [handover]);
        assert_eq!(lines(10, 1, next).judge_of[&0], "w1", "to whom it was sent first");
        let log = |epoch| format!("s1: judged here, epoch {epoch}\ns2: judged here, epoch 7\n");
        assert_eq!(judged_by_two(&[("w1", log(1)), ("w1", log(1))]), [""; 0]);
        assert_eq!(judged_by_two(&[("w1", log(1)), ("w2", log(2))]).len(), 1, "two judge s2 under 7");
    }
}
