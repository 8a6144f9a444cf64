//! What every command, and every state after a drain, must comply with.

use std::collections::BTreeSet;

use dialstate::{
    Address, BanSubject, DialKind, Explanation, PeerKind, Profile, Refusal, Standing, Task, Timestamp,
};

use super::book::Book;
use super::{Broken, ensure, pool};
use crate::world::{Command, Dialer, Id, Node};

/// Checks a command against the books, which don't hold it yet.
pub(super) fn command(book: &Book, command: &Command) -> Result<(), Broken> {
    let limits = &book.config.deadlines;
    let begins = matches!(command, Command::Dial { .. } | Command::Resolve { .. } | Command::Lookup { .. });
    ensure!(!begins || book.config.dialing, "dialing is off");
    match command {
        Command::Dial { node, kind, deadline, .. } => {
            let due = limits.dial.map(|limit| book.now.saturating_add(limit));
            ensure!(*deadline == due, "a dial has the deadline {deadline:?}, not {due:?}");
            dial(book, node, *kind)
        }
        Command::Resolve { id, deadline, .. } => {
            let due = limits.resolve.map(|limit| book.now.saturating_add(limit));
            ensure!(*deadline == due, "a resolve has the deadline {deadline:?}, not {due:?}");
            ensure!(book.flight_of(id).is_none(), "two attempts for {}", id[0]);
            ensure!(book.config.discovery, "a resolve without discovery");
            Ok(())
        }
        Command::Lookup { deadline, .. } => {
            let due = limits.lookup.map(|limit| book.now.saturating_add(limit));
            ensure!(*deadline == due, "a lookup has the deadline {deadline:?}, not {due:?}");
            ensure!(book.lookup().is_none(), "two lookups");
            ensure!(book.config.discovery, "a lookup without discovery");
            Ok(())
        }
        Command::Disconnect { id, .. } => {
            ensure!(book.peers.contains_key(id), "{} is to be disconnected, and isn't connected", id[0]);
            Ok(())
        }
        Command::Sleep { until, .. } => {
            ensure!(until.is_none_or(|until| until > book.now), "Sleep until {until:?} at {:?}", book.now);
            Ok(())
        }
        Command::Cancel(_) => Ok(()),
    }
}

fn dial(book: &Book, node: &Node, kind: DialKind) -> Result<(), Broken> {
    let n = node.id[0];
    ensure!(node.id != pool::ME, "a dial to oneself");
    ensure!(book.flight_of(&node.id).is_none(), "two attempts for {n}");
    ensure!(!book.bans.contains_key(&BanSubject::Id(node.id)), "{n} is dialed, and its id is banned");
    ensure!(!node.addrs.is_empty(), "{n} is dialed without an address");
    ensure!(node.addrs.len() <= book.config.max_addrs as usize, "{n} is dialed at too many addresses");
    let distinct: BTreeSet<_> = node.addrs.iter().collect();
    ensure!(distinct.len() == node.addrs.len(), "{n} is dialed at one address twice: {:?}", node.addrs);
    ensure!(
        node.addrs.iter().all(Address::is_dialable),
        "{n} is dialed where nobody can be: {:?}",
        node.addrs
    );
    if !book.balanced && book.resolved.contains(&node.id) {
        // go-ethereum dials whatever a resolve brings, whatever has happened meanwhile.
        return Ok(());
    }
    ensure!(!book.peers.contains_key(&node.id), "{n} is dialed as {kind:?}, and connected");
    // In scheduler a static node that is ready to be dialed stays so, whatever handshake begins.
    let pending = book.is_pending(&node.id) && !(book.is_scheduler() && kind == DialKind::Static);
    ensure!(!pending, "{n} is dialed as {kind:?}, and connecting to us");
    for addr in &node.addrs {
        ensure!(!book.is_banned(addr), "{n} is dialed at {addr}, which is banned");
        ensure!(!book.is_restricted(addr), "{n} is dialed at {addr}, which the restrict list excludes");
    }
    if book.balanced { room(book, node.id, kind) } else { Ok(()) }
}

/// Which budget a dial is in: static, dynamic, or the one extra slot.
const fn budget(kind: DialKind) -> &'static str {
    match kind {
        DialKind::Static | DialKind::Requested => "static",
        DialKind::Dynamic | DialKind::Bootnode => "dynamic",
        DialKind::Feeler | DialKind::Reunion => "feeler",
    }
}

/// Which budget a peer is in that was dialed so.
fn budget_of_peer(kind: DialKind) -> &'static str {
    if kind == DialKind::Reunion { "dynamic" } else { budget(kind) }
}

/// Conservation: a slot for everybody who is dialed.
fn room(book: &Book, id: Id, kind: DialKind) -> Result<(), Broken> {
    let of_budget = |of: DialKind| budget(of) == budget(kind);
    let flights = book.flights.values().filter(|flight| flight.kind.is_some_and(of_budget));
    let active: BTreeSet<Id> = flights.filter_map(|flight| flight.id).chain([id]).collect();
    let config = &book.config;
    let name = budget(kind);
    let most = match name {
        "static" => config.pace.static_active,
        "dynamic" => config.max_active_dials,
        _ => 1,
    };
    // A limit that was lowered is met by waiting; an attempt that had begun may go on; a bootnode may come on top.
    let goes_on = book.resolved.contains(&id);
    let bootnode = book.flights.values().any(|flight| flight.kind == Some(DialKind::Bootnode));
    let most = most.saturating_add(u32::from(bootnode || kind == DialKind::Bootnode));
    ensure!(
        goes_on || active.len() <= most as usize,
        "{} {name} attempts of {most}: {active:?}",
        active.len()
    );
    if name == "static" {
        return Ok(());
    }
    let most = if name == "dynamic" { config.dynamic_target } else { 1 };
    let holds = |kind: &PeerKind| matches!(kind, PeerKind::Outbound(kind) if budget_of_peer(*kind) == name);
    let peers = book.peers.iter().filter(|(_, kind)| holds(kind)).map(|(id, _)| *id);
    // A dynamic dial that has taken long holds no slot.
    let slow = |id: &Id| {
        let mut dials = book.flights.values().filter(|flight| flight.id == Some(*id));
        let long = |since: Timestamp| book.now.saturating_since(since) >= config.pace.slow_after;
        name == "dynamic" && dials.any(|flight| matches!(flight.task, Task::Dial(_)) && long(flight.since))
    };
    let held: BTreeSet<Id> = active.into_iter().filter(|id| !slow(id)).chain(peers).collect();
    ensure!(
        held.len() <= most as usize,
        "{} is dialed as {kind:?}: {} {name} peers and attempts of {most}",
        id[0],
        held.len()
    );
    Ok(())
}

/// Checks explanations against the books. `drained`: whether the last drain was complete.
pub(super) fn explanations(book: &Book, dialer: &Dialer, drained: bool) -> Result<(), Broken> {
    let scheduler = dialer.config().profile() == Profile::Scheduler;
    let mut attempts = 0;
    for id in pool::ids() {
        let Explanation { refusals, standing, .. } = dialer.explain(&id);
        let has = |of: fn(&Refusal) -> bool| refusals.iter().any(of);
        let same = |name, told: bool, fact: bool| {
            ensure!(told == fact, "{}: explain says {name}: {told}, the facts: {fact}; {refusals:?}", id[0]);
            Ok(())
        };
        same("OwnId", has(|r| matches!(r, Refusal::OwnId)), id == pool::ME)?;
        same("Connected", has(|r| matches!(r, Refusal::Connected)), book.peers.contains_key(&id))?;
        // Whoever is in the pool of `scheduler` is dialed whatever handshake has begun.
        let pooled = scheduler && standing == Standing::Static;
        let pending = book.is_pending(&id) && !pooled;
        same("InboundPending", has(|r| matches!(r, Refusal::InboundPending { .. })), pending)?;
        let ban = book.bans.get(&BanSubject::Id(id));
        let told = refusals
            .iter()
            .find_map(|r| if let Refusal::BannedId { until } = r { Some(until) } else { None });
        ensure!(told == ban, "{}: explain says banned: {told:?}, the facts: {ban:?}", id[0]);
        let attempt = has(|r| matches!(r, Refusal::InAttempt { .. }));
        attempts += u32::from(attempt);
        if drained {
            let flies = book.flight_of(&id).is_some();
            ensure!(!flies || attempt, "{} is in flight, and explain does not say so", id[0]);
            ensure!(
                !attempt || flies || book.between.contains(&id),
                "{} is in an attempt without a task",
                id[0]
            );
        }
    }
    let counted = dialer.gauges();
    let told = counted.static_attempts + counted.dynamic_attempts + counted.revalidations;
    let feelers = u32::from(book.config.feeler_interval.is_some());
    ensure!((told..=told + feelers).contains(&attempts), "gauges count {told} attempts, explain {attempts}");
    Ok(())
}

/// Checks gauges against the books.
pub(super) fn gauges(book: &Book, dialer: &Dialer) -> Result<(), Broken> {
    let gauges = dialer.gauges();
    let same = |name, told: u32, counted: usize| {
        ensure!(told as usize == counted, "gauge {name} is {told}, counted: {counted}");
        Ok(())
    };
    let peers = |of: fn(&PeerKind) -> bool| book.peers.values().filter(|kind| of(kind)).count();
    same("inbound", gauges.inbound_peers, peers(|kind| *kind == PeerKind::Inbound))?;
    let fixed = peers(|kind| {
        matches!(kind, PeerKind::External)
            || matches!(kind, PeerKind::Outbound(kind) if budget_of_peer(*kind) == "static")
    });
    same("static_peers", gauges.static_peers, fixed)?;
    let dynamic =
        peers(|kind| matches!(kind, PeerKind::Outbound(kind) if budget_of_peer(*kind) == "dynamic"));
    same("dynamic_peers", gauges.dynamic_peers, dynamic)?;
    same("statics", gauges.statics, book.statics.len())?;
    same("inbound_pending", gauges.inbound_handshakes, book.pending())?;
    same("bans", gauges.bans, book.bans.len())?;
    let limits = &book.config.limits;
    ensure!(gauges.good <= limits.good, "{} good nodes of {}", gauges.good, limits.good);
    let others = gauges.known - gauges.good;
    // Static nodes, peers and those in an attempt are never evicted, and may exceed the cap when one loses its
    // place among the good ones.
    let kept = gauges.inbound_peers + gauges.static_peers + gauges.dynamic_peers + gauges.statics;
    let kept = kept + gauges.static_attempts + gauges.dynamic_attempts;
    ensure!(others <= limits.others + kept, "{others} other nodes of {} + {kept}", limits.others);
    Ok(())
}

/// After a complete drain: nothing is overdue, and no cancel is owed.
pub(super) fn rest(book: &Book, until: Option<Timestamp>) -> Result<(), Broken> {
    let overdue = book.flights.values().find(|flight| flight.deadline.is_some_and(|at| at <= book.now));
    ensure!(overdue.is_none(), "overdue at {:?}, and not cancelled: {overdue:?}", book.now);
    ensure!(book.ended.is_empty(), "ended, and not cancelled: {:?}", book.ended);
    let flying = book.flights.values().next().filter(|_| !book.config.dialing);
    ensure!(flying.is_none(), "dialing is off, and it is not cancelled: {flying:?}");
    let flying = book.flights.values().filter_map(|flight| flight.deadline).min();
    ensure!(flying.is_none_or(|at| until.is_some_and(|until| until <= at)), "sleeps over a deadline");
    Ok(())
}

/// After a complete drain, in balanced: whoever may be dialed is not forgotten.
pub(super) fn not_forgotten(book: &Book, dialer: &Dialer, until: Option<Timestamp>) -> Result<(), Broken> {
    if !book.balanced {
        return Ok(());
    }
    let gauges = dialer.gauges();
    let config = &book.config;
    let static_room = gauges.static_attempts < config.pace.static_active;
    let held = gauges.dynamic_attempts - gauges.slow_dials;
    let dynamic_room = gauges.dynamic_peers + held < config.dynamic_target
        && gauges.dynamic_attempts < config.max_active_dials;
    for id in pool::ids() {
        let room = if book.statics.contains(&id) { static_room } else { dynamic_room };
        let explanation = dialer.explain(&id);
        // A bootnode is dialed only when there is no outbound peer.
        let wanted = room && !config.bootnodes.iter().any(|bootnode| bootnode.id == id);
        let Some(earliest) = explanation.earliest.filter(|_| wanted) else { continue };
        // Pace, a pause after local errors, or the next probe: 30 s at most. Who waits for room at one address is
        // looked at again when diversity would be relaxed, if another one has room.
        let crowded = config.diversity.as_ref().filter(|_| explanation.standing == Standing::Crowded);
        let wait = crowded.map_or(config.backoff.local_pause_max, |limits| limits.relax_after);
        let latest = earliest.max(book.now).saturating_add(wait);
        ensure!(
            until.is_some_and(|until| until <= latest),
            "{} may be dialed at {earliest:?}, and the dialer sleeps until {until:?}: {explanation:?}",
            id[0]
        );
    }
    Ok(())
}

/// Balanced: peers are missing, nobody is ready, and no lookup is under way. That lasts as long as the interval at most.
pub(super) fn is_hungry(book: &Book, dialer: &Dialer) -> bool {
    let gauges = dialer.gauges();
    let short = gauges.dynamic_peers < book.config.dynamic_target && gauges.ready == 0;
    book.balanced && book.config.dialing && book.config.discovery && short && book.lookup().is_none()
}
