//! How much processor time does a frame cost the guard?
//!
//! ```text
//! live_cost passthrough CLIP       decode, then `identity`, or the guard with judges that clear at once
//! live_cost whole CLIP MODEL best|own|rten    decode, the hash and the model on every frame, nothing written
//! live_cost file CLIP MODEL OUT    the same, encoded into OUT
//! live_cost regions CLIP KINDS     decode and the hash of these regions (whole,2x2,insets) on every frame, no model
//! live_cost pictures RAW WxH       tile signature, pixelated cover and search for insets of the I420 frames in RAW
//! ```
//!
//! Prints one JSON object; times are user and system time of this process in milliseconds a frame, without its start.
//! `script/bench live` runs it beside its peers.

use std::path::Path;
use std::sync::Arc;

use classifier::RuntimeChoice;
use gst::prelude::*;
use guard::finding::{Finding, Found, FrameId, JudgeId, RegionId};
use guard::policy::{CoverStyle, RegionKind, ScoreRule};
use guard::region::Region;
use guard::{Cause, Colour, CoverArt, Format, Frame, Policy, Signature, Size};
use live::element::GuardElement;
use live::panel::{Hired, Panel, PanelMaker};
use live::stream::Pace;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

type Outcome = Result<Value, Box<dyn std::error::Error>>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    live::start_media()?;
    let object = match arguments.as_slice() {
        ["passthrough", clip] => passthrough(clip),
        ["whole", clip, model, runtime] => whole(clip, model, runtime),
        ["regions", clip, regions] => regions_cost(clip, regions),
        ["file", clip, model, out] => file(clip, model, out),
        ["pictures", raw, size] => pictures(raw, size),
        _ => Err("usage: live_cost passthrough|whole|file|pictures …, see the top of live_cost.rs".into()),
    }?;
    println!("{object}");
    Ok(())
}

/// Clears every frame without a look at it.
struct AtOnce;

impl Panel for AtOnce {
    fn look(&mut self, id: FrameId, _: &Frame, _: &[Region], looks: &[(JudgeId, RegionId)]) -> Vec<Finding> {
        looks.iter().map(|&(judge, region)| Finding { frame: id, judge, region, found: Found::Clear }).collect()
    }
}

/// The pipelines in turn, so that what else the machine does falls on all of them.
fn passthrough(clip: &str) -> Outcome {
    let maker: PanelMaker = Arc::new(|| Ok(Box::new(AtOnce)));
    let with_tiles = |style| {
        let mut policy = policy();
        policy.cover.style = style;
        policy
    };
    let (mut identity_ms, mut guard_ms, mut tiles_ms) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..9 {
        let (ms, n_frames) = play(clip, &gst::ElementFactory::make("identity").build()?)?;
        identity_ms.push(ms / n_frames as f64);
        for (style, times_ms) in [(CoverStyle::Solid, &mut guard_ms), (CoverStyle::Pixelate, &mut tiles_ms)] {
            let element = GuardElement::with(with_tiles(style), Pace::Exact, 1, Some(Arc::clone(&maker)));
            let (ms, n_frames) = play(clip, element.upcast_ref())?;
            assert_eq!((element.counts().released, element.counts().covered), (n_frames, 0), "every frame is shown");
            times_ms.push(ms / n_frames as f64);
        }
    }
    let ratio = |ours: &[f64]| median(ours.iter().zip(&identity_ms).map(|(ours, identity)| ours / identity).collect());
    Ok(json!({
        "ratio": ratio(&guard_ms), "ratio_with_tiles": ratio(&tiles_ms),
        "identity_ms": median(identity_ms), "guard_ms": median(guard_ms), "guard_with_tiles_ms": median(tiles_ms),
    }))
}

fn whole(clip: &str, model: &str, runtime: &str) -> Outcome {
    let choice = match runtime {
        "best" => RuntimeChoice::default(),
        "own" => RuntimeChoice::Own,
        "rten" => RuntimeChoice::Rten,
        _ => return Err(format!("there is no runtime {runtime}: name best, own or rten").into()),
    };
    let hired = Hired::run_by(&with_model(model), &choice)?;
    let runtime = hired.models().facts().first().map(|fact| fact.runtime.clone());
    let element = GuardElement::with(with_model(model), Pace::Exact, 1, Some(hired.into_maker()));
    let (ms, n_frames) = play(clip, element.upcast_ref())?;
    let counts = element.counts();
    assert_eq!(counts.judged, n_frames, "every frame is judged");
    Ok(json!({"ms": ms / n_frames as f64, "frames": n_frames, "released": counts.released, "runtime": runtime}))
}

fn regions_cost(clip: &str, kinds: &str) -> Outcome {
    let quoted = kinds.split(',').map(|kind| format!("{kind:?}")).collect::<Vec<_>>().join(", ");
    let (_, text) = Policy::SHIPPED.iter().find(|(name, _)| *name == "test").ok_or("this policy is shipped")?;
    let policy = Policy::parse(&text.replace("regions = [\"whole\", \"trimmed\"]", &format!("regions = [{quoted}]")))?;
    let mut times_ms = Vec::new();
    for _ in 0..5 {
        let element = GuardElement::with(policy.clone(), Pace::Exact, 1, Some(Hired::new(&policy)?.into_maker()));
        let (ms, n_frames) = play(clip, element.upcast_ref())?;
        assert_eq!(element.counts().released, n_frames, "every frame is shown");
        times_ms.push(ms / n_frames as f64);
    }
    Ok(json!({"regions": kinds, "ms": median(times_ms)}))
}

fn file(clip: &str, model: &str, out: &str) -> Outcome {
    let policy = with_model(model);
    let maker = Hired::new(&policy)?.into_maker();
    let job = live::file::Job {
        input: clip.into(),
        output: out.into(),
        policy,
        maker,
        pace: Pace::Exact,
        n_threads: 1,
        encoder: live::file::Encoder::Auto,
        interrupt: Arc::default(),
    };
    let began_ms = cpu_ms();
    let report = live::file::run(&job, |_| ())?;
    Ok(json!({"ms": (cpu_ms() - began_ms) / report.frames as f64, "frames": report.frames}))
}

fn pictures(raw: &str, size: &str) -> Outcome {
    let (width, height) = size.split_once('x').ok_or("a size is written like 1920x1080")?;
    let size = Size { width: width.parse()?, height: height.parse()? };
    let bytes = std::fs::read(raw)?;
    let n_bytes: usize = (0..3).map(|plane| Format::I420.plane_size(plane, size)).map(|(w, h)| w * h).sum();
    let frames = bytes.chunks_exact(n_bytes).map(|data| Frame::packed(Format::I420, Colour::Bt709, size, data));
    let frames = frames.collect::<Result<Vec<_>, _>>()?;
    let style = guard::policy::Cover { style: CoverStyle::Pixelate, ..Default::default() };
    let art = CoverArt::new(Format::I420, Colour::Bt709, size, &style, Cause::Found);
    let mut cover = vec![0; n_bytes];
    let (mut signature_ms, mut pixelate_ms, mut both_ms, mut insets_ms) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut n_insets = 0;
    for _ in 0..9 {
        let begin_ms = cpu_ms();
        let signatures: Vec<Signature> = frames.iter().map(Signature::of).collect();
        let middle_ms = cpu_ms();
        signatures.iter().for_each(|signature| art.paint_packed(&mut cover, signature));
        let end_ms = cpu_ms();
        let n = frames.len() as f64;
        signature_ms.push((middle_ms - begin_ms) / n);
        pixelate_ms.push((end_ms - middle_ms) / n);
        both_ms.push((end_ms - begin_ms) / n);
        let begin_ms = cpu_ms();
        n_insets = frames.iter().map(|frame| guard::inset::find(frame).len()).sum();
        insets_ms.push((cpu_ms() - begin_ms) / n);
    }
    let (signature_ms, pixelate_ms) = (median(signature_ms), median(pixelate_ms));
    Ok(json!({
        "frames": frames.len(), "signature_ms": signature_ms, "pixelate_ms": pixelate_ms,
        "signature_and_pixelate_ms": median(both_ms), "insets_ms": median(insets_ms),
        "insets_a_frame": n_insets as f64 / frames.len() as f64,
    }))
}

/// Plays a clip through one element as fast as it goes: milliseconds of processor time, and frames that arrived.
fn play(clip: &str, element: &gst::Element) -> Result<(f64, u64), Box<dyn std::error::Error>> {
    let pipeline = gst::Pipeline::new();
    let source = gst::ElementFactory::make("filesrc").property("location", Path::new(clip)).build()?;
    let decoder = gst::ElementFactory::make("decodebin").build()?;
    let sink = gst::ElementFactory::make("fakesink").property("sync", false).build()?;
    let n_frames = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counted = Arc::clone(&n_frames);
    let pad = sink.static_pad("sink").ok_or("fakesink has a sink pad")?;
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        gst::PadProbeReturn::Ok
    });
    pipeline.add_many([&source, &decoder, element, &sink])?;
    source.link(&decoder)?;
    element.link(&sink)?;
    let first = element.downgrade();
    decoder.connect_pad_added(move |_, pad| {
        let sink = first.upgrade().and_then(|element| element.static_pad("sink"));
        if let Some(sink) = sink.filter(|sink| !sink.is_linked()) {
            // A clip without a picture stream shows in the count of frames.
            let _ = pad.link(&sink);
        }
    });
    let began_ms = cpu_ms();
    pipeline.set_state(gst::State::Playing)?;
    let bus = pipeline.bus().ok_or("a pipeline has a bus")?;
    let end = bus.timed_pop_filtered(gst::ClockTime::NONE, &[gst::MessageType::Eos, gst::MessageType::Error]);
    let ms = cpu_ms() - began_ms;
    pipeline.set_state(gst::State::Null)?;
    match end.as_ref().map(|message| message.view()) {
        Some(gst::MessageView::Eos(_)) => Ok((ms, n_frames.load(std::sync::atomic::Ordering::Relaxed))),
        other => Err(format!("{clip} did not play to its end: {other:?}").into()),
    }
}

/// The test card's list on the whole picture, every frame judged itself.
fn policy() -> Policy {
    let mut policy = Policy::shipped("test").expect("this policy is shipped");
    policy.judges.regions = vec![RegionKind::Whole];
    policy
}

/// And a model; its thresholds are out of reach, so that both sides do the work of a video in which nothing is found.
fn with_model(model: &str) -> Policy {
    let mut policy = policy();
    policy.judges.models = vec![model.to_owned()];
    let never = |name: &str| ScoreRule {
        name: name.into(),
        classes: vec![name.into()],
        block: 1.0,
        review: 1.0,
        clear: None,
        still: None,
    };
    policy.scores = vec![never("Porn"), never("Hentai")];
    policy
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// What all threads of this process have used.
fn cpu_ms() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}
