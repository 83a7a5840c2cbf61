//! What does this house say of itself, once, in one file?
//!
//! `settings.toml` in the data folder. What is missing is missing on the pages too, with what to write; an unknown key is
//! an error, for it may be a misspelt one that matters.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use casework::Sealed;
use casework::cybertip::document::Reporter;
use casework::exposure::Budget;
use casework::jurisdiction::Jurisdiction;
use casework::vault::Holder;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::cybertip::client::{Client, Login};
use crate::cybertip::schema::Schema;
use crate::serve::oidc;

/// Everything in the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Who reports, for whom.
    pub(crate) reporter: Option<ReporterSettings>,
    /// Where CyberTipline reports go.
    pub(crate) cybertipline: Option<CyberTipline>,
    /// The organisation's own sign-in (OpenID Connect).
    pub(crate) sign_in: Option<oidc::Settings>,
    /// What each country asks for. The first one's time of keeping is held after a report is filed.
    pub(crate) jurisdiction: Vec<Jurisdiction>,
    /// How media is kept, where a law allows it.
    pub(crate) vault: Option<VaultSettings>,
    /// How much one person may look at in a day.
    pub(crate) exposure: Budget,
    /// How soon somebody who appeals has an answer.
    pub(crate) appeals: AppealSettings,
    /// How many decisions a second person looks at.
    pub(crate) quality: QualitySettings,
    /// What stands in the forms for authorities.
    pub(crate) transparency: TransparencySettings,
}

/// What stands in the forms for authorities.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TransparencySettings {
    /// The provider's name, as in its reports.
    pub(crate) service: Option<String>,
}

/// How many decisions a second person looks at.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct QualitySettings {
    /// Of a hundred, `1..=100`; without it none is drawn.
    pub(crate) percent: Option<u8>,
}

/// How soon somebody who appeals has an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AppealSettings {
    /// Days from when they said it; without it no day is promised and none is shown.
    pub(crate) answer_days: Option<u32>,
}

impl AppealSettings {
    /// When an appeal that was received then must be answered.
    pub(crate) fn due_at(&self, received_at: Timestamp) -> Option<Timestamp> {
        let span = SignedDuration::from_hours(24 * i64::from(self.answer_days?));
        received_at.checked_add(span).ok()
    }
}

/// How media is kept; two people must say so before it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VaultSettings {
    /// Which jurisdiction allows it: one with a `media_basis`.
    pub(crate) country: String,
    /// How long a file is kept after somebody decided that there is nothing to report, for an appeal, days.
    pub(crate) appeal_days: u32,
    /// How long backups of the folder are kept, days.
    pub(crate) backup_days: Option<u32>,
    /// Three people, any two of whom can open what is kept without this program.
    pub(crate) holders: [Holder; 3],
}

/// The person whom the authority may ask back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReporterSettings {
    first_name: String,
    last_name: String,
    email: String,
}

/// Where CyberTipline reports go.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CyberTipline {
    /// The server's address.
    server: String,
    /// A file with one line `user:password`; relative to the data folder.
    login_file: PathBuf,
    /// The authority's schema, as `streamward report xsd` writes it; relative to the data folder.
    schema_file: PathBuf,
}

impl std::fmt::Debug for ReporterSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[sealed]")
    }
}

impl Settings {
    /// Reads the file of this folder; where there is none, nothing is set.
    pub(crate) fn open(data: &Path) -> Result<Settings> {
        let file = data.join("settings.toml");
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Settings::default()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
        };
        toml::from_str(&text).with_context(|| {
            format!("{} is not as it should be\n  to do: compare it with docs/guide/settings.md", file.display())
        })
    }

    /// Who reports.
    pub(crate) fn reporter(&self) -> Option<Reporter> {
        let sealed = |text: &String| Sealed::new(text.clone());
        self.reporter.as_ref().map(|reporter| Reporter {
            first_name: sealed(&reporter.first_name),
            last_name: sealed(&reporter.last_name),
            email: sealed(&reporter.email),
        })
    }

    /// The authority and its schema.
    pub(crate) fn cybertipline(&self, data: &Path) -> Result<Option<(Client, Schema)>> {
        let Some(settings) = &self.cybertipline else { return Ok(None) };
        let client = Client::new(&settings.server, Login::open(&data.join(&settings.login_file))?)?;
        Ok(Some((client, Schema::open(&data.join(&settings.schema_file))?)))
    }
}
