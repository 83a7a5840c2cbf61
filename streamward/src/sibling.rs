//! Where is the program streamward-guard, and how is it run?
//!
//! It is a program of its own so that what decodes and judges video holds no network client and no case. It is looked
//! for beside this program first, so that the two come from one build, and then on PATH.

use std::env::{self, consts::EXE_SUFFIX};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus, Output, Stdio};

use anyhow::{Result, anyhow};

/// Finds the program.
pub(crate) fn find() -> Result<PathBuf> {
    let name = format!("streamward-guard{EXE_SUFFIX}");
    let own_folder = env::current_exe().ok().and_then(|program| Some(program.parent()?.to_owned()));
    let on_path = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let mut places = own_folder.into_iter().chain(on_path).map(|folder| folder.join(&name));
    places.find(|place| place.is_file()).ok_or_else(|| {
        anyhow!(
            "the program {name} is neither beside this program nor on PATH\n  \
             to do: install it, or build it with `cargo build --release -p streamward-live`"
        )
    })
}

/// Becomes the program, so that interrupts and exit codes are its own. Returns only where that fails.
#[cfg(unix)]
pub(crate) fn become_it(arguments: &[impl AsRef<OsStr>]) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;

    let program = find()?;
    let error = Command::new(&program).args(arguments).exec();
    Err(cannot_start(&program, &error))
}

/// Runs the program and passes its exit code on.
#[cfg(not(unix))]
pub(crate) fn become_it(arguments: &[impl AsRef<OsStr>]) -> Result<ExitCode> {
    run(arguments).map(ExitCode::from)
}

/// Runs the program with this one's input and output, and gives its exit code; 2 where a signal ended it.
pub(crate) fn run(arguments: &[impl AsRef<OsStr>]) -> Result<u8> {
    let program = find()?;
    let status = Command::new(&program).args(arguments).status().map_err(|error| cannot_start(&program, &error))?;
    Ok(code(status))
}

/// Runs the program, takes what it prints on standard output, and gives its exit code; 2 where a signal ended it.
pub(crate) fn output(arguments: &[impl AsRef<OsStr>]) -> Result<(u8, Output)> {
    let program = find()?;
    let output = Command::new(&program).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| cannot_start(&program, &error))?;
    Ok((code(output.status), output))
}

fn code(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(2)
}

fn cannot_start(program: &std::path::Path, error: &std::io::Error) -> anyhow::Error {
    anyhow!("cannot start {}: {error}\n  to do: check that it is a program that you may run", program.display())
}
