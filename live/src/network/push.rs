//! How do tags get from the keeper to the server's socket?
//!
//! As they are, or in another container; never decoded. Where the keeper sends nothing fresh the cover goes round
//! ([`super::outgoing`]). A server that goes away is called again, with growing pauses; nothing waits for it.

use std::io::{Read, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_app::AppSrc;

use super::outgoing::Outgoing;
use super::tag::FLV_HEADER;
use super::{BEAT, Backoff, Protocol, Record, make, now_ms, stop, unfit, without_secrets};
use crate::Error;
use crate::sandbox::{self, Room};

/// What waits for a slow server, bytes. More than this and the connection is given up.
const WAITING_MAX: u64 = 8 << 20;

/// Pushes until the keeper is gone.
///
/// # Errors
/// When the elements for the protocol are missing or the sandbox cannot be closed.
pub(crate) fn run(url: &str) -> Result<(), Error> {
    let protocol = Protocol::of(url)?;
    crate::start_media()?;
    // Made once before the sandbox closes, so that the code is loaded.
    let _ = Connection::new(protocol, url)?;
    sandbox::close(Room::Ingress)?;
    let heard = listen(std::io::stdin());
    let mut push = Push {
        protocol,
        url,
        outgoing: Outgoing::default(),
        connection: None,
        backoff: Backoff::default(),
        call_at: None,
    };
    let mut beat_at = Instant::now();
    loop {
        match heard.recv_timeout(Duration::from_millis(20)) {
            Ok(record) => {
                let tags = push.outgoing.hear(record, now_ms());
                push.send(tags);
            }
            Err(RecvTimeoutError::Timeout) => (),
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        push.step();
        if beat_at.elapsed() >= BEAT {
            beat_at = Instant::now();
            let text = format!(r#"{{"connected":{},"spare":{}}}"#, push.is_connected(), push.outgoing.is_spare());
            let mut out = std::io::stdout();
            if Record::Beat(text).write(&mut out).and_then(|()| out.flush()).is_err() {
                return Ok(());
            }
        }
    }
}

/// Reads records on a thread of its own; the channel closes with the pipe, or at the first thing that is no record.
pub(crate) fn listen(mut from: impl Read + Send + 'static) -> Receiver<Record> {
    let (sender, receiver) = mpsc::sync_channel(256);
    std::thread::spawn(move || {
        while let Ok(Some(record)) = Record::read(&mut from) {
            if sender.send(record).is_err() {
                return;
            }
        }
    });
    receiver
}

struct Push<'a> {
    protocol: Protocol,
    url: &'a str,
    outgoing: Outgoing,
    connection: Option<Connection>,
    backoff: Backoff,
    call_at: Option<Instant>,
}

impl Push<'_> {
    fn is_connected(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.n_sent > 0)
    }

    fn send(&mut self, tags: Vec<Vec<u8>>) {
        if tags.is_empty() {
            return;
        }
        if self.connection.is_none() && self.call_at.is_none_or(|at| at <= Instant::now()) {
            match Connection::new(self.protocol, self.url) {
                Ok(connection) => {
                    self.connection = Some(connection);
                    self.outgoing.reconnected();
                }
                Err(error) => self.lost(&error.to_string()),
            }
            // These tags began in the middle; what a player needs first comes with the next.
            return;
        }
        let failed = match &mut self.connection {
            Some(connection) => tags.into_iter().find_map(|tag| connection.send(tag).err()),
            None => None,
        };
        if let Some(why) = failed {
            self.lost(&why);
        }
    }

    fn step(&mut self) {
        if let Some(why) = self.connection.as_ref().and_then(Connection::trouble) {
            self.lost(&why);
        }
        let tags = self.outgoing.tick(now_ms());
        self.send(tags);
    }

    fn lost(&mut self, why: &str) {
        if self.connection.take().is_some_and(|connection| connection.began.elapsed() > Duration::from_secs(10)) {
            self.backoff = Backoff::default();
        }
        let pause = self.backoff.next();
        eprintln!("{} takes no video ({why}); trying again in {:.2} s", without_secrets(self.url), pause.as_secs_f64());
        self.call_at = Some(Instant::now() + pause);
        self.outgoing.reconnected();
    }
}

/// One connection to the server.
struct Connection {
    pipeline: gst::Pipeline,
    source: AppSrc,
    began: Instant,
    n_sent: u64,
}

impl Connection {
    fn new(protocol: Protocol, url: &str) -> Result<Connection, Error> {
        let pipeline = gst::Pipeline::new();
        let caps = gst::Caps::builder("video/x-flv").build();
        let source = AppSrc::builder().caps(&caps).format(gst::Format::Bytes).max_bytes(WAITING_MAX).build();
        let sink = match protocol {
            Protocol::Rtmp => make("rtmp2sink")?,
            Protocol::Srt => make("srtsink")?,
            Protocol::Rtsp => make("rtspclientsink")?,
        };
        let place = if protocol == Protocol::Srt { "uri" } else { "location" };
        sink.set_property(place, url);
        pipeline.add_many([source.upcast_ref(), &sink]).map_err(unfit)?;
        match protocol {
            Protocol::Rtmp => {
                sink.set_property("async", false);
                sink.set_property("sync", false);
                source.link(&sink).map_err(unfit)?;
            }
            Protocol::Srt => {
                sink.set_property("async", false);
                sink.set_property("sync", false);
                sink.set_property("wait-for-connection", false);
                let mux = make("mpegtsmux")?;
                mux.set_property("alignment", 7i32);
                pipeline.add(&mux).map_err(unfit)?;
                mux.link(&sink).map_err(unfit)?;
                remux(&pipeline, &source, &mux)?;
            }
            Protocol::Rtsp => remux(&pipeline, &source, &sink)?,
        }
        Ok(Connection { pipeline, source, began: Instant::now(), n_sent: 0 })
    }

    /// Why the connection is lost, if it is.
    fn trouble(&self) -> Option<String> {
        let bus = self.pipeline.bus().expect("a pipeline has a bus");
        if let Some(message) = bus.pop_filtered(&[gst::MessageType::Error, gst::MessageType::Eos]) {
            return Some(match message.view() {
                gst::MessageView::Error(error) => error.error().message().to_owned(),
                _ => "the server ended it".into(),
            });
        }
        (self.source.current_level_bytes() > WAITING_MAX).then(|| "it is too slow".into())
    }

    fn send(&mut self, tag: Vec<u8>) -> Result<(), String> {
        if self.n_sent == 0 {
            // A failure to start is told on the bus.
            let _ = self.pipeline.set_state(gst::State::Playing);
            self.source.push_buffer(gst::Buffer::from_slice(FLV_HEADER)).map_err(|error| error.to_string())?;
        }
        self.n_sent += 1;
        match self.source.push_buffer(gst::Buffer::from_slice(tag)) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.trouble().unwrap_or_else(|| error.to_string())),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        stop(&self.pipeline);
    }
}

/// Takes the encoded picture and sound out of FLV and gives them to another container.
fn remux(pipeline: &gst::Pipeline, source: &AppSrc, to: &gst::Element) -> Result<(), Error> {
    let demux = make("flvdemux")?;
    pipeline.add(&demux).map_err(unfit)?;
    source.link(&demux).map_err(unfit)?;
    let parsers = [("video", make("h264parse")?), ("audio", make("aacparse")?)];
    for (_, parser) in &parsers {
        let queue = make("queue")?;
        pipeline.add_many([parser, &queue]).map_err(unfit)?;
        gst::Element::link_many([parser, &queue, to]).map_err(unfit)?;
    }
    parsers[0].1.set_property("config-interval", -1i32);
    demux.connect_pad_added(move |_, pad| {
        let parser = parsers.iter().find(|(kind, _)| pad.name() == *kind).map(|(_, parser)| parser);
        let is_joined = parser.and_then(|parser| parser.static_pad("sink")).is_some_and(|to| pad.link(&to).is_ok());
        if !is_joined {
            eprintln!("a stream could not be sent on");
        }
    });
    Ok(())
}
