//! The names that most drivers need, under names that don't collide with those of other networking crates: discv5, libp2p and
//! others have a `NodeId`, an `Event`, a `Config` or a `Node` of their own.
//!
//! ```
//! use dialstate::prelude::*;
//!
//! let config = DialerConfig::<[u8; 32], std::net::SocketAddr>::default().with_dynamic_target(8);
//! let told: DialerEvent<[u8; 32], std::net::SocketAddr> = DialerEvent::Tick;
//! ```

pub use crate::address::{Address as DialAddress, Addrs};
pub use crate::command::{
    Command as DialerCommand, DialId, DialKind, DisconnectReason, LookupId, ResolveId, Side, Task,
};
pub use crate::config::Config as DialerConfig;
pub use crate::dialer::Dialer;
pub use crate::driver::{Race, RaceStep, Runner, RunnerStep, Sessions};
pub use crate::error::EventError;
pub use crate::event::{AddrOutcome, DialOutcome, Event as DialerEvent, PeerKind, RemovalReason};
pub use crate::node::{Node as DialNode, NodeId as DialNodeId, Source};
#[cfg(feature = "std")]
pub use crate::std_clock::Epoch;
pub use crate::time::Timestamp;
