//! What the crate has for drivers: races of addresses, the connections of a peer, and both around a dialer.

mod race;
mod runner;
mod sessions;

use dialstate::{DialOutcome, Timestamp};
use proptest::prelude::*;

type Id = [u8; 1];

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn outcome() -> impl Strategy<Value = DialOutcome> {
    prop::sample::select(vec![
        DialOutcome::Connected,
        DialOutcome::Refused,
        DialOutcome::TimedOut,
        DialOutcome::Unreachable,
        DialOutcome::HandshakeFailed,
        DialOutcome::WrongIdentity,
        DialOutcome::TooManyPeers,
        DialOutcome::Useless,
        DialOutcome::LocalError,
    ])
}
