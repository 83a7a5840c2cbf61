//! What do all pages and all programs that ask work on?

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use casework::case::Event;
use casework::filing::Status;
use casework::role::{Compartment, Role};
use casework::{Deed, Person};
use jiff::Timestamp;

use super::api::uploads::Receiving;
use super::grants::Grants;
use super::messages::Messages;
use super::oidc::Oidc;
use crate::clock::now;
use crate::cybertip::client::Client;
use crate::cybertip::outbox::Outbox;
use crate::cybertip::schema::Schema;
use crate::settings::Settings;
use crate::store::{Account, Due, Store};
use crate::vault::files::Files;

/// How often the outbox is looked through.
const OUTBOX_EVERY: Duration = Duration::from_millis(500);
/// How often it is asked whether today's sample is drawn.
const SAMPLE_EVERY: Duration = Duration::from_secs(600);
/// How long a device may take to answer, and how many may be asked at once.
const CHALLENGE_LASTS: Duration = Duration::from_secs(300);
const CHALLENGES_MAX: usize = 10_000;
/// How often files are looked through that nobody finished sending.
const UPLOADS_EVERY: Duration = Duration::from_secs(600);
/// How often the index of what cases are found by is brought to the end of the log.
const INDEX_EVERY: Duration = Duration::from_secs(5);
/// How often subtrees of the log are reckoned; a proof reckons what came since itself.
const SUBTREES_EVERY: Duration = Duration::from_secs(60);
/// Pictures that are unpacked side by side.
const N_UNPACKING: usize = 2;

/// The store, the settings, and the authority.
pub(crate) struct Desk {
    /// Where cases are kept.
    pub(crate) store: Store,
    /// What the house says of itself.
    pub(crate) settings: Settings,
    /// The authority's schema, where it is set.
    pub(crate) schema: Option<Schema>,
    /// The authority, where it is set.
    pub(crate) client: Option<Client>,
    /// What pages say in other languages.
    pub(crate) messages: Messages,
    /// The organisation's own sign-in, where it is set.
    pub(crate) oidc: Option<Oidc>,
    /// Files that are kept here.
    pub(crate) files: Files,
    /// Looks that were granted and are not over.
    pub(crate) grants: Grants,
    /// Files that are being sent this moment.
    pub(crate) receiving: Receiving,
    /// How many pictures are unpacked side by side: each may take a gigabyte.
    pub(crate) unpacking: tokio::sync::Semaphore,
    /// What devices were asked to answer, and until when the answer counts.
    challenges: Mutex<HashMap<String, Timestamp>>,
}

/// The desk as requests share it.
pub(crate) type Shared = Arc<Desk>;

impl Desk {
    /// Opens the folder `data`, with the cases in `database` where that is given.
    pub(crate) async fn open(data: &Path, database: Option<&str>) -> Result<Desk> {
        let settings = Settings::open(data)?;
        let (client, schema) = settings.cybertipline(data)?.unzip();
        let oidc = settings.sign_in.as_ref().map(|sign_in| Oidc::open(sign_in, data)).transpose()?;
        let messages = Messages::open(data)?;
        let store = Store::open(data, database).await?;
        let (grants, receiving) = (Grants::default(), Receiving::default());
        let (unpacking, challenges) = (tokio::sync::Semaphore::new(N_UNPACKING), Mutex::default());
        Ok(Desk {
            store,
            settings,
            schema,
            client,
            messages,
            oidc,
            files: Files::of(data),
            grants,
            receiving,
            unpacking,
            challenges,
        })
    }

    /// Something new for a device to answer, once, within five minutes.
    pub(crate) fn challenge(&self) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(crate::chance::bytes::<32>());
        let now = now();
        let mut open = self.challenges.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, until| *until > now);
        // Whoever asks without end makes others ask again, and fills no memory.
        if open.len() >= CHALLENGES_MAX {
            open.clear();
        }
        open.insert(challenge.clone(), now.checked_add(CHALLENGE_LASTS).unwrap_or(Timestamp::MAX));
        challenge
    }

    /// Whether this was asked by us, not long ago, and not answered yet.
    pub(crate) fn is_ours(&self, challenge: &str) -> bool {
        let mut open = self.challenges.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(challenge).is_some_and(|until| until > now())
    }

    /// A code for the first person, where nobody may let people in yet.
    pub(crate) async fn first_code(&self) -> Result<Option<String>> {
        let accounts = self.store.accounts().await?;
        let is_open = |account: &Account| account.is_active && account.roles.contains(&Role::Admin);
        if accounts.iter().any(|account| is_open(account) && account.name.name() != FIRST) {
            return Ok(None);
        }
        if !accounts.iter().any(is_open) {
            let account = Account {
                name: Person::new(FIRST)?,
                roles: vec![Role::Admin],
                compartments: Vec::<Compartment>::new(),
                is_active: true,
                passkeys: Vec::new(),
                logins: Vec::new(),
            };
            self.store.set_account(None, &account, now()).await?;
        }
        let code = crate::chance::code(4);
        self.store.keep_code(&code, FIRST, now()).await?;
        Ok(Some(code))
    }

    /// Files what is due, for ever; what fails is tried again in its own time.
    pub(crate) async fn run_outbox(self: Arc<Desk>) {
        loop {
            tokio::time::sleep(OUTBOX_EVERY).await;
            let due = match self.store.due(now()).await {
                Ok(due) => due,
                Err(_) => {
                    tracing::error!("the outbox cannot be read");
                    continue;
                }
            };
            for Due { case, report } in due {
                self.file(&case, report).await;
            }
        }
    }

    /// Draws each day's sample, for ever; what fails is tried again in its own time.
    pub(crate) async fn run_samples(self: Arc<Desk>) {
        let Some(percent) = self.settings.quality.percent else { return };
        loop {
            let now = now();
            let today = jiff::tz::TimeZone::UTC.to_datetime(now).date();
            if let Err(error) = self.store.sample(today, percent, now).await {
                tracing::error!(kind = error.kind(), "today's sample was not drawn");
            }
            tokio::time::sleep(SAMPLE_EVERY).await;
        }
    }

    /// Keeps proofs quick, for ever.
    pub(crate) async fn run_subtrees(self: Arc<Desk>) {
        loop {
            if let Err(error) = self.store.keep_subtrees().await {
                tracing::error!(kind = error.kind(), "subtrees of the log were not reckoned");
            }
            tokio::time::sleep(SUBTREES_EVERY).await;
        }
    }

    /// Keeps what cases are found by, for ever.
    pub(crate) async fn run_index(self: Arc<Desk>) {
        loop {
            if let Err(error) = self.store.index().await {
                tracing::error!(kind = error.kind(), "what is new cannot be found yet");
            }
            tokio::time::sleep(INDEX_EVERY).await;
        }
    }

    /// Removes what nobody finished sending, for ever.
    pub(crate) async fn run_sweep(self: Arc<Desk>) {
        loop {
            if crate::vault::uploads::sweep(&self.store, &self.files, now()).await.is_err() {
                tracing::error!("what nobody finished sending could not be removed");
            }
            tokio::time::sleep(UPLOADS_EVERY).await;
        }
    }

    async fn file(&self, case: &str, report: usize) {
        let (Some(client), Some(schema)) = (&self.client, &self.schema) else { return };
        let outbox = Outbox { store: &self.store, schema, client, files: &self.files };
        let on = &mut |_| std::ops::ControlFlow::Continue(());
        match outbox.file(case, report, &now, on).await {
            Ok(Status::Filed { .. }) => self.hold(case).await,
            Ok(Status::Underway | Status::Refused { .. } | Status::Stopped { .. }) => {}
            Err(error) => tracing::warn!(case, report, kind = error.kind(), "a report was not filed further"),
        }
    }

    /// What belongs to a filed report is kept for as long as the law says, where that is known.
    async fn hold(&self, case: &str) {
        let today = jiff::tz::TimeZone::UTC.to_datetime(now()).date();
        let until = self.settings.jurisdiction.first().and_then(|jurisdiction| jurisdiction.kept_until(today));
        let until =
            until.and_then(|date| jiff::tz::TimeZone::UTC.to_ambiguous_zoned(date.at(0, 0, 0, 0)).compatible().ok());
        let Some(until) = until else { return };
        let deed = Deed::Moved(Event::Held { until: until.timestamp() });
        if self.store.act(case, None, &[deed], now()).await.is_err() {
            tracing::error!(case, "a filed report's case was not put on hold");
        }
    }
}

/// The name of the account that lets the first people in.
const FIRST: &str = "first admin";
