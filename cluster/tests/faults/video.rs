//! What goes into a gate, and what comes out?
//!
//! Small frames with their number written into them in black and white, now and then the test card. What comes out is
//! looked at here, by nobody's word: is it the frame of this place, an earlier one, or a cover?

use std::io::{BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use guard::{Colour, Format, Size, test_card};

const SIZE: Size = Size { width: 160, height: 90 };
const N_BYTES: usize = 160 * 90 * 3 / 2;
const HEADER: &str = "YUV4MPEG2 W160 H90 F25:1 Ip C420jpeg\n";
/// From one frame to the next.
pub(crate) const STEP: Duration = Duration::from_millis(40);
/// The card is shown in the first frames of each span of this many.
const SPAN: usize = 250;
const CARD: usize = 13;

/// What stands in one place of what came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The frame whose place it is.
    Own,
    /// This earlier frame.
    Earlier(usize),
    /// Neither.
    Cover,
}

/// One stream, going through one gate in real time.
pub(crate) struct Video {
    gate: Child,
    n_in: Arc<AtomicUsize>,
    places: Arc<Mutex<Vec<Place>>>,
    is_ending: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Video {
    pub(crate) fn start(mut gate: Child, offset: usize) -> Video {
        let (n_in, places, is_ending) = (Arc::default(), Arc::default(), Arc::default());
        let input = gate.stdin.take().expect("it is piped");
        let output = gate.stdout.take().expect("it is piped");
        let (n, end) = (Arc::clone(&n_in), Arc::clone(&is_ending));
        let feeding = std::thread::spawn(move || feed(input, offset, &n, &end));
        let seen = Arc::clone(&places);
        let watching = std::thread::spawn(move || watch(output, offset, &seen));
        Video { gate, n_in, places, is_ending, threads: vec![feeding, watching] }
    }

    pub(crate) fn n_in(&self) -> usize {
        self.n_in.load(Ordering::SeqCst)
    }

    /// Whether one of the last `n` places shows its own frame.
    pub(crate) fn shows(&self, n: usize) -> bool {
        self.places.lock().unwrap().iter().rev().take(n).any(|place| *place == Place::Own)
    }

    /// Ends the stream; all places.
    pub(crate) fn end(mut self) -> Vec<Place> {
        self.is_ending.store(true, Ordering::SeqCst);
        assert!(crate::rig::wait(&mut self.gate, Duration::from_secs(60)), "a gate does not end");
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
        std::mem::take(&mut self.places.lock().unwrap())
    }
}

pub(crate) fn is_card(number: usize, offset: usize) -> bool {
    (number + offset) % SPAN < CARD && number > SPAN
}

/// A frame: stripes, and its number as 24 black or white squares of 6 pixels.
fn picture(number: usize, offset: usize) -> Vec<u8> {
    static CARD_PIXELS: std::sync::LazyLock<Vec<u8>> =
        std::sync::LazyLock::new(|| test_card::draw_in(Format::I420, Colour::Bt601, SIZE));
    if is_card(number, offset) {
        return CARD_PIXELS.clone();
    }
    let mut data: Vec<u8> = (0..N_BYTES).map(|i| (40 + (i / 9 + i / SIZE.width * 5) % 160) as u8).collect();
    for bit in 0..24 {
        let shade = if number >> bit & 1 == 1 { 235 } else { 16 };
        for y in 0..6 {
            data[(y + 40) * SIZE.width + bit * 6..][..6].fill(shade);
        }
    }
    data
}

fn feed(mut input: ChildStdin, offset: usize, n_in: &AtomicUsize, is_ending: &AtomicBool) {
    input.write_all(HEADER.as_bytes()).expect("the gate reads");
    let mut due = Instant::now();
    while !is_ending.load(Ordering::SeqCst) {
        let number = n_in.load(Ordering::SeqCst);
        if input.write_all(b"FRAME\n").and_then(|()| input.write_all(&picture(number, offset))).is_err() {
            return;
        }
        n_in.store(number + 1, Ordering::SeqCst);
        due += STEP;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

fn watch(output: ChildStdout, offset: usize, places: &Mutex<Vec<Place>>) {
    let mut output = BufReader::with_capacity(1 << 18, output);
    let mut header = vec![0; HEADER.len()];
    output.read_exact(&mut header).expect("the header comes out as it went in");
    assert_eq!(header, HEADER.as_bytes());
    let mut data = vec![0; 6 + N_BYTES];
    while output.read_exact(&mut data).is_ok() {
        let mut places = places.lock().unwrap();
        let place = place(&data[6..], places.len(), offset);
        places.push(place);
    }
}

fn place(data: &[u8], number: usize, offset: usize) -> Place {
    if data == picture(number, offset) {
        return Place::Own;
    }
    let shade = |bit: usize| data[42 * SIZE.width + bit * 6 + 3];
    let read = (0..24).map(|bit| usize::from(shade(bit) > 128) << bit).sum();
    if read < number && !is_card(read, offset) && data == picture(read, offset) {
        Place::Earlier(read)
    } else {
        Place::Cover
    }
}

/// Whether the card itself came out anywhere.
pub(crate) fn leaked(places: &[Place], offset: usize) -> usize {
    (0..places.len()).filter(|number| places[*number] == Place::Own && is_card(*number, offset)).count()
}
