//! The elements of `live` as a plugin that `gst-inspect-1.0` shows and `gst-launch-1.0` runs.

#![allow(missing_docs, reason = "the macro below writes C symbols")]

use live::element::register;

gst::plugin_define!(
    streamward,
    env!("CARGO_PKG_DESCRIPTION"),
    register,
    env!("CARGO_PKG_VERSION"),
    "Apache 2.0",
    "streamward",
    "streamward",
    "https://example.invalid/streamward",
    "2026-11-24"
);
