//! The simulated machines, for the page, for the tests beside it, and for the fault test to compare itself with.

#[path = "bus.rs"]
pub(crate) mod bus;
#[path = "costs.rs"]
pub(crate) mod costs;
#[path = "judge.rs"]
pub(crate) mod judge;
#[path = "scenes.rs"]
pub(crate) mod scenes;
#[path = "stream.rs"]
pub(crate) mod stream;
#[path = "world.rs"]
pub(crate) mod world;
