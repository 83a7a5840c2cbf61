//! How is a job run, and what comes back?

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use datafusion::arrow::array::{BinaryArray, BinaryBuilder, RecordBatch, UInt32Array};
use datafusion::arrow::datatypes::UInt32Type;
use datafusion::prelude::SessionContext;
use futures_util::TryStreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use payments::{Features, Row};

use crate::job::{Job, Wanted};
use crate::packed::Packed;
use crate::reckon::{self, FOUND, Found, bytes};
use crate::rows::{NUMBER, values};
use crate::table::FeaturesTable;

/// How often a job is tried before it is given up: an executor can be lost with results that nobody has fetched yet.
const N_TRIES: u32 = 3;

/// What came back, in no order.
#[derive(Debug, Default)]
pub struct Answer {
    batches: Vec<RecordBatch>,
}

impl Answer {
    /// Reckons by DataFusion or Ballista, as the session has it.
    ///
    /// # Errors
    /// When the job failed as often as it was tried.
    pub async fn of(session: &SessionContext, job: &Arc<Job>) -> anyhow::Result<Answer> {
        let bar = bar();
        let mut tries = 1;
        loop {
            match Answer::once(session, job, &bar).await {
                Ok(answer) => {
                    bar.finish_and_clear();
                    return Ok(answer);
                }
                Err(why) if tries < N_TRIES => {
                    log::warn!("the job failed and is tried again: {why:#}");
                    bar.suspend(|| eprintln!("the job failed and is tried again: {why:#}"));
                    tries += 1;
                }
                Err(why) => {
                    return Err(why.context(format!(
                        "the job failed {N_TRIES} times\n  to do: see what the scheduler and the executors say"
                    )));
                }
            }
        }
    }

    async fn once(session: &SessionContext, job: &Arc<Job>, bar: &ProgressBar) -> anyhow::Result<Answer> {
        bar.reset();
        bar.set_message("reckoning");
        let table = session.read_table(Arc::new(FeaturesTable::new(Arc::clone(job))))?;
        let mut stream = table.execute_stream().await?;
        let mut batches = Vec::new();
        while let Some(batch) = stream.try_next().await? {
            bar.set_message("transfers came back");
            bar.inc(batch.num_rows() as u64);
            batches.push(batch);
        }
        match job.asked.wanted {
            Wanted::Features => Ok(Answer { batches: reckon::of_peers(&batches, job)? }),
            Wanted::Levels => Ok(Answer { batches }),
        }
    }

    /// Reckons by the plain kernel, on one thread.
    ///
    /// # Errors
    /// None that these columns can have.
    pub fn plain(rows: &[Row], job: &Job) -> anyhow::Result<Answer> {
        let before = cpu_ns();
        let features = payments::features::batch(rows, job.pack.spans);
        if let (Some(before), Some(after)) = (before, cpu_ns()) {
            log::info!("the kernel alone took {:.2} CPU-s", (after - before) as f64 / 1e9);
        }
        Answer::from_features(rows, &features, job)
    }

    /// The same of features that are known.
    ///
    /// # Errors
    /// None that these columns can have.
    pub fn from_features(rows: &[Row], features: &[Features], job: &Job) -> anyhow::Result<Answer> {
        let mut numbers: Vec<u32> = Vec::new();
        let mut column = BinaryBuilder::new();
        let mut batches = Vec::new();
        let mut one = Vec::new();
        for (number, (row, features)) in (0..).zip(rows.iter().zip(features)) {
            if row.counts() && job.wants(features) {
                one.clear();
                if job.asked.wanted == Wanted::Levels {
                    row.at_s.pack(&mut one);
                    row.sender.pack(&mut one);
                    row.beneficiary.pack(&mut one);
                }
                features.pack(&mut one);
                numbers.push(number);
                column.append_value(&one);
            }
            if numbers.len() == 1 << 16 || number as usize + 1 == rows.len() {
                let own = UInt32Array::from(std::mem::take(&mut numbers));
                batches.push(RecordBatch::try_new(Arc::clone(&FOUND), vec![Arc::new(own), Arc::new(column.finish())])?);
            }
        }
        Ok(Answer { batches })
    }

    /// How many transfers came back.
    pub fn len(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Whether none did.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number and the packed features of each, by number.
    ///
    /// # Errors
    /// When a batch is something else, or a transfer came twice.
    pub fn in_order(&self) -> anyhow::Result<Vec<(u32, &[u8])>> {
        let mut all: Vec<(u32, &[u8])> = Vec::with_capacity(self.len());
        for batch in &self.batches {
            let features: &BinaryArray = bytes(batch)?;
            let numbers = values::<UInt32Type>(batch, NUMBER)?;
            all.extend(numbers.iter().zip(features).filter_map(|(&number, one)| Some((number, one?))));
        }
        all.sort_unstable_by_key(|(number, _)| *number);
        let twice = all.windows(2).find(|two| two[0].0 == two[1].0);
        match twice {
            None => Ok(all),
            Some(two) => anyhow::bail!("transfer {} came back twice\n  to do: report this as a bug", two[0].0),
        }
    }

    /// The transfers by number, read.
    ///
    /// # Errors
    /// When a batch is something else.
    pub fn found(&self, wanted: Wanted) -> anyhow::Result<Vec<(u32, Found)>> {
        let each = self.in_order()?.into_iter();
        each.map(|(number, bytes)| {
            let found = Found::read(bytes, wanted).with_context(|| format!("transfer {number}"))?;
            Ok((number, found))
        })
        .collect()
    }
}

/// Nanoseconds this thread was on a processor, where the system tells (Documentation/scheduler/sched-stats).
fn cpu_ns() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

/// A bar that turns while others work, on a terminal only.
fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {msg} {human_pos} {elapsed}");
    let bar = ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
