//! What do all who ask about payments work on?
//!
//! Everything lies in the folder `payments` of the data folder: the desk's log, and what an operator puts there before
//! the first start: `pack.toml`, `overlay.toml`; `rates.csv` at any time. The key that hides accounts and the token that
//! programs must show are drawn at the first start, and the pack that the desk is begun with is written down, so that a
//! later program whose public pack is another goes on with it. Which pack holds now stands in the log.

pub(super) mod v1;

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::Context;
use payments::below::Sample;
use payments::drift::{Day, Drift};
use payments::gate::{HoldRule, Refusal};
use payments::read::Door;
use payments::shadow::Shadow;
use payments::{Alert, Book, Level, Pack, PartyKey, Rates};

use super::messages::kept;
use crate::payments::desk::{Desk, now_s};

/// What every request needs.
pub(super) struct Service {
    folder: PathBuf,
    desk: Mutex<Desk>,
    rates: Mutex<(Option<SystemTime>, Arc<Rates>)>,
    door: Door,
    token: String,
    /// What other packs would raise.
    pub(super) shadows: Study<Shadow>,
    /// Whom to look at below the line, with what the pack says of each.
    pub(super) samples: Study<(Sample, Vec<Alert>)>,
    /// Whether the pack still meets what it met.
    pub(super) watches: Study<Watch>,
}

/// How a pack does over time.
pub(super) struct Watch {
    /// What was raised, day by day.
    pub(super) days: Vec<Day>,
    /// Against the reference; where there is no answer yet, the moment from which on there can be one.
    pub(super) drift: Result<Drift, Option<i64>>,
}

/// What was reckoned over a whole book, each under a name, kept for a while.
pub(super) struct Study<T>(Mutex<HashMap<String, (i64, Arc<T>)>>);

/// For how long it is kept, in seconds: whoever turns pages does not have the same thing reckoned again and again.
const KEPT_S: i64 = 600;

/// The desk in `data/payments`.
///
/// # Errors
/// A pack, table of rates or log that cannot be used, named with what to do.
pub(super) fn open(data: &Path) -> anyhow::Result<Arc<Service>> {
    let folder = data.join("payments");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    let own = text("pack.toml");
    let pack = own.as_deref().unwrap_or(payments::pack::LIVESTREAM_EXPLOITATION);
    let pack = Pack::parse(pack, text("overlay.toml").as_deref())
        .with_context(|| format!("cannot use the pack in {}\n  to do: mend it, or take it away", folder.display()))?;
    let key = PartyKey::new(&secret(&folder.join("key"))?)?;
    let token = hex(&secret(&folder.join("token"))?);
    let currency = pack.currency;
    let rule = HoldRule { from: Some(Level::Alert), for_s: 24 * 3600 };
    let service = Service {
        desk: Mutex::new(Desk::open(&folder, pack, rule)?),
        rates: Mutex::new((None, Arc::new(Rates::none(currency)))),
        door: Door::plain(key),
        token,
        folder,
        shadows: Study::default(),
        samples: Study::default(),
        watches: Study::default(),
    };
    if own.is_none() {
        let path = service.folder.join("pack.toml");
        std::fs::write(&path, payments::pack::LIVESTREAM_EXPLOITATION)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    service.rates(currency)?;
    Ok(Arc::new(service))
}

/// Thirty-two random bytes, kept in a file that only its owner can read.
fn secret(path: &Path) -> anyhow::Result<Vec<u8>> {
    if let Ok(bytes) = std::fs::read(path) {
        return Ok(bytes);
    }
    let mut bytes = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&bytes)
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(bytes.to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Runs what waits for the disk where nobody else waits; a failure is told in the log and not to the caller.
///
/// # Errors
/// The desk's refusal, or none when the desk cannot answer.
pub(super) async fn with_desk<T: Send + 'static>(
    service: Arc<Service>,
    work: impl FnOnce(&Service, &mut Desk) -> anyhow::Result<T> + Send + 'static,
) -> Result<T, Option<Refusal>> {
    let joined = tokio::task::spawn_blocking(kept(move || {
        // A desk that broke off in the middle answers nobody until the program is started anew and reads its log.
        let mut desk =
            service.desk.lock().map_err(|_| anyhow::anyhow!("the desk broke off; start the service anew"))?;
        work(&service, &mut desk)
    }));
    match joined.await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => match error.downcast::<Refusal>() {
            Ok(refusal) => Err(Some(refusal)),
            Err(error) => {
                eprintln!("payments: {error:#}");
                Err(None)
            }
        },
        Err(_) => Err(None),
    }
}

/// What `make` reckons over the book, without keeping anybody waiting at the desk meanwhile; what was reckoned in the
/// last ten minutes under the same name is given again.
///
/// # Errors
/// As [`with_desk`].
pub(super) async fn over_the_book<T: Send + Sync + 'static>(
    service: Arc<Service>,
    study: fn(&Service) -> &Study<T>,
    name: String,
    make: impl FnOnce(&Book) -> T + Send + 'static,
) -> Result<Arc<T>, Option<Refusal>> {
    if let Some(kept) = study(&service).kept(&name) {
        return Ok(kept);
    }
    let book = with_desk(service.clone(), |_, desk| {
        desk.refresh(now_s())?;
        Ok(desk.gate().book().clone())
    });
    let book = book.await?;
    let made = tokio::task::spawn_blocking(move || study(&service).keep(name, make(&book)));
    made.await.map_err(|_| None)
}

impl<T> Default for Study<T> {
    fn default() -> Study<T> {
        Study(Mutex::default())
    }
}

impl<T> Study<T> {
    fn kept(&self, name: &str) -> Option<Arc<T>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(name).filter(|(at_s, _)| now_s() - at_s < KEPT_S).map(|(_, value)| value.clone())
    }

    fn keep(&self, name: String, value: T) -> Arc<T> {
        let (mut kept, now_s, value) =
            (self.0.lock().unwrap_or_else(PoisonError::into_inner), now_s(), Arc::new(value));
        kept.retain(|_, (at_s, _)| now_s - *at_s < KEPT_S);
        kept.insert(name, (now_s, value.clone()));
        value
    }
}

impl Service {
    /// The table of rates, read again when its file has changed.
    fn rates(&self, reference: payments::Currency) -> anyhow::Result<Arc<Rates>> {
        let path = self.folder.join("rates.csv");
        let changed = std::fs::metadata(&path).and_then(|metadata| metadata.modified()).ok();
        let mut held = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        if held.0 != changed {
            let text = if changed.is_some() { std::fs::read_to_string(&path)? } else { String::new() };
            let rates = Rates::parse(&text, reference).with_context(|| {
                format!("cannot use {}\n  to do: write lines such as GBP,2026-01-31,1.1834", path.display())
            })?;
            *held = (changed, Arc::new(rates));
        }
        Ok(held.1.clone())
    }
}
