//! Is this picture or video already known?
