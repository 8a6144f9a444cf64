//! A dialer that is handed events one by one, for tests of what it says.

use std::net::SocketAddr;

use dialstate::{Node, Timestamp};
use dialstate_proptests::world::{Command, Config, Dialer, Event, Id};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

/// An instant, in seconds.
pub(crate) const fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

/// A dialer of `balanced`, with what `change` changes.
pub(crate) fn dialer(change: impl FnOnce(&mut Config)) -> Dialer {
    let mut config = Config::balanced();
    change(&mut config);
    Dialer::new([0; 32], config, ChaCha8Rng::seed_from_u64(1), at(0)).unwrap()
}

/// A node with a public address.
pub(crate) fn node(n: u8) -> Node<Id, SocketAddr> {
    Node::new([n; 32], [([20, n, 0, 1], 30_303).into()])
}

/// Hands an event in, and drains; returns the commands but for the `Sleep`.
pub(crate) fn step(dialer: &mut Dialer, seconds: u64, event: Event) -> Vec<Command> {
    let mut commands = Vec::new();
    dialer.step(at(seconds), event, &mut commands).unwrap();
    commands.pop();
    commands
}
