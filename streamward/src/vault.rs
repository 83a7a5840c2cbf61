//! `streamward vault`: is media kept here, who could open it, and what can go?
//!
//! Whoever opens the vault or lets something be erased shows who they are with a one-time code, as for signing in: a name alone
//! would let one person be two.

mod escrow;
pub(crate) mod files;
pub(crate) mod keep;
pub(crate) mod sweep;
pub(crate) mod uploads;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use casework::role::Permission;
use casework::vault::{Deed, Item, Plan, Vault};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::clock::now;
use crate::refer::Place;
use crate::settings::Settings;
use crate::store::{Account, Store};
use files::Files;

/// Keeps media where a law allows it and two people say so, and lets it go again.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Asks that media be kept as settings.toml says under [vault]; nothing is kept until somebody else allows it.
    Init(Asked),
    /// Allows what somebody else asked for with `init`.
    Allow(Asked),
    /// Shuts the vault at once: nothing comes in and nothing is shown. One person is enough.
    Shut(Asked),
    /// Says whether media is kept, under which law, how much, and whether any of it was altered: 0 nothing, 4 something.
    Status(Status),
    /// Gives the months' keys back to this machine, from the keys of two holders.
    Recover(Recover),
    /// Shows what can be erased; erases it when one person asks and another allows.
    Sweep(Sweep),
}

#[derive(Args)]
struct Asked {
    /// Your one-time code, as for signing in.
    #[arg(long, value_name = "CODE", env = "STREAMWARD_CODE", hide_env_values = true)]
    code: String,
    #[command(flatten)]
    place: Place,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Status {
    #[command(flatten)]
    place: Place,
    /// Reads every file and compares it with its digest.
    #[arg(long)]
    check: bool,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Recover {
    /// A holder's own key, as `age-keygen` writes it. Two are needed.
    #[arg(long = "key", value_name = "FILE", required = true)]
    keys: Vec<PathBuf>,
    /// The name of one month's key; all that are not here without.
    #[arg(long, value_name = "NAME")]
    month: Option<String>,
    #[command(flatten)]
    place: Place,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Sweep {
    /// Asks that what can go be erased.
    #[arg(long, requires = "code", conflicts_with = "allow")]
    ask: bool,
    /// Allows what somebody else asked for, and erases it.
    #[arg(long, requires = "code")]
    allow: bool,
    /// Your one-time code, as for signing in.
    #[arg(long, value_name = "CODE", env = "STREAMWARD_CODE", hide_env_values = true)]
    code: Option<String>,
    #[command(flatten)]
    place: Place,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.action {
        Action::Init(asked) => {
            let plan = plan(&Settings::open(&asked.place.data)?)?;
            changed(asked, |by| Deed::Asked { by: by.name.clone(), plan }).await
        }
        Action::Allow(asked) => changed(asked, |by| Deed::Allowed { by: by.name.clone() }).await,
        Action::Shut(asked) => changed(asked, |by| Deed::Shut { by: by.name.clone() }).await,
        Action::Status(Status { place, check, json }) => {
            let report = report(&place.open().await?, &Files::of(&place.data), *check).await?;
            say(*json, &report, &words(&report));
            let is_whole = report["faults"].as_array().is_some_and(Vec::is_empty);
            Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(4) })
        }
        Action::Recover(recover) => recovered(recover).await,
        Action::Sweep(sweep) => swept(sweep).await,
    }
}

/// The plan that the settings describe.
pub(crate) fn plan(settings: &Settings) -> Result<Plan> {
    let vault = settings.vault.as_ref().context(
        "settings.toml has no [vault]\n  to do: docs/guide/vault.md says what stands there, and what to ask a lawyer first",
    )?;
    let country = settings.jurisdiction.iter().find(|jurisdiction| jurisdiction.country == vault.country);
    let basis = country.and_then(|country| country.media_basis.clone()).with_context(|| {
        format!(
            "no jurisdiction {} with a media_basis stands in settings.toml: without a basis in law no media is kept\n  \
             to do: name the law, its source and the day you read it, or keep facts only",
            vault.country
        )
    })?;
    let plan = Plan {
        country: vault.country.clone(),
        basis,
        holders: vault.holders.clone(),
        appeal_days: vault.appeal_days,
        backup_days: vault.backup_days,
    };
    plan.check()?;
    escrow::recipients(&plan.holders)?;
    Ok(plan)
}

async fn changed(asked: &Asked, deed: impl FnOnce(&Account) -> Deed) -> Result<ExitCode> {
    let store = asked.place.open().await?;
    let by = who(&store, &asked.code).await?;
    let vault = store.vault_act(Some(&by.name), &deed(&by), now()).await?;
    let (state, words) = match (vault.open(), vault.asked()) {
        (_, Some(_)) => {
            ("asked", "asked for: somebody else must allow it, with `streamward vault allow` or in the console")
        }
        (Some(_), None) => ("open", "the vault is open: media is kept from now on"),
        (None, None) => ("shut", "the vault is shut: nothing comes in and nothing is shown"),
    };
    say(asked.json, &json!({ "state": state }), words);
    Ok(ExitCode::SUCCESS)
}

/// Who has this code, if they may do what is done to the vault.
async fn who(store: &Store, code: &str) -> Result<Account> {
    let account = store.use_code(code, now()).await?.context(
        "this code is not known, or was used, or is older than half an hour\n  to do: make another with `streamward person code NAME`",
    )?;
    if !account.may(Permission::Vault) {
        bail!("what you are here for does not include the vault\n  to do: ask a lead or a reporting officer");
    }
    Ok(account)
}

/// What there is, and whether it is as it was written.
pub(crate) async fn report(store: &Store, files: &Files, is_every_file_read: bool) -> Result<Value> {
    let (vault, kept, at) = (store.vault().await?, store.kept().await?, now());
    let mut faults: Vec<String> = Vec::new();
    let mut fault = |error: files::Error| faults.push(error.to_string().lines().next().unwrap_or_default().to_owned());
    for key in vault.keys() {
        files.check_escrow(key).unwrap_or_else(&mut fault);
    }
    let (mut n_files, mut n_held) = (0, 0);
    for (_, dossier) in &kept {
        for (_, sealing) in dossier.in_vault() {
            n_files += 1;
            n_held += usize::from(dossier.is_held(at));
            if is_every_file_read {
                files.check(sealing).unwrap_or_else(&mut fault);
            }
        }
    }
    let n_stray = files.stray(&sweep::named(store).await?)?.len();
    let without: Vec<&str> =
        vault.keys().iter().map(|key| key.name.as_str()).filter(|name| !files.has_month_key(name)).collect();
    Ok(json!({
        "state": state(&vault),
        "plan": vault.plan().ok(),
        "n_files": n_files,
        "n_held": n_held,
        "n_stray": n_stray,
        "keys": vault.keys().iter().map(|key| &key.name).collect::<Vec<_>>(),
        "keys_not_here": without,
        "is_every_file_read": is_every_file_read,
        "faults": faults,
    }))
}

fn state(vault: &Vault) -> &'static str {
    match (vault.open(), vault.asked()) {
        (Some(_), _) => "open",
        (None, Some(_)) => "asked",
        (None, None) => "shut",
    }
}

fn words(report: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut lines = vec![match (&report["state"], &report["plan"]) {
        (_, Value::Object(plan)) => format!(
            "open, in {}: {} ({}, read {}{})",
            text(&plan["country"]),
            text(&plan["basis"]["value"]),
            text(&plan["basis"]["source"]),
            text(&plan["basis"]["checked_on"]),
            if plan["basis"]["is_verified"] == true { "" } else { ", not verified" }
        ),
        (state, _) => format!("{}: no media is kept", text(state)),
    }];
    lines.push(format!(
        "{} files, {} of them under a hold; {} that no case names",
        report["n_files"], report["n_held"], report["n_stray"]
    ));
    let without = report["keys_not_here"].as_array().into_iter().flatten();
    lines.extend(without.map(|name| format!("the key {} is not here: two holders can give it back", text(name))));
    let faults = report["faults"].as_array().into_iter().flatten();
    lines.extend(faults.map(text));
    lines.join("\n")
}

async fn recovered(recover: &Recover) -> Result<ExitCode> {
    let mut given = Vec::new();
    for file in &recover.keys {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let key = files::identity(&text);
        given.push(key.with_context(|| {
            format!("{} holds no age key\n  to do: name the file that `age-keygen` wrote", file.display())
        })?);
    }
    let (store, files) = (recover.place.open().await?, Files::of(&recover.place.data));
    let vault = store.vault().await?;
    let is_meant = |name: &str| match &recover.month {
        Some(month) => month == name,
        None => !files.has_month_key(name),
    };
    let mut names = Vec::new();
    for key in vault.keys().iter().filter(|key| is_meant(&key.name)) {
        let month = escrow::recover(&files, key, &given)?.with_context(|| {
            format!(
                "these keys do not open {}: two different holders are needed, of those who were holders then\n  \
                 to do: ask another holder",
                key.name
            )
        })?;
        files.put_month_key(&key.name, &month)?;
        store.vault_act(None, &Deed::KeyRecovered { name: key.name.clone() }, now()).await?;
        names.push(key.name.clone());
    }
    if names.is_empty() && recover.month.is_some() {
        bail!("there is no such key\n  to do: `streamward vault status --json` names them");
    }
    let words = match names.is_empty() {
        true => "every key is here already".to_owned(),
        false => format!("here again: {}", names.join(", ")),
    };
    say(recover.json, &json!({ "keys": names }), &words);
    Ok(ExitCode::SUCCESS)
}

async fn swept(sweep: &Sweep) -> Result<ExitCode> {
    let (store, files, at) = (sweep.place.open().await?, Files::of(&sweep.place.data), now());
    let by = match &sweep.code {
        Some(code) if sweep.ask || sweep.allow => Some(who(&store, code).await?),
        Some(_) | None => None,
    };
    let lines =
        |items: &[Item]| items.iter().map(|item| format!("\n  {}  {}", item.case, item.item)).collect::<String>();
    match by {
        Some(by) if sweep.allow => {
            let done = sweep::allow(&store, &files, &by.name, at).await?;
            let complete = done.complete_on.map_or("when that is complete is not known".to_owned(), |date| {
                format!("complete on {date}, when the last backup is gone")
            });
            let words = format!(
                "erased {}; {complete}{}\nspared {}, under a hold or not over any more{}\nremoved {} that no case named",
                done.erased.len(),
                lines(&done.erased),
                done.spared.len(),
                lines(&done.spared),
                done.n_stray
            );
            let report = json!({
                "erased": done.erased, "spared": done.spared, "n_stray": done.n_stray, "complete_on": done.complete_on,
            });
            say(sweep.json, &report, &words);
        }
        by => {
            let items = sweep::candidates(&store, at).await?;
            let n_stray = files.stray(&sweep::named(&store).await?)?.len();
            let is_asked = by.is_some();
            if let Some(by) = by {
                let deed = Deed::SweepAsked { by: by.name.clone(), items: items.clone() };
                store.vault_act(Some(&by.name), &deed, at).await?;
            }
            let what = if is_asked { "asked for: somebody else must allow it" } else { "nothing was erased" };
            let words = format!(
                "{} files can go, {n_stray} lie there that no case names; {what}{}",
                items.len(),
                lines(&items)
            );
            say(sweep.json, &json!({ "can_go": items, "n_stray": n_stray, "is_asked": is_asked }), &words);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn say(is_json: bool, report: &Value, words: &str) {
    match is_json {
        true => println!("{report}"),
        false => println!("{words}"),
    }
}
