//! What must follow when nothing is answered any more, and when everything goes well.

use std::time::Duration;

use dialstate::{Change, DialOutcome, PeerKind, RemovalReason, Task, Timestamp};

use super::run::Run;
use super::step::Drain;
use super::{Broken, ensure, pool};
use crate::world::Event;

/// Wake-ups within one second without any answer; more is a busy loop. (Paced dials come 8 a second, of two kinds.)
const MOST_WAKES_A_SECOND: u32 = 64;
/// Wake-ups looked at.
const MOST_WAKES: u32 = 120;

/// Nobody answers: every task that was in flight is given up in time, and the dialer does not run in circles.
pub(super) fn silence(run: &mut Run) -> Result<(), Broken> {
    let now = run.book.now;
    let flying: Vec<Task> = run.book.flights.values().map(|flight| flight.task).collect();
    run.turn(true);
    run.hand(now, &Event::Tick)?;
    run.drain(Drain::Full)?;
    let end = now.saturating_add(Duration::from_secs(4 * 3_600));
    let mut second = (0, 0);
    for _ in 0..run.share_of(MOST_WAKES) {
        let Some(wake) = run.wake.filter(|wake| *wake <= end) else { break };
        run.turn(false);
        let this = wake.as_nanos() / 1_000_000_000;
        second = if second.0 == this { (this, second.1 + 1) } else { (this, 1) };
        ensure!(second.1 <= MOST_WAKES_A_SECOND, "a busy loop: {} wake-ups in second {this}", second.1);
        run.hand(wake, &Event::Tick)?;
        run.drain(Drain::Full)?;
    }
    let late = run.wake.is_none() || run.book.now > now.saturating_add(Duration::from_secs(31));
    if run.book.balanced && late {
        let left: Vec<_> = run.book.flights.values().filter(|flight| flying.contains(&flight.task)).collect();
        ensure!(left.is_empty(), "never given up: {left:?}");
    }
    Ok(())
}

/// Everything goes well: in balanced, whoever may be connected is.
pub(super) fn calm(run: &mut Run) -> Result<(), Broken> {
    if !run.book.balanced {
        return Ok(());
    }
    let now = run.book.now;
    run.hand(now, &Event::Reconfigured(Change::Dialing(true)))?;
    run.drain(Drain::Full)?;
    // The longest cooldown is 72 min; a slot is filled against diversity once a minute.
    let end = now.saturating_add(Duration::from_secs(2 * 3_600));
    for round in 0.. {
        // A dialer that knows nobody looks for somebody every four seconds.
        ensure!(round < 6_000, "no rest in {round} rounds");
        run.turn(false);
        if let Some(answer) = success(run) {
            let now = run.book.now.saturating_add(Duration::from_millis(10));
            for event in answer {
                run.hand(now, &event)?;
            }
        } else {
            let Some(wake) = run.wake.filter(|wake| *wake <= end) else { break };
            run.hand(wake, &Event::Tick)?;
        }
        run.drain(Drain::Full)?;
    }
    all_connected(run, end.saturating_sub(Duration::from_secs(1_800)))
}

/// The good answer to the first task in flight.
fn success(run: &Run) -> Option<Vec<Event>> {
    let flight = run.book.flights.values().next()?;
    Some(match flight.task {
        Task::Lookup(lookup) => vec![Event::LookupFinished { lookup, nodes: Vec::new() }],
        Task::Resolve(resolve) => {
            let addrs = pool::addrs(flight.id?[0], 0).into_iter().collect();
            vec![Event::ResolveFinished { resolve, addrs }]
        }
        Task::Dial(dial) => {
            let (id, kind, addr) =
                (flight.id?, PeerKind::Outbound(flight.kind?), flight.addrs.first().copied());
            let finished = Event::DialFinished { dial, outcome: DialOutcome::Connected, tried: Vec::new() };
            // A feeler or a peer above a lowered target would be closed again; here only bans and rules close.
            let gone = Event::PeerRemoved { id, reason: RemovalReason::Local };
            let excluded =
                addr.is_some_and(|addr| run.book.is_banned(&addr) || run.book.is_restricted(&addr));
            let added = Event::PeerAdded { id, kind, addr };
            if excluded { vec![added, finished, gone] } else { vec![added, finished] }
        }
    })
}

/// Whoever isn't connected by now can't be before something happens, or has no slot.
fn all_connected(run: &Run, end: Timestamp) -> Result<(), Broken> {
    let gauges = run.dialer.gauges();
    let room = gauges.dynamic_peers < run.book.config.dynamic_target;
    for id in pool::ids().filter(|id| room || run.book.statics.contains(id)) {
        let explanation = run.dialer.explain(&id);
        // A bootnode is dialed only when there is no outbound peer.
        let wanted = !run.book.config.bootnodes.iter().any(|bootnode| bootnode.id == id);
        let could = wanted && explanation.earliest.is_some_and(|earliest| earliest < end);
        ensure!(!could, "{} could have been connected since {end:?}: {explanation:?}", id[0]);
    }
    Ok(())
}
