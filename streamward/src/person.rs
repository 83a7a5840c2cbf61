//! `streamward person`: who may come in?
//!
//! For who runs the machine, beside the page for who lets people in: to begin, and when nobody else can.

use std::process::ExitCode;

use anyhow::{Result, bail};
use casework::Person;
use casework::role::{Compartment, Role};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::clock::now;
use crate::refer::Place;
use crate::store::Account;

/// Lets people and programs in, and says what they may do.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Lets somebody in, or changes what they may do.
    Add {
        /// The name in the record.
        name: String,
        /// What they are here for: reviewer, lead, reporting-officer, auditor, admin or service. May be given more than once.
        #[arg(long, required = true)]
        role: Vec<String>,
        /// Which parts of cases they read: video or payments. May be given more than once.
        #[arg(long)]
        reads: Vec<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Lets somebody in no more, at once.
    End {
        /// The name in the record.
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Prints a code with which somebody can sign in once, within half an hour.
    Code {
        /// The name in the record.
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Prints a token with which a program may ask.
    Token {
        /// The name in the record.
        name: String,
        #[command(flatten)]
        place: Place,
    },
    /// Lists everybody.
    List {
        #[command(flatten)]
        place: Place,
    },
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.action {
        Action::Add { name, role, reads, place } => {
            let roles: Option<Vec<Role>> = role.iter().map(|role| Role::named(role)).collect();
            let compartments: Option<Vec<Compartment>> = reads.iter().map(|part| Compartment::named(part)).collect();
            let (Some(roles), Some(compartments)) = (roles, compartments) else {
                bail!("there is no such role or part of a case\n  to do: `streamward person add --help` names them");
            };
            let store = place.open().await?;
            let known = store.account(name).await.map(|account| (account.passkeys, account.logins));
            let (passkeys, logins) = known.unwrap_or_default();
            let account = Account { name: Person::new(name)?, roles, compartments, is_active: true, passkeys, logins };
            store.set_account(None, &account, now()).await?;
        }
        Action::End { name, place } => {
            let store = place.open().await?;
            let account = store.account(name).await?;
            store.set_account(None, &Account { is_active: false, ..account }, now()).await?;
        }
        Action::Code { name, place } => {
            let code = crate::chance::code(4);
            place.open().await?.keep_code(&code, name, now()).await?;
            println!("{code}");
        }
        Action::Token { name, place } => {
            let token = crate::chance::token();
            place.open().await?.keep_token(&token, name).await?;
            println!("{token}");
        }
        Action::List { place } => {
            for account in place.open().await?.accounts().await? {
                let roles: Vec<&str> = account.roles.iter().map(|role| role.name()).collect();
                let reads: Vec<&str> = account.compartments.iter().map(|part| part.name()).collect();
                let line = json!({ "name": account.name.name(), "roles": roles, "reads": reads, "is_active": account.is_active });
                println!("{line}");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
