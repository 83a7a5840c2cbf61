//! `streamward-guard doctor`: what is there, what is missing, and the line that mends it.

mod sandbox;

use classifier::{Library, LibrarySearch, Store};
use serde::Serialize;

use crate::Error;

/// Says what the guard has and lacks on this machine.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    /// Shows instead that the sandbox of the checker holds: tries what it must refuse, outside it and in it.
    #[arg(long)]
    sandbox: bool,
    /// With --sandbox: whose judges are loaded before it closes.
    #[arg(long, value_name = "NAME|FILE", default_value = "test")]
    policy: String,
}

/// One thing that was looked for.
#[derive(Serialize)]
struct Check {
    what: String,
    is_there: bool,
    /// Without it, does the guard not work at all?
    is_needed: bool,
    detail: String,
    mend: &'static str,
}

/// Elements, what they are for, whether the guard works without, and the Debian package that has them.
const ELEMENTS: [(&str, &str, bool, &str); 19] = [
    ("decodebin", "decoding", true, "apt-get install gstreamer1.0-plugins-base"),
    ("videoconvert", "conversion", true, "apt-get install gstreamer1.0-plugins-base"),
    ("clocksync", "live pace", true, "apt-get install libgstreamer1.0-0"),
    ("avdec_h264", "H.264 decoding", true, "apt-get install gstreamer1.0-libav"),
    ("vp8dec", "VP8 decoding", false, "apt-get install gstreamer1.0-plugins-good"),
    ("openh264enc", "H.264 encoding", false, "apt-get install gstreamer1.0-plugins-bad"),
    ("vp8enc", "VP8 encoding", true, "apt-get install gstreamer1.0-plugins-good"),
    ("x264enc", "H.264 encoding by x264, when asked for", false, "apt-get install gstreamer1.0-plugins-ugly"),
    ("mp4mux", "MP4", true, "apt-get install gstreamer1.0-plugins-good"),
    ("matroskamux", "Matroska and WebM", true, "apt-get install gstreamer1.0-plugins-good"),
    ("y4menc", "raw frames", false, "apt-get install gstreamer1.0-plugins-good"),
    ("avenc_aac", "AAC sound", false, "apt-get install gstreamer1.0-libav"),
    ("rtmp2src", "RTMP", false, "apt-get install gstreamer1.0-plugins-bad"),
    ("flvmux", "FLV, which RTMP carries", false, "apt-get install gstreamer1.0-plugins-good"),
    ("rtspsrc", "RTSP", false, "apt-get install gstreamer1.0-plugins-good"),
    ("rtspclientsink", "sending over RTSP", false, "apt-get install gstreamer1.0-rtsp"),
    ("srtsrc", "SRT", false, "apt-get install gstreamer1.0-plugins-bad"),
    ("tsdemux", "transport streams", false, "apt-get install gstreamer1.0-plugins-bad"),
    ("opusenc", "Opus sound", false, "apt-get install gstreamer1.0-plugins-base"),
];

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    if arguments.sandbox {
        return sandbox::run(&arguments.policy, arguments.json);
    }
    crate::start_media()?;
    let mut checks: Vec<Check> = ELEMENTS.iter().map(element).collect();
    checks.extend([crate::models::AUTO, crate::models::AUTO_WITH_ONNXRUNTIME].map(model));
    checks.push(onnxruntime());
    for check in &checks {
        print(check, arguments.json);
    }
    let is_whole = checks.iter().all(|check| check.is_there);
    let is_working = checks.iter().all(|check| check.is_there || !check.is_needed);
    match (is_working, is_whole) {
        (true, true) => Ok(0),
        (true, false) => Ok(3),
        (false, _) => Ok(2),
    }
}

fn element(&(name, purpose, is_needed, mend): &(&str, &str, bool, &'static str)) -> Check {
    let is_there = gst::ElementFactory::find(name).is_some();
    Check { what: format!("{purpose} ({name})"), is_there, is_needed, detail: String::new(), mend }
}

fn model(name: &str) -> Check {
    let found = match Store::of_user() {
        Some(store) => store.read(name, &[]).map(|(card, _)| card.sha256.to_string()).map_err(|e| e.to_string()),
        None => Err("there is no home folder to keep models in".into()),
    };
    Check {
        what: format!("the model {name}"),
        is_there: found.is_ok(),
        is_needed: false,
        detail: found.unwrap_or_else(|why| why),
        mend: "streamward model fetch",
    }
}

fn onnxruntime() -> Check {
    let found = Library::search(&LibrarySearch::default());
    Check {
        what: "onnxruntime, several times faster than rten".into(),
        is_there: found.is_ok(),
        is_needed: false,
        detail: found.map_or_else(|why| why, |library| library.path.display().to_string()),
        mend: "streamward model fetch onnxruntime",
    }
}

fn print(check: &Check, is_json: bool) {
    if is_json {
        println!("{}", serde_json::to_string(check).unwrap_or_default());
        return;
    }
    let mark = match (check.is_there, check.is_needed) {
        (true, _) => "there   ",
        (false, true) => "MISSING ",
        (false, false) => "missing ",
    };
    println!(
        "{mark}{}{}",
        check.what,
        if check.detail.is_empty() { String::new() } else { format!(": {}", check.detail) }
    );
    if !check.is_there {
        println!("          to do: {}", check.mend);
    }
}
