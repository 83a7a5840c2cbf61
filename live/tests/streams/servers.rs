//! Which servers stand on both sides of the guard?

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A process that ends with the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that nobody uses just now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn wait_for(port: u16, what: &str) {
    let give_up = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < give_up, "{what} does not answer");
        std::thread::sleep(Duration::from_millis(50));
    }
}

const RTMP_MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";

/// nginx with its RTMP module, a configuration of its own and a folder of its own.
pub(crate) struct Rtmp {
    _nginx: Running,
    port: u16,
}

impl Rtmp {
    /// `None`, with a word, where it is not installed.
    pub(crate) fn start(folder: &Path) -> Option<Rtmp> {
        if !Path::new(RTMP_MODULE).is_file() {
            eprintln!("left out: nginx's RTMP module is not here (script/setup packages brings it)");
            return None;
        }
        let port = free_port();
        let folder = folder.join("nginx");
        std::fs::create_dir(&folder).unwrap();
        let place = folder.display();
        let configuration = format!(
            "daemon off; master_process off; user root; worker_processes 1; pid {place}/pid; error_log {place}/error.log;
             load_module {RTMP_MODULE};
             events {{ worker_connections 64; }}
             rtmp {{ server {{ listen 127.0.0.1:{port}; chunk_size 4096; application live {{ live on; wait_key on; }} }} }}"
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, configuration).unwrap();
        let mut nginx = Command::new("/usr/sbin/nginx");
        nginx.arg("-e").arg(folder.join("error.log")).arg("-p").arg(&folder).arg("-c").arg(&file);
        let nginx = Running(nginx.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        wait_for(port, "nginx");
        Some(Rtmp { _nginx: nginx, port })
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("rtmp://127.0.0.1:{}/live/{name}", self.port)
    }

    /// Plays `clip` to the server at its own pace, over and over.
    pub(crate) fn publish(&self, clip: &Path, name: &str) -> Running {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-re", "-stream_loop", "-1", "-i"]).arg(clip);
        ffmpeg.args(["-c", "copy", "-f", "flv"]).arg(self.url(name));
        Running(ffmpeg.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

/// A server of Debian's gst-rtsp-server (so Debian's Python) that plays a clip to whoever asks.
pub(crate) struct Rtsp {
    _server: Running,
    pub(crate) url: String,
}

impl Rtsp {
    /// `None`, with a word, where it is not installed.
    pub(crate) fn start(clip: &Path) -> Option<Rtsp> {
        let (server, port) = rtsp("play", clip)?;
        Some(Rtsp { _server: server, url: format!("rtsp://127.0.0.1:{port}/clip") })
    }
}

/// The same server, taking what is sent to it.
pub(crate) struct RtspRecorder {
    _server: Running,
    pub(crate) url: String,
    place: PathBuf,
}

impl RtspRecorder {
    /// `None`, with a word, where it is not installed.
    pub(crate) fn start(place: PathBuf) -> Option<RtspRecorder> {
        let (server, port) = rtsp("record", &place)?;
        Some(RtspRecorder { _server: server, url: format!("rtsp://127.0.0.1:{port}/clip"), place })
    }

    /// The recording with the picture, which is the larger of the two.
    pub(crate) fn picture(&self) -> PathBuf {
        let file = |n: u8| PathBuf::from(format!("{}{n}.mkv", self.place.display()));
        let n_bytes = |path: &PathBuf| std::fs::metadata(path).map_or(0, |facts| facts.len());
        [file(0), file(1)].into_iter().max_by_key(n_bytes).expect("there are two")
    }
}

fn rtsp(what: &str, place: &Path) -> Option<(Running, u16)> {
    let port = free_port();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/streams/rtsp_server.py");
    let mut python = Command::new("/usr/bin/python3");
    python.arg(script).arg(port.to_string()).arg(what).arg(place);
    let mut server = Running(python.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    let _ = BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line);
    let mut errors = server.0.stderr.take().unwrap();
    if line.trim() != "ready" {
        let why = std::io::read_to_string(&mut errors).unwrap();
        let is_absent = why.contains("No module named") || why.contains("not available");
        assert!(is_absent, "the RTSP server does not begin: {why}");
        eprintln!("left out: gst-rtsp-server for Python is not here (script/setup packages brings it)");
        return None;
    }
    // It may say more than a pipe holds.
    std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::sink()));
    wait_for(port, "the RTSP server");
    Some((server, port))
}

/// ffmpeg, writing what it sees on the server to a file, undecoded.
pub(crate) struct Recorder {
    ffmpeg: Running,
    pub(crate) path: PathBuf,
}

impl Recorder {
    pub(crate) fn start(url: &str, path: PathBuf) -> Recorder {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-y", "-i", url, "-c", "copy", "-flush_packets", "1"]);
        ffmpeg.arg("-f").arg("flv").arg(&path);
        let ffmpeg = Running(ffmpeg.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        Recorder { ffmpeg, path }
    }

    pub(crate) fn n_bytes(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |facts| facts.len())
    }

    /// Waits until it has seen something.
    pub(crate) fn wait(&self) {
        let give_up = Instant::now() + Duration::from_secs(30);
        while self.n_bytes() < 20_000 {
            assert!(Instant::now() < give_up, "nothing comes out to be recorded");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends the recording properly.
    pub(crate) fn stop(mut self) -> PathBuf {
        crate::guarded::signal(self.ffmpeg.0.id(), "INT");
        let give_up = Instant::now() + Duration::from_secs(5);
        while self.ffmpeg.0.try_wait().unwrap().is_none() && Instant::now() < give_up {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.path.clone()
    }
}
