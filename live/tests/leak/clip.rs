//! How is a clip made in which we know every forbidden frame?
//!
//! ffmpeg draws or plays benign content and lays a picture over it on the frames that are asked for.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use guard::{Rect, Size, test_card};

/// What plays under the planted frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Big Buck Bunny, an animated film.
    Film,
    /// A box on a table before a moving camera.
    Camera,
    /// People walking, seen from afar.
    Street,
    /// A drawn test pattern: every frame differs.
    Pattern,
    /// A drawn zoom: every frame differs everywhere.
    Zoom,
    /// One photo of the classifier's vectors, all the time.
    Photo(&'static str),
}

/// When the frames come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timing {
    /// Every frame as long as the next.
    Even,
    /// Frames of two lengths in turn, 0.5 and 1.5 of the mean.
    Uneven,
}

/// What to make.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    pub(crate) content: Content,
    pub(crate) size: Size,
    pub(crate) fps: u32,
    pub(crate) n_frames: usize,
    /// The frames that bear the picture.
    pub(crate) bursts: Vec<Range<usize>>,
    /// Where the picture lies; `None` fills the frame.
    pub(crate) place: Option<Rect>,
    /// The picture, a file; `None` is the safety test card.
    pub(crate) picture: Option<PathBuf>,
    pub(crate) timing: Timing,
    /// A tone of 440 Hz all the time.
    pub(crate) has_sound: bool,
}

impl Recipe {
    /// Even timing, no sound, the test card over the whole frame.
    pub(crate) fn new(content: Content, (width, height): (usize, usize), fps: u32, n_frames: usize) -> Recipe {
        let size = Size { width, height };
        let (bursts, place, picture) = (Vec::new(), None, None);
        Recipe { content, size, fps, n_frames, bursts, place, picture, timing: Timing::Even, has_sound: false }
    }

    /// With these bursts; a flash is a burst of one.
    pub(crate) fn planted(self, bursts: &[Range<usize>]) -> Recipe {
        Recipe { bursts: bursts.to_vec(), ..self }
    }

    /// The numbers of the planted frames.
    pub(crate) fn planted_frames(&self) -> Vec<usize> {
        self.bursts.iter().cloned().flatten().collect()
    }

    /// Makes the clip in `folder`; `None`, with a word on standard error, when its content is not on this machine.
    pub(crate) fn make(&self, folder: &Path) -> Option<PathBuf> {
        let picture = folder.join("planted.ppm");
        match &self.picture {
            Some(path) => to_ppm(path, &picture),
            None => write_card(&picture, self.place.map_or(self.size, |place| place.size)),
        }
        let is_even = self.size.width.is_multiple_of(2) && self.size.height.is_multiple_of(2);
        let is_mp4 = is_even && self.timing == Timing::Even;
        let path = folder.join(if is_mp4 { "clip.mp4" } else { "clip.mkv" });
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-y"]).args(self.input()?).arg("-i").arg(&picture);
        let seconds = format!("{:.3}", self.n_frames as f64 / f64::from(self.fps));
        if self.has_sound {
            ffmpeg.args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]);
        }
        ffmpeg.args(["-filter_complex", &self.filter(), "-map", "[v]", "-frames:v", &self.n_frames.to_string()]);
        if self.has_sound {
            ffmpeg.args(["-map", "2:a", "-c:a", "aac", "-b:a", "128k", "-t", &seconds]);
        }
        ffmpeg.args(["-fps_mode", "passthrough"]);
        match is_even {
            true => ffmpeg.args(["-c:v", "libx264", "-preset", "ultrafast", "-crf", "14", "-g", "30"]),
            false => ffmpeg.args(["-c:v", "ffv1"]),
        };
        run(ffmpeg.arg(&path));
        Some(path)
    }

    fn input(&self) -> Option<Vec<String>> {
        let Size { width, height } = self.size;
        let drawn = |name: &str| format!("{name}=size={width}x{height}:rate={}", self.fps);
        let file = |name: &str| Some(conformance(name)?.display().to_string());
        let arguments = match self.content {
            Content::Film => ["-stream_loop".into(), "-1".into(), "-i".into(), file("clips/bigbuckbunny.mp4")?],
            Content::Camera => ["-stream_loop".into(), "-1".into(), "-i".into(), file("clips/opencv-box.mp4")?],
            Content::Street => ["-stream_loop".into(), "-1".into(), "-i".into(), file("clips/vtest-15s.avi")?],
            Content::Pattern => ["-f".into(), "lavfi".into(), "-i".into(), drawn("testsrc2")],
            Content::Zoom => ["-f".into(), "lavfi".into(), "-i".into(), drawn("mandelbrot")],
            Content::Photo(name) => ["-loop".into(), "1".into(), "-i".into(), file(&format!("classifier/img/{name}"))?],
        };
        Some(arguments.to_vec())
    }

    fn filter(&self) -> String {
        let whole = Rect { x: 0, y: 0, size: self.size };
        let (Rect { x, y, size }, fps) = (self.place.unwrap_or(whole), self.fps);
        let Size { width, height } = self.size;
        let span = |burst: &Range<usize>| format!("between(n,{},{})", burst.start, burst.end - 1);
        let when = self.bursts.iter().map(span).collect::<Vec<_>>().join("+");
        let when = if when.is_empty() { "0".into() } else { when };
        let timing = match self.timing {
            Timing::Even => String::new(),
            Timing::Uneven => {
                let (mean_ms, half_ms) = (1000 / fps, 500 / fps);
                format!(",settb=1/1000,setpts='N*{mean_ms}+{half_ms}*mod(N,2)'")
            }
        };
        format!(
            "[0:v]fps={fps},scale={width}:{height},setsar=1,format=yuv420p[below];\
             [1:v]scale={}:{},setsar=1,format=yuv420p[above];\
             [below][above]overlay={x}:{y}:enable='{when}':eof_action=repeat,format=yuv420p{timing}[v]",
            size.width, size.height,
        )
    }
}

/// Whether everything is to be run.
pub(crate) fn wants_all() -> bool {
    std::env::var_os("STREAMWARD_TEST_ALL").is_some_and(|value| value == "1")
}

/// A file of the conformance folder; where it is missing, that is said.
pub(crate) fn conformance(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance");
    let folder = std::env::var_os("STREAMWARD_CONFORMANCE").map_or(beside, PathBuf::from);
    let path = folder.join(name);
    if !path.is_file() {
        eprintln!("left out: {name} is not in the conformance folder (STREAMWARD_CONFORMANCE)");
        return None;
    }
    Some(path)
}

/// Runs ffmpeg or another program of the test; what it says is shown when it fails.
pub(crate) fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; is ffmpeg installed?"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn write_card(path: &Path, size: Size) {
    let mut ppm = format!("P6\n{} {}\n255\n", size.width, size.height).into_bytes();
    ppm.extend(test_card::draw(size));
    std::fs::write(path, ppm).unwrap();
}

fn to_ppm(picture: &Path, ppm: &Path) {
    run(Command::new("ffmpeg").args(["-v", "error", "-y", "-i"]).arg(picture).args(["-pix_fmt", "rgb24"]).arg(ppm));
}
