//! Does a forbidden picture reach an X11 screen?
//!
//! Xvfb, an unchanged ffplay, and ffmpeg's x11grab as the eye before the screen, 50 times a second. As in `leak.rs` the
//! observer first sees what is planted without the guard.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]
#![allow(dead_code, reason = "clips and observer are shared with leak.rs, which uses more of them")]

#[path = "leak/clip.rs"]
mod clip;
#[path = "leak/observer.rs"]
mod observer;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use clip::{Content, Recipe, wants_all};
use guard::Policy;
use observer::{Observer, Sight, difference, watch};
use x11rb::protocol::xproto::{ConfigureWindowAux, ConnectionExt as _, StackMode};

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An X server, a clip that plays on it, and the window it plays in.
struct Stage {
    folder: tempfile::TempDir,
    clip: PathBuf,
    display: String,
    observer: Observer,
    policy: PathBuf,
    window: u32,
    _player: Running,
    _server: Running,
    _turn: MutexGuard<'static, ()>,
}

/// One stage at a time: each has the pace that it measures.
static TURN: Mutex<()> = Mutex::new(());

impl Stage {
    fn set() -> Option<Stage> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let there =
            ["Xvfb", "ffplay"].iter().all(|name| Command::new("which").arg(name).output().unwrap().status.success());
        if !there {
            eprintln!("left out: Xvfb or ffplay is not here (script/setup packages brings them)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let recipe =
            Recipe::new(Content::Pattern, (320, 180), 25, 200).planted(&[50..75, 120..121, 130..131, 170..171]);
        let clip = recipe.make(folder.path()).unwrap();
        let policy = folder.path().join("screen.toml");
        let text = "name = \"screen\"\nversion = 1\ndescription = \"For tests.\"\n[timing]\nhold_ms = 150\n[reuse]\nmax_ms = 0\n\
                    [judges]\nlists = [\"test-card\"]\nregions = [\"whole\", \"trimmed\"]\n";
        std::fs::write(&policy, text).unwrap();
        let observer = Observer::new(&recipe, &clip, &Policy::parse(text).unwrap());
        // The server chooses a free number and says it. It may not begin anew when its last client has gone: that is
        // whoever asks for the player's window while the player is still on its way.
        let number = folder.path().join("number");
        let file = std::fs::File::create(&number).unwrap();
        let mut server = Command::new("Xvfb");
        server
            .args(["-screen", "0", "640x480x24", "-noreset", "-nolisten", "tcp", "-displayfd", "1"])
            .stdout(file)
            .stderr(Stdio::null());
        let server = Running(server.spawn().unwrap());
        let display = wait_for("Xvfb", || {
            let text = std::fs::read_to_string(&number).ok()?;
            text.ends_with('\n').then(|| format!(":{}", text.trim()))
        });
        let player = play(&display, &clip, (20, 20));
        let window = wait_for("the player's window", || window_of(&display, 0));
        sleep(Duration::from_millis(700));
        Some(Stage { folder, clip, display, observer, policy, window, _player: player, _server: server, _turn: turn })
    }

    fn guard(&self) -> Running {
        self.guard_of(&["--window", &self.window.to_string()])
    }

    fn guard_of(&self, windows: &[&str]) -> Running {
        let mut guard = Command::new(env!("CARGO_BIN_EXE_streamward-guard"));
        guard.env("DISPLAY", &self.display).args(["screen", "--json", "--policy"]).arg(&self.policy).args(windows);
        guard.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        Running(guard.spawn().unwrap())
    }

    /// What is on the screen where the window is, for so long.
    fn grab(&self, name: &str, seconds: f64) -> Seen {
        self.grab_at(name, (20, 20), seconds)
    }

    /// What is on the screen in a place of the clip's size.
    fn grab_at(&self, name: &str, (left, top): (i32, i32), seconds: f64) -> Seen {
        let path = self.folder.path().join(format!("{name}.mkv"));
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args([
            "-v",
            "error",
            "-y",
            "-f",
            "x11grab",
            "-draw_mouse",
            "0",
            "-framerate",
            "50",
            "-video_size",
            "320x180",
        ]);
        ffmpeg.args(["-i", &format!("{}+{left},{top}", self.display), "-t", &seconds.to_string(), "-c:v", "ffvhuff"]);
        clip::run(ffmpeg.arg(&path));
        Seen::of(&self.observer, &path)
    }
}

fn wait_for<T>(what: &str, mut is_there: impl FnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = is_there() {
            return found;
        }
        assert!(Instant::now() < give_up, "{what} does not come");
        sleep(Duration::from_millis(30));
    }
}

/// An unchanged player, its window in this place.
fn play(display: &str, clip: &Path, (left, top): (i32, i32)) -> Running {
    let mut player = Command::new("ffplay");
    player.env("DISPLAY", display).env("SDL_VIDEODRIVER", "x11").env("SDL_AUDIODRIVER", "dummy");
    player.args(["-v", "quiet", "-noborder", "-an", "-loop", "0"]);
    player.args(["-left", &left.to_string(), "-top", &top.to_string()]).arg(clip);
    Running(player.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

/// A visible window of the clip's size, other than that one.
fn window_of(display: &str, other: u32) -> Option<u32> {
    let (x, screen) = x11rb::connect(Some(display)).ok()?;
    let root = x11rb::connection::Connection::setup(&x).roots[screen].root;
    let children = x.query_tree(root).ok()?.reply().ok()?.children;
    children.into_iter().filter(|window| *window != other).find(|window| {
        let place = x.get_geometry(*window).ok().and_then(|asked| asked.reply().ok());
        let facts = x.get_window_attributes(*window).ok().and_then(|asked| asked.reply().ok());
        place.is_some_and(|place| (place.width, place.height) == (320, 180))
            && facts.is_some_and(|facts| facts.map_state == x11rb::protocol::xproto::MapState::VIEWABLE)
    })
}

#[derive(Debug, Default)]
struct Seen {
    n: usize,
    n_forbidden: usize,
    n_covered: usize,
    n_fresh: usize,
}

impl Seen {
    fn of(observer: &Observer, path: &Path) -> Seen {
        let pictures = watch(path);
        let mut seen = Seen { n: pictures.len(), ..Seen::default() };
        for (index, picture) in pictures.iter().enumerate() {
            let near = (0..observer.source.len()).step_by(60).map(|at| observer.sight(at, picture));
            let sights: Vec<Sight> = near.collect();
            if sights.contains(&Sight::Forbidden) {
                seen.n_forbidden += 1;
            } else if sights.contains(&Sight::Cover) {
                seen.n_covered += 1;
            } else if sights.iter().any(|sight| matches!(sight, Sight::Source(_))) {
                seen.n_fresh += usize::from(index > 0 && difference(picture, &pictures[index - 1]) > 0.05);
            }
        }
        seen
    }
}

#[test]
fn a_window_shows_only_what_was_judged() {
    let Some(stage) = Stage::set() else { return };
    let without = stage.grab("without", 9.0);
    assert!(without.n_forbidden >= 25 && without.n_covered == 0, "the observer sees what is planted: {without:?}");
    let _guard = stage.guard();
    sleep(Duration::from_secs(2));
    let with = stage.grab("with", if wants_all() { 60.0 } else { 14.0 });
    eprintln!("screen: without {without:?}; with {with:?}");
    assert!(with.n >= 650, "{with:?}");
    assert_eq!(with.n_forbidden, 0, "{with:?}");
    // Each planted frame and a second after it: 50, 35 and 26 frames of 200.
    let expected = with.n as f64 * (50.0 + 35.0 + 26.0) / 200.0;
    assert!(with.n_covered as f64 >= expected * 0.8, "{expected:.0} expected: {with:?}");
    assert!(with.n_fresh * 20 >= with.n, "benign pictures are live: {with:?}");
}

#[test]
fn a_guard_that_ended_can_be_started_again() {
    let Some(stage) = Stage::set() else { return };
    for n in 0..4 {
        let mut guard = stage.guard_of(&["--all"]);
        sleep(Duration::from_millis(1500));
        let _ = Command::new("kill").args(["-INT", &guard.0.id().to_string()]).status();
        let report = std::io::read_to_string(guard.0.stdout.take().unwrap()).unwrap();
        let report: serde_json::Value = serde_json::from_str(report.trim()).unwrap_or_default();
        assert!(report["judged"].as_u64() > Some(0), "start {n}: {report}");
    }
}

/// A window that opens while all are guarded, moves, is raised, and is left behind by a killed guard.
#[test]
fn all_windows_are_guarded_those_to_come_too() {
    let Some(stage) = Stage::set() else { return };
    let mut guard = stage.guard_of(&["--all"]);
    sleep(Duration::from_secs(2));
    let (opened, moved) = ((300, 220), (310, 280));
    let (first, second, _player) = std::thread::scope(|scope| {
        let first = scope.spawn(|| stage.grab_at("first", (20, 20), 14.0));
        let second = scope.spawn(|| stage.grab_at("opened", opened, 14.0));
        sleep(Duration::from_secs(1));
        let player = play(&stage.display, &stage.clip, opened);
        (first.join().unwrap(), second.join().unwrap(), player)
    });
    eprintln!("all windows: the first {first:?}; one that opens {second:?}");
    for seen in [&first, &second] {
        assert_eq!(seen.n_forbidden, 0, "{seen:?}");
        assert!(seen.n_covered >= 100 && seen.n_fresh * 20 >= seen.n, "covered, and live between: {seen:?}");
    }
    let window = window_of(&stage.display, stage.window).expect("the second player's window");
    let grab = std::thread::scope(|scope| {
        let grab = scope.spawn(|| stage.grab_at("moved", moved, 12.0));
        sleep(Duration::from_secs(1));
        let (x, _) = x11rb::connect(Some(&stage.display)).unwrap();
        let to = ConfigureWindowAux::new().x(moved.0).y(moved.1).stack_mode(StackMode::BELOW);
        x.configure_window(window, &to).unwrap().check().unwrap();
        sleep(Duration::from_secs(1));
        let up = ConfigureWindowAux::new().stack_mode(StackMode::ABOVE);
        x.configure_window(window, &up).unwrap().check().unwrap();
        grab.join().unwrap()
    });
    eprintln!("all windows: moved {grab:?}");
    assert_eq!(grab.n_forbidden, 0, "{grab:?}");
    assert!(grab.n_covered >= 100 && grab.n_fresh * 20 >= grab.n, "it is guarded where it has gone: {grab:?}");
    let _ = guard.0.kill();
    let left = stage.grab_at("left behind", moved, 9.0);
    assert_eq!(left.n_forbidden, 0, "a killed guard leaves the screen covered: {left:?}");
}

#[test]
fn a_window_stays_veiled_whoever_is_stopped_or_killed() {
    for n in 0..if wants_all() { 50 } else { 1 } {
        let Some(stage) = Stage::set() else { return };
        let mut guard = stage.guard();
        let keeper = guard.0.id();
        sleep(Duration::from_secs(2));
        for (name, whom) in
            [("STOP", "checker"), ("KILL", "checker"), ("STOP", "keeper"), ("STOP", "both"), ("KILL", "both")]
        {
            let checker = wait_for("a checker", || child_of(keeper));
            sleep(Duration::from_millis((n * 2_654_435_761_u64 + 977) % 1300));
            let grab = std::thread::scope(|scope| {
                let grab = scope.spawn(|| stage.grab(&format!("{name}-{whom}"), 5.0));
                sleep(Duration::from_millis(700));
                let struck = [(whom != "keeper").then_some(checker), (whom != "checker").then_some(keeper)];
                for pid in struck.into_iter().flatten() {
                    let _ = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status();
                }
                grab.join().unwrap()
            });
            eprintln!("screen, {name} {whom}: {grab:?}");
            assert_eq!(grab.n_forbidden, 0, "{name} {whom}: {grab:?}");
            assert!(whom != "checker" || grab.n_covered > 20, "{name} {whom}: {grab:?}");
            for pid in [keeper, checker] {
                let _ = Command::new("kill").args(["-CONT", &pid.to_string()]).stderr(Stdio::null()).status();
            }
        }
        let _ = guard.0.wait();
    }
}

fn child_of(keeper: u32) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/{keeper}/task/{keeper}/children")).ok()?;
    text.split_whitespace().next()?.parse().ok()
}
