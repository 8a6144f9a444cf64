//! What is checked of each command, and after each drain.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use dialstate::{DialKind, Refusal, Timestamp};

use super::Network;
use super::wire::State;
use crate::world::{Id, Node};

/// Everything held in two forms is compared once in so many drains.
const VERIFY: u64 = 64;

impl Network {
    /// A dial goes to nobody who is banned, excluded, connected, connecting or dialed already, and to anchors first.
    pub(super) fn check_dial(&mut self, host: usize, node: &Node, kind: DialKind) {
        let this = &self.hosts[host];
        let (id, now) = (node.id, this.dialer.now());
        let told = || format!("host {host} dials {node:?} ({kind:?}) at {}: {:?}", self.now, this.rules);
        assert!(!node.addrs.is_empty(), "{}", told());
        let excluded = node.addrs.iter().any(|addr| this.rules.excludes(id, Some(*addr), now));
        assert!(!excluded, "{}", told());
        let busy = this.live.iter().map(|connection| &self.connections[*connection]).any(|c| {
            // Where a clock goes ahead, a handshake expires that has hardly begun.
            let expired = (c.ends[1], c.state[1]) == (host, State::Pending) && c.expires <= now;
            self.hosts[c.other(host)].id == id && !expired
        });
        let lives = this.tasks.orphans.values().any(|(dialed, _)| *dialed == id);
        let resolves = this.tasks.resolves.values().any(|resolved| *resolved == id);
        assert!(!(busy || lives || resolves), "{}", told());
        assert!(kind != DialKind::Feeler || this.config.feeler_interval.is_some(), "{}", told());
        if kind == DialKind::Dynamic && !this.anchors.is_empty() {
            assert!(this.anchors.contains(&id), "{:?} come first: {}", this.anchors, told());
            self.hosts[host].anchors.retain(|anchor| *anchor != id);
            self.note("anchor dialed");
        }
    }

    /// What a refused request names as the reason is the case.
    pub(super) fn check_refusal(&self, host: usize, id: Id, refusal: Refusal) {
        let this = &self.hosts[host];
        let now = this.dialer.now();
        let other = self.position(id);
        let addr = self.hosts[other].addr;
        let so = match refusal {
            Refusal::Connected => self.peers(host).contains(&other),
            Refusal::InAttempt { .. } => !self.is_idle(host, id),
            Refusal::InboundPending { .. } => self.is_connecting(other, host),
            Refusal::BannedId { .. } => this.rules.bans_id(id, now),
            Refusal::BannedNetwork { .. } => this.rules.bans_addr(addr, now),
            Refusal::Restricted => this.rules.restricts(addr),
            _ => false,
        };
        assert!(so, "host {host} may not dial {other} at {}: {refusal:?}, {:?}", self.now, this.rules);
    }

    /// A request that was accepted is under way at once, while there is a slot.
    pub(super) fn check_request(&self, host: usize, id: Id) {
        let this = &self.hosts[host];
        let full = this.dialer.gauges().static_attempts >= this.config.pace.static_active;
        assert!(
            full || !self.is_idle(host, id),
            "host {host} forgot a request: {:?}",
            this.dialer.explain(&id)
        );
    }

    /// It sleeps, but not over the end of a ban.
    pub(super) fn check_sleep(&self, host: usize, until: Option<Timestamp>) {
        let this = &self.hosts[host];
        let now = this.dialer.now();
        assert!(until.is_none_or(|until| until > now), "host {host} sleeps until {until:?}");
        let end = this.rules.next_end(now);
        let over = end.is_some_and(|end| until.is_none_or(|until| until > end));
        assert!(!over, "host {host} sleeps until {until:?}, over {end:?}");
    }

    /// What the dialer counts is what the driver has, no limit is exceeded, and nobody is excluded.
    pub(super) fn check(&mut self, host: usize) {
        self.forget_ended(host);
        let this = &self.hosts[host];
        let gauges = this.dialer.gauges();
        let peers = self.peers(host);
        let dials = self.dials(host);
        let told =
            || format!("host {host} at {}: {gauges:?}, {peers:?}, {dials:?}, {:?}", self.now, this.tasks);
        // A feeler that is being closed is in no gauge.
        let counted = (gauges.inbound_peers + gauges.static_peers + gauges.dynamic_peers) as usize;
        let feelers = self.up_as(host, |kind, _| kind == DialKind::Feeler);
        assert!(counted <= peers.len() && peers.len() <= counted + feelers, "{}", told());
        assert!(this.polite || feelers == 0, "{}", told());
        let extra = |kind| matches!(kind, DialKind::Feeler | DialKind::Reunion);
        let feelers = dials.iter().filter(|(_, kind)| extra(*kind)).count();
        assert!(feelers <= 1, "{}", told());
        let dialing = dials.len() - feelers + this.tasks.resolves.len() + this.tasks.owed.len();
        let attempts = gauges.static_attempts + gauges.dynamic_attempts + gauges.revalidations;
        assert_eq!(attempts as usize, dialing, "{}", told());
        // Above a lower target or limit nothing begins any more, and what is under way ends in its own time.
        let slots = gauges.dynamic_peers + gauges.dynamic_attempts - gauges.slow_dials;
        let before = if this.polite { this.slots } else { 0 };
        let dynamic = |kind| matches!(kind, DialKind::Dynamic | DialKind::Bootnode | DialKind::Reunion);
        // Whoever goes for a peer that was brought back may take its time.
        let doomed = self.up_as(host, |kind, doomed| dynamic(kind) && doomed);
        let back = self.up_as(host, |kind, _| kind == DialKind::Reunion);
        assert!(slots <= this.rules.target.max(before) + doomed.min(back) as u32, "{}", told());
        let staying = self.up_as(host, |kind, doomed| dynamic(kind) && !doomed);
        assert!(staying <= this.rules.target as usize, "{}", told());
        // A bootnode may come on top.
        assert!(gauges.dynamic_attempts <= this.rules.active.max(this.attempts) + 1, "{}", told());
        self.check_rules(host);
        if this.drains.is_multiple_of(VERIFY) {
            assert_eq!(this.dialer.verify(), Ok(()), "{}", told());
        }
        (self.hosts[host].attempts, self.hosts[host].slots) = (gauges.dynamic_attempts, slots);
    }

    /// Nobody whom the rules exclude is connected, or on the way to be, but for those whom the driver was told to
    /// disconnect.
    fn check_rules(&self, host: usize) {
        let this = &self.hosts[host];
        let now = this.dialer.now();
        for connection in this.live.iter().map(|connection| &self.connections[*connection]) {
            let side = connection.side(host);
            if connection.doomed[side] || (side, connection.state[side]) == (1, State::Pending) {
                continue;
            }
            let other = connection.other(host);
            let excluded =
                this.rules.excludes(self.hosts[other].id, self.addr_at(connection.ends, side), now);
            assert!(!excluded, "host {host} at {}: {connection:?}, {:?}", self.now, this.rules);
        }
        let excluded = this.tasks.resolves.values().any(|id| this.rules.bans_id(*id, now));
        assert!(!excluded, "host {host} at {}: {:?}, {:?}", self.now, this.tasks, this.rules);
    }

    /// The address at the other end of a connection, as far as this end knows it.
    pub(super) fn addr_at(&self, ends: [usize; 2], side: usize) -> Option<SocketAddr> {
        let other = &self.hosts[ends[1 - side]];
        (side == 0 || !other.hidden).then_some(other.addr)
    }

    /// An attempt whose task was answered may have ended, or wait for leave to go on.
    fn forget_ended(&mut self, host: usize) {
        let this = &mut self.hosts[host];
        let dialer = &this.dialer;
        let trying = |refusal: &Refusal| matches!(refusal, Refusal::InAttempt { .. });
        this.tasks.owed.retain(|id| dialer.explain(id).refusals.iter().any(trying));
    }

    /// Who is connected.
    fn peers(&self, host: usize) -> BTreeSet<usize> {
        let live = self.hosts[host].live.iter().map(|connection| &self.connections[*connection]);
        live.filter(|c| c.state[c.side(host)] == State::Up).map(|c| c.other(host)).collect()
    }

    /// How many connections are up that this host dialed, by their kind, and whether they are to be closed.
    fn up_as(&self, host: usize, counts: impl Fn(DialKind, bool) -> bool) -> usize {
        let live = self.hosts[host].live.iter().map(|connection| &self.connections[*connection]);
        let up = live.filter(|c| c.ends[0] == host && c.state[0] == State::Up);
        up.filter(|c| counts(c.kind, c.doomed[0])).count()
    }

    /// The dials under way, those included that nobody works on any more.
    fn dials(&self, host: usize) -> Vec<(Id, DialKind)> {
        let this = &self.hosts[host];
        let live = this.live.iter().map(|connection| &self.connections[*connection]);
        let own = live.filter(|c| c.ends[0] == host && c.state[0] == State::Pending);
        let own = own.map(|c| (self.hosts[c.ends[1]].id, c.kind));
        own.chain(this.tasks.orphans.values().copied()).collect()
    }

    fn is_connecting(&self, from: usize, to: usize) -> bool {
        let live = self.hosts[to].live.iter().map(|connection| &self.connections[*connection]);
        live.into_iter().any(|c| c.ends == [from, to] && c.state[1] == State::Pending)
    }

    /// Whether nothing is under way to reach a node.
    fn is_idle(&self, host: usize, id: Id) -> bool {
        let tasks = &self.hosts[host].tasks;
        let resolves = tasks.resolves.values().any(|resolved| *resolved == id);
        let dials = self.dials(host).iter().any(|(dialed, _)| *dialed == id);
        !(resolves || dials || tasks.owed.contains(&id))
    }
}
