//! `streamward-guard folder`: what is flagged in these folders cannot be opened.

use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;

use super::Choices;
use crate::Error;
use crate::folder::keeper::{self, Plan, Tally, refused};
use crate::folder::{Group, react};
use crate::status::{Board, Facts};

/// Guards folders until it is interrupted: pictures and videos in them that match or score cannot be opened, and none
/// before it was judged.
///
/// As root the kernel asks before every open. Without that privilege it can only react to files that change.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The folders, with everything in them.
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Only react, as without the privilege.
    #[arg(long)]
    react: bool,
    #[command(flatten)]
    choices: Choices,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let choices = &arguments.choices;
    let facts = choices.announced("folder")?;
    let whole = |folder: &PathBuf| {
        let read = |source| Error::Read { path: folder.clone(), source };
        let folder = folder.canonicalize().map_err(read)?;
        std::fs::read_dir(&folder).map_err(read)?;
        Ok(folder)
    };
    let folders = arguments.folders.iter().map(whole).collect::<Result<Vec<PathBuf>, Error>>()?;
    let plan = plan(choices, folders, false);
    let tally = match Group::new() {
        _ if arguments.react => react::run(&plan)?,
        Err(rustix::io::Errno::PERM) => react::run(&plan)?,
        Err(error) => return Err(refused(error)),
        Ok(group) => {
            for folder in &plan.folders {
                group.mark(folder).map_err(refused)?;
            }
            keeper::run(&plan, group, Board::new(facts, None))?
        }
    };
    tell(&tally, choices.json);
    Ok(tally.exit_code())
}

/// The part that holds the group beside the keeper.
pub(super) fn stand_in(choices: &Choices, folders: &[PathBuf]) -> Result<u8, Error> {
    let own = |file: std::os::fd::BorrowedFd| file.try_clone_to_owned().map_err(refused);
    let (group, keeper) = (own(std::io::stdin().as_fd())?, own(std::io::stdout().as_fd())?);
    // What stands at the first two numbers would be handed down and hold the dead keeper's end open.
    for (number, flags) in [(0, rustix::fs::OFlags::RDONLY), (1, rustix::fs::OFlags::WRONLY)] {
        let nothing = rustix::fs::open("/dev/null", flags, rustix::fs::Mode::empty()).map_err(refused)?;
        match number {
            0 => rustix::stdio::dup2_stdin(&nothing),
            _ => rustix::stdio::dup2_stdout(&nothing),
        }
        .map_err(refused)?;
    }
    // Now, while a keeper answers for the files that this opens. What is wrong with the policy the checker will say: the
    // group must not be let go for it.
    let facts = choices.facts("folder").unwrap_or_default();
    let facts = Facts { what: "folder".into(), pid: std::process::id(), ..facts };
    let Some(group) = keeper::stand_in(group, keeper)? else { return Ok(0) };
    Ok(keeper::run(&plan(choices, folders.to_vec(), true), group, Board::new(facts, None))?.exit_code())
}

fn plan(choices: &Choices, folders: Vec<PathBuf>, has_begun: bool) -> Plan {
    let interrupt = Arc::default();
    super::listen(&interrupt);
    let mut stand_in = choices.part("stand-in");
    stand_in.extend(folders.iter().map(Into::into));
    Plan { folders, checker: choices.part("files"), stand_in, interrupt, has_begun }
}

fn tell(tally: &Tally, is_json: bool) {
    match is_json {
        true => println!("{}", serde_json::to_string(tally).unwrap_or_default()),
        false => eprintln!(
            "{} opens, {} let through, {} refused as flagged, {} refused unjudged; {} files judged; checking restarted {} times",
            tally.opens, tally.passed, tally.flagged, tally.unjudged, tally.judged, tally.checkers_lost,
        ),
    }
}
