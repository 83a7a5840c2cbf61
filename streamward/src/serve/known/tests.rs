//! Does the service answer as it is described, to its own clients and to HMA's?

use std::path::Path;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

#[derive(clap::Parser)]
struct Words {
    #[command(flatten)]
    arguments: Served,
}

fn arguments(words: &[&str]) -> Served {
    <Words as clap::Parser>::parse_from(std::iter::once("serve").chain(words.iter().copied())).arguments
}

fn hex(byte: u8) -> String {
    format!("{byte:02x}").repeat(32)
}

fn list(folder: &Path, name: &str, version: u64, entries: &[(&str, u8)]) -> String {
    let lines: String =
        entries.iter().map(|(id, byte)| format!("{}\tpdq\t{id}\tus\t2026-11-24\t-\t-\n", hex(*byte))).collect();
    let md5 = format!("{}\tmd5\tfile\tus\t2026-11-24\t-\t-\n", "0b".repeat(16));
    let text =
        format!("streamward list 1\nname: {name}\nversion: {version}\nsource: us\ncreated: 2026-11-24\n{lines}{md5}");
    let path = folder.join(name);
    // As a careful writer does it: the name never holds half a list.
    std::fs::write(folder.join("new"), text).unwrap();
    std::fs::rename(folder.join("new"), &path).unwrap();
    path.display().to_string()
}

struct Server {
    address: SocketAddr,
    folder: tempfile::TempDir,
    lists: Lists,
}

impl Server {
    async fn start(folder: tempfile::TempDir, words: &[&str]) -> Server {
        let listen = "127.0.0.1:0".parse().unwrap();
        let (routes, lists) = routes(&arguments(words), listen, folder.path()).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Server { address, folder, lists }
    }

    /// Status and body.
    async fn ask(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> (u16, String) {
        let mut stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // A server that refuses a large body need not read it to its end.
        let _ = stream.write_all(body).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }

    async fn json(&self, method: &str, path: &str, body: &str) -> Value {
        let (status, body) = self.ask(method, path, "application/json", body.as_bytes()).await;
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }
}

/// Spots of many sizes, as a PNG.
fn picture() -> Vec<u8> {
    let image = image::RgbImage::from_fn(200, 160, |x, y| {
        let (cx, cy) = (x / 20 * 7919 + y / 20 * 104_729, (x / 7 + y / 11) * 31);
        image::Rgb([(cx % 200) as u8, (cy % 256) as u8, ((x * y) / 97 % 256) as u8])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn form(field: &str, bytes: &[u8]) -> Vec<u8> {
    let mut body =
        format!("--b\r\ncontent-disposition: form-data; name=\"{field}\"; filename=\"f\"\r\n\r\n").into_bytes();
    body.extend(bytes);
    body.extend(b"\r\n--b--\r\n");
    body
}

#[tokio::test]
async fn hma_clients_get_the_shapes_they_expect() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) =
        (list(folder.path(), "A", 1, &[("x", 0x0f), ("y", 0x33)]), list(folder.path(), "B", 1, &[("z", 0x0f)]));
    let server = Server::start(folder, &["--list", &a, "--list", &b]).await;
    let near = format!("{}0e", &hex(0x0f)[..62]);
    let found = server.json("GET", &format!("/m/lookup?signal_type=pdq&signal={near}"), "").await;
    let expected = serde_json::json!({
        "A": [{ "bank_content_id": 0, "distance": "1" }], "B": [{ "bank_content_id": 4_294_967_296_u64, "distance": "1" }],
    });
    assert_eq!(found, expected);
    let one = server.json("GET", &format!("/m/lookup?signal_type=pdq&signal={near}&banks=B,C"), "").await;
    assert_eq!(one.as_object().unwrap().keys().collect::<Vec<_>>(), ["B"]);
    let raw = server.json("GET", &format!("/m/raw_lookup?signal_type=pdq&signal={near}"), "").await;
    assert_eq!(raw, serde_json::json!({ "matches": [0, 4_294_967_296_u64] }));
    let raw = server
        .json("GET", &format!("/m/raw_lookup?signal_type=pdq&signal={near}&include_distance=true&banks=A"), "")
        .await;
    assert_eq!(raw, serde_json::json!({ "matches": [{ "bank_content_id": 0, "distance": "1" }] }));
    let md5 = server.json("GET", &format!("/m/lookup?signal_type=video_md5&signal={}", "0b".repeat(16)), "").await;
    assert_eq!(md5["A"][0]["distance"], "0");
    assert_eq!(
        server.json("GET", &format!("/m/lookup?signal_type=pdq&signal={}", hex(0xff)), "").await,
        serde_json::json!({})
    );
    for (path, status, message) in [
        ("/m/lookup?signal_type=pdq&signal=12".to_owned(), 400, "invalid signal"),
        ("/m/lookup?signal_type=tmk&signal=12".to_owned(), 400, "No such SignalType 'tmk'"),
        ("/m/lookup".to_owned(), 400, "Either url or both signal and signal_type are required"),
        ("/h/hash?url=https://example.org/a.png".to_owned(), 403, "fetching is off"),
        ("/m/lookup?url=http://127.0.0.1/".to_owned(), 403, "fetching is off"),
    ] {
        let (found, body) = server.ask("GET", &path, "", b"").await;
        assert_eq!(found, status, "{path}");
        assert!(serde_json::from_str::<Value>(&body).unwrap()["message"].as_str().unwrap().contains(message), "{body}");
    }
    assert_eq!(server.ask("GET", "/status", "", b"").await, (200, "I-AM-ALIVE".into()));

    let (status, body) =
        server.ask("POST", "/h/hash", "multipart/form-data; boundary=b", &form("photo", &picture())).await;
    let signals: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, signals["pdq"].as_str().map(str::len)), (200, Some(64)), "{body}");
    let (status, body) =
        server.ask("POST", "/h/hash", "multipart/form-data; boundary=b", &form("video", b"some bytes")).await;
    assert!(status == 200 && body.contains("video_md5"), "{body}");
    let (status, _) =
        server.ask("POST", "/h/hash", "multipart/form-data; boundary=b", &form("song", b"some bytes")).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn files_and_batches_are_matched_and_harmless_entries_suppress() {
    let folder = tempfile::tempdir().unwrap();
    let picture = picture();
    let first = Server::start(tempfile::tempdir().unwrap(), &["--list", "test-card"]).await;
    let hashed: Value = serde_json::from_str(&first.ask("POST", "/v1/hash", "image/png", &picture).await.1).unwrap();
    let pdq = hashed["pdq"]["hash"].as_str().unwrap();
    let path = folder.path().join("P");
    std::fs::write(&path, format!("streamward list 1\nname: P\nversion: 3\nsource: us\ncreated: 2026-11-24\n{pdq}\tpdq\tspots\tus\t2026-11-24\t-\t-\n")).unwrap();
    let harmless = list(folder.path(), "H", 1, &[("fine", 0x0f)]);
    let known = list(folder.path(), "K", 1, &[("bad", 0x0f), ("worse", 0xf0)]);
    let banks = folder.path().join("banks.toml");
    std::fs::write(&banks, format!("[[bank]]\nlist = \"{harmless}\"\nharmless = true\nradius_bits = 20\n")).unwrap();
    let server = Server::start(
        folder,
        &["--list", path.to_str().unwrap(), "--list", &known, "--banks", banks.to_str().unwrap()],
    )
    .await;
    let (status, body) = server.ask("POST", "/v1/match", "image/png", &picture).await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200, "{body}");
    assert_eq!(answer["answer"]["matches"][0]["entry"], "spots", "{answer}");
    let asked = format!(
        "{{\"pdq\":[\"{}\",\"{}\",\"{}\"],\"md5\":[\"{}\"]}}",
        hex(0x0f),
        hex(0xf0),
        hex(0x55),
        "0b".repeat(16)
    );
    let answers = server.json("POST", "/v1/match", &asked).await;
    assert_eq!(answers["pdq"][0]["matches"], serde_json::json!([]));
    assert_eq!(answers["pdq"][0]["suppressed_by"]["entry"], "fine");
    assert_eq!(answers["pdq"][1]["matches"][0]["entry"], "worse");
    assert_eq!(answers["pdq"][2], serde_json::json!({ "matches": [] }));
    assert_eq!(answers["md5"][0]["suppressed_by"]["bank"], "H", "the same file is on both");
    for wrong in ["{\"pdq\":[\"12\"]}", "{\"photo\":[]}", "[", ""] {
        assert_eq!(server.ask("POST", "/v1/match", "application/json", wrong.as_bytes()).await.0, 400, "{wrong}");
    }
    let too_many = format!("{{\"md5\":[{}\"00\"]}}", "\"00\",".repeat(v1::BATCH_MAX));
    assert_eq!(server.ask("POST", "/v1/match", "application/json", too_many.as_bytes()).await.0, 400);
    // An entry is disabled for a while, and comes back when the moment is past.
    for (until, n) in [("2999-01-01", 0), ("2000-01-01", 1)] {
        let path = format!("/v1/banks/K/entries/worse/disable?until={until}");
        assert_eq!(server.json("POST", &path, "").await["entries"], 1);
        let answers = server.json("POST", "/v1/match", &asked).await;
        assert_eq!(answers["pdq"][1]["matches"].as_array().unwrap().len(), n, "{until}");
    }
    assert_eq!(server.ask("POST", "/v1/banks/K/entries/none/release", "", b"").await.0, 404);
    let banks = server.json("GET", "/v1/banks", "").await;
    assert_eq!(banks["banks"].as_array().unwrap().len(), 3);
    let (_, metrics) = server.ask("GET", "/metrics", "", b"").await;
    assert!(metrics.contains("streamward_bank_hashes{bank=\"K\",version=\"1\"} 2"), "{metrics}");
    assert!(metrics.contains("streamward_requests_total{path=\"/v1/match\",status=\"200\"}"), "{metrics}");
}

#[tokio::test]
async fn a_changed_list_is_taken_up_while_it_is_asked_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = list(folder.path(), "L", 1, &[("a", 0x0f)]);
    let server = Server::start(folder, &["--list", &path, "--refresh", "1"]).await;
    let lookup = |byte: u8| format!("/m/lookup?signal_type=pdq&signal={}", hex(byte));
    let is_found = async |byte: u8| !server.json("GET", &lookup(byte), "").await.as_object().unwrap().is_empty();
    assert!(is_found(0x0f).await && !is_found(0xf0).await);
    list(server.folder.path(), "L", 2, &[("b", 0xf0)]);
    let mut n_asked = 0;
    while !is_found(0xf0).await {
        n_asked += 1;
        assert!(n_asked < 20_000, "the list is never taken up");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(!is_found(0x0f).await);
    std::fs::write(&path, "streamward list 1\nname: L\nversion: 3\n").unwrap();
    let failed = async || server.ask("GET", "/metrics", "", b"").await.1.contains("refreshes_failed_total 1");
    while !failed().await {
        n_asked += 1;
        assert!(n_asked < 20_000, "the broken list is never looked at");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(is_found(0xf0).await);
    list(server.folder.path(), "L", 1, &[("a", 0x0f)]);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(is_found(0xf0).await, "an older list is not taken up");
}

#[tokio::test]
async fn what_is_not_a_fair_upload_is_refused() {
    let server = Server::start(tempfile::tempdir().unwrap(), &["--list", "test-card", "--upload-max", "1"]).await;
    let picture = picture();
    for (body, status) in [(vec![0; 2 << 20], 413), (picture[..picture.len() / 2].to_vec(), 422), (Vec::new(), 400)] {
        assert_eq!(server.ask("POST", "/v1/hash", "image/png", &body).await.0, status, "{} bytes", body.len());
    }
}

#[tokio::test]
async fn others_are_served_only_with_keys() {
    let folder = tempfile::tempdir().unwrap();
    let outside = "0.0.0.0:0".parse().unwrap();
    assert!(routes(&arguments(&["--list", "test-card"]), outside, folder.path()).await.is_err());
    let keys = folder.path().join("keys.toml");
    std::fs::write(&keys, format!("[[key]]\nname = \"a\"\nsha256 = \"{}\"\nscopes = [\"match\"]\n", hex(7))).unwrap();
    assert!(
        routes(&arguments(&["--list", "test-card", "--api-keys", keys.to_str().unwrap()]), outside, folder.path())
            .await
            .is_ok()
    );
    let server = Server::start(folder, &["--list", "test-card", "--api-keys", keys.to_str().unwrap()]).await;
    for (method, path) in
        [("POST", "/v1/hash"), ("GET", "/v1/banks"), ("GET", "/m/lookup"), ("GET", "/metrics"), ("POST", "/h/hash")]
    {
        assert_eq!(server.ask(method, path, "", b"").await.0, 401, "{path}");
    }
    for path in ["/readyz", "/status", "/openapi.json"] {
        assert_eq!(server.ask("GET", path, "", b"").await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn the_description_names_every_path_and_no_other() {
    let described: Value = serde_json::from_str(openapi::TEXT).unwrap();
    assert_eq!(described["openapi"], "3.1.0");
    let mut paths: Vec<String> = described["paths"].as_object().unwrap().keys().cloned().collect();
    let source = include_str!("../known.rs");
    let routed = source.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    let mut routed: Vec<String> = routed.chain(["/healthz".to_owned()]).collect();
    paths.sort();
    routed.sort();
    assert_eq!(paths, routed);
    let server = Server::start(tempfile::tempdir().unwrap(), &["--list", "test-card"]).await;
    assert_eq!(server.ask("GET", "/openapi.json", "", b"").await, (200, openapi::TEXT.to_owned()));
}

#[tokio::test]
async fn pages_say_which_edition_is_used_and_why_a_later_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = list(folder.path(), "partner", 3, &[("a", 0x11), ("b", 0x22)]);
    let server = Server::start(folder, &["--list", &path, "--list", "test-card", "--refresh", "1"]).await;
    let lines = server.lists.all();
    let [partner, card] = lines.as_slice() else { panic!("{} lists", lines.len()) };
    assert_eq!(
        (partner.name.as_str(), partner.source.as_str(), partner.version, partner.n_entries),
        ("partner", "us", 3, 3)
    );
    assert!(matches!((&partner.signed, &card.signed), (Signed::NotAsked, Signed::BuiltIn)) && partner.fault.is_none());
    let until = async |is_so: &dyn Fn(&super::Line) -> bool| {
        for _ in 0..200 {
            if is_so(&server.lists.all()[0]) {
                return server.lists.all().remove(0);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it did not come to that");
    };
    list(server.folder.path(), "partner", 2, &[("a", 0x11)]);
    let faulty = until(&|line| line.fault.is_some()).await;
    assert!(faulty.fault.unwrap().what.contains("older than what is served"));
    assert_eq!((faulty.version, faulty.n_entries), (3, 3), "what was used stays");
    assert!(server.lists.all()[1].fault.is_none());
    list(server.folder.path(), "partner", 4, &[("a", 0x11)]);
    let later = until(&|line| line.version == 4).await;
    assert!(later.n_entries == 2 && later.loaded_at > partner.loaded_at);
    until(&|line| line.fault.is_none()).await;
}

#[tokio::test]
async fn a_node_that_is_behind_says_so_and_is_not_ready_when_it_lasts() {
    let folder = tempfile::tempdir().unwrap();
    let bank = list(folder.path(), "hotline", 6, &[("a", 1)]);
    let status = folder.path().join("status");
    let now_s = crate::clock::now().as_second();
    let say = |newest: u64, behind_since_s: Option<i64>, heard_s: i64, refused: Option<&str>| {
        let of_list = serde_json::json!({
            "name": "hotline", "version": 6, "newest": newest, "behind_since_s": behind_since_s, "refused": refused,
        });
        std::fs::write(&status, serde_json::json!({"heard_s": heard_s, "lists": [of_list]}).to_string()).unwrap();
    };
    let shown = status.display().to_string();
    let words = ["--list", &bank, "--followed", &shown, "--behind-max", "30"];
    let server = Server::start(folder, &words).await;
    let (code, text) = server.ask("GET", "/readyz", "", b"").await;
    assert_eq!(code, 200);
    assert!(text.contains("cannot be told"), "{text}");

    say(6, None, now_s, None);
    let (code, text) = server.ask("GET", "/readyz", "", b"").await;
    assert!(code == 200 && text.lines().count() == 1, "{code} {text}");
    say(7, Some(now_s - 10), now_s, None);
    let (code, text) = server.ask("GET", "/readyz", "", b"").await;
    assert!(code == 200 && text.contains("version 6 is served, and version 7 was signed"), "{code} {text}");
    say(7, Some(now_s - 100), now_s, Some("it is older"));
    let (code, text) = server.ask("GET", "/readyz", "", b"").await;
    assert!(code == 503 && text.contains("is behind") && text.contains("is refused: it is older"), "{code} {text}");
    let (_, text) = server.ask("GET", "/metrics", "", b"").await;
    assert!(text.contains("streamward_list_newest_version{bank=\"hotline\"} 7"), "{text}");
    assert!(text.contains("streamward_list_refused{bank=\"hotline\"} 1"), "{text}");
    let behind = text.lines().find_map(|line| line.strip_prefix("streamward_list_behind_seconds{bank=\"hotline\"} "));
    assert!(behind.is_some_and(|s| (100..200).contains(&s.parse::<u64>().unwrap())), "{text}");

    // A bus that is dead makes nobody unready.
    say(6, None, now_s - 500, None);
    let (code, text) = server.ask("GET", "/readyz", "", b"").await;
    assert!(code == 200 && text.contains("was not heard for 50"), "{code} {text}");
}
