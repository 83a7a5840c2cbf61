//! Does the element end whenever it is told to?

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use gst::prelude::*;

const N_ROUNDS: u64 = 120;

/// A frame that comes while the pipeline is being stopped must not start the judges again: it would wait for nobody.
#[test]
fn a_pipeline_is_stopped_at_any_moment() {
    gst::init().unwrap();
    live::element::register_for(None).unwrap();
    let (ended, heard) = mpsc::channel();
    thread::spawn(move || {
        for round in 0..N_ROUNDS {
            let line = "videotestsrc ! video/x-raw,format=I420,width=160,height=120 ! queue ! \
                        streamwardguard policy=test threads=2 ! fakesink sync=false";
            let pipeline = gst::parse::launch(line).unwrap();
            pipeline.set_state(gst::State::Playing).unwrap();
            thread::sleep(Duration::from_micros(round * 7919 % 60_000));
            pipeline.set_state(gst::State::Null).unwrap();
            ended.send(round).unwrap();
        }
    });
    for round in 0..N_ROUNDS {
        let ended = heard.recv_timeout(Duration::from_secs(30));
        assert_eq!(ended, Ok(round), "this round did not end");
    }
}
