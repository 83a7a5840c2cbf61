//! Video that moves, guarded: the GStreamer elements and the program streamward-guard
