#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

// The map. Data flows one way, event -> ledger -> plan -> command:
//
//   dialer      the only door: `handle`, `poll`, `explain`
//   apply       what each event does to the ledger
//   ledger/     the facts: nodes, statics, peers, attempts, lookups, bans, groups, and the one timer queue
//   check       may this node be dialed? every rule that refuses, in one place
//   plan/       which command is next: `classic` and `balanced`, side by side over the same ledger
//
//   clock       the door's two timelines; snapshot: saving all of it, and going on from there
//
// What goes through the door: event, command, node, address, network, time, config, error, explain, refusal, notice,
// stats. Arithmetic: backoff (cooldowns, jitter), sample (draws of fixed width).

extern crate alloc;

mod address;
mod apply;
mod backoff;
mod check;
mod clock;
mod command;
mod config;
mod dialer;
mod error;
mod event;
mod explain;
mod ledger;
mod network;
mod node;
mod notice;
mod plan;
pub mod record;
mod refusal;
mod sample;
#[cfg(feature = "serde")]
mod snapshot;
mod stats;
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
pub use refusal::Refusal;
#[cfg(feature = "serde")]
pub use snapshot::{RestoreError, Snapshot};
pub use stats::{Gauges, Outcomes, Refusals, Stats};
pub use time::Timestamp;
pub use {ipnet, rand_core};
