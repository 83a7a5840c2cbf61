//! `streamward list feedback`: was an entry of an exchange right?

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{ArgGroup, Args, Subcommand};
use known::exchange::feedback::{Opinion, STOPNCII_VALUES, ncmec_body, stopncii_body};

use crate::exchange::{Account, Client, Patience, secret};

/// Which exchange.
#[derive(Subcommand)]
pub(super) enum Exchange {
    /// NCMEC's hash sharing. The password comes from STREAMWARD_NCMEC_PASSWORD.
    Ncmec(Ncmec),
    /// StopNCII. Keys come from STREAMWARD_STOPNCII_SUBSCRIPTION_KEY and STREAMWARD_STOPNCII_FEEDBACK_KEY.
    Stopncii(StopNcii),
}

#[derive(Args)]
#[command(group(ArgGroup::new("opinion").required(true).args(["right", "wrong"])))]
pub(super) struct Ncmec {
    /// The environment's address, without /v2.
    #[arg(long)]
    url: String,
    /// The account's name.
    #[arg(long)]
    user: String,
    /// The member who brought the entry: the first part of the exchange's id on a pulled list, MEMBER-ENTRY.
    #[arg(long)]
    member: u64,
    /// The entry's id at the exchange.
    #[arg(long)]
    entry: String,
    /// Which of its hashes is meant: MD5, SHA1, PDQ, PDNA …
    #[arg(long, value_name = "TYPE")]
    kind: String,
    /// The entry is right.
    #[arg(long)]
    right: bool,
    /// The entry is wrong, for the reason with this id; the exchange lists them at feedback/TYPE/reasons.
    #[arg(long, value_name = "REASON-ID")]
    wrong: Option<String>,
    #[command(flatten)]
    patience: Patience,
}

#[derive(Args)]
pub(super) struct StopNcii {
    /// The address.
    #[arg(long, default_value = "https://api.stopncii.org/v1")]
    url: String,
    /// The hash.
    #[arg(long)]
    hash: String,
    /// What is thought of it.
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(STOPNCII_VALUES))]
    value: String,
    /// Words to go with it. May be given several times.
    #[arg(long = "tag")]
    tags: Vec<String>,
    #[command(flatten)]
    patience: Patience,
}

pub(super) fn run(exchange: &Exchange) -> Result<ExitCode> {
    let (client, method, path, content_type, body) = match exchange {
        Exchange::Ncmec(told) => {
            let is_word = |text: &str| {
                !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
            };
            if !is_word(&told.entry) || !is_word(&told.kind) || told.entry.starts_with('.') {
                bail!(
                    "an entry's id and type have letters, digits, - _ and . only\n  to do: give them as the exchange writes them"
                );
            }
            let opinion = match &told.wrong {
                Some(reason_id) => Opinion::Wrong { reason_id: reason_id.clone() },
                None => Opinion::Right,
            };
            let account = Account::Ncmec { user: told.user.clone(), password: secret("STREAMWARD_NCMEC_PASSWORD")? };
            let path = format!("/v2/entries/{}/{}/{}/feedback", told.member, told.entry, told.kind);
            let client = Client::new(&told.url, account, told.patience)?;
            (client, reqwest::Method::PUT, path, "application/xml; charset=utf-8", ncmec_body(&opinion))
        }
        Exchange::Stopncii(told) => {
            let account = Account::StopNcii {
                subscription_key: secret("STREAMWARD_STOPNCII_SUBSCRIPTION_KEY")?,
                function_key: secret("STREAMWARD_STOPNCII_FEEDBACK_KEY")?,
            };
            let client = Client::new(&told.url, account, told.patience)?;
            let body = stopncii_body(&told.hash, &told.value, &told.tags);
            (client, reqwest::Method::POST, "/SubmitFeedback".to_owned(), "application/json", body)
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(client.tell(method, &path, content_type, &body))?;
    eprintln!("told");
    Ok(ExitCode::SUCCESS)
}
