//! Can a process in the sandbox do what it must not?
//!
//! Each attempt is made twice, by two processes that have loaded the same judges: one outside the sandbox and one in it.
//! One that fails outside proves nothing, and that is said.

use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::net::{AddressFamily, SocketType, ipproto, socket};
use rustix::process::{Pid, Resource, Rlimit};
use serde::{Deserialize, Serialize};

use crate::Error;

/// What the attempts need from someone outside: an address that answers, a file that is there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Marks {
    tcp: u16,
    udp: u16,
    folder: PathBuf,
    parent: i32,
}

/// How one attempt went.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) what: String,
    /// What the system said, where it refused.
    pub(crate) refusal: Option<String>,
}

/// Keeps what the attempts reach for while they are made.
pub(crate) struct Scene {
    pub(crate) marks: Marks,
    _tcp: TcpListener,
    _udp: UdpSocket,
    _unix: UnixListener,
}

impl Scene {
    /// In an empty folder of its own.
    ///
    /// # Errors
    /// When this machine has no loopback or no such folder can be made.
    pub(crate) fn set(folder: &Path) -> std::io::Result<Scene> {
        let (tcp, udp) = (TcpListener::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
        std::fs::write(folder.join("secret"), "a file of the person's")?;
        let parent = rustix::process::getpid().as_raw_nonzero().get();
        let marks =
            Marks { tcp: tcp.local_addr()?.port(), udp: udp.local_addr()?.port(), folder: folder.to_owned(), parent };
        Ok(Scene { _unix: UnixListener::bind(folder.join("socket"))?, marks, _tcp: tcp, _udp: udp })
    }
}

type Outcome = Result<(), String>;

fn said<T>(outcome: Result<T, impl std::fmt::Display>) -> Outcome {
    outcome.map(|_| ()).map_err(|error| error.to_string())
}

/// Tries everything, here and now.
pub(crate) fn all(marks: &Marks) -> Vec<Attempt> {
    let file = |name: &str| marks.folder.join(name);
    let parent = Pid::from_raw(marks.parent);
    let no_parent = || "there is no such process".to_owned();
    let attempts: [(&str, Outcome); 25] = [
        ("call a TCP server", said(TcpStream::connect(("127.0.0.1", marks.tcp)))),
        ("listen on a TCP port", said(TcpListener::bind("127.0.0.1:0"))),
        ("send a UDP packet", said(send_udp(marks.udp))),
        ("call a TCP server over IPv6's socket", said(socket(AddressFamily::INET6, SocketType::STREAM, None))),
        ("open a raw socket", said(socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::ICMP)))),
        ("open a packet socket", said(socket(AddressFamily::PACKET, SocketType::DGRAM, None))),
        ("ask the kernel over netlink", said(socket(AddressFamily::NETLINK, SocketType::RAW, None))),
        ("call a unix socket by its path", said(UnixStream::connect(file("socket")))),
        ("listen on a unix socket", said(UnixListener::bind(file("own")))),
        ("open a unix socket for messages", said(UnixDatagram::unbound())),
        ("read a file of the person's", said(std::fs::read(file("secret")))),
        ("read /etc/passwd", said(std::fs::read("/etc/passwd"))),
        ("list the home folder", said(std::fs::read_dir(std::env::var_os("HOME").unwrap_or("/".into())))),
        ("write a file", said(std::fs::write(file("new"), "x"))),
        ("write over a file", said(append(&file("secret")))),
        (
            "rename a file",
            said(
                std::fs::rename(file("secret"), file("moved"))
                    .and_then(|()| std::fs::rename(file("moved"), file("secret"))),
            ),
        ),
        ("delete a file", said(std::fs::write(file("old"), "x").and_then(|()| std::fs::remove_file(file("old"))))),
        ("make a folder", said(std::fs::create_dir(file("folder")).and_then(|()| std::fs::remove_dir(file("folder"))))),
        ("change who may read a file", said(rustix::fs::chmod(file("secret"), rustix::fs::Mode::from_raw_mode(0o600)))),
        ("start a program", said(Command::new("/bin/true").stdin(Stdio::null()).status())),
        (
            "signal another process",
            parent.ok_or_else(no_parent).and_then(|pid| said(rustix::process::test_kill_process(pid))),
        ),
        (
            "hold another process by a file",
            parent
                .ok_or_else(no_parent)
                .and_then(|pid| said(rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()))),
        ),
        ("keep a file in memory only", said(rustix::fs::memfd_create("x", rustix::fs::MemfdFlags::CLOEXEC))),
        ("watch files of others", said(rustix::fs::inotify::init(rustix::fs::inotify::CreateFlags::CLOEXEC))),
        ("change its own limits", said(fewer_files())),
    ];
    attempts.into_iter().map(|(what, outcome)| Attempt { what: what.into(), refusal: outcome.err() }).collect()
}

fn send_udp(port: u16) -> std::io::Result<usize> {
    UdpSocket::bind("127.0.0.1:0")?.send_to(b"x", ("127.0.0.1", port))
}

fn append(path: &Path) -> std::io::Result<()> {
    std::fs::OpenOptions::new().append(true).open(path)?.write_all(b".")
}

fn fewer_files() -> rustix::io::Result<()> {
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: Some(200), maximum: Some(200) })
}

/// In a process of its own: tries everything after `enter`, and says how it went on standard output.
///
/// # Errors
/// When `enter` fails.
pub(crate) fn probe(marks: &str, enter: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    let marks: Marks = serde_json::from_str(marks).map_err(super::refused)?;
    enter()?;
    println!("{}", serde_json::to_string(&all(&marks)).map_err(super::refused)?);
    Ok(())
}
