//! What has a process left when it reads bytes from outside?
//!
//! The *checker* decodes what strangers send. Before the first such byte it gives up everything that it does not need
//! for that: Landlock takes the files, system calls that are not on a short list are refused by seccomp, and limits hold
//! for the rest. It cannot open a file, reach a network, start a program, signal or look into another process, nor make
//! memory executable: all code that it will ever run is loaded before. Of the capabilities that it was started with it
//! keeps none.
//! The *ingress* parts keep their sockets and no way to write files or start programs.
//!
//! Both layers, since neither is enough: Landlock says nothing of UDP, seccomp nothing of paths.

mod calls;
pub(crate) mod attempts;

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
    path_beneath_rules,
};
use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal};
use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::Error;

/// The newest version of Landlock whose rights we name; an older kernel enforces those it knows.
const NEWEST: ABI = ABI::V6;
/// Memory that a checker may take, bytes: several streams' worth of decoder, model and held frames.
const MEMORY_MAX: u64 = 6 << 30;
/// Files that it may hold: its pipes, its libraries' events.
const FILES_MAX: u64 = 256;

/// Who is in the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// Decodes and judges: pipes and memory, nothing else.
    Checker,
    /// Judges a window: pipes, memory, and its line to the X server.
    Window,
    /// Decodes and judges files that the keeper hands over on the nameless socket that is its standard input.
    Files,
    /// Owns sockets and moves encoded bytes: no program, no file to write.
    Ingress,
}

/// Ends this process when the one that started it ends, and keeps others from looking into it.
///
/// # Errors
/// When the system refuses.
pub(crate) fn bind_to_keeper() -> Result<(), Error> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(refused)?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(refused)
}

/// First door of the checker: from here on these paths can be read and no other file, and no network be called.
///
/// # Errors
/// When Landlock is not there, or other threads run already, which it would not hold back.
pub(crate) fn read_only(paths: &[PathBuf]) -> Result<(), Error> {
    let read = AccessFs::from_read(NEWEST) & !AccessFs::Execute;
    let rules = path_beneath_rules(paths, read);
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(NEWEST)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(NEWEST)))
        .and_then(Ruleset::create)
        .and_then(|ruleset| ruleset.add_rules(rules))
        .map_err(refused)?;
    alone()?;
    enforced(ruleset.restrict_self().map_err(refused)?.ruleset)?;
    // Models and lists may lie in somebody's folder.
    keep_only(CapabilitySet::DAC_READ_SEARCH)
}

/// Gives up every other capability, in this thread and those that it will start.
fn keep_only(kept: CapabilitySet) -> Result<(), Error> {
    let kept = kept & rustix::thread::capabilities(None).map_err(refused)?.permitted;
    let none = CapabilitySet::empty();
    rustix::thread::clear_ambient_capability_set().map_err(refused)?;
    rustix::thread::set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable: none })
        .map_err(refused)
}

/// Last door: nothing from outside may have been read before.
///
/// # Errors
/// When any part of it cannot be closed; then the process must end.
pub(crate) fn close(room: Room) -> Result<(), Error> {
    match room {
        Room::Checker | Room::Files | Room::Window => {
            match room {
                Room::Files => no_sockets(1)?,
                // Its line to the X server is one.
                Room::Window => (),
                Room::Checker | Room::Ingress => no_sockets(0)?,
            }
            limit(Resource::Core, 0)?;
            limit(Resource::Fsize, 0)?;
            limit(Resource::Data, MEMORY_MAX)?;
            limit(Resource::Nofile, FILES_MAX)?;
            keep_only(CapabilitySet::empty())?;
        }
        Room::Ingress => {
            limit(Resource::Core, 0)?;
            limit(Resource::Fsize, 0)?;
            no_writing()?;
        }
    }
    rustix::thread::set_no_new_privs(true).map_err(refused)?;
    calls::refuse(room)
}

/// Reads what a network client reads; writes and starts nothing.
fn no_writing() -> Result<(), Error> {
    let read: BitFlags<AccessFs> = AccessFs::from_read(NEWEST) & !AccessFs::Execute;
    let places = ["/etc", "/usr", "/lib", "/lib64", "/run", "/proc", "/sys/class/net", "/dev/urandom", "/dev/null"];
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(Ruleset::create)
        .and_then(|ruleset| ruleset.add_rules(path_beneath_rules(places, read)))
        .map_err(refused)?;
    alone()?;
    enforced(ruleset.restrict_self().map_err(refused)?.ruleset)
}

fn enforced(status: RulesetStatus) -> Result<(), Error> {
    match status {
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
        RulesetStatus::NotEnforced => Err(refused("this kernel has no Landlock (Linux 5.13 or newer, lsm=landlock)")),
    }
}

/// Landlock holds the thread that asks and those it starts: there must be no other yet.
fn alone() -> Result<(), Error> {
    let threads = std::fs::read_dir("/proc/self/task").map_err(refused)?.count();
    if threads == 1 { Ok(()) } else { Err(refused(format!("{threads} threads run already"))) }
}

/// A socket that was handed down would be a way out; one from the keeper, the first file, leads only to it.
fn no_sockets(from: u64) -> Result<(), Error> {
    // Landlock has taken the folder, not its links: each file is asked for by its number.
    let target = |number: u64| std::fs::read_link(Path::new("/proc/self/fd").join(number.to_string()));
    target(1).map_err(|error| refused(format!("what this process holds cannot be seen: {error}")))?;
    let is_socket = |number: u64| target(number).is_ok_and(|to| to.to_string_lossy().starts_with("socket:"));
    match (from..FILES_MAX).find(|number| is_socket(*number)) {
        None => Ok(()),
        Some(number) => Err(refused(format!("file {number} is a socket"))),
    }
}

fn limit(resource: Resource, value: u64) -> Result<(), Error> {
    rustix::process::setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) }).map_err(refused)
}

pub(crate) fn refused(detail: impl std::fmt::Display) -> Error {
    Error::Media {
        what: "the sandbox cannot be closed".into(),
        detail: detail.to_string(),
        todo: "nothing was read from outside; run `streamward doctor --sandbox` to see what this machine allows",
    }
}
