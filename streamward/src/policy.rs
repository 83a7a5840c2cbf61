//! `streamward policy`: is this policy valid, and what does it say?

mod sign;
pub(crate) mod signed;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::{Args, Subcommand};
use guard::Policy;
use serde_json::json;

/// Checks and shows policies: what a guard covers, how soon, and for how long.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Checks that policy files can be used: 0 all can, 4 one cannot.
    Check(Check),
    /// Shows a policy with every value that holds, also those that its file leaves out.
    Show(Show),
    /// Signs a version of a policy, or adds a signature: POLICY.sig beside it.
    Sign(sign::Sign),
    /// Checks who signed a policy, and that it is the latest and in force: 0 it may be used, 4 it may not.
    Verify(sign::Verify),
    /// Shows and proves the versions of a policy that were ever signed.
    Log(sign::Log),
}

#[derive(Args)]
struct Check {
    /// Policy files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Show {
    /// A shipped policy (child-device, messenger, livestream, test) or the path of one.
    #[arg(value_name = "NAME|FILE")]
    name: String,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// A larger file is no policy.
const BYTES_MAX: u64 = 1 << 20;

/// Exit code of a policy that cannot be used.
const INVALID: u8 = 4;

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.action {
        Action::Check(arguments) => Ok(check(arguments)),
        Action::Show(arguments) => show(arguments),
        Action::Sign(arguments) => sign::sign(arguments),
        Action::Verify(arguments) => sign::verify(arguments),
        Action::Log(arguments) => sign::log(arguments),
    }
}

fn check(arguments: &Check) -> ExitCode {
    let codes = arguments.files.iter().map(|file| check_one(file, arguments.json));
    // An invalid policy weighs more than an absent one.
    ExitCode::from(codes.max().unwrap_or(0))
}

fn check_one(file: &Path, is_json: bool) -> u8 {
    let text = match read(file) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("{error}");
            return 2;
        }
    };
    let name = file.display().to_string();
    match Policy::parse(&text) {
        Ok(policy) if is_json => {
            println!("{}", json!({"file": name, "valid": true, "name": policy.name, "version": policy.version}));
            0
        }
        Ok(policy) => {
            println!("{name}: the policy {}, version {}, can be used", policy.name, policy.version);
            0
        }
        Err(error) => {
            if is_json {
                println!("{}", json!({"file": name, "valid": false, "error": error.to_string()}));
            }
            eprintln!("{}", refused(&name, &error));
            INVALID
        }
    }
}

fn show(arguments: &Show) -> Result<ExitCode> {
    let policy = match Policy::shipped(&arguments.name) {
        Some(policy) => policy,
        None => match Policy::parse(&read(Path::new(&arguments.name))?) {
            Ok(policy) => policy,
            Err(error) => {
                eprintln!("{}", refused(&arguments.name, &error));
                return Ok(ExitCode::from(INVALID));
            }
        },
    };
    match arguments.json {
        true => println!("{}", serde_json::to_string(&policy)?),
        false => print!("{}", policy.to_text()),
    }
    Ok(ExitCode::SUCCESS)
}

fn refused(name: &str, error: &guard::Error) -> String {
    format!(
        "the policy {name} cannot be used: {error}\n  to do: mend it; `streamward policy show messenger` prints one that can"
    )
}

fn read(file: &Path) -> Result<String> {
    let trouble = |what: String| {
        anyhow!(
            "cannot read the policy {}: {what}\n  \
             to do: give a file that is there, or a shipped policy: child-device, messenger, livestream, test",
            file.display()
        )
    };
    let open = File::open(file).map_err(|error| trouble(error.to_string()))?;
    let mut text = String::new();
    open.take(BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| trouble(error.to_string()))?;
    match text.len() as u64 > BYTES_MAX {
        true => Err(trouble("it is larger than a mebibyte".into())),
        false => Ok(text),
    }
}
