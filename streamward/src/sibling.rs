//! Where are the programs that belong to this one, and how are they run?
//!
//! Each is looked for beside this program first, so that the two come from one build, and then on PATH.

use std::env::{self, consts::EXE_SUFFIX};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus, Output, Stdio};

use anyhow::{Result, anyhow};

/// A program that belongs to this one.
pub(crate) struct Sibling {
    name: &'static str,
    build: &'static str,
}

/// What decodes and judges video, and so holds no network client and no case.
pub(crate) const GUARD: Sibling =
    Sibling { name: "streamward-guard", build: "cargo build --release -p streamward-live" };
/// What reckons payments on many machines, and so is built and installed by few.
pub(crate) const BATCH: Sibling =
    Sibling { name: "streamward-batch", build: "cargo build --release` in `cluster/batch" };

impl Sibling {
    /// Finds the program.
    pub(crate) fn find(&self) -> Result<PathBuf> {
        let Sibling { name, build } = self;
        let file = format!("{name}{EXE_SUFFIX}");
        let own_folder = env::current_exe().ok().and_then(|program| Some(program.parent()?.to_owned()));
        let on_path = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
        let mut places = own_folder.into_iter().chain(on_path).map(|folder| folder.join(&file));
        places.find(|place| place.is_file()).ok_or_else(|| {
            anyhow!(
                "the program {file} is neither beside this program nor on PATH\n  \
                 to do: install it, or build it with `{build}`"
            )
        })
    }

    /// Becomes the program, so that interrupts and exit codes are its own. Returns only where that fails.
    #[cfg(unix)]
    pub(crate) fn become_it(&self, arguments: &[impl AsRef<OsStr>]) -> Result<ExitCode> {
        use std::os::unix::process::CommandExt;

        let program = self.find()?;
        let error = Command::new(&program).args(arguments).exec();
        Err(cannot_start(&program, &error))
    }

    /// Runs the program and passes its exit code on.
    #[cfg(not(unix))]
    pub(crate) fn become_it(&self, arguments: &[impl AsRef<OsStr>]) -> Result<ExitCode> {
        self.run(arguments).map(ExitCode::from)
    }

    /// Runs the program with this one's input and output, and gives its exit code; 2 where a signal ended it.
    pub(crate) fn run(&self, arguments: &[impl AsRef<OsStr>]) -> Result<u8> {
        let program = self.find()?;
        let status = Command::new(&program).args(arguments).status().map_err(|error| cannot_start(&program, &error))?;
        Ok(code(status))
    }

    /// Runs the program, takes what it prints on standard output, and gives its exit code; 2 where a signal ended it.
    pub(crate) fn output(&self, arguments: &[impl AsRef<OsStr>]) -> Result<(u8, Output)> {
        let program = self.find()?;
        let output = Command::new(&program).args(arguments).stdin(Stdio::null()).output();
        let output = output.map_err(|error| cannot_start(&program, &error))?;
        Ok((code(output.status), output))
    }
}

fn code(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(2)
}

fn cannot_start(program: &std::path::Path, error: &std::io::Error) -> anyhow::Error {
    anyhow!("cannot start {}: {error}\n  to do: check that it is a program that you may run", program.display())
}
