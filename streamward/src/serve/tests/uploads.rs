//! Does a file that is sent in parts arrive whole, whatever breaks, and is nothing taken that may not be kept?

use jiff::SignedDuration;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::*;
use crate::vault::uploads;

/// A house with an open vault, a guard that referred a case, and what it sends.
struct Sending {
    house: House,
    token: String,
    case: String,
    bytes: Vec<u8>,
}

/// Where a file is and how far: what `Upload-Offset` says.
struct Begun {
    path: String,
    id: String,
}

impl Sending {
    async fn new(len: usize) -> Sending {
        let house = House::new("").await;
        house.open_vault().await;
        house.let_in("a guard", &[Role::Service], &[]).await;
        let token = house.token("a guard").await;
        let bearer = [("Authorization", format!("Bearer {token}"))];
        let incident = serde_json::to_string(&intake("call 1")).unwrap();
        let came = house.ask(Method::POST, "/api/v1/incidents", &bearer, &incident).await;
        let case = serde_json::from_str::<serde_json::Value>(&came.text).unwrap()["case"].as_str().unwrap().to_owned();
        let mut chance = Chance(7);
        let bytes = (0..len).map(|_| chance.next() as u8).collect();
        Sending { house, token, case, bytes }
    }

    fn digits(&self) -> String {
        Sha256::digest(&self.bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Asks, with these headers beside those that every question has.
    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Came {
        let url = format!("http://{}{path}", self.house.address);
        let mut request = self.house.http.request(method.parse().unwrap(), url).body(body.to_owned());
        let bearer = format!("Bearer {}", self.token);
        let plain = [("tus-resumable", "1.0.0"), ("authorization", bearer.as_str())];
        for (name, value) in plain.iter().filter(|(name, _)| !headers.iter().any(|(own, _)| own == name)).chain(headers)
        {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        Came { status, headers, text: answer.text().await.unwrap() }
    }

    async fn begin_with(&self, len: &str, sha256: &str, case: &str) -> Came {
        use base64::Engine;
        let coded = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        let said = format!("case {},sha256 {},filename {}", coded(case), coded(sha256), coded("../gradient.bin"));
        self.ask("POST", "/api/v1/uploads", &[("upload-length", len), ("upload-metadata", &said)], b"").await
    }

    async fn begin(&self) -> Begun {
        let came = self.begin_with(&self.bytes.len().to_string(), &self.digits(), &self.case).await;
        assert_eq!(came.status, StatusCode::CREATED, "{}", came.text);
        let path = came.headers[LOCATION].to_str().unwrap().to_owned();
        assert!(came.headers["upload-expires"].to_str().unwrap().ends_with(" GMT"));
        Begun { id: path.rsplit('/').next().unwrap().to_owned(), path }
    }

    async fn add(&self, begun: &Begun, offset: usize, bytes: &[u8]) -> Came {
        let offset = offset.to_string();
        let headers = [("content-type", "application/offset+octet-stream"), ("upload-offset", offset.as_str())];
        self.ask("PATCH", &begun.path, &headers, bytes).await
    }

    /// Sends all that is left, and breaks the line after `n_bytes` of it.
    async fn add_and_break(&self, begun: &Begun, offset: usize, n_bytes: usize) {
        let mut line = TcpStream::connect(self.house.address).await.unwrap();
        let head = format!(
            "PATCH {} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ntus-resumable: 1.0.0\r\nupload-offset: {offset}\r\n\
             content-type: application/offset+octet-stream\r\ncontent-length: {}\r\n\r\n",
            begun.path,
            self.token,
            self.bytes.len() - offset
        );
        line.write_all(head.as_bytes()).await.unwrap();
        line.write_all(&self.bytes[offset..offset + n_bytes]).await.unwrap();
        line.shutdown().await.unwrap();
    }

    /// How far it is, once nobody is sending it any more.
    async fn offset(&self, begun: &Begun) -> usize {
        while self.house.desk.receiving.turn(&begun.id).is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let came = self.ask("HEAD", &begun.path, &[], b"").await;
        assert_eq!(came.status, StatusCode::OK);
        came.headers["upload-offset"].to_str().unwrap().parse().unwrap()
    }

    fn files_below(&self, folder: &str) -> Vec<PathBuf> {
        let (mut found, mut folders) = (Vec::new(), vec![self.house.folder.path().join("vault").join(folder)]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.file_type().unwrap().is_dir() {
                    true => folders.push(entry.path()),
                    false => found.push(entry.path()),
                }
            }
        }
        found
    }

    /// Whether the case has exactly this file, as it was sent.
    async fn is_kept(&self) -> bool {
        let dossier = self.house.desk.store.case(&self.case).await.unwrap();
        let kept: Vec<_> = dossier.in_vault().collect();
        let [(evidence, sealing)] = kept.as_slice() else { return false };
        evidence.name.open() == "gradient.bin"
            && self.house.desk.files.open(evidence, sealing, 1 << 30).unwrap() == self.bytes
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_whose_line_breaks_at_random_places_arrives_as_it_was_sent() {
    let sending = Sending::new(18_000_001).await;
    let begun = sending.begin().await;
    let (mut chance, mut at, mut n_breaks) = (Chance(20_261_124), 0, 0);
    while at < sending.bytes.len() {
        let left = sending.bytes.len() - at;
        // Never all of it here: the last byte goes over a whole line.
        let n_bytes = (chance.next() as usize % 2_000_000).min(left - 1);
        if n_breaks >= 12 && left < 4_000_000 {
            let came = sending.add(&begun, at, &sending.bytes[at..]).await;
            assert_eq!(came.status, StatusCode::NO_CONTENT, "{}", came.text);
            break;
        }
        sending.add_and_break(&begun, at, n_bytes).await;
        // Not all that was sent need have come; what is said to be here is.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let next = sending.offset(&begun).await;
        assert!((at..=at + n_bytes).contains(&next), "{next} after {at} and {n_bytes}");
        let parts = sending.files_below("uploads");
        for part in &parts {
            let sealed = std::fs::read(part).unwrap();
            assert!(sealed.starts_with(b"age-encryption.org/v1"), "{}", part.display());
        }
        (at, n_breaks) = (next, n_breaks + 1);
        assert!(n_breaks < 200, "it does not get on");
    }
    eprintln!("{} bytes arrived over a line that broke {n_breaks} times", sending.bytes.len());
    assert!(n_breaks >= 12 && sending.is_kept().await);
    assert!(sending.files_below("uploads").is_empty(), "the parts are gone");
    assert_eq!(sending.offset(&begun).await, sending.bytes.len());
    let again = sending.add(&begun, sending.bytes.len(), b"").await;
    assert_eq!(again.status, StatusCode::NO_CONTENT, "who did not hear that it was done may ask again");
    assert!(sending.house.desk.store.verify(None).await.unwrap().faults.is_empty());
    let who = sending.house.desk.store.deeds(&sending.case).await.unwrap().pop().unwrap().0.entry.who;
    assert_eq!(who.unwrap().name(), "a guard");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_as_it_was_said_is_answered_clearly_and_not_kept() {
    let sending = Sending::new(1000).await;
    let begun = sending.begin().await;
    assert_eq!(sending.add(&begun, 0, &sending.bytes[..600]).await.headers["upload-offset"], "600");
    let wrong = sending.add(&begun, 599, &sending.bytes[599..]).await;
    assert_eq!((wrong.status, &wrong.headers["upload-offset"]), (StatusCode::CONFLICT, &"600".parse().unwrap()));
    assert!(wrong.text.contains("600 bytes are here"), "{}", wrong.text);
    let much = sending.add(&begun, 600, &[0; 401]).await;
    assert_eq!(much.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", much.text);
    for (name, value, status) in [
        ("tus-resumable", "0.2.2", StatusCode::PRECONDITION_FAILED),
        ("content-type", "application/octet-stream", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("upload-offset", "-1", StatusCode::UNPROCESSABLE_ENTITY),
        ("upload-offset", "99999999999999999999", StatusCode::UNPROCESSABLE_ENTITY),
        ("authorization", "Bearer stale", StatusCode::UNAUTHORIZED),
    ] {
        let plain = [("content-type", "application/offset+octet-stream"), ("upload-offset", "600")];
        let mut headers: Vec<_> = plain.into_iter().filter(|(own, _)| *own != name).collect();
        headers.push((name, value));
        let came = sending.ask("PATCH", &begun.path, &headers, &sending.bytes[600..]).await;
        assert_eq!(came.status, status, "{name} {value}: {}", came.text);
    }
    assert_eq!(sending.offset(&begun).await, 600, "nothing of these was taken");
    let end = sending.add(&begun, 600, &[1; 400]).await;
    assert_eq!(end.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(end.text.contains("another SHA-256"), "{}", end.text);
    assert_eq!(sending.ask("GET", &begun.path, &[], b"").await.status, StatusCode::GONE);
    assert!(!sending.is_kept().await && sending.files_below("uploads").is_empty());

    let digits = sending.digits();
    for (len, sha256, case, status) in [
        ("0", digits.as_str(), sending.case.as_str(), StatusCode::UNPROCESSABLE_ENTITY),
        ("x", &digits, &sending.case, StatusCode::UNPROCESSABLE_ENTITY),
        ("4294967297", &digits, &sending.case, StatusCode::PAYLOAD_TOO_LARGE),
        ("1000", "abc", &sending.case, StatusCode::UNPROCESSABLE_ENTITY),
        ("1000", &digits, "01NOSUCHCASE", StatusCode::NOT_FOUND),
    ] {
        let came = sending.begin_with(len, sha256, case).await;
        assert_eq!(came.status, status, "{len} {sha256} {case}: {}", came.text);
    }
    let unsaid = sending.ask("POST", "/api/v1/uploads", &[("upload-length", "1000")], b"").await;
    assert_eq!(unsaid.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_sends_to_its_own_cases_and_sees_its_own_files_only() {
    let mut sending = Sending::new(1000).await;
    let others = sending.house.refer(Intake { source: Source::Payment, ..intake("x") }).await;
    let came = sending.begin_with("1000", &sending.digits(), &others).await;
    assert_eq!(came.status, StatusCode::NOT_FOUND, "it did not refer that");
    let begun = sending.begin().await;
    let own = sending.token.clone();
    sending.house.let_in("another", &[Role::Service, Role::Lead], &[Compartment::Video]).await;
    sending.token = sending.house.token("another").await;
    assert_eq!(sending.ask("GET", &begun.path, &[], b"").await.status, StatusCode::NOT_FOUND);
    assert_eq!(sending.add(&begun, 0, &sending.bytes).await.status, StatusCode::NOT_FOUND);
    assert_eq!(sending.ask("DELETE", &begun.path, &[], b"").await.status, StatusCode::NOT_FOUND);
    let paid = sending.begin_with("1000", &sending.digits(), &others).await;
    assert_eq!(paid.status, StatusCode::NOT_FOUND, "another reads no payments");
    let reads = sending.begin().await;
    assert_eq!(sending.ask("DELETE", &reads.path, &[], b"").await.status, StatusCode::NO_CONTENT);
    assert_eq!(sending.ask("GET", &reads.path, &[], b"").await.status, StatusCode::NOT_FOUND);

    sending.token = own;
    for _ in 0..15 {
        sending.begin().await;
    }
    let came = sending.begin_with("1000", &sending.digits(), &sending.case).await;
    assert_eq!(came.status, StatusCode::TOO_MANY_REQUESTS, "{}", came.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_media_is_kept_no_byte_is_taken() {
    let sending = Sending::new(1000).await;
    let begun = sending.begin().await;
    assert_eq!(sending.add(&begun, 0, &sending.bytes[..500]).await.status, StatusCode::NO_CONTENT);
    let shut = casework::vault::Deed::Shut { by: Person::new("bo").unwrap() };
    sending.house.desk.store.vault_act(None, &shut, now()).await.unwrap();
    let n_parts = sending.files_below("uploads").len();
    let more = sending.add(&begun, 500, &sending.bytes[500..]).await;
    let new = sending.begin_with("1000", &sending.digits(), &sending.case).await;
    for came in [more, new] {
        assert_eq!(came.status, StatusCode::CONFLICT);
        assert!(came.text.contains("the vault is shut: no media is kept here"), "{}", came.text);
    }
    assert_eq!(sending.files_below("uploads").len(), n_parts);
    assert!(!sending.is_kept().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_finishes_goes_and_what_a_killed_server_left_is_finished() {
    let sending = Sending::new(1000).await;
    let (store, files) = (&sending.house.desk.store, &sending.house.desk.files);
    let left = sending.begin().await;
    sending.add(&left, 0, &sending.bytes[..500]).await;
    // A part that lies there and that nobody took note of, as after a kill: it is written over.
    let done = sending.begin().await;
    let key = store.vault().await.unwrap().keys()[0].clone();
    files.put_part(&done.id, 0, &key, b"cut off").unwrap();
    assert_eq!(sending.add(&done, 0, &sending.bytes[..400]).await.status, StatusCode::NO_CONTENT);
    // The last part is here, and the server was ended before it made anything of it.
    let who = Person::new("a guard").unwrap();
    let upload = store.upload(&done.id, &who, now()).await.unwrap().unwrap();
    files.put_part(&done.id, upload.n_parts, &key, &sending.bytes[400..]).unwrap();
    assert!(store.add_part(&upload, 600, now()).await.unwrap());
    assert!(!store.add_part(&upload, 600, now()).await.unwrap(), "once");
    assert!(!sending.is_kept().await);
    assert_eq!(sending.offset(&done).await, 1000);
    assert!(sending.is_kept().await, "who asked how far it is finished it");

    files.put_part("01STRAY", 0, &key, b"of nobody").unwrap();
    assert_eq!(uploads::sweep(store, files, now()).await.unwrap(), 1, "what nobody began");
    assert_eq!(sending.offset(&left).await, 500, "it is waited for");
    let tomorrow = now().checked_add(SignedDuration::from_hours(25)).unwrap();
    assert_eq!(uploads::sweep(store, files, tomorrow).await.unwrap(), 1);
    assert!(sending.files_below("uploads").is_empty());
    assert_eq!(sending.ask("HEAD", &left.path, &[], b"").await.status, StatusCode::NOT_FOUND);
    assert!(sending.is_kept().await, "evidence stays");
}

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}
