//! `streamward-guard part`: what the keeper starts; not for people.

use clap::Subcommand;

use super::Choices;
use crate::Error;
use crate::camera::{self, Mode};
use crate::network::{checker, pull, push};
use crate::sandbox::attempts::probe;

/// One part of a guarded stream. The keeper starts them.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand)]
enum Part {
    /// Owns the socket of the source.
    Pull {
        /// Where it is.
        url: String,
    },
    /// Owns the socket of the server.
    Push {
        /// Where it is.
        url: String,
    },
    /// Decodes and judges, and has no socket.
    Checker {
        #[command(flatten)]
        choices: Choices,
        /// Size and pace of the stream that goes on, as 640x360@25/1.
        #[arg(long)]
        geometry: Option<String>,
    },
    /// Answers who asks for metrics.
    Metrics {
        /// On this address.
        address: String,
    },
    /// Judges files for the keeper of a folder.
    Files {
        #[command(flatten)]
        choices: Choices,
    },
    /// Holds what the keeper of a folder holds, and becomes the keeper when that one dies.
    StandIn {
        #[command(flatten)]
        choices: Choices,
        /// What is guarded.
        folders: Vec<std::path::PathBuf>,
    },
    /// Judges a window, and has nothing but its line to the X server.
    Window {
        #[command(flatten)]
        choices: Choices,
        /// Which window.
        window: u32,
        /// What is painted on.
        veil: u32,
    },
    /// Opens the camera.
    Lens {
        #[arg(long)]
        device: Option<String>,
        #[arg(long)]
        mode: Mode,
    },
    /// Judges raw pictures.
    Pictures {
        #[command(flatten)]
        choices: Choices,
        #[arg(long)]
        mode: Mode,
    },
    /// Offers the guarded camera.
    Node {
        #[command(flatten)]
        choices: Choices,
        #[arg(long)]
        mode: Mode,
    },
    /// Makes a few small pictures of the file that is its standard input.
    Stills {
        /// How many, at most.
        #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u8).range(1..=25))]
        count: u8,
        /// Their longest side, in pixels.
        #[arg(long, default_value_t = 640, value_parser = clap::value_parser!(u32).range(16..=4096))]
        side: u32,
    },
    /// Tries what the sandbox refuses, for the doctor.
    Probe {
        #[command(flatten)]
        choices: Choices,
        /// What to reach for.
        marks: String,
        /// Without the sandbox, so that the test can fail.
        #[arg(long)]
        outside: bool,
    },
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    match &arguments.part {
        // It outlives its keeper: that is what it is for.
        Part::StandIn { choices, folders } => return super::folder::stand_in(choices, folders),
        _ => crate::sandbox::bind_to_keeper()?,
    }
    match &arguments.part {
        Part::StandIn { .. } => (),
        Part::Window { choices, window, veil } => {
            crate::screen::run(*window, *veil, &choices.policy, &choices.lists)?;
        }
        Part::Lens { device, mode } => camera::lens::run(&camera::lens::Device::of(device.as_deref()), *mode)?,
        Part::Pictures { choices, mode } => {
            camera::checker::run(&choices.policy, &choices.lists, choices.threads.max(1), *mode)?;
        }
        Part::Node { choices, mode } => camera::node::run(&choices.policy, *mode)?,
        Part::Metrics { address } => crate::metrics::serve(address)?,
        Part::Files { choices } => {
            crate::folder::checker::run(&choices.policy, &choices.lists, choices.threads.max(1))?
        }
        Part::Pull { url } => pull::run(url)?,
        Part::Push { url } => push::run(url)?,
        Part::Checker { choices, geometry } => checker::run(checker::Orders {
            policy: choices.policy.clone(),
            lists: choices.lists.clone(),
            n_threads: choices.threads.max(1),
            geometry: geometry.as_deref().and_then(|text| text.parse().ok()),
        })?,
        Part::Stills { count, side } => crate::stills::run(usize::from(*count), *side)?,
        Part::Probe { choices, marks, outside } => probe(marks, || match outside {
            true => Ok(()),
            false => checker::shut_in(&choices.policy, &choices.lists, crate::sandbox::Room::Checker).map(|_| ()),
        })?,
    }
    Ok(0)
}
