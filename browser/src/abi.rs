//! What does JavaScript see of this module?
//!
//! Plain numbers in and out, and two buffers that this side owns: `text` for JSON, `pixels` for frames. JavaScript asks
//! for a buffer of a length, writes into it, and calls; answers lie in the same buffers, with their lengths. Any call
//! may move memory, so pointers are asked for again after each. One module instance is one line or one judge.
//!
//! A call that fails returns 0 and leaves a sentence in `text`. A panic traps: the worker that holds the instance ends,
//! and its stream with it.
#![allow(unsafe_code, reason = "exported names")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use guard::Policy;
use serde::Deserialize;

use crate::picture::{BYTES_MAX, Shape};
use crate::word::Job;
use crate::{Judge, Line, Picture};

/// JSON that comes in may have this many bytes; lists come in this way.
const TEXT_BYTES_MAX: usize = 256 << 20;

#[derive(Default)]
struct State {
    text: Vec<u8>,
    pixels: Vec<u8>,
    shape: [usize; 4],
    timestamp_us: f64,
    line: Option<Line>,
    judge: Option<Judge>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

fn with<T>(work: impl FnOnce(&mut State) -> T) -> T {
    STATE.with_borrow_mut(work)
}

/// Runs a call that answers with JSON or a sentence of what went wrong.
fn answer(work: impl FnOnce(&mut State) -> Result<String, String>) -> u32 {
    with(|state| {
        let outcome = work(state);
        let is_done = outcome.is_ok();
        state.text = outcome.unwrap_or_else(|reason| reason).into_bytes();
        u32::from(is_done)
    })
}

fn millis(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opening {
    /// The name of a shipped policy, or the text of one.
    policy: String,
    #[serde(default)]
    has_sound: bool,
    #[serde(default)]
    lists: BTreeMap<String, String>,
}

impl Opening {
    fn read(text: &[u8]) -> Result<(Policy, Opening), String> {
        let opening: Opening = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let policy = match Policy::shipped(&opening.policy) {
            Some(policy) => policy,
            None if !opening.policy.contains('\n') => {
                let names: Vec<&str> = Policy::SHIPPED.iter().map(|(name, _)| *name).collect();
                return Err(format!("there is no policy {}; there are {}", opening.policy, names.join(", ")));
            }
            None => Policy::parse(&opening.policy).map_err(|error| format!("the policy cannot be read: {error}"))?,
        };
        Ok((policy, opening))
    }
}

/// Makes room for `n` bytes of text and says where; 0 when that is too many.
#[unsafe(no_mangle)]
extern "C" fn text_room(n: usize) -> *const u8 {
    room(n, TEXT_BYTES_MAX, |state| &mut state.text)
}

/// Makes room for `n` bytes of pixels and says where; 0 when that is too many.
#[unsafe(no_mangle)]
extern "C" fn pixel_room(n: usize) -> *const u8 {
    room(n, BYTES_MAX, |state| &mut state.pixels)
}

fn room(n: usize, n_max: usize, of: impl FnOnce(&mut State) -> &mut Vec<u8>) -> *const u8 {
    if n > n_max {
        return std::ptr::null();
    }
    with(|state| {
        let buffer = of(state);
        buffer.clear();
        buffer.resize(n, 0);
        buffer.as_ptr()
    })
}

/// Where the text lies.
#[unsafe(no_mangle)]
extern "C" fn text_place() -> *const u8 {
    with(|state| state.text.as_ptr())
}

/// How long it is.
#[unsafe(no_mangle)]
extern "C" fn text_length() -> usize {
    with(|state| state.text.len())
}

/// Where the pixels lie.
#[unsafe(no_mangle)]
extern "C" fn pixel_place() -> *const u8 {
    with(|state| state.pixels.as_ptr())
}

/// How many bytes they have.
#[unsafe(no_mangle)]
extern "C" fn pixel_length() -> usize {
    with(|state| state.pixels.len())
}

/// Format, colour, width and height of the pixels, by `index`.
#[unsafe(no_mangle)]
extern "C" fn pixel_shape(index: usize) -> usize {
    with(|state| state.shape.get(index).copied().unwrap_or(0))
}

/// Timestamp of the pixels, microseconds.
#[unsafe(no_mangle)]
extern "C" fn pixel_timestamp() -> f64 {
    with(|state| state.timestamp_us)
}

/// Opens a line: `{policy, has_sound}`; answers its delay and the policy's name and version.
#[unsafe(no_mangle)]
extern "C" fn line_open() -> u32 {
    answer(|state| {
        let (policy, opening) = Opening::read(&state.text)?;
        let line = Line::new(policy, opening.has_sound);
        let facts = serde_json::json!({
            "delay_ms": line.delay().as_millis() as u64,
            "policy": line.policy().name, "version": line.policy().version,
        });
        state.line = Some(line);
        Ok(facts.to_string())
    })
}

/// The pixels are the next frame, which came at `at_ms`.
#[unsafe(no_mangle)]
extern "C" fn line_frame(
    format: usize,
    colour: usize,
    width: usize,
    height: usize,
    timestamp_us: f64,
    at_ms: f64,
) -> u32 {
    answer(|state| {
        let picture = picture(state, [format, colour, width, height])?;
        let line = state.line.as_mut().ok_or("no line is open")?;
        line.frame(picture, timestamp_us, millis(at_ms));
        Ok(String::new())
    })
}

/// The next frame to be looked at: the job in the text, the frame in the pixels. 0 when there is none.
#[unsafe(no_mangle)]
extern "C" fn line_look() -> u32 {
    answer(|state| {
        let look = state.line.as_mut().and_then(Line::next_look);
        let (job, shape, data) = look.ok_or("nothing is to be looked at")?;
        (state.pixels, state.shape) = (data, shape);
        serde_json::to_string(&job).map_err(|error| error.to_string())
    })
}

/// The text is what the judge found. A word that cannot be read counts as a judge that could not look.
#[unsafe(no_mangle)]
extern "C" fn line_hear(at_ms: f64) -> u32 {
    answer(|state| {
        let line = state.line.as_mut().ok_or("no line is open")?;
        let findings = serde_json::from_slice(&state.text).map_err(|error| error.to_string())?;
        line.hear(findings, millis(at_ms));
        Ok(String::new())
    })
}

/// The judge could not look at frame `id`.
#[unsafe(no_mangle)]
extern "C" fn line_fail(id: f64, at_ms: f64) {
    with(|state| state.line.iter_mut().for_each(|line| line.fail(id as u64, millis(at_ms))));
}

/// The next place whose time has come: 0 none, 1 frame, 2 repeat, 3 cover for a finding, 4 cover for a stall.
#[unsafe(no_mangle)]
extern "C" fn line_take(at_ms: f64) -> u32 {
    with(|state| {
        let Some(line) = &mut state.line else { return 0 };
        let Some(taken) = line.take(millis(at_ms)) else { return 0 };
        let emission = line.emission(&taken);
        state.pixels.clear();
        state.pixels.extend_from_slice(emission.data);
        (state.shape, state.timestamp_us) = (emission.shape, emission.timestamp_us);
        emission.kind as u32
    })
}

/// When something is due, milliseconds; below 0 when nothing is.
#[unsafe(no_mangle)]
extern "C" fn line_timeout() -> f64 {
    with(|state| state.line.as_ref().and_then(Line::next_timeout).map_or(-1.0, |at| at.as_secs_f64() * 1000.0))
}

/// The next thing to tell the page, in the text; 0 when there is none.
#[unsafe(no_mangle)]
extern "C" fn line_told() -> u32 {
    answer(|state| {
        let told = state.line.as_mut().and_then(Line::told).ok_or("nothing is to be told")?;
        serde_json::to_string(&told).map_err(|error| error.to_string())
    })
}

/// Whether the sound of `at_ms` must be silent. Without a line it must.
#[unsafe(no_mangle)]
extern "C" fn line_silent(at_ms: f64) -> u32 {
    with(|state| u32::from(state.line.as_ref().is_none_or(|line| line.is_silent(millis(at_ms)))))
}

/// The counts, in the text.
#[unsafe(no_mangle)]
extern "C" fn line_counts() -> u32 {
    answer(|state| {
        let counts = state.line.as_ref().ok_or("no line is open")?.counts();
        let json = serde_json::json!({
            "frames": counts.frames, "judged": counts.judged, "reused": counts.reused,
            "released": counts.released, "repeated": counts.repeated, "covered": counts.covered,
            "stalled": counts.stalled, "released_unjudged": counts.released_unjudged,
        });
        Ok(json.to_string())
    })
}

/// A person who may do so takes a latched cover away.
#[unsafe(no_mangle)]
extern "C" fn line_reset(at_ms: f64) {
    with(|state| state.line.iter_mut().for_each(|line| line.reset(millis(at_ms))));
}

/// No frame will come.
#[unsafe(no_mangle)]
extern "C" fn line_end(at_ms: f64) {
    with(|state| state.line.iter_mut().for_each(|line| line.end(millis(at_ms))));
}

/// Opens a judge: `{policy, lists}`; answers whether it needs the model.
#[unsafe(no_mangle)]
extern "C" fn judge_open() -> u32 {
    answer(|state| {
        let (policy, opening) = Opening::read(&state.text)?;
        let judge = Judge::new(policy, &opening.lists)?;
        let needs_model = judge.needs_model();
        state.judge = Some(judge);
        Ok(serde_json::json!({ "needs_model": needs_model }).to_string())
    })
}

/// The text is the model's topology, the pixels are its weights.
#[unsafe(no_mangle)]
extern "C" fn judge_seat() -> u32 {
    answer(|state| {
        let judge = state.judge.as_mut().ok_or("no judge is there")?;
        let topology = std::str::from_utf8(&state.text).map_err(|_| "the model's topology is not text")?;
        judge.seat(topology, &state.pixels)?;
        state.pixels = Vec::new();
        Ok(String::new())
    })
}

/// The text is a job, the pixels are its frame; answers what was found.
#[unsafe(no_mangle)]
extern "C" fn judge_look(format: usize, colour: usize, width: usize, height: usize) -> u32 {
    answer(|state| {
        let job: Job = serde_json::from_slice(&state.text).map_err(|error| error.to_string())?;
        let picture = picture(state, [format, colour, width, height])?;
        let judge = state.judge.as_mut().ok_or("no judge is there")?;
        serde_json::to_string(&judge.look(&job, &picture)).map_err(|error| error.to_string())
    })
}

/// The pixels are a still; answers what becomes of it.
#[unsafe(no_mangle)]
extern "C" fn judge_still(format: usize, colour: usize, width: usize, height: usize) -> u32 {
    answer(|state| {
        let picture = picture(state, [format, colour, width, height])?;
        let judge = state.judge.as_mut().ok_or("no judge is there")?;
        serde_json::to_string(&judge.still(&picture)).map_err(|error| error.to_string())
    })
}

/// Draws the safety test card into the pixels, four bytes each: red, green, blue, opaque.
#[unsafe(no_mangle)]
extern "C" fn test_card(width: usize, height: usize) -> u32 {
    answer(|state| {
        if !(1..=4096).contains(&width) || !(1..=4096).contains(&height) {
            return Err(format!("a card of {width}×{height} pixels cannot be drawn"));
        }
        let size = guard::Size { width, height };
        state.pixels = guard::test_card::draw_in(guard::Format::Rgba, guard::Colour::Bt601, size);
        Ok(String::new())
    })
}

fn picture(state: &mut State, shape: [usize; 4]) -> Result<Picture, String> {
    let shape = Shape::of_numbers(shape).ok_or("the frame's format is unknown")?;
    let data = std::mem::take(&mut state.pixels);
    Picture::new(shape.format, shape.colour, shape.size, data).map_err(|error| error.to_string())
}
