//! What does a person want to know of the run?

use std::collections::BTreeMap;

use crate::cast::{GATES, WORKERS};
use crate::fault::Fault;
use crate::oracle::{Handover, Verdict};
use crate::video::STEP;

/// What is done to one node, while which frames came in.
pub(crate) struct Happened {
    pub(crate) fault: Fault,
    pub(crate) node: String,
    /// For each stream how many frames had come when it was done.
    pub(crate) from: Vec<usize>,
    /// And when the next one followed.
    pub(crate) to: Vec<usize>,
}

const STEP_MS: u64 = STEP.as_millis() as u64;

/// One stream that a fault touched.
struct Touched {
    hold_ms: u32,
    /// How long it was covered because nobody judged.
    covered_ms: u64,
    /// The handover that followed, with the time from the fault on.
    handover: Option<(Handover, u64)>,
}

pub(crate) fn tell(verdicts: &[Verdict], happened: &[Happened], drained_at: &[usize]) {
    let sum = |of: fn(&Verdict) -> u64| verdicts.iter().map(of).sum::<u64>();
    println!(
        "{} frames, {} shown, {} repeated, {} covered because nobody judged; {} answers of lost leases refused; {} leases",
        sum(|v| v.frames),
        sum(|v| v.released.len() as u64),
        sum(|v| v.repeated.len() as u64),
        sum(|v| v.stalled.len() as u64),
        sum(|v| v.refused),
        sum(|v| v.epochs.len() as u64),
    );
    println!(
        "left without a valid lease: {}; by two workers: {}",
        sum(|v| v.without_lease.len() as u64),
        sum(|v| v.by_two.len() as u64)
    );
    let mut by_fault: BTreeMap<Fault, Vec<Touched>> = BTreeMap::new();
    let (mut n_workers, mut n_holders) = (0, 0);
    for one in happened {
        let touched = touched(verdicts, one);
        if WORKERS.contains(&one.node.as_str()) {
            n_workers += 1;
            n_holders += usize::from(!touched.is_empty());
        }
        by_fault.entry(one.fault).or_default().extend(touched);
    }
    println!("{} faults; {n_holders} of {n_workers} that struck a worker struck one that held a lease", happened.len());
    for (fault, touched) in &by_fault {
        for hold_ms in [2000, 150] {
            let of = touched.iter().filter(|one| one.hold_ms == hold_ms);
            let ms: Vec<u64> = of.map(|one| one.covered_ms).collect();
            let n_covered = ms.iter().filter(|ms| **ms > 0).count();
            if let Some(spread) = spread(ms) {
                println!("under cover after {fault:?}, frames held {hold_ms} ms: {spread}; {n_covered} at all");
            }
        }
        if touched.iter().all(|one| one.handover.is_none()) {
            continue;
        }
        let part = |of: fn(&Handover, u64) -> u64| {
            let us = touched.iter().filter_map(|one| one.handover.as_ref()).map(|(one, fault_us)| of(one, *fault_us));
            spread(us.map(|us| us / 1000).collect()).unwrap_or_default()
        };
        println!(
            "  from the fault until it was noticed: {}",
            part(|one, fault_us| one.lost_us.saturating_sub(fault_us))
        );
        println!("  until another had the lease: {}", part(|one, _| one.taken_us.saturating_sub(one.lost_us)));
        println!("  until its first answer: {}", part(|one, _| one.judged_us.saturating_sub(one.taken_us)));
        println!("  from the last answer to the next: {}", part(|one, _| one.judged_us - one.answered_us));
    }
    println!("the same on paper, after 1,000 faults: {:?}", crate::paper::scenes::four_workers_seen(1, 1000));
    for (number, (gate, hold_ms)) in GATES.into_iter().enumerate() {
        let n = verdicts[number].stalled.range(drained_at[number].saturating_sub(60) as u64..).count() as u64;
        println!("under cover after w1 handed over, {gate} ({hold_ms} ms): {} ms", n * STEP_MS);
    }
}

/// The streams that a fault touched: a worker's touches those that it judged, any other one's all.
fn touched(verdicts: &[Verdict], Happened { node, from, to, .. }: &Happened) -> Vec<Touched> {
    let mut touched = Vec::new();
    for (number, (_, hold_ms)) in GATES.into_iter().enumerate() {
        let verdict = &verdicts[number];
        let judge = verdict.judge_of.range(..from[number] as u64).next_back();
        if WORKERS.contains(&node.as_str()) && judge.is_none_or(|(_, worker)| worker != node) {
            continue;
        }
        // What waited when it happened may be covered by it too.
        let n_held = u64::from(hold_ms) / STEP_MS;
        let span = (from[number] as u64).saturating_sub(n_held)..(to[number] as u64).saturating_sub(n_held);
        let covered_ms = verdict.stalled.range(span).count() as u64 * STEP_MS;
        let came_us = |n: usize| verdict.decided_us.get(&(n as u64)).map(|us| us - u64::from(hold_ms) * 1000);
        let (from_us, to_us) = (came_us(from[number]), came_us(to[number]));
        let handover = from_us.and_then(|from_us| {
            let is_of_it = |one: &&Handover| one.lost_us + 50_000 >= from_us && to_us.is_none_or(|to| one.lost_us < to);
            verdict.handovers.iter().find(is_of_it).map(|one| (*one, from_us))
        });
        touched.push(Touched { hold_ms, covered_ms, handover });
    }
    touched
}

/// The middle, the ninety-ninth of a hundred and the longest of some times.
fn spread(mut ms: Vec<u64>) -> Option<String> {
    ms.sort_unstable();
    let p = |share: usize| ms[(ms.len() * share).div_ceil(100).max(1) - 1];
    (!ms.is_empty())
        .then(|| format!("p50 {} ms, p99 {} ms, longest {} ms of {} streams", p(50), p(99), p(100), ms.len()))
}

/// The same of microseconds.
pub(crate) fn spread_us(mut us: Vec<u64>) -> String {
    us.sort_unstable();
    let p = |share: usize| us.get((us.len() * share).div_ceil(100).max(1) - 1).map_or(0.0, |us| *us as f64 / 1000.0);
    format!("p50 {:.1} ms, p99 {:.1} ms", p(50), p(99))
}
