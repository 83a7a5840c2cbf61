//! The program streamward-guard.
fn main() {}
