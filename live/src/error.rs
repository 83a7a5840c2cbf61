//! What can go wrong between a video and its guarded copy?

use std::path::PathBuf;

/// Why no video, or no further video, comes out. Never a reason to let a frame through.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read.
    #[error("cannot read {path}: {source}\n  to do: check that the file is there and that you may read it", path = path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is larger than is sensible for its kind.
    #[error("cannot read {path}: it is larger than {bytes_max} bytes\n  to do: check that this is the right file", path = path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// The limit.
        bytes_max: u64,
    },
    /// A list has a fault; nothing of it was loaded.
    #[error("cannot load the list {path}: {source}\n  to do: ask the sender for the file again; nothing from it has been loaded", path = path.display())]
    List {
        /// Which list.
        path: PathBuf,
        /// Which line, and what is wrong.
        source: known::Error,
    },
    /// A list breaks a rule about signatures; nothing of it was loaded.
    #[error("the list {path} is not used: {rule}\n  to do: ask the sender for the file and its .sig again, over another way; nothing from it has been loaded", path = path.display())]
    Untrusted {
        /// Which list.
        path: PathBuf,
        /// Which rule.
        rule: known::TrustError,
    },
    /// A policy breaks a rule about signatures; it is not used.
    #[error("the policy {path} is not used: {rule}\n  to do: ask whoever publishes it for the latest version and its .sig, over another way", path = path.display())]
    PolicyUntrusted {
        /// Which policy.
        path: PathBuf,
        /// Which rule.
        rule: record::Refusal,
    },
    /// A key of the policy, or what is remembered of lists, cannot be used.
    #[error("cannot check who signed the lists: {what}\n  to do: {todo}")]
    Trust {
        /// What is wrong.
        what: String,
        /// What to do.
        todo: &'static str,
    },
    /// The policy cannot be used.
    #[error(
        "the policy {name} cannot be used: {source}\n  to do: mend it, or take a shipped one: child-device, messenger, livestream, test"
    )]
    Policy {
        /// Name or path.
        name: String,
        /// What is wrong.
        source: guard::Error,
    },
    /// A model that the policy names cannot be used.
    #[error("the model {name} cannot be used: {source}\n  to do: {todo}")]
    Model {
        /// Which model.
        name: String,
        /// What is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
        /// The line that mends it.
        todo: String,
    },
    /// A score rule names a class that no model reports.
    #[error(
        "the policy's score rule {rule:?} names the class {class:?}, which no model of it reports\n  to do: name one of {known}"
    )]
    ClassUnknown {
        /// The rule.
        rule: String,
        /// The class.
        class: String,
        /// What there is.
        known: String,
    },
    /// The file of streams cannot be used.
    #[error("the streams in {path} cannot be guarded: {what}\n  to do: mend the file; none of them is guarded", path = path.display())]
    Fleet {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A stream that this machine could not judge in time.
    #[error(
        "the stream {name} is refused: judging it takes {needs:.2} of a processor, and {free:.2} are free\n  to do: guard it on another machine, or at a smaller size or pace"
    )]
    TooMuch {
        /// Which stream.
        name: String,
        /// What it would take, processors.
        needs: f64,
        /// What is free, processors.
        free: f64,
    },
    /// Another guard holds the stream.
    #[error(
        "the stream {name} is guarded already\n  to do: end the guard that holds it, which `streamward status` shows"
    )]
    Leased {
        /// Which stream.
        name: String,
    },
    /// The judges could not be seated when the first frame came.
    #[error("{0}")]
    Judges(String),
    /// The media framework refuses.
    #[error("{what}: {detail}\n  to do: {todo}")]
    Media {
        /// What was tried, on which file.
        what: String,
        /// What the framework says.
        detail: String,
        /// What to do.
        todo: &'static str,
    },
    /// A part of a guarded stream ended before it began, and has said why.
    #[error("a part of the guard could not begin (code {code})")]
    Part {
        /// Its exit code.
        code: u8,
    },
    /// A YUV4MPEG stream is not one, or is cut off.
    #[error(
        "the video on standard input cannot be read: {0}\n  to do: send YUV4MPEG2 with 4:2:0 chroma, as `ffmpeg -pix_fmt yuv420p -f yuv4mpegpipe -` writes it"
    )]
    Y4m(String),
    /// What another program sent about a frame is no message of ours.
    #[error("a message about a frame cannot be read: {0}\n  to do: check that both programs are of one version")]
    Wire(&'static str),
    /// The output could not be written.
    #[error("cannot write {path}: {source}\n  to do: check the free space and that you may write there; nothing was left under that name", path = path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}
