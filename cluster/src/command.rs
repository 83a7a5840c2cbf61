//! What can a person ask of the program streamward-cluster?

mod certificates;
mod gate;
mod incidents;
mod kept;
mod lists;
mod payments;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::Error;
use crate::bus::{Bus, JetStream};
use crate::checker::Seats;
use crate::tls::Identity;

/// The same guard on many machines: gates hold streams and show them, workers judge.
///
/// Exit codes: 0 nothing covered, 1 something covered, 2 usage or I/O error, 3 judging was late or failed (what was
/// not judged was not shown).
#[derive(Parser)]
#[command(name = "streamward-cluster", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Worker(worker::Arguments),
    Gate(gate::Arguments),
    Incidents(incidents::Arguments),
    Lists(lists::Arguments),
    Payments(payments::Arguments),
    Certificates(certificates::Arguments),
}

/// Where the bus is, and who this program is there.
#[derive(clap::Args)]
struct BusChoices {
    /// One or more nats-servers, `nats://host:port`, separated by commas.
    #[arg(long, value_name = "URL")]
    nats: Option<String>,
    /// Copies of leases and incidents that the servers keep, where this program is the first to ask for them.
    #[arg(long, value_name = "N", default_value_t = 3)]
    replicas: usize,
    /// Folder with ca.pem, NAME.pem and NAME.key; see `streamward-cluster certificates`.
    #[arg(long, value_name = "FOLDER")]
    certificates: Option<PathBuf>,
}

impl BusChoices {
    fn url(&self) -> Result<&str, Error> {
        self.nats.as_deref().ok_or_else(|| Error::Bus {
            url: "(none)".into(),
            detail: "say where it is with --nats; one process alone is `streamward-cluster gate` without it".into(),
        })
    }

    fn identity(&self, name: &str) -> Result<Identity, Error> {
        self.url()?;
        let folder = self.certificates.as_ref();
        let missing = || Error::Certificate("with --nats, --certificates is needed".into());
        folder.map(|folder| Identity::in_folder(folder, name)).ok_or_else(missing)
    }

    /// The bus, as who `name`'s certificate says.
    async fn connect(&self, name: &str) -> Result<Bus, Error> {
        let (url, identity) = (self.url()?, self.identity(name)?);
        Ok(JetStream::connect(url, Some(&identity), self.replicas).await?.into())
    }
}

/// What is judged, and by whom.
#[derive(clap::Args)]
struct Judges {
    /// A shipped policy (child-device, messenger, livestream, test) or the path of one.
    #[arg(long, value_name = "NAME|FILE", default_value = "livestream")]
    policy: String,
    /// A list of known material, besides those that the policy names. May be given several times.
    #[arg(long = "list", value_name = "FILE")]
    lists: Vec<String>,
    /// The program that judges; without it, streamward-guard beside this program or on PATH.
    #[arg(long, value_name = "PATH")]
    guard_program: Option<PathBuf>,
}

impl Judges {
    fn seats(&self) -> Seats {
        let program = self.guard_program.clone().unwrap_or_else(Seats::find_program);
        Seats { program, policy: self.policy.clone(), lists: self.lists.clone() }
    }
}

/// Runs one command. Data goes to standard output, everything else to standard error.
pub fn run(arguments: Arguments) -> ExitCode {
    // Two providers may be linked by others; one is chosen, so that nobody has to guess.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => {
            eprintln!("cannot start: {why}");
            return ExitCode::from(2);
        }
    };
    let outcome = runtime.block_on(async {
        match arguments.command {
            Command::Worker(arguments) => worker::run(arguments).await,
            Command::Gate(arguments) => gate::run(arguments).await,
            Command::Incidents(arguments) => incidents::run(arguments).await,
            Command::Lists(arguments) => lists::run(arguments).await,
            Command::Payments(arguments) => payments::run(arguments).await,
            Command::Certificates(arguments) => certificates::run(&arguments),
        }
    });
    // A thread that waits for standard input is not waited for.
    runtime.shutdown_background();
    ExitCode::from(outcome.unwrap_or_else(|error| {
        eprintln!("{error}");
        2
    }))
}

/// Ends with an interrupt or a request to stop.
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut stop), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return std::future::pending().await;
    };
    tokio::select! { _ = stop.recv() => (), _ = interrupt.recv() => () }
}
