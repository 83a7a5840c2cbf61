//! How many lookups a second does the service answer, with its client on the same machine?
//!
//! `cargo run --release -p streamward --example known_load -- ADDRESS single|batch SECONDS CONNECTIONS [SERVER-PID]`
//! asks for random hashes over connections that are kept: `single` one a request at `/m/lookup`, `batch` a hundred at
//! `/v1/match`. Prints one JSON object: rates, times, failed requests, and the processor time of both sides and the
//! server's memory at the start and the end, so that it shows what the client itself took.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a measurement stops at the first surprise")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Hashes in one request of a batch.
const BATCH: usize = 100;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Single,
    Batch,
}

#[derive(Default)]
struct Told {
    times_us: Vec<u32>,
    n_failed: u64,
    n_matched: u64,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, kind, seconds, n_connections, rest @ ..] = &words[..] else { panic!("four words are needed") };
    let kind = if kind == "batch" { Kind::Batch } else { Kind::Single };
    let (seconds, n_connections): (u64, u64) = (seconds.parse().unwrap(), n_connections.parse().unwrap());
    let pid = rest.first().map(String::as_str);
    let (server_before, memory_before) = (pid.map(processor_s), pid.map(memory_mb));
    let (client_before, began, is_over) = (processor_s("self"), Instant::now(), AtomicBool::new(false));
    let told: Vec<Told> = std::thread::scope(|scope| {
        let is_over = &is_over;
        let start = |i| scope.spawn(move || client(address, kind, i, is_over));
        let clients: Vec<_> = (0..n_connections).map(start).collect();
        std::thread::sleep(Duration::from_secs(seconds));
        is_over.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let elapsed_s = began.elapsed().as_secs_f64();
    let client_s = processor_s("self") - client_before;
    let server_s = pid.map(processor_s).zip(server_before).map_or(0.0, |(now, before)| now - before);
    let mut times: Vec<u32> = told.iter().flat_map(|told| told.times_us.iter().copied()).collect();
    times.sort_unstable();
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).map_or(0.0, |us| f64::from(*us) / 1e3);
    let n_lookups = (times.len() * if kind == Kind::Batch { BATCH } else { 1 }) as f64;
    let n_failed: u64 = told.iter().map(|told| told.n_failed).sum();
    let n_matched: u64 = told.iter().map(|told| told.n_matched).sum();
    println!(
        "{{\"kind\":\"{}\",\"seconds\":{elapsed_s:.1},\"connections\":{n_connections},\"requests_s\":{:.0},\"lookups_s\":{:.0},\
         \"p50_ms\":{:.2},\"p99_ms\":{:.2},\"max_ms\":{:.2},\"failed\":{n_failed},\"answers_with_matches\":{n_matched},\
         \"client_cores\":{:.2},\"server_cores\":{:.2},\"lookups_per_server_cpu_s\":{:.0},\
         \"memory_mb_before\":{:.0},\"memory_mb_after\":{:.0}}}",
        if kind == Kind::Batch { "batch" } else { "single" },
        times.len() as f64 / elapsed_s,
        n_lookups / elapsed_s,
        at(0.5),
        at(0.99),
        at(1.0 - 1e-9),
        client_s / elapsed_s,
        server_s / elapsed_s,
        n_lookups / server_s.max(0.01),
        memory_before.unwrap_or_default(),
        pid.map(memory_mb).unwrap_or_default(),
    );
}

fn client(address: &str, kind: Kind, seed: u64, is_over: &AtomicBool) -> Told {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut told, mut random, mut body) = (Told::default(), seed.wrapping_mul(0x9e37_79b9) + 1, Vec::new());
    while !is_over.load(Ordering::Relaxed) {
        let request = match kind {
            Kind::Single => {
                format!("GET /m/lookup?signal_type=pdq&signal={} HTTP/1.1\r\nhost: x\r\n\r\n", hash(&mut random))
            }
            Kind::Batch => {
                let hashes: Vec<String> = (0..BATCH).map(|_| format!("\"{}\"", hash(&mut random))).collect();
                let asked = format!("{{\"pdq\":[{}]}}", hashes.join(","));
                let head = "POST /v1/match HTTP/1.1\r\nhost: x\r\ncontent-type: application/json";
                format!("{head}\r\ncontent-length: {}\r\n\r\n{asked}", asked.len())
            }
        };
        let began = Instant::now();
        stream.write_all(request.as_bytes()).unwrap();
        let is_good = answer(&mut reader, &mut body);
        told.times_us.push(began.elapsed().as_micros() as u32);
        told.n_failed += u64::from(!is_good);
        told.n_matched += u64::from(body.windows(9).any(|window| window == b"\"distance"));
    }
    told
}

fn hash(random: &mut u64) -> String {
    let mut word = || {
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*random ^ (*random >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    };
    format!("{:016x}{:016x}{:016x}{:016x}", word(), word(), word(), word())
}

/// Reads one answer into `body`; whether its status is 200.
fn answer(reader: &mut BufReader<TcpStream>, body: &mut Vec<u8>) -> bool {
    let (mut line, mut n_bytes, mut is_good) = (String::new(), 0, false);
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let lower = line.trim_end().to_ascii_lowercase();
        match lower.split_once(": ") {
            Some(("content-length", value)) => n_bytes = value.parse().unwrap(),
            _ if lower.starts_with("http/1.1 ") => is_good = lower.starts_with("http/1.1 200"),
            _ if lower.is_empty() => break,
            _ => {}
        }
    }
    body.resize(n_bytes, 0);
    reader.read_exact(body).unwrap();
    is_good
}

/// User and system time of a process, in seconds; /proc counts hundredths.
fn processor_s(pid: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn memory_mb(pid: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
