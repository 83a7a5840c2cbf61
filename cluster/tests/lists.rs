//! Does every node come to hold the newest list that enough people signed, and never an older or another one?
//!
//! A nats-server, publishers and two nodes, each a process; and somebody who has the rights to write on the bus and puts
//! there what he should not.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

#[path = "nats/server.rs"]
mod server;

use std::path::Path;
use std::time::{Duration, Instant};

use cluster::bus::JetStream;
use cluster::bus::jetstream::Lists;
use cluster::certificates::Wanted;
use cluster::lists::status::{OfList, Status};
use cluster::tls::Identity;
use known::List;
use known::list::Signatures;
use record::Signer;
use server::{Server, is_runnable, names};

const NODES: [&str; 2] = ["node1", "node2"];
const NAME: &str = "Example hotline";
/// A node that can hear the bus has what is new within this.
const NEWS_MAX: Duration = Duration::from_secs(20);

/// A version of a list, with as many entries as it has numbers.
fn text(version: u64, numbers: impl Iterator<Item = u32>) -> String {
    let entry = |n: u32| format!("{n:064x}\tpdq\tentry-{n}\tJ. Doe\t2026-11-20T08:00:00Z\t-\t-\n");
    let header = format!("streamward list 1\nname: {NAME}\nversion: {version}\nsource: us\ncreated: 2026-11-24\n");
    numbers.fold(header, |text, n| text + &entry(n))
}

fn signers() -> [Signer; 3] {
    [("ada", 1), ("bo", 2), ("eve", 3)].map(|(name, byte)| Signer::new(name, &[byte; 32]).unwrap())
}

fn signed(text: &str, earlier: Option<&Signatures>, by: &[Signer]) -> Signatures {
    let (list, sha256) = List::read_with_digest(text.as_bytes()).unwrap();
    let mut signatures = Signatures::begin(&list.header(), sha256, earlier).unwrap();
    by.iter().for_each(|signer| signatures.sign(signer));
    signatures
}

/// Writes a list and its signatures as a publisher has them.
fn write(path: &Path, text: &str, signatures: &Signatures) {
    std::fs::write(path, text).unwrap();
    std::fs::write(cluster::lists::beside(path), signatures.to_string()).unwrap();
}

struct Rig {
    server: Server,
    runtime: tokio::runtime::Runtime,
    /// Somebody who may write on the bus.
    writer: Lists,
}

impl Rig {
    fn new(folder: &Path) -> Rig {
        let wanted =
            Wanted { publishers: names(&["publisher", "mallory"]), readers: names(&NODES), ..Wanted::default() };
        let nodes = r#""streamward.>", "$KV.>", "$O.>", "$JS.API.STREAM.PURGE.>""#;
        let users = [
            ("publisher.publisher.streamward", "\"$KV.>\""),
            ("mallory.publisher.streamward", "\"$KV.>\""),
            ("node1.reader.streamward", nodes),
            ("node2.reader.streamward", nodes),
        ];
        let [ada, bo, _] = signers();
        std::fs::write(folder.join("keys"), format!("{}\n{}\n", ada.key(), bo.key())).unwrap();
        let server = Server::start(folder, wanted, &users);
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let identity = Identity::in_folder(&folder.join("tls"), "mallory");
        let writer = runtime.block_on(async {
            let bus = JetStream::connect(&server.url(), Some(&identity), 1).await.unwrap();
            bus.lists(1).await.unwrap()
        });
        Rig { server, runtime, writer }
    }

    fn publish(&self, list: &Path) -> (bool, String) {
        let keys = self.server.path("keys");
        let shown = list.display().to_string();
        let arguments = ["lists", "publish", &shown, "--keys", &keys, "--need", "2"];
        let mut command = self.server.ours("publisher", &arguments);
        let output = command.stderr(std::process::Stdio::piped()).output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    }

    fn start(&mut self, node: &str) {
        let wanted = format!("{NAME}={}", self.server.path(&format!("{node}.list")));
        let [seen, status] = ["seen", "status"].map(|what| self.server.path(&format!("{node}.{what}")));
        let keys = self.server.path("keys");
        let arguments = ["lists", "follow", "--list", &wanted, "--keys", &keys, "--need", "2", "--seen", &seen];
        let more = ["--status", &status, "--every-s", "1"];
        self.server.spawn(node, self.server.ours(node, &[&arguments[..], &more].concat()));
    }

    fn status(&self, node: &str) -> Option<(Status, OfList)> {
        let text = std::fs::read(self.server.path(&format!("{node}.status"))).ok()?;
        let status: Status = serde_json::from_slice(&text).unwrap();
        let of_list = status.lists[0].clone();
        Some((status, of_list))
    }

    fn text(&self, node: &str) -> String {
        std::fs::read_to_string(self.server.path(&format!("{node}.list"))).unwrap_or_default()
    }

    fn has(&self, node: &str, text: &str) -> bool {
        self.text(node) == text
            && self.status(node).is_some_and(|(_, of)| of.version == of.newest && of.refused.is_none())
    }

    fn refuses(&self, node: &str, why: &str) -> bool {
        self.status(node).is_some_and(|(_, of)| of.refused.is_some_and(|said| said.contains(why)))
            && self.server.log(node).contains(why)
    }
}

fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + NEWS_MAX;
    while !is_so() {
        assert!(Instant::now() < until, "not within {} s: {what}", NEWS_MAX.as_secs());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn every_node_holds_the_newest_signed_list_and_refuses_older_and_altered_ones() {
    if !is_runnable("lists on many machines") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(folder.path());
    let list = folder.path().join("hotline.list");
    let [ada, bo, eve] = signers();
    let both = [ada, bo];
    let first = text(1, 0..2000);
    let first_signed = signed(&first, None, &both);
    write(&list, &first, &first_signed);
    assert!(rig.publish(&list).0);
    NODES.iter().for_each(|node| rig.start(node));
    wait("both nodes have the first version", || NODES.iter().all(|node| rig.has(node, &first)));

    // What follows comes as what changed, and makes the very text that was signed.
    let second = text(2, (0..2003).filter(|n| *n != 700));
    let second_signed = signed(&second, Some(&first_signed), &both);
    write(&list, &second, &second_signed);
    let (is_done, said) = rig.publish(&list);
    assert!(is_done && said.contains("bytes for who has the version before"), "{said}");
    println!("{} bytes of list; {}", second.len(), said.trim());
    wait("both nodes have the second", || NODES.iter().all(|node| rig.has(node, &second)));
    assert!(NODES.iter().all(|node| !rig.server.log(node).contains("fetching all of it")));
    let beside = cluster::lists::beside(Path::new(&rig.server.path("node1.list")));
    assert_eq!(std::fs::read_to_string(beside).unwrap(), second_signed.to_string());

    // An honest publisher does not put an older one after it, nor one that too few have signed.
    write(&list, &first, &first_signed);
    let (is_done, said) = rig.publish(&list);
    assert!(!is_done && said.contains("version 2 of it is on the bus"), "{said}");
    let third = text(3, 0..2003);
    let one_of_two = signed(&third, Some(&second_signed), &both[..1]);
    write(&list, &third, &one_of_two);
    assert!(!rig.publish(&list).0);

    // Somebody else does all that.
    let (runtime, writer) = (rig.runtime.handle().clone(), rig.writer.clone());
    let says = |signatures: &Signatures| {
        runtime.block_on(writer.put_signatures(NAME, signatures.to_string().as_bytes())).unwrap();
    };
    says(&first_signed);
    wait("the older one is refused", || NODES.iter().all(|node| rig.refuses(node, "older than what was seen before")));
    says(&one_of_two);
    wait("one signature is refused", || NODES.iter().all(|node| rig.refuses(node, "signatures do not hold")));
    says(&signed(&third, Some(&second_signed), &[eve]));
    wait("a stranger's is refused", || NODES.iter().all(|node| rig.refuses(node, "signatures do not hold")));
    says(&signed(&text(3, 5..9), None, &both));
    wait("another history is refused", || {
        NODES.iter().all(|node| rig.refuses(node, "older than what was seen before"))
    });
    let third_signed = signed(&third, Some(&second_signed), &both);
    let altered = folder.path().join("altered");
    std::fs::write(&altered, third.replace("entry-7\t", "entry-x\t")).unwrap();
    runtime.block_on(writer.put_text(NAME, third_signed.sha256(), &altered)).unwrap();
    says(&third_signed);
    wait("an altered text is refused", || NODES.iter().all(|node| rig.refuses(node, "altered after it was signed")));
    // It is signed, so the nodes know that they are behind, and say so.
    let (_, of_list) = rig.status("node1").unwrap();
    assert_eq!((of_list.version, of_list.newest), (Some(2), Some(3)));
    assert!(of_list.behind_since_s.is_some());
    assert!(NODES.iter().all(|node| rig.text(node) == second), "what lies here stays");

    // The right text comes at last, to a node that was away meanwhile too, and one that was told to forget nothing.
    rig.server.kill("node2");
    write(&list, &third, &third_signed);
    let (is_done, said) = rig.publish(&list);
    assert!(is_done, "{said}");
    wait("the node that was there has the third", || rig.has("node1", &third));
    rig.start("node2");
    wait("the node that was away has the third", || rig.has("node2", &third));
    says(&second_signed);
    wait("and refuses the second now", || NODES.iter().all(|node| rig.refuses(node, "version 2 after version 3")));
    assert!(NODES.iter().all(|node| rig.text(node) == third));

    // A delta that makes something else costs a node nothing but the whole text.
    let fourth = text(4, 0..2004);
    let fourth_signed = signed(&fourth, Some(&third_signed), &both);
    std::fs::write(&altered, &fourth).unwrap();
    runtime.block_on(async {
        writer.put_text(NAME, fourth_signed.sha256(), &altered).await.unwrap();
        let other = known::list::delta(&third, &text(4, 0..2005)).unwrap();
        writer.put_delta(NAME, third_signed.sha256(), fourth_signed.sha256(), other.as_bytes()).await.unwrap();
        writer.put_signatures(NAME, fourth_signed.to_string().as_bytes()).await.unwrap();
    });
    wait("both nodes have the fourth", || NODES.iter().all(|node| rig.has(node, &fourth)));
    assert!(NODES.iter().all(|node| rig.server.log(node).contains("fetching all of it")));

    // Without a bus a node says that it has not been heard for a while.
    let heard_s = rig.status("node1").unwrap().0.heard_s;
    rig.server.kill("n1");
    std::thread::sleep(Duration::from_secs(8));
    let (status, _) = rig.status("node1").unwrap();
    assert!(status.heard_s <= heard_s + 4, "it says that it hears a bus that is dead");
}
