//! Where is a folder guarded in a test, and who can be struck?

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use guard::{Colour, Format, Frame, Size, test_card};

/// Who has no rights of his own.
const NOBODY: u32 = 65_534;
/// Set in the process that stands on its own mount.
const INSIDE: &str = "STREAMWARD_TEST_MOUNT";

/// Runs this test again in a mount namespace of its own, on a small file system of its own: `Some` there, `None` here.
pub(crate) fn on_a_mount_of_its_own(test: &str) -> Option<PathBuf> {
    if let Some(place) = std::env::var_os(INSIDE) {
        return Some(place.into());
    }
    let place = tempfile::tempdir().unwrap();
    let shell = "mount -t tmpfs -o size=200m none \"$0\" && exec timeout 1500 \"$@\"";
    let unshare = |words: &[&std::ffi::OsStr]| {
        let mut command = Command::new("unshare");
        command.args(["-m", "--", "sh", "-c", shell]).arg(place.path()).args(words).env(INSIDE, place.path());
        command.stdin(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    if !unshare(&["true".as_ref()]) {
        eprintln!("left out: only root may mount, and have the kernel ask before an open");
        return None;
    }
    let own = std::env::current_exe().unwrap();
    assert!(
        unshare(&[own.as_ref(), "--exact".as_ref(), test.as_ref(), "--nocapture".as_ref()]),
        "it failed on its mount"
    );
    None
}

/// Draws the safety test card, as the ending of the name says.
pub(crate) fn card(path: &Path) {
    let size = Size { width: 640, height: 360 };
    let data = test_card::draw_in(Format::I420, Colour::Bt601, size);
    let frame = Frame::packed(Format::I420, Colour::Bt601, size, &data).unwrap();
    image::RgbImage::from_fn(640, 360, |x, y| image::Rgb(frame.rgb(x as usize, y as usize).map(|c| c as u8)))
        .save(path)
        .unwrap();
}

/// Draws waves, each number its own.
pub(crate) fn benign(path: &Path, number: u32) {
    let wave = |x: u32, y: u32, n: u32| (f64::from(x * (n + 3)) / 40.0).sin() * 60.0 + f64::from(y * (n % 7 + 1)) / 9.0;
    let pixel = |x, y| image::Rgb([0, 1, 2].map(|c| (128.0 + wave(x, y, number + c)) as u8));
    image::RgbImage::from_fn(160, 90, pixel).save(path).unwrap();
}

/// How a file is opened.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Cat,
    Cp,
    Mmap,
    Handle,
}

impl Way {
    /// Could it be read?
    pub(crate) fn opens(self, path: &Path) -> bool {
        let mut command = Command::new("timeout");
        command.arg("30");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/folder/opener.py");
        match self {
            Way::Cat => command.arg("cat").arg(path),
            Way::Cp => command.arg("cp").arg(path).arg("/dev/null"),
            Way::Mmap => command.arg("python3").arg(script).arg("mmap").arg(path),
            Way::Handle => command.arg("python3").arg(script).arg("handle").arg(path),
        };
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert_ne!(status.code(), Some(124), "{self:?}: an open hangs");
        status.success()
    }
}

/// A folder with its guard.
pub(crate) struct Folder {
    guard: Child,
    words: PathBuf,
    policy: PathBuf,
}

impl Folder {
    pub(crate) fn guard(place: &Path, folder: &Path) -> Folder {
        Folder::start(as_its_unit(place), place, folder, &[], "the folder is guarded")
    }

    pub(crate) fn react(place: &Path, folder: &Path) -> Folder {
        let guard = Command::new(env!("CARGO_BIN_EXE_streamward-guard"));
        Folder::start(guard, place, folder, &["--react"], "it can only react")
    }

    fn start(mut guard: Command, place: &Path, folder: &Path, more: &[&str], first_words: &str) -> Folder {
        let policy = place.join("folder.toml");
        let text = "name = \"folder\"\nversion = 1\ndescription = \"For tests.\"\n[timing]\nhold_ms = 800\n\
                    [judges]\nlists = [\"test-card\"]\nregions = [\"whole\", \"trimmed\"]\n";
        std::fs::write(&policy, text).unwrap();
        let words = place.join("words");
        guard.arg("folder").arg(folder).args(["--json", "--threads", "2", "--policy"]).arg(&policy).args(more);
        guard.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(std::fs::File::create(&words).unwrap());
        let folder = Folder { guard: guard.spawn().unwrap(), words, policy };
        let give_up = Instant::now() + Duration::from_secs(60);
        while !folder.words().contains(first_words) {
            assert!(Instant::now() < give_up, "{first_words:?} is not said:\n{}", folder.words());
            std::thread::sleep(Duration::from_millis(20));
        }
        folder
    }

    /// Everything it has said to people.
    pub(crate) fn words(&self) -> String {
        std::fs::read_to_string(&self.words).unwrap_or_default()
    }

    /// Ends whoever keeps watch now, as a person does; returns the first keeper's report.
    pub(crate) fn finish(mut self) -> serde_json::Value {
        signal(self.guard.id(), "INT");
        let text = std::io::read_to_string(self.guard.stdout.take().unwrap()).unwrap();
        serde_json::from_str(text.trim()).unwrap_or_else(|error| panic!("{error}: {text:?}\n{}", self.words()))
    }

    /// Ends whoever keeps watch now.
    pub(crate) fn end(&self) {
        let give_up = Instant::now() + Duration::from_secs(20);
        while !self.parts().is_empty() {
            assert!(Instant::now() < give_up, "it does not end:\n{}", self.words());
            self.parts().iter().for_each(|part| signal(part.pid, "INT"));
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Sends a signal to whoever is that now; returns whom.
    pub(crate) fn strike(&self, name: &str, whom: &str) -> Vec<u32> {
        let give_up = Instant::now() + Duration::from_secs(20);
        loop {
            let parts = self.parts();
            let checker = parts.iter().find(|part| part.name == "files");
            let keeper = checker.map(|checker| checker.parent);
            let stand_in = parts.iter().find(|part| part.name == "stand-in" && Some(part.pid) != keeper);
            if let (Some(checker), Some(keeper), Some(stand_in)) = (checker, keeper, stand_in) {
                let struck = match whom {
                    "checker" => vec![checker.pid],
                    "keeper" => vec![keeper],
                    "stand-in" => vec![stand_in.pid],
                    _ => vec![checker.pid, keeper],
                };
                struck.iter().for_each(|pid| signal(*pid, name));
                return struck;
            }
            assert!(Instant::now() < give_up, "not all parts are there:\n{}", self.words());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn parts(&self) -> Vec<Part> {
        let policy = self.policy.to_str().unwrap();
        let part = |entry: std::fs::DirEntry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let line = std::fs::read_to_string(entry.path().join("cmdline")).ok()?;
            let facts = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let mut facts = facts.rsplit(") ").next()?.split(' ');
            let (is_dead, parent) = (facts.next()? == "Z", facts.next()?.parse().ok()?);
            let mut words = line.split('\0').skip(1);
            let name = words.next().map(|first| if first == "part" { words.next().unwrap_or_default() } else { first });
            (line.contains(policy) && line.contains("streamward-guard") && !is_dead).then(|| Part {
                pid,
                parent,
                name: name.unwrap_or_default().to_owned(),
            })
        };
        std::fs::read_dir("/proc").unwrap().flatten().filter_map(part).collect()
    }
}

struct Part {
    pid: u32,
    parent: u32,
    name: String,
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Whatever is left of it: a test that failed leaves nobody behind.
        self.parts().iter().for_each(|part| signal(part.pid, "KILL"));
        let _ = self.guard.kill();
        let _ = self.guard.wait();
    }
}

/// The guard, nobody's, with the three capabilities that its unit leaves it.
fn as_its_unit(place: &Path) -> Command {
    let capabilities = "+sys_admin,+dac_read_search,+lease";
    let state = place.join("state");
    std::fs::create_dir(&state).unwrap();
    std::os::unix::fs::chown(&state, Some(NOBODY), Some(NOBODY)).unwrap();
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"), "--clear-groups".into()]);
    command.arg(format!("--bounding-set=-all,{capabilities}")).arg(format!("--inh-caps=-all,{capabilities}"));
    command.args([format!("--ambient-caps={capabilities}"), "--no-new-privs".into(), "--".into()]);
    command.arg(env!("CARGO_BIN_EXE_streamward-guard"));
    command.envs(["STREAMWARD_STATE", "STREAMWARD_RUN", "XDG_CACHE_HOME", "HOME"].map(|name| (name, &state)));
    command
}

/// Sends a signal by its name.
pub(crate) fn signal(pid: u32, name: &str) {
    let _ = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).stderr(Stdio::null()).status();
}
