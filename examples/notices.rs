//! Notices of a dialer as events of `tracing`.
//!
//! ```text
//! cargo run --example notices
//! ```
//!
//! The host of this program is offline for its first minutes, and suspended later; no connection is ever opened.
//! Notices say what an operator should know: log them as warnings where something is wrong, otherwise as information.
#![allow(clippy::std_instead_of_core, clippy::wildcard_enum_match_arm, reason = "a program")]

use std::error::Error;
use std::net::SocketAddr;

use dialstate::{Command, Config, DialOutcome, Dialer, Event, Node, Notice, Source, Timestamp};
use dialstate_proptests::ChaCha8Rng;
use rand_core::SeedableRng;
use tracing::{info, warn};

type Id = [u8; 4];
type Dialing = Dialer<Id, SocketAddr, ChaCha8Rng>;

/// Logs all notices since the last time; call it after each drain. The field `at` is the dialer's own time.
fn log(dialer: &mut Dialing) {
    let at = dialer.now();
    while let Some(notice) = dialer.next_notice() {
        match &notice {
            Notice::Online | Notice::DiversityRelaxed { .. } | Notice::KnownNodeForgotten { .. } => {
                info!(target: "dialstate", %at, "{notice}")
            }
            Notice::RequestEnded { id, .. } => info!(target: "dialstate", %at, node = ?id, "{notice}"),
            Notice::StaticParked { id, .. }
            | Notice::StaticDeleted { id, .. }
            | Notice::RequestDropped { id, .. } => {
                warn!(target: "dialstate", %at, node = ?id, "{notice}");
            }
            // What a later version adds is worth knowing, too.
            _ => warn!(target: "dialstate", %at, "{notice}"),
        }
    }
}

/// The answer of a network that works from the third minute on.
fn answer(
    dialer: &mut Dialing,
    now: Timestamp,
    command: Command<Id, SocketAddr>,
) -> Result<(), Box<dyn Error>> {
    let Command::Dial { dial, node, .. } = command else { return Ok(()) };
    let (online, tried) = (now >= Timestamp::from_secs(180), Vec::new());
    let answer = match online {
        true => Event::DialConnected { dial, addr: node.addrs.first().copied(), tried },
        false => Event::DialFinished { dial, outcome: DialOutcome::Unreachable, tried },
    };
    dialer.handle(now, answer)?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().without_time().with_ansi(false).init();
    let mut config = Config::default();
    config.restrict = Some(vec!["0.0.0.0/1".parse()?]);
    config.discovery = false;
    let rng = ChaCha8Rng::seed_from_u64(1);
    let mut dialer = Dialing::new([0; 4], config, rng, Timestamp::ZERO)?;
    for n in 1..=20 {
        let node = Node::new([n; 4], [SocketAddr::from(([20, n, 0, 1], 30303))]);
        dialer.handle(Timestamp::ZERO, Event::NodeDiscovered { node, source: Source(0), vouched: false })?;
    }
    let outside = Node::new([99; 4], [SocketAddr::from(([200, 0, 0, 1], 30303))]);
    dialer.handle(Timestamp::ZERO, Event::StaticAdded(outside))?;

    let suspended = Timestamp::from_secs(600);
    let mut now = Timestamp::ZERO;
    while now < suspended {
        let until = loop {
            match dialer.poll() {
                Command::Sleep { until, .. } => break until,
                command => answer(&mut dialer, now, command)?,
            }
        };
        log(&mut dialer);
        now = until.unwrap_or(suspended).min(suspended);
        dialer.handle(now, Event::Tick)?;
    }
    // A peer is lost, and before its next dial the host is suspended for an hour.
    let id = [1; 4];
    dialer.handle(now, Event::PeerRemoved { id, reason: dialstate::RemovalReason::Closed })?;
    while !matches!(dialer.poll(), Command::Sleep { .. }) {}
    dialer.handle(now.saturating_add(std::time::Duration::from_secs(3_600)), Event::Tick)?;
    log(&mut dialer);
    Ok(())
}
