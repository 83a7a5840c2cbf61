//! Which machines are there, and what can go wrong with them?
//!
//! Each process has a network namespace of its own on one bridge, so that it can be cut off as a machine is. Where
//! namespaces are refused everything runs on loopback addresses, and nothing can be cut off.

use std::fs::File;
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) const N_SERVERS: usize = 3;

/// Everything that runs. It is taken down when this is dropped.
pub(crate) struct Rig {
    pub(crate) folder: PathBuf,
    tag: String,
    pub(crate) is_cut_possible: bool,
    /// A library that is a clock that can be stopped.
    clock: Option<PathBuf>,
    nodes: Vec<String>,
    servers: Vec<Option<Child>>,
    programs: Vec<(String, Vec<String>, Option<Child>)>,
}

impl Rig {
    /// A network with one node for each name.
    pub(crate) fn new(folder: &Path, nodes: &[&str]) -> Rig {
        let tag = format!("s{}", std::process::id() % 100_000);
        let nodes: Vec<String> = nodes.iter().map(|node| (*node).to_owned()).collect();
        let mut rig = Rig {
            folder: folder.to_owned(),
            tag,
            is_cut_possible: false,
            clock: make_clock(folder),
            nodes,
            servers: (0..N_SERVERS).map(|_| None).collect(),
            programs: Vec::new(),
        };
        rig.is_cut_possible = rig.make_network();
        if !rig.is_cut_possible {
            println!("lacking: network namespaces are refused here; nothing is cut off, and all runs on loopback");
        }
        if rig.clock.is_none() {
            println!("lacking: cc cannot make the clock that stops; no clock is stopped");
        }
        rig
    }

    fn make_network(&self) -> bool {
        let bridge = format!("{}b", self.tag);
        let mut is_made = ip(&["link", "add", &bridge, "type", "bridge"])
            && ip(&["addr", "add", "10.231.7.1/24", "dev", &bridge])
            && ip(&["link", "set", &bridge, "up"]);
        for (number, node) in self.nodes.iter().enumerate() {
            let (space, port) = (self.space(node), self.port(number));
            let address = format!("{}/24", self.address_in(true, node));
            is_made = is_made
                && ip(&["netns", "add", &space])
                && ip(&["link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &space])
                && ip(&["link", "set", &port, "master", &bridge])
                && ip(&["link", "set", &port, "up"])
                && ip(&["-n", &space, "addr", "add", &address, "dev", "eth0"])
                && ip(&["-n", &space, "link", "set", "eth0", "up"])
                && ip(&["-n", &space, "link", "set", "lo", "up"]);
        }
        if !is_made {
            self.remove_network();
        }
        is_made
    }

    fn remove_network(&self) {
        for (number, node) in self.nodes.iter().enumerate() {
            ip(&["link", "del", &self.port(number)]);
            ip(&["netns", "del", &self.space(node)]);
        }
        ip(&["link", "del", &format!("{}b", self.tag)]);
    }

    fn space(&self, node: &str) -> String {
        format!("{}-{node}", self.tag)
    }

    fn port(&self, number: usize) -> String {
        format!("{}v{number}", self.tag)
    }

    fn number(&self, node: &str) -> usize {
        self.nodes.iter().position(|known| known == node).expect("it was named at the start")
    }

    pub(crate) fn address(&self, node: &str) -> String {
        self.address_in(self.is_cut_possible, node)
    }

    fn address_in(&self, is_apart: bool, node: &str) -> String {
        let number = self.number(node) + 10;
        if is_apart { format!("10.231.7.{number}") } else { format!("127.231.7.{number}") }
    }

    /// Where the bus is.
    pub(crate) fn url(&self) -> String {
        let one = |n| format!("nats://{}:4222", self.address(&format!("n{n}")));
        (1..=N_SERVERS).map(one).collect::<Vec<_>>().join(",")
    }

    /// A program on a node. It does not outlive this test, however that ends.
    fn command(&self, node: &str, program: &Path) -> Command {
        let mut command = match self.is_cut_possible {
            true => Command::new("ip"),
            false => Command::new("setpriv"),
        };
        if self.is_cut_possible {
            command.args(["netns", "exec", &self.space(node), "setpriv"]);
        }
        command.args(["--pdeathsig", "KILL"]).arg(program);
        command
    }

    fn log(&self, node: &str) -> File {
        let path = self.folder.join(format!("{node}.log"));
        File::options().create(true).append(true).open(path).expect("the folder is ours")
    }

    /// Starts, or starts again, the nats-server on node `n1`, `n2` or `n3`.
    pub(crate) fn start_server(&mut self, number: usize, users: &str) {
        let node = format!("n{}", number + 1);
        let folder = self.folder.display();
        let (own, tls) = (
            self.address(&node),
            format!(
                "cert_file: \"{folder}/tls/{node}.pem\", key_file: \"{folder}/tls/{node}.key\", ca_file: \"{folder}/tls/ca.pem\""
            ),
        );
        let routes: Vec<String> = (1..=N_SERVERS)
            .filter(|n| *n != number + 1)
            .map(|n| format!("\"nats-route://{}:6222\"", self.address(&format!("n{n}"))))
            .collect();
        let text = format!(
            "server_name: {node}\nlisten: \"{own}:4222\"\nhttp: \"{own}:8222\"\n\
             tls {{ {tls}, verify_and_map: true }}\nauthorization {{ users = [ {users} ] }}\n\
             jetstream {{ store_dir: \"{folder}/{node}\" }}\n\
             cluster {{ name: trial, listen: \"{own}:6222\", routes: [ {} ], tls {{ {tls}, verify: true }} }}\n",
            routes.join(", ")
        );
        let path = self.folder.join(format!("{node}.conf"));
        std::fs::write(&path, text).expect("the folder is ours");
        let mut command = self.command(&node, Path::new("nats-server"));
        command.arg("-c").arg(&path).stdout(self.log(&node)).stderr(self.log(&node));
        self.servers[number] = Some(command.spawn().expect("nats-server is installed"));
    }

    pub(crate) fn kill_server(&mut self, number: usize) {
        kill(&mut self.servers[number]);
    }

    pub(crate) fn is_server_up(&self, number: usize) -> bool {
        self.servers[number].is_some()
    }

    /// Which server leads the replicas of the leases, as the servers say.
    pub(crate) fn leader(&self) -> Option<usize> {
        (1..=N_SERVERS).find_map(|n| {
            let answer = get(&format!("{}:8222", self.address(&format!("n{n}"))), "/jsz?accounts=true&streams=true")?;
            let json: serde_json::Value = serde_json::from_str(&answer).ok()?;
            let streams = json["account_details"][0]["stream_detail"].as_array()?;
            let leases = streams.iter().find(|stream| stream["name"] == "KV_streamward-leases")?;
            let leader = leases["cluster"]["leader"].as_str()?;
            (1..=N_SERVERS).find(|n| leader == format!("n{n}")).map(|n| n - 1)
        })
    }

    /// Starts our program on a node, with what it says in a log.
    pub(crate) fn start(&mut self, node: &str, arguments: &[String]) {
        let mut command = self.command(node, Path::new(env!("CARGO_BIN_EXE_streamward-cluster")));
        if let Some(clock) = &self.clock {
            self.stop_clock(node, false);
            command.env("LD_PRELOAD", clock).env("STOPPED_CLOCK", self.clock_flag(node));
        }
        command.args(arguments).stdin(Stdio::null()).stdout(self.log(node)).stderr(self.log(node));
        let child = Some(command.spawn().expect("it was built"));
        self.programs.retain(|(known, ..)| known != node);
        self.programs.push((node.to_owned(), arguments.to_vec(), child));
    }

    /// Starts a gate, whose input and output are ours.
    pub(crate) fn start_gate(&mut self, node: &str, arguments: &[String]) -> Child {
        let mut command = self.command(node, Path::new(env!("CARGO_BIN_EXE_streamward-cluster")));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(self.log(node));
        command.spawn().expect("it was built")
    }

    pub(crate) fn kill(&mut self, node: &str) {
        let program = self.programs.iter_mut().find(|(known, ..)| known == node);
        program.into_iter().for_each(|(.., child)| kill(child));
    }

    pub(crate) fn restart(&mut self, node: &str) {
        let arguments =
            self.programs.iter().find(|(known, ..)| known == node).map(|(_, arguments, _)| arguments.clone());
        self.start(node, &arguments.expect("it was started once"));
    }

    /// Asks a program to stop, and waits.
    pub(crate) fn stop(&mut self, node: &str, patience: Duration) -> bool {
        self.signal(node, "TERM");
        let Some((.., Some(child))) = self.programs.iter_mut().find(|(known, ..)| known == node) else { return true };
        wait(child, patience)
    }

    pub(crate) fn signal(&self, node: &str, signal: &str) {
        if let Some((.., Some(child))) = self.programs.iter().find(|(known, ..)| known == node) {
            send(child, signal);
        }
    }

    pub(crate) fn is_clock_stoppable(&self) -> bool {
        self.clock.is_some()
    }

    /// Lets the clock of a node stand still, or go on from where it stands.
    pub(crate) fn stop_clock(&self, node: &str, is_stopped: bool) {
        // Written in place: the node has the file mapped.
        let flag = File::options().create(true).truncate(false).write(true).open(self.clock_flag(node));
        let said = flag.and_then(|mut flag| flag.write_all(if is_stopped { b"1" } else { b"0" }));
        said.expect("the folder is ours");
    }

    fn clock_flag(&self, node: &str) -> PathBuf {
        self.folder.join(format!("{node}.clock"))
    }

    /// Takes a node off the network without a word to anybody, or puts it back.
    pub(crate) fn cut(&self, node: &str, is_cut: bool) {
        let port = self.port(self.number(node));
        let bridge = format!("{}b", self.tag);
        match is_cut {
            true => ip(&["link", "set", &port, "nomaster"]),
            false => ip(&["link", "set", &port, "master", &bridge]),
        };
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.programs.iter_mut().for_each(|(.., child)| kill(child));
        self.servers.iter_mut().for_each(kill);
        if self.is_cut_possible {
            self.remove_network();
        }
    }
}

/// Builds the clock that can be stopped, where there is a C compiler.
fn make_clock(folder: &Path) -> Option<PathBuf> {
    let source = folder.join("stopped_clock.c");
    std::fs::write(&source, include_str!("stopped_clock.c")).expect("the folder is ours");
    let library = folder.join("stopped_clock.so");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-pthread", "-o"]).arg(&library).arg(&source).status();
    built.is_ok_and(|status| status.success()).then_some(library)
}

fn ip(arguments: &[&str]) -> bool {
    let run = Command::new("ip").args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    run.is_ok_and(|status| status.success())
}

fn kill(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn send(child: &Child, signal: &str) {
    let _ = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
}

/// Waits for a program to end; whether it did.
pub(crate) fn wait(child: &mut Child, patience: Duration) -> bool {
    let until = Instant::now() + patience;
    while Instant::now() < until {
        if child.try_wait().is_ok_and(|status| status.is_some()) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

fn get(address: &str, path: &str) -> Option<String> {
    use std::io::Read;
    let second = Duration::from_secs(1);
    let mut socket = TcpStream::connect_timeout(&address.parse().ok()?, second).ok()?;
    socket.set_read_timeout(Some(second)).ok()?;
    write!(socket, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).ok()?;
    Some(answer.split_once("\r\n\r\n")?.1.to_owned())
}
