//! Does any input break a parser?
//!
//! One [`Target`] for each parser of bytes that come from outside: bytes go in, and nothing may panic, run for ever or
//! take memory that the bytes do not account for. Where a parser has a writer, what was read must also be written and
//! read back the same.
//!
//! `tests/mutations.rs` feeds them changed copies of good inputs, for seconds in every run and a minute each where
//! `STREAMWARD_TEST_ALL` is set. Where a nightly compiler is there, `cargo fuzz run --fuzz-dir fuzz/nightly <name>` feeds
//! the same functions with what covers new code.

mod seeds;

use known::{Index, List, exchange, list, vpdq};

/// A parser and inputs that it should read.
pub struct Target {
    /// What it is called, here and in `nightly/fuzz_targets`.
    pub name: &'static str,
    /// Reads the bytes, whatever they are.
    pub feed: fn(&[u8]),
    /// Good inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All parsers.
pub static TARGETS: [Target; 17] = [
    Target { name: "list", feed: feed_list, seeds: seeds::list },
    Target { name: "list_signatures", feed: feed_signatures, seeds: seeds::signatures },
    Target { name: "list_delta", feed: feed_delta, seeds: seeds::delta },
    Target { name: "list_memory", feed: feed_memory, seeds: seeds::memory },
    Target { name: "exchange_ncmec", feed: |bytes| drop(exchange::parse_ncmec(bytes)), seeds: seeds::ncmec },
    Target {
        name: "exchange_threatexchange",
        feed: |bytes| drop(exchange::parse_threatexchange(bytes)),
        seeds: seeds::threatexchange,
    },
    Target { name: "exchange_stopncii", feed: |bytes| drop(exchange::parse_stopncii(bytes)), seeds: seeds::stopncii },
    Target {
        name: "exchange_tat",
        feed: |bytes| drop(exchange::parse_tech_against_terrorism(bytes)),
        seeds: seeds::tat,
    },
    Target { name: "exchange_vics", feed: |bytes| drop(exchange::parse_vics(bytes)), seeds: seeds::vics },
    Target { name: "exchange_csv", feed: |bytes| drop(exchange::parse_csv(bytes)), seeds: seeds::csv },
    Target { name: "exchange_journal", feed: feed_journal, seeds: seeds::journal },
    Target { name: "vpdq_text", feed: feed_vpdq_text, seeds: seeds::vpdq_text },
    Target { name: "vpdq_json", feed: feed_vpdq_json, seeds: seeds::vpdq_json },
    Target { name: "index_snapshot", feed: feed_snapshot, seeds: seeds::snapshot },
    Target { name: "note", feed: feed_note, seeds: seeds::note },
    Target { name: "policy", feed: feed_policy, seeds: seeds::policy },
    Target { name: "picture", feed: feed_picture, seeds: seeds::picture },
];

/// The target of this name.
///
/// # Panics
/// When there is none.
pub fn target(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).expect("the name of a target")
}

fn text(bytes: &[u8]) -> Option<&str> {
    str::from_utf8(bytes).ok()
}

fn feed_list(bytes: &[u8]) {
    if let Ok(read) = List::read(bytes) {
        assert_eq!(List::parse(&read.to_string()).expect("what was written is a list"), read);
    }
}

fn feed_signatures(bytes: &[u8]) {
    if let Ok(read) = list::Signatures::parse(bytes) {
        assert_eq!(list::Signatures::parse(read.to_string().as_bytes()).expect("what was written is one"), read);
    }
}

fn feed_delta(bytes: &[u8]) {
    let (old, mut out) = (seeds::list_text(), Vec::new());
    let _ = list::apply_delta(old.as_bytes(), bytes, &mut out);
    assert!(out.len() <= old.len() + bytes.len(), "more comes out than went in");
}

fn feed_memory(bytes: &[u8]) {
    if let Some(Ok(read)) = text(bytes).map(list::Memory::parse) {
        assert_eq!(list::Memory::parse(&read.to_string()).expect("what was written is one"), read);
    }
}

fn feed_journal(bytes: &[u8]) {
    let mut mirror = exchange::sync::Mirror::default();
    for event in text(bytes).into_iter().flat_map(str::lines).map_while(|line| exchange::sync::Event::parse(line).ok())
    {
        let line = event.to_line();
        assert_eq!(exchange::sync::Event::parse(&line).expect("what was written is one"), event);
        mirror.apply(event);
    }
    let header = known::list::Header { name: "x".into(), version: 1, source: "x".into(), created: mirror.checkpoint() };
    // Two members may bring ids that look alike when they are put together; then there is no list, and no panic.
    drop(mirror.to_list("x", header));
}

fn feed_vpdq_text(bytes: &[u8]) {
    if let Some(Ok(read)) = text(bytes).map(vpdq::parse_text) {
        assert_eq!(vpdq::parse_text(&vpdq::write_text(&read)).expect("what was written is text"), read);
    }
}

fn feed_vpdq_json(bytes: &[u8]) {
    if let Some(Ok(read)) = text(bytes).map(vpdq::parse_json) {
        let again = vpdq::parse_json(&vpdq::write_json(&read)).expect("what was written is JSON");
        assert!(again.iter().zip(&read).all(|(again, read)| (again.hash, again.quality) == (read.hash, read.quality)));
    }
}

/// Bytes that begin in memory where an index must.
#[repr(align(64))]
struct Aligned([u8; SNAPSHOT_BYTES_MAX]);

const SNAPSHOT_BYTES_MAX: usize = 64 * 1024;

struct Snapshot(Box<Aligned>, usize);

impl AsRef<[u8]> for Snapshot {
    fn as_ref(&self) -> &[u8] {
        &self.0.0[..self.1]
    }
}

fn feed_snapshot(bytes: &[u8]) {
    let n_bytes = bytes.len().min(SNAPSHOT_BYTES_MAX);
    let mut aligned = Box::new(Aligned([0; SNAPSHOT_BYTES_MAX]));
    aligned.0[..n_bytes].copy_from_slice(&bytes[..n_bytes]);
    if let Ok(index) = Index::open(Snapshot(aligned, n_bytes)) {
        let found = index.query(&known::Hash256([0x5a; 32]), 256);
        assert_eq!(found.len(), index.len(), "every hash lies within 256 bits");
    }
}

fn feed_note(bytes: &[u8]) {
    if let Ok(read) = record::Note::parse(bytes) {
        drop(record::Checkpoint::parse(read.text()));
        assert_eq!(record::Note::parse(read.to_string().as_bytes()).expect("what was written is a note"), read);
    }
    if let Some(Ok(key)) = text(bytes).map(record::Key::parse) {
        assert_eq!(record::Key::parse(&key.to_string()).expect("what was written is a key"), key);
    }
    drop(text(bytes).map(record::Signer::parse));
}

fn feed_policy(bytes: &[u8]) {
    if let Some(Ok(read)) = text(bytes).map(guard::Policy::parse) {
        assert_eq!(guard::Policy::parse(&read.to_text()).expect("what was written is a policy"), read);
    }
}

/// With the limits of `streamward`, only smaller.
fn feed_picture(bytes: &[u8]) {
    use image::ImageDecoder;

    let Ok(format) = image::guess_format(bytes) else { return };
    let mut reader = image::ImageReader::with_format(std::io::Cursor::new(bytes), format);
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(64 << 20);
    reader.limits(limits);
    let Ok(decoder) = reader.into_decoder() else { return };
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > 1 << 22 || decoder.total_bytes() > 64 << 20 {
        return;
    }
    let Ok(picture) = image::DynamicImage::from_decoder(decoder) else { return };
    let picture = picture.into_rgb8();
    let (width, height) = (width as usize, height as usize);
    let rgb = known::pdq::Rgb::new(picture.as_raw(), width, height, width * 3).expect("three bytes a pixel");
    assert_eq!(known::pdq::hash_rgb(rgb), known::pdq::hash_rgb_plain(rgb));
}
