//! What do the windows hold at each transfer, and how fast are they reckoned?

use std::io::{BufWriter, Write};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use payments::pack::FEATURES;

use super::input::Input;

/// Arguments of `payments features`.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: Input,
    /// Write no rows, only the speed.
    #[arg(long)]
    quiet: bool,
    /// Write JSON lines instead of CSV.
    #[arg(long)]
    json: bool,
}

/// Writes one row for each transfer that counts.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let loaded = arguments.input.load()?;
    let rows = loaded.book.rows();
    let clock = Clock::start();
    let features = payments::features::batch(rows, loaded.pack.spans);
    let batch_s = clock.elapsed_s();
    let clock = Clock::start();
    let mut memory = payments::score::Memory::default();
    let mut stream = payments::features::Stream::default();
    let mut n_raised = 0_u64;
    let mut is_equal = true;
    for (index, row) in (0..).zip(rows) {
        let one = stream.push(rows, index, loaded.pack.spans);
        memory.consider(index, row, &one, &loaded.pack, |_| n_raised += 1);
        is_equal &= one == features[index as usize];
    }
    let stream_s = clock.elapsed_s();
    let rate = |seconds: f64| rows.len() as f64 / seconds.max(1e-9);
    eprintln!(
        "batch:  {} transfers in {batch_s:.3} CPU-s on one thread, {:.2} M per CPU-second, all features",
        rows.len(),
        rate(batch_s) / 1e6
    );
    eprintln!(
        "stream: {stream_s:.3} CPU-s with the full pack, {:.0} transfers per CPU-second, {n_raised} raised",
        rate(stream_s)
    );
    let (median_us, p99_us, most_us) = waits_us(rows, &loaded.pack);
    eprintln!(
        "each:   {median_us:.1} µs for half of the transfers, {p99_us:.1} µs for 99 in 100, {most_us:.0} µs at most, by the wall"
    );
    anyhow::ensure!(is_equal, "stream and batch differ\n  to do: report this as a bug with the file");
    if arguments.quiet {
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    if !arguments.json {
        let names: Vec<&str> = FEATURES.iter().map(|reading| reading.name).collect();
        writeln!(out, "id,{}", names.join(","))?;
    }
    for ((transfer, row), features) in loaded.book.transfers().iter().zip(rows).zip(&features) {
        if !row.counts() {
            continue;
        }
        let values = FEATURES.iter().map(|reading| (reading.name, (reading.read)(features, &loaded.pack.spans)));
        if arguments.json {
            let mut object: serde_json::Map<String, serde_json::Value> =
                values.map(|(name, value)| (name.to_owned(), value.into())).collect();
            object.insert("id".to_owned(), (&*transfer.id).into());
            writeln!(out, "{}", serde_json::Value::Object(object))?;
        } else {
            let cells: Vec<String> =
                values.map(|(_, value)| value.map_or_else(String::new, |v| v.to_string())).collect();
            writeln!(out, "\"{}\",{}", transfer.id.replace('"', "\"\""), cells.join(","))?;
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// How long one transfer waits for its score in a stream, in microseconds by the wall: half, 99 in 100, and the most.
fn waits_us(rows: &[payments::Row], pack: &payments::Pack) -> (f64, f64, f64) {
    let (mut memory, mut stream) = (payments::score::Memory::default(), payments::features::Stream::default());
    let mut waits_ns: Vec<u64> = Vec::with_capacity(rows.len());
    for (index, row) in (0..).zip(rows) {
        let started = Instant::now();
        let one = stream.push(rows, index, pack.spans);
        memory.consider(index, row, &one, pack, |_| {});
        waits_ns.push(started.elapsed().as_nanos() as u64);
    }
    waits_ns.sort_unstable();
    let at = |share: f64| {
        let place = ((waits_ns.len() as f64 * share) as usize).min(waits_ns.len().saturating_sub(1));
        waits_ns.get(place).map_or(0.0, |&ns| ns as f64 / 1e3)
    };
    (at(0.5), at(0.99), at(1.0))
}

/// Seconds this thread has been on a processor; by the wall where the system does not tell.
struct Clock {
    started: Instant,
    cpu_ns: Option<u64>,
}

impl Clock {
    fn start() -> Clock {
        Clock { started: Instant::now(), cpu_ns: cpu_ns() }
    }

    fn elapsed_s(&self) -> f64 {
        match (self.cpu_ns, cpu_ns()) {
            (Some(before), Some(after)) => (after - before) as f64 / 1e9,
            _ => self.started.elapsed().as_secs_f64(),
        }
    }
}

/// The first number of Linux's schedstat: nanoseconds on a processor (Documentation/scheduler/sched-stats).
fn cpu_ns() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}
