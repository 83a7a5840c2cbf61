//! `streamward-guard serve`: many live streams on one machine.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use super::Choices;
use crate::Error;
use crate::fleet::{self, Admission, Fleet, Lease, Ship};
use crate::keeper::Plan;
use crate::lists::state_folder;
use crate::panel::Hired;
use crate::status::run_folder;

/// Guards the streams of a file until it is interrupted. A stream that this machine could not judge is refused; one that
/// fails harms no other.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The streams: TOML, a table [[stream]] each with name, from, to and, where they are not 1280x720 at 30, size
    /// = [width, height] and fps.
    streams: PathBuf,
    /// Answer Prometheus: the first stream on this port, each further one on the next.
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<std::net::SocketAddr>,
    #[command(flatten)]
    choices: Choices,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let choices = &arguments.choices;
    let facts = choices.announced("serve")?;
    let policy = choices.policy()?;
    let fleet = Fleet::read(&arguments.streams)?;
    let mut admission = Admission::new(policy.clone(), Hired::new(&policy)?.into_maker());
    let interrupt = Arc::default();
    super::listen(&interrupt);
    let program = std::env::current_exe().map_err(|source| Error::Read { path: "this program".into(), source })?;
    let leases = run_folder().or_else(state_folder).unwrap_or_else(std::env::temp_dir).join("leases");
    let words = |words: [&str; 3]| words.iter().map(OsString::from).collect::<Vec<_>>();
    let (n_wanted, mut ships) = (fleet.stream.len(), Vec::new());
    for wanted in fleet.stream {
        let lease = match admission.admit(&wanted).and_then(|()| Lease::take(&leases, &wanted.name)) {
            Ok(lease) => lease,
            Err(error) => {
                eprintln!("{error}");
                continue;
            }
        };
        let plan = Plan {
            program: program.clone(),
            pull: words(["part", "pull", &wanted.from]),
            // One thread each: the system shares the processors among them.
            checker: choices.part_on("checker", 1),
            push: words(["part", "push", &wanted.to]),
            interrupt: Arc::clone(&interrupt),
        };
        let metrics = arguments.metrics.map(|mut address| {
            address.set_port(address.port().saturating_add(ships.len() as u16));
            address.to_string()
        });
        ships.push(Ship { facts: facts.clone(), wanted, lease, plan, metrics });
    }
    if ships.is_empty() {
        return Ok(3);
    }
    let n_admitted = ships.len();
    eprintln!("{n_admitted} of {n_wanted} streams are guarded");
    let tallies = fleet::run(ships, &interrupt);
    let mut code = if n_admitted < n_wanted { 3 } else { 0 };
    for (name, tally) in &tallies {
        code = code.max(tally.exit_code());
        if choices.json {
            println!("{}", serde_json::json!({ "stream": name, "tally": tally }));
        } else {
            eprint!("{name}: ");
            super::stream::tell(tally, false);
        }
    }
    Ok(code)
}
