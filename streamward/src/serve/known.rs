//! The service for known material: hashes, matches, banks.
//!
//! Two dialects of one thing: our own below `/v1`, described at `/openapi.json`, and the paths that clients of Meta's
//! Hasher-Matcher-Actioner speak (`hma.rs`). What is asked is answered from a [`catalogue`] that is replaced as a whole
//! when a list changes: nothing waits for that, and no question sees half of it.

mod access;
mod answers;
mod catalogue;
mod fetch;
mod followed;
mod hma;
mod lists;
mod metrics;
mod openapi;
mod shelf;
mod snapshot;
mod v1;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use anyhow::{Result, bail};
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::{Router, middleware};
use clap::Args;
use known::pdq::DISTANCE_BITS_MAX;

use crate::list::trust::Trust;
use access::Access;
use catalogue::{Catalogue, Sources};
use fetch::Fetcher;
use followed::Followed;
#[cfg(test)]
pub(super) use lists::Fault;
pub(super) use lists::{Line, Lists, Signed};
use metrics::Metrics;

/// What is served, to whom.
#[derive(Args)]
pub(crate) struct Served {
    /// A list of known material to serve as a bank, or `test-card`. May be given several times.
    #[arg(long = "list", value_name = "LIST")]
    lists: Vec<PathBuf>,
    /// A TOML file of banks with rules of their own.
    #[arg(long, value_name = "FILE")]
    banks: Option<PathBuf>,
    #[command(flatten)]
    trust: Trust,
    /// Pictures at most this many bits apart match, in banks that say nothing else.
    #[arg(long, default_value_t = DISTANCE_BITS_MAX, value_parser = clap::value_parser!(u32).range(0..=256))]
    radius: u32,
    /// Lists are looked at for changes so often.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    refresh: u64,
    /// What `streamward-cluster lists follow` says of the lists; then `/readyz` and `/metrics` say which are behind.
    #[arg(long, value_name = "FILE")]
    followed: Option<PathBuf>,
    /// A node that serves an older list than the newest for longer than this is not ready.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "followed")]
    behind_max: u64,
    /// A TOML file of keys that programs must bring, with scopes and rates. Needed to listen to other machines.
    #[arg(long, value_name = "FILE")]
    api_keys: Option<PathBuf>,
    /// So many requests a second are answered for each key that sets none of its own; 0 sets no limit.
    #[arg(long, value_name = "N", default_value_t = 0)]
    rate: u32,
    /// A host from which pictures may be fetched with `url=`, which is off without any. May be given several times.
    #[arg(long = "allow-host", value_name = "HOST")]
    allow_hosts: Vec<String>,
    /// The largest upload, MiB.
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=512))]
    upload_max: u16,
}

/// What every answer needs.
struct Service {
    catalogue: RwLock<Arc<Catalogue>>,
    sources: Sources,
    access: Access,
    fetcher: Fetcher,
    metrics: Metrics,
    followed: Option<Followed>,
    /// A change that could not be used, while it is there.
    fault: std::sync::Mutex<Option<(usize, lists::Fault)>>,
    /// How many pictures are unpacked side by side: each may take a gigabyte.
    unpacking: tokio::sync::Semaphore,
}

type Shared = Arc<Service>;

/// A request takes at most this long.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Pictures that are unpacked side by side.
const N_UNPACKING: usize = 2;

impl Service {
    /// What is asked now; a later replacement does not change it.
    fn catalogue(&self) -> Arc<Catalogue> {
        self.catalogue.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// How what is served stands to the newest, where that is followed.
    fn standing(&self) -> Option<followed::Standing> {
        let now_s = u64::try_from(crate::clock::now().as_second()).unwrap_or_default();
        self.followed.as_ref().map(|followed| followed.standing(&self.catalogue(), now_s))
    }

    fn replace(&self, catalogue: Catalogue) {
        let old = {
            let mut place = self.catalogue.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            std::mem::replace(&mut *place, Arc::new(catalogue))
        };
        // What may be the last copy of a large index is taken apart here, not while others wait.
        drop(old);
    }
}

/// The routes, with every list loaded, and what pages show of the lists.
pub(super) async fn routes(arguments: &Served, listen: SocketAddr, data: &Path) -> Result<(Router, Lists)> {
    if arguments.api_keys.is_none() && !listen.ip().is_loopback() {
        bail!(
            "{listen} can be reached by others, and nobody would be asked for a key\n  \
             to do: name a file with --api-keys, or listen on 127.0.0.1"
        );
    }
    let sources = Sources::read(arguments, data)?;
    let access = Access::read(arguments.api_keys.as_deref(), arguments.rate)?;
    let (sources, catalogue) = tokio::task::spawn_blocking(move || {
        let catalogue = Catalogue::load(&sources, None).map_err(|not| not.error)?;
        anyhow::Ok((sources, catalogue))
    })
    .await??;
    let service = Arc::new(Service {
        catalogue: RwLock::new(Arc::new(catalogue)),
        sources,
        access,
        fetcher: Fetcher::new(&arguments.allow_hosts)?,
        metrics: Metrics::default(),
        followed: arguments.followed.clone().map(|file| Followed::new(file, arguments.behind_max)),
        fault: std::sync::Mutex::default(),
        unpacking: tokio::sync::Semaphore::new(N_UNPACKING),
    });
    tokio::spawn(refresh(Arc::clone(&service), Duration::from_secs(arguments.refresh)));
    let lists = Lists::of(Arc::clone(&service));
    Ok((of_service(service, usize::from(arguments.upload_max) << 20), lists))
}

fn of_service(service: Shared, upload_bytes_max: usize) -> Router {
    let guarded = Router::new()
        .route("/v1/hash", post(v1::hash).get(v1::hash_url))
        .route("/v1/match", post(v1::match_))
        .route("/v1/banks", get(v1::banks))
        .route("/v1/banks/{bank}/entries/{entry}/release", post(v1::release))
        .route("/v1/banks/{bank}/entries/{entry}/disable", post(v1::disable))
        .route("/h/hash", get(hma::hash_url).post(hma::hash_upload))
        .route("/m/lookup", get(hma::lookup).post(hma::lookup_upload))
        .route("/m/raw_lookup", get(hma::raw_lookup))
        .route("/metrics", get(metrics::show))
        .layer(DefaultBodyLimit::max(upload_bytes_max))
        .layer(middleware::from_fn_with_state(Arc::clone(&service), access::ask));
    Router::new()
        .route("/readyz", get(hma::ready))
        .route("/status", get(hma::status))
        .route("/openapi.json", get(openapi::show))
        .merge(guarded)
        .with_state(service)
}

/// Looks for changed lists, and puts a new catalogue in the place of the old one when all of it could be loaded.
async fn refresh(service: Shared, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let working = Arc::clone(&service);
        let outcome = tokio::task::spawn_blocking(move || {
            let old = working.catalogue();
            if !old.is_outdated(&working.sources) {
                return Ok(false);
            }
            working.replace(Catalogue::load(&working.sources, Some(&old))?);
            Ok::<bool, catalogue::NotLoaded>(true)
        });
        match outcome.await {
            Ok(Ok(is_new)) => {
                service.metrics.refreshed(is_new);
                lists::mended(&service);
            }
            Ok(Err(catalogue::NotLoaded { bank, error })) => {
                service.metrics.refresh_failed();
                lists::failed(&service, bank, &error);
                eprintln!("the lists that are served stay as they were: {error:#}");
            }
            // The work panicked, which its own message has told; what is served stays.
            Err(_) => service.metrics.refresh_failed(),
        }
    }
}

#[cfg(test)]
mod tests;
