#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

// The map. Data flows one way, event -> facts -> plan -> command:
//
//   dialer        the only door: `handle`, `poll`, questions
//   facts/        what is the case, and where each node waits: one type a file, with walls
//   rules         may a node be dialed, may an attempt go on, may a peer stay: the only place that refuses
//   plan/         which command is next, and what follows from what has happened: one policy beside the other
//   collections/  the containers that all of this is made of; they know no node
//
//   driver/       for the program around it: races of addresses, connections of peers; std_clock: its clock and errors
//
//   clock         the door's two timelines; snapshot: saving all of it, and going on from there; bound: its memory
//
// What goes through the door: event, command, node, peer, address, network, time, config/, error, explain, refusal, notice,
// stats. Recording what goes through it: record/. Arithmetic: backoff (delays, jitter), sample (draws of fixed width).

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
pub use error::{Collection, ConfigError, EventError, Inconsistency};
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
