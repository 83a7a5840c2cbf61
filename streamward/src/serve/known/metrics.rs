//! How much was asked, and how long did it take? In the text format of Prometheus; never what was asked.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use super::Shared;

/// Upper ends of the bins of durations, seconds.
const BINS_S: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0, 30.0];

/// What is counted.
#[derive(Default)]
pub(super) struct Metrics {
    requests: Mutex<BTreeMap<(Path, u16), u64>>,
    bins: [AtomicU64; BINS_S.len() + 1],
    total_us: AtomicU64,
    n_looked_up: AtomicU64,
    n_matched: AtomicU64,
    n_refreshed: AtomicU64,
    n_refresh_failed: AtomicU64,
}

/// Which kind of request; names of banks and entries are left out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path(&'static str);

impl Path {
    pub(super) fn of(path: &str) -> Path {
        const PATHS: [&str; 7] =
            ["/v1/hash", "/v1/match", "/v1/banks", "/h/hash", "/m/lookup", "/m/raw_lookup", "/metrics"];
        Path(PATHS.into_iter().find(|known| *known == path).unwrap_or("/v1/banks/…"))
    }
}

impl Metrics {
    pub(super) fn answered(&self, path: Path, status: StatusCode, took: Duration) {
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner).entry((path, status.as_u16())).or_default() += 1;
        let bin = BINS_S.iter().position(|end| took.as_secs_f64() <= *end).unwrap_or(BINS_S.len());
        self.bins[bin].fetch_add(1, Ordering::Relaxed);
        self.total_us.fetch_add(took.as_micros() as u64, Ordering::Relaxed);
    }

    pub(super) fn looked_up(&self, n_asked: usize, n_matched: usize) {
        self.n_looked_up.fetch_add(n_asked as u64, Ordering::Relaxed);
        self.n_matched.fetch_add(n_matched as u64, Ordering::Relaxed);
    }

    pub(super) fn refreshed(&self, is_new: bool) {
        self.n_refreshed.fetch_add(u64::from(is_new), Ordering::Relaxed);
    }

    pub(super) fn refresh_failed(&self) {
        self.n_refresh_failed.fetch_add(1, Ordering::Relaxed);
    }
}

/// `GET /metrics`
pub(super) async fn show(State(service): State<Shared>) -> impl IntoResponse {
    let metrics = &service.metrics;
    let mut text = String::new();
    let mut counter = |name: &str, what: &str, value: u64| {
        let _ = writeln!(text, "# HELP {name} {what}\n# TYPE {name} counter\n{name} {value}");
    };
    let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
    counter("streamward_lookups_total", "Hashes that were looked up.", of(&metrics.n_looked_up));
    counter("streamward_lookups_matched_total", "Hashes that matched.", of(&metrics.n_matched));
    counter("streamward_refreshes_total", "Times a changed list was taken up.", of(&metrics.n_refreshed));
    counter("streamward_refreshes_failed_total", "Times it could not be.", of(&metrics.n_refresh_failed));
    let catalogue = service.catalogue();
    let _ =
        writeln!(text, "# HELP streamward_bank_hashes Hashes that can be found.\n# TYPE streamward_bank_hashes gauge");
    for shelf in &catalogue.shelves {
        let name = shelf.header.name.replace('\\', "\\\\").replace('"', "\\\"");
        let _ = writeln!(
            text,
            "streamward_bank_hashes{{bank=\"{name}\",version=\"{}\"}} {}",
            shelf.header.version,
            shelf.index.len()
        );
    }
    text += &service.standing().map_or(String::new(), |standing| standing.metrics);
    let _ = writeln!(text, "# HELP streamward_requests_total Requests.\n# TYPE streamward_requests_total counter");
    for ((path, status), n) in &*metrics.requests.lock().unwrap_or_else(PoisonError::into_inner) {
        let _ = writeln!(text, "streamward_requests_total{{path=\"{}\",status=\"{status}\"}} {n}", path.0);
    }
    let name = "streamward_request_seconds";
    let _ = writeln!(text, "# HELP {name} How long answers took.\n# TYPE {name} histogram");
    let mut n = 0;
    for (bin, end) in metrics.bins.iter().zip(BINS_S.iter().map(f64::to_string).chain(["+Inf".into()])) {
        n += of(bin);
        let _ = writeln!(text, "{name}_bucket{{le=\"{end}\"}} {n}");
    }
    let _ = writeln!(text, "{name}_sum {}\n{name}_count {n}", of(&metrics.total_us) as f64 / 1e6);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}
