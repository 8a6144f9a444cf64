//! [guide]: crate::guide
//! [guide-addresses]: crate::guide::addresses
//! [guide-coming-from]: crate::guide::coming_from
//! [guide-debugging]: crate::guide::debugging
//! [guide-driver]: crate::guide::driver
//! [guide-figures]: crate::guide::figures
//! [guide-glossary]: crate::guide::glossary
//! [guide-guarantees]: crate::guide::guarantees
//! [guide-profiles]: crate::guide::profiles
//! [guide-restarts]: crate::guide::restarts
//! [guide-sockets]: crate::guide::sockets
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
// The docs are those of all features: without them some links lead nowhere.
#![cfg_attr(not(all(feature = "std", feature = "record")), allow(rustdoc::broken_intra_doc_links))]
#![no_std]
#![forbid(unsafe_code)]

// The README's links to the guide lead to docs.rs; here, where the first definition of a link holds, they lead to these pages.
// src/guide/map.md says what lives where.

extern crate alloc;

mod address;
mod backoff;
mod bound;
mod clock;
mod collections;
mod command;
mod config;
mod dialer;
pub mod driver;
mod error;
mod event;
mod explain;
mod facts;
#[cfg(doc)]
pub mod guide;
mod network;
mod node;
mod notice;
mod peer;
mod plan;
pub mod prelude;
pub mod record;
mod refusal;
mod rules;
mod sample;
#[cfg(feature = "serde")]
mod snapshot;
mod stats;
#[cfg(feature = "std")]
mod std_clock;
mod time;

pub use address::{Address, Addrs};
pub use command::{Command, DialId, DialKind, DisconnectReason, LookupId, ResolveId, Side, Task, WakeReason};
pub use config::{
    Backoff, Churn, Config, Deadlines, Diversity, Fallback, Limits, Lookups, MAX_DURATION, Outage, Pace,
    Profile, Resolves,
};
pub use dialer::Dialer;
pub use error::{Collection, ConfigError, EventError, Inconsistency, UnknownProfile};
pub use event::{AddrOutcome, BanSubject, Change, ConnectionId, DialOutcome, Event, PeerKind, RemovalReason};
pub use explain::{Explanation, LastOutcome, NeedExplanation, Standing};
pub use network::Subnet;
pub use node::{KnownNode, Node, NodeId, Source};
pub use notice::Notice;
pub use peer::{OpenTask, Peer};
pub use refusal::Refusal;
#[cfg(feature = "serde")]
pub use snapshot::{RestoreError, Snapshot};
pub use stats::{Gauges, Outcomes, Refusals, Stats};
#[cfg(feature = "std")]
pub use std_clock::Epoch;
pub use time::Timestamp;
pub use {ipnet, rand_core};
