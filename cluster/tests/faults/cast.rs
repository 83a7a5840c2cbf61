//! Who takes part, with which names, rights and settings?

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::rig::{N_SERVERS, Rig};

pub(crate) const WORKERS: [&str; 4] = ["w1", "w2", "w3", "w4"];
/// Each stream with how long it holds its frames: two broadcasts and a call.
pub(crate) const GATES: [(&str, u32); 3] = [("g1", 2000), ("g2", 2000), ("g3", 150)];
/// How long a lease lasts that nobody renews.
pub(crate) const TTL: Duration = Duration::from_secs(15);

/// The program that judges: where the environment says, or built here.
pub(crate) fn guard_program() -> PathBuf {
    if let Some(program) = std::env::var_os("STREAMWARD_GUARD_PROGRAM") {
        return program.into();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let arguments = ["build", "--quiet", "-p", "streamward-live", "--bin", "streamward-guard"];
    let built = Command::new(cargo).args(arguments).current_dir(&root).status();
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let program = target.join("debug/streamward-guard");
    assert!(built.is_ok_and(|status| status.success()) && program.is_file(), "streamward-guard cannot be built");
    program
}

/// The machines, and on three of them the bus.
pub(crate) fn set_up_bus(folder: &Path) -> Rig {
    let gates = GATES.map(|(gate, _)| gate);
    let nodes: Vec<&str> = ["n1", "n2", "n3"].into_iter().chain(WORKERS).chain(gates).chain(["casework"]).collect();
    let mut rig = Rig::new(folder, &nodes);
    let wanted = cluster::certificates::Wanted {
        gates: gates.iter().map(|name| lease::Name::new(name).unwrap()).collect(),
        workers: WORKERS.iter().map(|name| lease::Name::new(name).unwrap()).collect(),
        readers: vec![lease::Name::new("casework").unwrap()],
        servers: ["n1", "n2", "n3"].map(|n| (lease::Name::new(n).unwrap(), rig.address(n).parse().unwrap())).to_vec(),
        ..Default::default()
    };
    cluster::certificates::make(&folder.join("tls"), &wanted).unwrap();
    for (_, hold_ms) in GATES {
        std::fs::write(folder.join(format!("{hold_ms}.toml")), policy(hold_ms)).unwrap();
    }
    let users = users();
    (0..N_SERVERS).for_each(|number| rig.start_server(number, &users));
    rig
}

/// Bus, workers and the reader of incidents.
pub(crate) fn set_up(folder: &Path, guard_program: &Path) -> Rig {
    let mut rig = set_up_bus(folder);
    for worker in WORKERS {
        // Any worker judges any of them: how long frames are held is the gate's alone.
        let arguments = bus_arguments(&rig, "worker", 2000, guard_program);
        let listen = format!("{}:4500", rig.address(worker));
        let own = ["--name", worker, "--listen", &listen, "--capacity", "1000000"].map(str::to_owned);
        rig.start(worker, &[&arguments[..], &own].concat());
    }
    let url = rig.url();
    let tls = folder.join("tls").display().to_string();
    let out = folder.join("incidents.jsonl").display().to_string();
    let reader = ["incidents", "--nats", &url, "--certificates", &tls, "--out", &out].map(str::to_owned);
    rig.start("casework", &reader);
    rig
}

/// A policy with the built-in list as its one judge. Every frame is looked at.
fn policy(hold_ms: u32) -> String {
    format!(
        "name = \"trial-{hold_ms}\"\nversion = 1\ndescription = \"The test card and nothing else.\"\n\
         [timing]\nhold_ms = {hold_ms}\n[reuse]\nmax_ms = 0\n[judges]\nlists = [\"test-card\"]\nregions = [\"whole\"]\n"
    )
}

/// Who may do what on the bus: nobody is let in without a certificate of ours, and only gates report incidents.
pub(crate) fn users() -> String {
    let user = |name: String, denied: &str| {
        format!("{{ user: \"{name}\", permissions: {{ publish: {{ deny: [ {denied} ] }} }} }}")
    };
    let never = "\"$JS.API.STREAM.DELETE.>\", \"$JS.API.STREAM.PURGE.>\"";
    let workers =
        WORKERS.iter().map(|w| user(format!("{w}.worker.streamward"), &format!("\"streamward.incident.>\", {never}")));
    let gates = GATES.iter().map(|(g, _)| user(format!("{g}.gate.streamward"), never));
    let reader = user("casework.reader.streamward".into(), &format!("\"streamward.>\", \"$KV.>\", {never}"));
    workers.chain(gates).chain([reader]).collect::<Vec<_>>().join(", ")
}

fn bus_arguments(rig: &Rig, command: &str, hold_ms: u32, guard_program: &Path) -> Vec<String> {
    let file = |name: &str| rig.folder.join(name).display().to_string();
    let policy = file(&format!("{hold_ms}.toml"));
    [command, "--nats", &rig.url(), "--certificates", &file("tls"), "--policy", &policy, "--guard-program"]
        .into_iter()
        .map(str::to_owned)
        .chain([guard_program.display().to_string()])
        .collect()
}

pub(crate) fn gate_arguments(rig: &Rig, gate: &str, hold_ms: u32, guard_program: &Path) -> Vec<String> {
    let file = |name: String| rig.folder.join(name).display().to_string();
    let mut arguments = bus_arguments(rig, "gate", hold_ms, guard_program);
    let (outbox, journal) = (file(format!("outbox-{gate}")), file(format!("journal-{gate}.jsonl")));
    let own = ["--stream", gate, "--outbox", &outbox, "--journal", &journal, "--platform", "trial"];
    arguments.extend(own.map(str::to_owned));
    arguments
}
