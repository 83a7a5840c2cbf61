//! Does an unchanged program see a forbidden picture of the camera, or the camera itself?
//!
//! PipeWire and WirePlumber in a D-Bus session of their own; the camera is a clip that GStreamer plays into a node, or
//! into a V4L2 device whose pictures come out of another, the program is GStreamer's `pipewiresrc`.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]
#![allow(dead_code, reason = "clips and observer are shared with leak.rs, which uses more of them")]

#[path = "leak/clip.rs"]
mod clip;
#[path = "leak/observer.rs"]
mod observer;
#[path = "streams/servers.rs"]
mod servers;
#[path = "streams/watched.rs"]
mod watched;
mod guarded {
    /// Sends a signal by its name.
    pub(crate) fn signal(pid: u32, name: &str) {
        let _ = std::process::Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status();
    }
}

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use clip::{Content, Recipe};
use guard::Policy;
use guarded::signal;
use observer::Observer;
use servers::Running;
use watched::{COVERED_PART, Watched, recipe};

const INSIDE: &str = "STREAMWARD_TEST_SESSION";

/// A session of its own: its folder there, `None` here.
fn in_a_session(test: &str) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(INSIDE) {
        return Some(folder.into());
    }
    for program in ["dbus-run-session", "pipewire", "wireplumber", "pw-cli"] {
        if !Command::new("which").arg(program).output().unwrap().status.success() {
            eprintln!("left out: {program} is not here (script/setup packages brings it)");
            return None;
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut session = Command::new("dbus-run-session");
    session.arg("--").arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
    for (name, place) in
        [(INSIDE, ""), ("XDG_RUNTIME_DIR", "run"), ("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state")]
    {
        fs::create_dir_all(folder.path().join(place)).unwrap();
        session.env(name, folder.path().join(place));
    }
    assert!(session.stdin(Stdio::null()).status().unwrap().success(), "it failed in its session");
    None
}

fn start(folder: &Path, program: &str, arguments: &str) -> Running {
    let words = fs::File::create(folder.join(format!("{program}.log"))).unwrap();
    let mut command = Command::new(program);
    command.args(arguments.split(' ').filter(|word| !word.is_empty())).stdin(Stdio::null());
    Running(command.stdout(words.try_clone().unwrap()).stderr(words).spawn().unwrap())
}

/// PipeWire, once it answers.
fn pipewire(folder: &Path) -> Running {
    let pipewire = start(folder, "pipewire", "");
    let give_up = Instant::now() + Duration::from_secs(30);
    while nodes().is_empty() {
        assert!(Instant::now() < give_up, "{}", fs::read_to_string(folder.join("pipewire.log")).unwrap());
        sleep(Duration::from_millis(100));
    }
    pipewire
}

/// The nodes that a program sees.
fn nodes() -> String {
    let output = Command::new("timeout").args(["10", "pw-cli", "ls", "Node"]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn wait_for_node(name: &str, is_there: bool) {
    let give_up = Instant::now() + Duration::from_secs(20);
    while nodes().contains(name) != is_there {
        assert!(Instant::now() < give_up, "{name} there: not {is_there}\n{}", nodes());
        sleep(Duration::from_millis(100));
    }
}

/// A program that asks for a camera, by name or for any, for so many seconds, and what it writes.
fn looking(folder: &Path, node: Option<&str>, name: &str, seconds: u64) -> (Running, PathBuf) {
    let path = folder.join(format!("{name}.y4m"));
    let mut program = Command::new("timeout");
    program.args(["-s", "INT", "-k", "5", &seconds.to_string(), "gst-launch-1.0", "-q", "-e", "pipewiresrc"]);
    program.args(node.map(|node| format!("target-object={node}")));
    program.args("! videoconvert ! video/x-raw,format=I420 ! y4menc ! filesink".split(' '));
    program.arg(format!("location={}", path.display())).stdin(Stdio::null());
    (Running(program.spawn().unwrap()), path)
}

/// The guard before a camera, once it shows video; and where its words go.
fn guarded(folder: &Path, device: &str, mode: &str, policy: &Path) -> (Running, PathBuf) {
    let words = folder.join("words");
    let mut guard = Command::new(env!("CARGO_BIN_EXE_streamward-guard"));
    guard.args(["camera", "--device", device, "--mode", mode, "--json", "--policy"]).arg(policy);
    guard.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(fs::File::create(&words).unwrap());
    let guard = Running(guard.spawn().unwrap());
    wait_for_node("streamward-guarded-camera", true);
    let give_up = Instant::now() + Duration::from_secs(60);
    while !fs::read_to_string(&words).unwrap().contains("video is shown") {
        assert!(Instant::now() < give_up, "{}", fs::read_to_string(&words).unwrap());
        sleep(Duration::from_millis(50));
    }
    (guard, words)
}

/// Ends the guard; what it reports.
fn ended(guard: &mut Running) -> String {
    signal(guard.0.id(), "INT");
    std::io::read_to_string(guard.0.stdout.take().unwrap()).unwrap()
}

/// What a program sees of a camera, for so long.
fn look(folder: &Path, node: &str, seconds: u64) -> PathBuf {
    let (mut program, path) = looking(folder, Some(node), node, seconds);
    program.0.wait().unwrap();
    path
}

#[test]
fn programs_see_only_the_guarded_camera_and_nothing_forbidden_in_it() {
    let Some(folder) = in_a_session("programs_see_only_the_guarded_camera_and_nothing_forbidden_in_it") else { return };
    let recipe = recipe();
    let clip = recipe.make(&folder).unwrap();
    let text = "name = \"camera\"\nversion = 1\ndescription = \"For tests.\"\n[timing]\nhold_ms = 400\nfreeze_ms = 200\n\
                cover_min_ms = 1000\nclear_ms = 1000\n[reuse]\nmax_ms = 0\n[judges]\nlists = [\"test-card\"]\nregions = [\"whole\", \"trimmed\"]\n";
    let policy = folder.join("camera.toml");
    fs::write(&policy, text).unwrap();
    let observer = Observer::new(&recipe, &clip, &Policy::parse(text).unwrap());
    let long = folder.join("long.mp4");
    clip::run(
        Command::new("ffmpeg")
            .args(["-v", "error", "-stream_loop", "12", "-i"])
            .arg(&clip)
            .args(["-an", "-c", "copy"])
            .arg(&long),
    );

    let _pipewire = pipewire(&folder);
    let session = start(&folder, "wireplumber", "");
    sleep(Duration::from_millis(1200));
    let play = format!(
        "-q filesrc location={} ! qtdemux ! avdec_h264 ! videoconvert ! video/x-raw,format=I420 ! identity sync=true ! \
         pipewiresink mode=provide stream-properties=props,media.class=Video/Source,media.role=Camera,node.name=raw-camera",
        long.display()
    );
    let camera = start(&folder, "gst-launch-1.0", &play);
    wait_for_node("raw-camera", true);
    let unguarded = Watched::new(&observer, &look(&folder, "raw-camera", 9));
    eprintln!("camera without the guard: {}", unguarded.summary());
    assert!(unguarded.n_forbidden() >= 10, "the observer sees what is planted: {}", unguarded.summary());

    // The rule hides it from everybody but the guard.
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("wireplumber");
    for (name, place) in [("10-streamward-hide-cameras.lua", "main.lua.d"), ("streamward-hide-cameras.lua", "scripts")]
    {
        let place = folder.join("config/wireplumber").join(place);
        fs::create_dir_all(&place).unwrap();
        fs::copy(rules.join(name), place.join(name)).unwrap();
    }
    drop((session, camera));
    let _session = start(&folder, "wireplumber", "");
    sleep(Duration::from_millis(1200));
    // Programs that wait for a camera when it comes, and one that asks later. Unseen it could still be linked to them.
    let mut waiting = [Some("raw-camera"), None].map(|node| {
        let name = format!("waiting-{}", node.unwrap_or("for-any"));
        looking(&folder, node, &name, 8)
    });
    sleep(Duration::from_millis(500));
    let _camera = start(&folder, "gst-launch-1.0", &play);
    sleep(Duration::from_secs(2));
    let later = look(&folder, "raw-camera", 5);
    for (program, path) in &mut waiting {
        program.0.wait().unwrap();
        assert_eq!(fs::metadata(&path).map_or(0, |file| file.len()), 0, "{} was given the camera", path.display());
    }
    assert_eq!(fs::metadata(&later).map_or(0, |file| file.len()), 0, "the camera was given to who names it");
    wait_for_node("raw-camera", false);

    let (mut guard, words) = guarded(&folder, "raw-camera", "320x180@25", &policy);
    let said = || fs::read_to_string(&words).unwrap();
    let watched = Watched::new(&observer, &look(&folder, "streamward-guarded-camera", 12));
    // A program that has just come may read the name before the session takes it away; the camera it never gets.
    let n_seen = (0..20).filter(|_| nodes().contains("raw-camera")).count();
    eprintln!("the raw camera's name in 20 listings by programs that have just come: {n_seen} times");
    wait_for_node("raw-camera", false);
    let report = ended(&mut guard);
    let story = format!("camera, guarded: {}; {report}", watched.summary());
    eprintln!("{story}");
    let n = watched.sights.len();
    assert_eq!(watched.n_forbidden(), 0, "{story}\n{}", said());
    assert!(n > 150 && watched.n_covered() as f64 + 6.0 >= 0.8 * COVERED_PART * n as f64, "{story}\n{}", said());
    assert!(watched.n_fresh() as f64 >= 0.2 * n as f64, "benign pictures are live: {story}\n{}", said());
    wait_for_node("streamward-guarded-camera", false);
    wait_for_node("raw-camera", false);
    let after = look(&folder, "raw-camera", 4);
    assert_eq!(fs::metadata(&after).map_or(0, |file| file.len()), 0, "without the guard nobody gets the camera");
}

/// Slower than the other: it runs in a machine whose every instruction is translated.
#[test]
fn nothing_forbidden_is_seen_of_a_v4l2_camera() {
    let devices = ["STREAMWARD_TEST_V4L2_CAMERA", "STREAMWARD_TEST_V4L2_PLAYER"].map(|name| std::env::var(name).ok());
    let [Some(camera), Some(player)] = devices else {
        eprintln!("left out: no V4L2 camera here that a clip can be played into; script/test.d/camera-v4l2 has one");
        return;
    };
    let Some(folder) = in_a_session("nothing_forbidden_is_seen_of_a_v4l2_camera") else { return };
    let recipe = Recipe::new(Content::Pattern, (320, 240), 10, 200).planted(&[50..75, 130..132, 170..172]);
    let clip = recipe.make(&folder).unwrap();
    let text = "name = \"camera\"\nversion = 1\ndescription = \"For tests.\"\n[timing]\nhold_ms = 1500\nfreeze_ms = 500\n\
                cover_min_ms = 1000\nclear_ms = 1000\n[reuse]\nmax_ms = 0\n[judges]\nlists = [\"test-card\"]\nregions = [\"whole\"]\n";
    let policy = folder.join("camera.toml");
    fs::write(&policy, text).unwrap();
    let observer = Observer::new(&recipe, &clip, &Policy::parse(text).unwrap());
    let long = folder.join("long.mp4");
    let repeat = ["-v", "error", "-stream_loop", "20", "-i", clip.to_str().unwrap(), "-c", "copy"];
    clip::run(Command::new("ffmpeg").args(repeat).arg(&long));
    let _pipewire = pipewire(&folder);
    let _session = start(&folder, "wireplumber", "");
    sleep(Duration::from_secs(5));
    // Into the device at the camera's own size and format, or it would show noise.
    let play = format!(
        "-q filesrc location={} ! qtdemux ! avdec_h264 ! videoconvert ! videoscale ! \
         video/x-raw,format=I420,width=640,height=480 ! videorate ! v4l2sink device={player}",
        long.display()
    );
    let _playing = start(&folder, "gst-launch-1.0", &play);
    sleep(Duration::from_secs(4));
    let path = folder.join("unguarded.y4m");
    let look_at = format!(
        "-s INT -k 5 26 gst-launch-1.0 -q -e v4l2src device={camera} ! video/x-raw,format=I420,width=640,height=480 ! \
         videorate ! video/x-raw,framerate=10/1 ! y4menc ! filesink location={}",
        path.display()
    );
    Command::new("timeout").args(look_at.split_whitespace()).stdin(Stdio::null()).status().unwrap();
    let unguarded = Watched::new(&observer, &path);
    eprintln!("V4L2 camera without the guard: {}", unguarded.summary());
    assert!(unguarded.n_forbidden() >= 10 && unguarded.n_fresh() >= 10, "{}", unguarded.summary());
    fs::remove_file(path).unwrap();

    let (mut guard, words) = guarded(&folder, &camera, "320x240@10", &policy);
    let seen = look(&folder, "streamward-guarded-camera", 44);
    let logs = ["words", "pipewire.log", "wireplumber.log"].map(|name| fs::read_to_string(folder.join(name)).unwrap());
    assert!(fs::metadata(&seen).unwrap().len() > 0, "nothing is seen\n{}\n{}", nodes(), logs.join("\n"));
    let watched = Watched::new(&observer, &seen);
    let report = ended(&mut guard);
    let story = format!("V4L2 camera, guarded: {}; {report}", watched.summary());
    eprintln!("{story}");
    let (n, said) = (watched.sights.len() as f64, fs::read_to_string(&words).unwrap());
    assert_eq!(watched.n_forbidden(), 0, "{story}\n{said}");
    // Each planted frame and a second after it: 35, 12 and 12 frames of 200.
    let expected = n * (35.0 + 12.0 + 12.0) / 200.0;
    assert!(n > 250.0 && watched.n_covered() as f64 >= 0.7 * expected, "{story}\n{said}");
    assert!(watched.n_fresh() as f64 >= 0.2 * n, "benign pictures are live: {story}\n{said}");
}
