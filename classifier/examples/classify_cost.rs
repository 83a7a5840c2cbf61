//! How much processor time does a frame cost, on one thread?
//!
//! `classify_cost MODEL own|rten|onnxruntime FRAMES` reads the model from the user's store, judges a picture of
//! 1280 by 720 pixels as RGB and as I420, and prints one JSON object: median milliseconds of the process's own time.

use classifier::{Classifier, LibrarySearch, RuntimeChoice, Store};
use guard::{Colour, Format, Frame, Size};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;

const SIZE: Size = Size { width: 1280, height: 720 };

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, runtime, n_frames] = arguments.as_slice() else {
        return Err("usage: classify_cost MODEL own|rten|onnxruntime FRAMES".into());
    };
    let runtime = match runtime.as_str() {
        "own" => RuntimeChoice::Own,
        "rten" => RuntimeChoice::Rten,
        _ => RuntimeChoice::Onnxruntime(LibrarySearch::default()),
    };
    let (manifest, bytes) = Store::of_user().ok_or("no store")?.read(name, &[])?;
    let mut classifier = Classifier::load(manifest, bytes, &runtime)?;
    // The same picture as in `classify.py` and `classify.cjs`.
    let rgb: Vec<u8> = (0..SIZE.height * SIZE.width)
        .flat_map(|i| {
            let (x, y) = (i % SIZE.width, i / SIZE.width);
            [(x * 255 / 1279) as u8, (y * 255 / 719) as u8, (x * y / 97) as u8]
        })
        .collect();
    let (rgb, i420) = (
        Frame::packed(Format::Rgb, Colour::Bt709, SIZE, &rgb)?,
        Frame::packed(Format::I420, Colour::Bt709, SIZE, &rgb)?,
    );
    let n_frames = n_frames.parse()?;
    let prepare_rgb_ms = median_ms(n_frames, || classifier.tensor(&rgb).map(drop))?;
    let prepare_i420_ms = median_ms(n_frames, || classifier.tensor(&i420).map(drop))?;
    let total_rgb_ms = median_ms(n_frames, || classifier.classify(&rgb).map(drop))?;
    let total_i420_ms = median_ms(n_frames, || classifier.classify(&i420).map(drop))?;
    let scores: Vec<f32> = classifier.classify(&rgb)?.values().to_vec();
    let runtime = classifier.runtime().to_string();
    let object = json!({
        "who": format!("streamward, {runtime}"), "model": name, "prepare_ms": prepare_rgb_ms,
        "prepare_i420_ms": prepare_i420_ms, "total_ms": total_rgb_ms, "total_i420_ms": total_i420_ms,
        "peak_mb": peak_mb(), "scores": scores,
    });
    println!("{object}");
    Ok(())
}

/// The median over `n` calls after three that do not count.
fn median_ms<E>(n: usize, mut call: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
    let mut times = Vec::with_capacity(n);
    for index in 0..n + 3 {
        let start = cpu_ms();
        call()?;
        if index >= 3 {
            times.push(cpu_ms() - start);
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times[n / 2])
}

/// What all threads of this process have used.
fn cpu_ms() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

fn peak_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}
