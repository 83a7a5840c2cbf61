//! What does the checker do with bytes that are no video?
//!
//! It is given them as pull would give them, over its pipe. Whatever happens, no picture may come out.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

/// One record as pull writes it: kind, length, body.
fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u32).to_le_bytes(), body].concat()
}

fn stream(caps: &str) -> Vec<u8> {
    record(2, &[&[0], caps.as_bytes()].concat())
}

fn bytes(bytes: &[u8]) -> Vec<u8> {
    record(3, &[&[0; 1][..], &u64::MAX.to_le_bytes(), bytes].concat())
}

/// The kinds of records that come out, and the exit code.
fn answer(said: &[u8]) -> (Vec<u8>, Option<i32>) {
    let mut checker = Command::new(env!("CARGO_BIN_EXE_streamward-guard"));
    checker.args(["part", "checker", "--policy", "test"]).env("ORC_CODE", "backup");
    checker.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = checker.spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    // It may have had enough before the end.
    let _ = pipe.write_all(said);
    std::thread::sleep(std::time::Duration::from_millis(700));
    drop(pipe);
    let mut heard = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut heard).unwrap();
    let (mut kinds, mut rest) = (Vec::new(), heard.as_slice());
    while rest.len() >= 5 {
        kinds.push(rest[0]);
        let n_bytes = u32::from_le_bytes([rest[1], rest[2], rest[3], rest[4]]) as usize;
        rest = rest.get(5 + n_bytes..).unwrap_or_default();
    }
    (kinds, child.wait().unwrap().code())
}

#[test]
fn bytes_that_are_no_video_bring_no_picture() {
    let noise: Vec<u8> = (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let flv = [&b"FLV\x01\x05\0\0\0\x09\0\0\0\0"[..], &noise].concat();
    let connected = record(1, &[]);
    let cases: [(&str, Vec<u8>); 7] = [
        ("noise as FLV", [connected.clone(), stream("video/x-flv"), bytes(&flv)].concat()),
        (
            "noise as a transport stream",
            [connected.clone(), stream("video/mpegts, systemstream=true"), bytes(&noise)].concat(),
        ),
        (
            "noise as RTP",
            [
                connected.clone(),
                stream("application/x-rtp, media=video, clock-rate=90000, encoding-name=H264"),
                bytes(&noise[..1400]),
            ]
            .concat(),
        ),
        (
            "a kind that no source brings",
            [connected.clone(), stream("video/x-raw, format=I420, width=64, height=64"), bytes(&noise)].concat(),
        ),
        ("caps that are none", [connected, stream("no caps at all; ,,,")].concat()),
        ("a record of no kind", record(99, b"what")),
        ("half a record", record(3, &noise)[..100].to_vec()),
    ];
    for (what, said) in cases {
        let (kinds, code) = answer(&said);
        eprintln!("{what}: records {kinds:?}, code {code:?}");
        assert!(!kinds.contains(&6), "{what}: a tag came out: {kinds:?}");
        assert!(code.is_some(), "{what}: it ends by itself, not by a signal");
    }
}
