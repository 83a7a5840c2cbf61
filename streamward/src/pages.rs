//! `streamward completions` and `streamward man`: what do shells and manuals need to know of this program?

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::Args;

/// Prints completions for a shell.
#[derive(Args)]
pub(crate) struct Completions {
    /// Which shell.
    shell: clap_complete::Shell,
}

/// Prints the manual page, or writes one for each command.
#[derive(Args)]
pub(crate) struct Man {
    /// Write a page for this program and for each command into this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints them to standard output.
pub(crate) fn completions(arguments: &Completions, mut program: clap::Command) -> Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut program, "streamward", &mut text);
    print(&text)
}

/// Prints the page of the whole program, or writes all pages.
pub(crate) fn man(arguments: &Man, program: clap::Command) -> Result<ExitCode> {
    let Some(folder) = &arguments.out else {
        let mut page = Vec::new();
        clap_mangen::Man::new(program).render(&mut page)?;
        return print(&page);
    };
    let written = std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(program, folder));
    written.map_err(|error| {
        anyhow!(
            "cannot write manual pages into {}: {error}\n  to do: name a folder that you may write to",
            folder.display()
        )
    })?;
    // The guard is another program and knows its own pages.
    let why = match crate::sibling::GUARD.run(&["man".as_ref(), "--out".as_ref(), folder.as_os_str()]) {
        Ok(0) => return Ok(ExitCode::SUCCESS),
        Ok(code) => anyhow!("streamward-guard ended with exit code {code}"),
        Err(error) => error,
    };
    eprintln!("{why:#}\nthe pages of streamward-guard's own commands are left out");
    Ok(ExitCode::from(3))
}

fn print(bytes: &[u8]) -> Result<ExitCode> {
    std::io::stdout().write_all(bytes).context("cannot write to standard output")?;
    Ok(ExitCode::SUCCESS)
}
