//! A libp2p behaviour that keeps a swarm at its outbound target.

mod behaviour;
mod connections;
mod dials;
mod handler;
mod id;
#[cfg(feature = "kad")]
pub mod kad;
mod outcome;
mod recording;

pub use behaviour::{Behaviour, Event};
pub use dialstate;
pub use handler::{Handler, KeepAlive};
pub use id::{Addr, Id, node};
pub use recording::NotRecorded;

/// The config of the dialer: the target, and every constant of its rules.
pub type Config = dialstate::Config<Id, Addr>;
