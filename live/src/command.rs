//! What can a person ask of the program streamward-guard?

mod camera;
mod doctor;
mod file;
mod folder;
mod hash;
mod part;
mod judge;
mod pipe;
mod screen;
mod selftest;
mod serve;
mod stream;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{CommandFactory, Parser, Subcommand};

use crate::Error;
use crate::lists::Trust;
use crate::network::Protocol;
use crate::policies::{Active, Source};
use crate::status::Facts;

/// Holds every frame of a video until it has been judged, and covers the harmful ones. Reports nothing to anyone.
///
/// Exit codes: 0 nothing covered, 1 something covered, 2 usage or I/O error, 3 judging was late or failed (what was
/// not judged was not shown) or an interrupt ended the run early, 4 policy invalid.
#[derive(Parser)]
#[command(name = "streamward-guard", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    File(file::Arguments),
    Pipe(pipe::Arguments),
    Rtmp(stream::Arguments),
    Rtsp(stream::Arguments),
    Srt(stream::Arguments),
    Folder(folder::Arguments),
    Screen(screen::Arguments),
    Camera(camera::Arguments),
    Serve(serve::Arguments),
    #[command(hide = true)]
    Part(part::Arguments),
    Hash(hash::Arguments),
    Judge(judge::Arguments),
    Doctor(doctor::Arguments),
    Selftest(selftest::Arguments),
    /// Prints completions for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Prints the manual page, or writes one for each command.
    Man {
        /// Write a page for this program and for each command into this folder.
        #[arg(long, value_name = "DIR")]
        out: Option<std::path::PathBuf>,
    },
}

/// What decides beside the video: shared by all commands that guard.
#[derive(clap::Args)]
struct Choices {
    #[command(flatten)]
    policy: Source,
    /// A list of known material, besides those that the policy names. May be given several times.
    #[arg(long = "list", value_name = "FILE")]
    lists: Vec<String>,
    /// How many frames are judged side by side.
    #[arg(long, value_name = "N", default_value_t = crate::element::default_threads())]
    threads: usize,
    /// End with one JSON object on standard output.
    #[arg(long)]
    json: bool,
}

impl Choices {
    /// The policy with the lists that were added.
    fn policy(&self) -> Result<guard::Policy, Error> {
        Ok(self.active()?.policy)
    }

    /// Somebody is guarded for long by the command `what`: they are told which policy it is and how to object.
    fn announced(&self, what: &str) -> Result<Facts, Error> {
        let facts = self.facts(what)?;
        eprintln!("{}", facts.words);
        Ok(facts)
    }

    /// What is in force. Lists and signatures are checked at once, by the one whom the person has called: only here, outside the sandbox, can be
    /// remembered which versions were seen.
    fn facts(&self, what: &str) -> Result<Facts, Error> {
        let active = self.active()?;
        let trust = Trust::of(&active.policy)?;
        let lists = active.policy.judges.lists.iter().map(|name| trust.load(name)).collect::<Result<Vec<_>, _>>()?;
        Ok(Facts::new(what, &active, &lists))
    }

    fn active(&self) -> Result<Active, Error> {
        let mut active = self.policy.load()?;
        active.policy.judges.lists.extend(self.lists.iter().cloned());
        Ok(active)
    }

    /// The command line of a part that is to judge by it.
    fn part(&self, name: &str) -> Vec<OsString> {
        self.part_on(name, self.threads)
    }

    /// As [`Choices::part`], on so many threads.
    fn part_on(&self, name: &str, n_threads: usize) -> Vec<OsString> {
        let mut words = vec!["part".into(), name.into()];
        words.extend(self.policy.words());
        words.extend(["--threads".into(), n_threads.to_string().into()]);
        words.extend(self.lists.iter().flat_map(|list| ["--list".into(), list.into()]));
        words
    }
}

/// Runs one command. Data goes to standard output, everything else to standard error.
pub fn run(arguments: Arguments) -> ExitCode {
    let outcome = match arguments.command {
        Command::File(arguments) => file::run(&arguments),
        Command::Pipe(arguments) => pipe::run(&arguments),
        Command::Rtmp(arguments) => stream::run(&arguments, Protocol::Rtmp),
        Command::Rtsp(arguments) => stream::run(&arguments, Protocol::Rtsp),
        Command::Srt(arguments) => stream::run(&arguments, Protocol::Srt),
        Command::Folder(arguments) => folder::run(&arguments),
        Command::Screen(arguments) => screen::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Camera(arguments) => camera::run(&arguments),
        Command::Part(arguments) => part::run(&arguments),
        Command::Hash(arguments) => hash::run(&arguments),
        Command::Judge(arguments) => judge::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Selftest(arguments) => selftest::run(&arguments),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "streamward-guard", &mut std::io::stdout());
            Ok(0)
        }
        Command::Man { out } => man(out.as_deref()),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        // The part has said why.
        Err(Error::Part { code }) => ExitCode::from(code.max(2)),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(match error {
                Error::Policy { .. }
                | Error::PolicyUntrusted { .. }
                | Error::Untrusted { .. }
                | Error::Trust { .. } => 4,
                _ => 2,
            })
        }
    }
}

/// The first interrupt ends the work properly; a second one, the program.
fn listen(interrupt: &Arc<AtomicBool>) {
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        let second = signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(interrupt));
        let first = signal_hook::flag::register(signal, Arc::clone(interrupt));
        if second.and(first).is_err() {
            eprintln!("interrupts cannot be caught here: stopping early ends the work where it is");
        }
    }
}

fn man(folder: Option<&std::path::Path>) -> Result<u8, Error> {
    let failed = |path: &std::path::Path, source| Error::Write { path: path.to_owned(), source };
    match folder {
        None => {
            let page = clap_mangen::Man::new(Arguments::command());
            page.render(&mut std::io::stdout()).map_err(|source| failed("the standard output".as_ref(), source))?;
        }
        Some(folder) => std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(Arguments::command(), folder))
            .map_err(|source| failed(folder, source))?,
    }
    Ok(0)
}
