//! A bus to test with: one nats-server with mutual TLS on a port of its own, in which everybody has the rights of his
//! part and no more, and programs of ours that are connected to it.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use cluster::certificates::Wanted;
use lease::Name;

/// What nobody here may publish. The bucket of lists is not in it: a new object in an old one's place purges the old.
const NEVER: [&str; 6] = [
    r#""streamward.incident.>""#,
    r#""$JS.API.STREAM.DELETE.>""#,
    r#""$JS.API.STREAM.PURGE.KV_streamward-leases""#,
    r#""$JS.API.STREAM.PURGE.STREAMWARD_TRANSFERS""#,
    r#""$JS.API.STREAM.PURGE.STREAMWARD_ALERTS""#,
    r#""$JS.API.STREAM.PURGE.STREAMWARD_INCIDENTS""#,
];

/// Whether there is a bus to test with; says so where there is none.
pub(crate) fn is_runnable(what: &str) -> bool {
    let is_there = Command::new("nats-server").arg("--version").output().is_ok();
    if !is_there {
        println!("lacking: nats-server is not installed; {what} were not tested (script/setup installs it)");
    }
    is_there
}

/// Names as certificates take them.
pub(crate) fn names(all: &[&str]) -> Vec<Name> {
    all.iter().map(|name| Name::new(name).unwrap()).collect()
}

/// The server and what runs beside it. All of it is taken down when this is dropped.
pub(crate) struct Server {
    pub(crate) folder: PathBuf,
    port: u16,
    programs: Vec<(String, Child)>,
}

impl Server {
    /// `users` has, for each certificate's name, the subjects on which its bearer may not publish.
    pub(crate) fn start(folder: &Path, wanted: Wanted, users: &[(&str, &str)]) -> Server {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let servers = vec![(Name::new("n1").unwrap(), "127.0.0.1".parse().unwrap())];
        cluster::certificates::make(&folder.join("tls"), &Wanted { servers, ..wanted }).unwrap();
        let user = |(name, denied): &(&str, &str)| {
            format!(
                "{{ user: \"{name}\", permissions: {{ publish: {{ deny: [ {denied}, {} ] }} }} }}",
                NEVER.join(", ")
            )
        };
        let (shown, users) = (folder.display(), users.iter().map(user).collect::<Vec<_>>().join(", "));
        let text = format!(
            "server_name: n1\nlisten: \"127.0.0.1:{port}\"\n\
             tls {{ cert_file: \"{shown}/tls/n1.pem\", key_file: \"{shown}/tls/n1.key\", ca_file: \"{shown}/tls/ca.pem\", verify_and_map: true }}\n\
             authorization {{ users = [ {users} ] }}\njetstream {{ store_dir: \"{shown}/n1\" }}\n"
        );
        let path = folder.join("n1.conf");
        std::fs::write(&path, text).unwrap();
        let mut server = Server { folder: folder.to_owned(), port, programs: Vec::new() };
        let mut command = server.command("n1", Path::new("nats-server"));
        command.arg("-c").arg(path);
        server.spawn("n1", command);
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// A path below the folder, as text.
    pub(crate) fn path(&self, file: &str) -> String {
        self.folder.join(file).display().to_string()
    }

    /// A program that does not outlive this test, however that ends, with what it says in a log.
    fn command(&self, name: &str, program: &Path) -> Command {
        let log = File::options().create(true).append(true).open(self.log_file(name)).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(program).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        command
    }

    /// Our program, connected as `name`.
    pub(crate) fn ours(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = self.command(name, Path::new(env!("CARGO_BIN_EXE_streamward-cluster")));
        let (url, tls) = (self.url(), self.path("tls"));
        let bus = ["--nats", &url, "--certificates", &tls, "--replicas", "1", "--name", name];
        command.args(arguments).args(bus);
        command
    }

    pub(crate) fn spawn(&mut self, name: &str, mut command: Command) {
        let child = command.spawn().unwrap();
        self.programs.retain(|(known, _)| known != name);
        self.programs.push((name.to_owned(), child));
    }

    /// Kills a program that must be running.
    pub(crate) fn kill(&mut self, name: &str) {
        let place = self.programs.iter().position(|(known, _)| known == name).expect("it was started");
        let (_, mut child) = self.programs.remove(place);
        assert!(child.try_wait().unwrap().is_none(), "{name} had ended by itself:\n{}", self.log(name));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[allow(dead_code, reason = "not every test asks")]
    pub(crate) fn has_ended(&mut self, name: &str) -> bool {
        let child = self.programs.iter_mut().find(|(known, _)| known == name);
        child.is_none_or(|(_, child)| child.try_wait().unwrap().is_some())
    }

    /// How much memory a program takes, KiB.
    #[allow(dead_code, reason = "not every test asks")]
    pub(crate) fn memory_kib(&self, name: &str) -> u64 {
        let child = self.programs.iter().find(|(known, _)| known == name).map(|(_, child)| child.id());
        let status =
            child.and_then(|id| std::fs::read_to_string(format!("/proc/{id}/status")).ok()).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
    }

    fn log_file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    /// What a program has said so far.
    pub(crate) fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.log_file(name)).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for (name, child) in &mut self.programs {
            let _ = child.kill();
            let _ = child.wait();
            if std::thread::panicking() {
                let log = std::fs::read_to_string(self.folder.join(format!("{name}.log"))).unwrap_or_default();
                let last: Vec<&str> = log.lines().rev().take(15).collect();
                eprintln!("--- {name}\n{}", last.into_iter().rev().collect::<Vec<_>>().join("\n"));
            }
        }
    }
}
