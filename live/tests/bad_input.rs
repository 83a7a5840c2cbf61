//! What does the program say to input that it cannot use?
//!
//! One sentence with what and which, a line `to do:`, the right exit code, and nothing under the output's name or
//! half-written beside it. The messages stand in `bad_input/messages.txt`; `STREAMWARD_TEST_BLESS=1` writes them anew.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_streamward-guard");

/// What is there when all is well.
const CLIP: &str = "clip.mp4";

struct Folder(TempDir);

impl Folder {
    /// A folder with a benign clip of four seconds.
    fn new() -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        folder.ffmpeg("-f lavfi -i testsrc2=size=320x180:rate=30 -t 4 -c:v libx264 -preset ultrafast clip.mp4");
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path().join(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path().join(name)).unwrap()
    }

    fn ffmpeg(&self, arguments: &str) {
        let mut ffmpeg = Command::new("ffmpeg");
        let ffmpeg = ffmpeg.args(["-v", "error", "-y"]).args(arguments.split(' ')).current_dir(self.path());
        let output = ffmpeg.output().expect("ffmpeg is installed");
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// `streamward-guard file` in this folder, under the policy `test` unless another is named.
    fn guard(&self, arguments: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("file").args(arguments.split(' ')).current_dir(self.path());
        if !arguments.contains("--policy") {
            command.args(["--policy", "test"]);
        }
        command
    }

    /// The same by a user who is not root: no permission bars root.
    fn guard_as_nobody(&self, arguments: &str) -> Command {
        let mut command = self.guard(arguments);
        if std::fs::metadata(self.path()).unwrap().uid() == 0 {
            // Where the program lies may be closed to everyone else.
            let copy = self.path().join("streamward-guard");
            if !copy.exists() {
                std::fs::copy(PROGRAM, &copy).unwrap();
            }
            let mut by_nobody = Command::new(copy);
            by_nobody.args(command.get_args()).current_dir(self.path());
            by_nobody.uid(65_534).gid(65_534).env("HOME", self.path());
            command = by_nobody;
        }
        command
    }

    /// Exit code and standard error of a run that must leave nothing behind.
    fn refusal(&self, arguments: &str) -> String {
        self.refusal_of(&mut self.guard(arguments))
    }

    fn refusal_of(&self, command: &mut Command) -> String {
        let before = self.names();
        let output = command.output().unwrap();
        assert_eq!(self.names(), before, "{command:?} leaves nothing behind");
        assert!(output.stdout.is_empty(), "{command:?}: nothing on standard output");
        let text = words(&output);
        assert!(text.contains("\n  to do: "), "{command:?} says what to do: {text}");
        format!("exit {}: {text}", output.status.code().unwrap_or(-1))
    }

    /// Everything in the folder, hidden files too.
    fn names(&self) -> Vec<String> {
        names(self.path())
    }

    /// How many frames another program finds in a file.
    fn n_frames(&self, name: &str) -> usize {
        let mut ffprobe = Command::new("ffprobe");
        ffprobe.args(["-v", "error", "-count_frames", "-select_streams", "v:0"]);
        ffprobe.args(["-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"]).arg(self.path().join(name));
        let output = ffprobe.output().unwrap();
        assert!(output.stderr.is_empty(), "{name} is playable: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().trim_matches(',').parse().unwrap()
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Standard error, which holds no remark of any library.
fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim_end().to_owned()
}

fn shipped(policy: &str) -> String {
    guard::Policy::SHIPPED.iter().find(|(name, _)| *name == policy).unwrap().1.to_owned()
}

/// Bytes without meaning, always the same.
fn noise(n_bytes: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..n_bytes).map(|_| next()).collect()
}

#[test]
fn every_message_says_what_which_and_what_to_do() {
    let folder = Folder::new();
    let clip = folder.read(CLIP);
    folder.write("cut-off.mp4", &clip[..20_000]);
    folder.write("noise.mp4", noise(50_000));
    folder.write("empty.mp4", []);
    folder.write("letter.mp4", "This is a letter, not a video.\n");
    std::fs::create_dir(folder.path().join("folder.mp4")).unwrap();
    folder.ffmpeg("-f lavfi -i sine -t 1 sound.m4a");
    folder.write("unknown-key.toml", shipped("test").replace("hold_ms", "hold_msec = 3\nhold_ms"));
    folder.write("too-high.toml", shipped("messenger").replace("block = 0.7", "block = 1.5"));
    folder.write("not-toml.toml", "name = ");
    folder.write("short-hash.list", list_with_a_short_hash_in_line_40());
    let cases = [
        ("a file that is cut off", "cut-off.mp4 --out out.mp4"),
        ("bytes without meaning", "noise.mp4 --out out.mp4"),
        ("an empty file", "empty.mp4 --out out.mp4"),
        ("a file that is no video", "letter.mp4 --out out.mp4"),
        ("a folder", "folder.mp4 --out out.mp4"),
        ("a file that is not there", "absent.mp4 --out out.mp4"),
        ("a file without frames", "sound.m4a --out out.mp4"),
        ("an ending that names no container", "clip.mp4 --out out.avi"),
        ("no ending", "clip.mp4 --out out"),
        ("a folder that is not there", "clip.mp4 --out absent/out.mp4"),
        ("an encoder that does not fit", "clip.mp4 --out out.webm --encoder openh264"),
        ("a policy with an unknown key", "clip.mp4 --out out.mp4 --policy unknown-key.toml"),
        ("a policy with a threshold of 1.5", "clip.mp4 --out out.mp4 --policy too-high.toml"),
        ("a policy that is no TOML", "clip.mp4 --out out.mp4 --policy not-toml.toml"),
        ("a policy that is not there", "clip.mp4 --out out.mp4 --policy absent.toml"),
        ("a list with a short hash in line 40", "clip.mp4 --out out.mp4 --list short-hash.list"),
        ("a list that is not there", "clip.mp4 --out out.mp4 --list absent.list"),
    ];
    let said: Vec<String> =
        cases.iter().map(|(what, arguments)| format!("# {what}\n{}\n", folder.refusal(arguments))).collect();
    let (said, file) = (said.join("\n"), Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_input/messages.txt"));
    if std::env::var_os("STREAMWARD_TEST_BLESS").is_some() {
        std::fs::write(&file, &said).unwrap();
    }
    assert_eq!(said, std::fs::read_to_string(&file).unwrap());
}

fn list_with_a_short_hash_in_line_40() -> String {
    let head = "streamward list 1\nname: partner\nversion: 1\nsource: a test\ncreated: 2026-11-24T00:00:00Z";
    let mut lines: Vec<String> = head.lines().map(str::to_owned).collect();
    while lines.len() < 60 {
        let n = lines.len() + 1;
        let digits = if n == 40 { 61 } else { 64 };
        lines.push(format!(
            "{}\tpdq\tentry-{n}\ta test\t2026-11-24T00:00:00Z\t-\t-",
            "0a5".repeat(22)[..digits].to_owned()
        ));
    }
    lines.join("\n") + "\n"
}

#[test]
fn what_may_not_be_read_or_written_is_refused() {
    let folder = Folder::new();
    let (closed, sealed) = (folder.path().join("closed.mp4"), folder.path().join("sealed"));
    folder.write("closed.mp4", folder.read(CLIP));
    std::fs::create_dir(&sealed).unwrap();
    for (path, mode) in [(folder.path(), 0o755), (&closed, 0o000), (&sealed, 0o555)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let (read, written) = ("closed.mp4 --out sealed/out.mp4", "clip.mp4 --out sealed/out.mp4");
    for (arguments, what) in [(read, "read closed.mp4"), (written, "write sealed/out.mp4")] {
        let said = folder.refusal_of(&mut folder.guard_as_nobody(arguments));
        assert!(said.starts_with(&format!("exit 2: cannot {what}: Permission denied")), "{said}");
    }
}

#[test]
fn a_full_disk_leaves_nothing_behind() {
    let folder = Folder::new();
    folder.ffmpeg(
        "-f lavfi -i testsrc2=size=640x360:rate=30,noise=alls=40:allf=t -t 5 -c:v libx264 -preset ultrafast big.mp4",
    );
    let Some(small) = SmallDisk::mount(folder.path().join("small")) else { return };
    for ending in ["mp4", "mkv", "y4m"] {
        let said = folder.refusal(&format!("big.mp4 --out small/out.{ending}"));
        assert_eq!(
            said,
            format!(
                "exit 2: cannot write small/out.{ending}: no storage space\n  to do: check the free space and that you \
                 may write there; nothing was left under that name"
            )
        );
        assert_eq!(names(&small.0), Vec::<String>::new(), "{ending}");
    }
}

/// A disk of 1 MB, for as long as this lives.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: PathBuf) -> Option<SmallDisk> {
        std::fs::create_dir(&at).unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&at).output();
        if mount.is_ok_and(|output| output.status.success()) {
            return Some(SmallDisk(at));
        }
        eprintln!("left out: a full disk (mounting a tmpfs of 1 MB needs root)");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_damaged_file_gives_a_playable_copy_of_what_could_be_read_or_none() {
    let folder = Folder::new();
    folder.ffmpeg("-i clip.mp4 -c copy clip.mkv");
    let whole = folder.read("clip.mkv");
    let n_whole = folder.n_frames("clip.mkv");
    for percent in [5, 30, 60, 95] {
        folder.write("damaged.mkv", &whole[..whole.len() * percent / 100]);
        assert_playable_or_absent(&folder, n_whole, &format!("cut off at {percent} %"));
    }
    for every in [50, 500, 5000] {
        let mut bytes = whole.clone();
        // The head stays: with it broken the file is no video at all.
        for (index, byte) in noise(whole.len()).into_iter().enumerate().skip(2000).step_by(every) {
            bytes[index] ^= byte | 1;
        }
        folder.write("damaged.mkv", &bytes);
        assert_playable_or_absent(&folder, n_whole, &format!("a byte in {every} changed"));
    }
}

fn assert_playable_or_absent(folder: &Folder, n_whole: usize, what: &str) {
    let output = folder.guard("damaged.mkv --out out.mkv --json").output().unwrap();
    let code = output.status.code();
    match code {
        Some(0 | 3) => {
            let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            let n_frames = folder.n_frames("out.mkv");
            eprintln!("{what}: exit {code:?}, {n_frames} of {n_whole} frames; {}", words(&output));
            assert_eq!(report["released"], n_frames, "{what}: the report says what is in the copy: {report}");
            assert!((1..=n_whole).contains(&n_frames), "{what}: {n_frames}");
            std::fs::remove_file(folder.path().join("out.mkv")).unwrap();
        }
        Some(2) => {
            eprintln!("{what}: exit 2; {}", words(&output));
            assert!(words(&output).contains("\n  to do: "), "{what}: {}", words(&output));
        }
        _ => panic!("{what}: exit {code:?}: {}", words(&output)),
    }
    assert_eq!(folder.names(), ["clip.mkv", "clip.mp4", "damaged.mkv"], "{what}: nothing half-written");
}

#[test]
fn a_size_that_changes_midway_is_guarded_to_the_end() {
    let folder = Folder::new();
    folder.ffmpeg("-f lavfi -i testsrc2=size=320x180:rate=25 -t 2 -c:v mpeg2video a.ts");
    folder.ffmpeg("-f lavfi -i testsrc2=size=640x480:rate=25 -t 2 -c:v mpeg2video b.ts");
    folder.write("two.ts", [folder.read("a.ts"), folder.read("b.ts")].concat());
    let output = folder.guard("two.ts --out out.mkv --json").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    assert_eq!(folder.n_frames("out.mkv"), 100);
}

#[test]
fn frames_of_8k_are_guarded_or_refused_with_a_way_out() {
    let folder = Folder::new();
    folder.ffmpeg("-f lavfi -i testsrc2=size=7680x4320:rate=5 -frames:v 2 -c:v libx264 -preset ultrafast 8k.mp4");
    let said = folder.refusal("8k.mp4 --out out.mp4");
    assert_eq!(
        said,
        "exit 2: cannot encode this video: the picture is too large or too small for H.264\n  to do: write to a name \
         that ends in .mkv, or choose another --encoder"
    );
    let output = folder.guard("8k.mp4 --out out.mkv").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    assert_eq!(folder.n_frames("out.mkv"), 2);
}

#[test]
fn another_colour_format_is_guarded() {
    let folder = Folder::new();
    for format in ["yuv444p10le", "gray", "bgr0"] {
        folder.ffmpeg(&format!("-i clip.mp4 -frames:v 10 -pix_fmt {format} -c:v ffv1 other.mkv"));
        let output = folder.guard("other.mkv --out out.mkv").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{format}: {}", words(&output));
        assert_eq!(folder.n_frames("out.mkv"), 10, "{format}");
    }
}

#[test]
fn a_model_with_another_hash_is_refused() {
    let Some(models) = models() else { return };
    let folder = Folder::new();
    let store = folder.path().join("models/MobileNetV2");
    std::fs::create_dir_all(&store).unwrap();
    let mut bytes = std::fs::read(models.join("MobileNetV2/model.onnx")).unwrap();
    bytes.push(0);
    std::fs::write(store.join("model.onnx"), bytes).unwrap();
    std::fs::copy(models.join("MobileNetV2/manifest.toml"), store.join("manifest.toml")).unwrap();
    folder.write("mobile.toml", shipped("messenger").replace("\"auto\"", "\"MobileNetV2\""));
    let mut command = folder.guard("clip.mp4 --out out.mp4 --policy mobile.toml");
    let said = folder.refusal_of(command.env("STREAMWARD_MODELS", "models"));
    assert!(said.starts_with("exit 2: the model MobileNetV2 cannot be used: "), "{said}");
    assert!(said.contains("is pinned\n  to do: fetch the file again"), "{said}");
}

#[test]
fn a_model_that_is_not_there_is_refused() {
    let folder = Folder::new();
    let mut command = folder.guard("clip.mp4 --out out.mp4 --policy messenger");
    let said = folder.refusal_of(command.env("STREAMWARD_MODELS", "no-models").env_remove("STREAMWARD_ONNXRUNTIME"));
    assert!(said.contains("there is no model MobileNetV2 in no-models\n  to do: "), "{said}");
}

#[test]
fn without_onnxruntime_the_model_still_runs() {
    let Some(models) = models() else { return };
    let folder = Folder::new();
    let store = folder.path().join("models/MobileNetV2");
    std::fs::create_dir_all(&store).unwrap();
    for name in ["model.onnx", "manifest.toml"] {
        std::fs::copy(models.join("MobileNetV2").join(name), store.join(name)).unwrap();
    }
    folder.ffmpeg("-i clip.mp4 -frames:v 10 -c copy short.mp4");
    let mut command = folder.guard("short.mp4 --out out.mkv --policy messenger --json");
    command.env("STREAMWARD_MODELS", "models").env_remove("STREAMWARD_ONNXRUNTIME").env_remove("ORT_DYLIB_PATH");
    let output = command.output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["model"]["name"], "MobileNetV2", "{report}");
    let runtime = report["model"]["runtime"].as_str().unwrap();
    assert!(runtime.starts_with("streamward ") || runtime.starts_with("rten "), "{report}");
    assert_eq!(report["judged"], report["frames"], "{report}");
}

/// The folder of models, if MobileNetV2 is there; else that is said.
fn models() -> Option<PathBuf> {
    let folder = std::env::var_os("STREAMWARD_MODELS").map(PathBuf::from);
    let folder = folder.filter(|folder| folder.join("MobileNetV2/model.onnx").is_file());
    if folder.is_none() {
        eprintln!("left out: the model MobileNetV2 is not in STREAMWARD_MODELS (`streamward model fetch` brings it)");
    }
    folder
}

#[test]
fn an_interrupt_ends_the_copy_properly() {
    let folder = Folder::new();
    for output in ["out.mp4", "out.mkv"] {
        let mut guard = folder.guard(&format!("clip.mp4 --out {output} --realtime --json"));
        let began = Instant::now();
        let child = guard.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(1800));
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        let ended = child.wait_with_output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
        assert_eq!(ended.status.code(), Some(3), "a part of the video is not in the copy: {}", words(&ended));
        assert_eq!(report["interrupted"], true, "{report}");
        assert!(began.elapsed() < Duration::from_millis(3800), "it ended early: {:?}", began.elapsed());
        let n_frames = folder.n_frames(output);
        eprintln!("interrupted: {n_frames} of 120 frames in {output}");
        assert_eq!(report["frames"], n_frames, "{report}");
        assert!((10..115).contains(&n_frames), "{n_frames}");
        std::fs::remove_file(folder.path().join(output)).unwrap();
        assert_eq!(folder.names(), [CLIP], "nothing half-written");
    }
}
