//! Does the sandbox of the checker hold on this machine?
//!
//! Two processes of this program load the same judges; one of them goes into the sandbox. Both then try the same list.

use std::process::Command;

use serde::Serialize;

use crate::Error;
use crate::sandbox::attempts::{Attempt, Scene};

/// One attempt, outside and in.
#[derive(Serialize)]
struct Line<'a> {
    what: &'a str,
    /// Does it succeed outside the sandbox? One that does not proves nothing.
    works_outside: bool,
    is_refused: bool,
    refusal: &'a str,
}

pub(super) fn run(policy: &str, is_json: bool) -> Result<u8, Error> {
    let failed = |source| Error::Write { path: "a folder for the attempts".into(), source };
    let folder = std::env::temp_dir().join(format!("streamward-doctor-{}", std::process::id()));
    std::fs::create_dir(&folder).map_err(failed)?;
    let outcome = Scene::set(&folder).map_err(failed).and_then(|scene| {
        let marks = serde_json::to_string(&scene.marks).unwrap_or_default();
        Ok((probe(policy, &marks, true)?, probe(policy, &marks, false)?))
    });
    // Left behind it would harm nobody.
    let _ = std::fs::remove_dir_all(&folder);
    let (outside, inside) = outcome?;
    let mut n_open = 0;
    let mut n_proved = 0;
    for (outside, inside) in outside.iter().zip(&inside) {
        let line = Line {
            what: &inside.what,
            works_outside: outside.refusal.is_none(),
            is_refused: inside.refusal.is_some(),
            refusal: inside.refusal.as_deref().unwrap_or_default(),
        };
        n_open += usize::from(!line.is_refused);
        n_proved += usize::from(line.is_refused && line.works_outside);
        print(&line, is_json);
    }
    if !is_json {
        println!("{n_proved} attempts succeed outside the sandbox and are refused in it; {n_open} are not refused");
    }
    Ok(if n_open == 0 && n_proved > 0 { 0 } else { 2 })
}

fn print(line: &Line, is_json: bool) {
    if is_json {
        println!("{}", serde_json::to_string(line).unwrap_or_default());
        return;
    }
    let mark = if line.is_refused { "refused " } else { "ALLOWED " };
    let outside = if line.works_outside { "" } else { "; proves nothing here, for it fails outside too" };
    println!("{mark}{}: {}{outside}", line.what, line.refusal);
}

fn probe(policy: &str, marks: &str, is_outside: bool) -> Result<Vec<Attempt>, Error> {
    let failed = |source| Error::Read { path: "this program".into(), source };
    let program = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(program);
    command.env("ORC_CODE", "backup").args(["part", "probe", "--policy", policy, marks]);
    if is_outside {
        command.arg("--outside");
    }
    let output = command.output().map_err(failed)?;
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    match output.status.code() {
        Some(0) => serde_json::from_slice(&output.stdout).map_err(crate::sandbox::refused),
        code => Err(Error::Part { code: code.and_then(|code| u8::try_from(code).ok()).unwrap_or(2) }),
    }
}
