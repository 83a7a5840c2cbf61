//! What time is it?

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Now, to the millisecond, UTC.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millisecond(since.as_millis() as i64).unwrap_or(Timestamp::UNIX_EPOCH)
}
