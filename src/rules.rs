//! The rules: may a node be dialed, may an attempt go on, may a peer stay. The only place that refuses.
//!
//! Each rule shows every refusal it has to a visitor. Planning breaks at the first one, `explain` takes them all: the
//! same code answers both. Which rules hold in a profile, and in what order they are asked, is for its plan to say.

use core::ops::ControlFlow;

use crate::address::{Address, Addrs};
use crate::backoff::Cause;
use crate::command::{DialKind, DisconnectReason};
use crate::config::Diversity;
use crate::facts::Facts;
use crate::facts::attempt::Attempt;
use crate::facts::attempting::Permit;
use crate::facts::budget::Budget;
use crate::facts::nodes::Record;
use crate::facts::peers::Peer;
use crate::facts::slots::{AttemptSlot, NodeSlot};
use crate::network::{NetworkMap, Subnet};
use crate::node::{Node, NodeId};
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// What a visitor makes of a refusal: it breaks with it, or goes on.
pub(crate) type Verdict = ControlFlow<Refusal>;

/// The node to be dialed, at which addresses, and what for.
#[derive(Debug)]
pub(crate) struct Subject<'a, I, A> {
    pub(crate) id: I,
    /// Its record, if there is one.
    pub(crate) node: Option<(NodeSlot, &'a Record<A>)>,
    pub(crate) addrs: &'a [A],
    pub(crate) kind: DialKind,
}

impl<'a, I: NodeId, A: Address> Subject<'a, I, A> {
    /// A node as a source has delivered it: its addresses belong to the source.
    pub(crate) fn delivered(facts: &'a Facts<I, A>, node: &'a Node<I, A>, kind: DialKind) -> Self {
        Self { addrs: node.addrs.as_slice(), ..Self::of_id(facts, node.id, kind) }
    }

    /// Whatever node has this id, without an address.
    pub(crate) fn of_id(facts: &'a Facts<I, A>, id: I, kind: DialKind) -> Self {
        let node = facts.nodes.find(&id).and_then(|slot| Some((slot, facts.nodes.get(slot)?)));
        Self { id, node, addrs: &[], kind }
    }

    /// A node with a record. It is dialed where the operator says if it is static and not dialed as a dynamic one,
    /// otherwise where it was discovered to be.
    #[inline]
    pub(crate) fn of_node(facts: &'a Facts<I, A>, node: NodeSlot, kind: DialKind) -> Option<Self> {
        let (id, record) = facts.nodes.entry(node)?;
        let dynamic = matches!(kind, DialKind::Dynamic | DialKind::Feeler | DialKind::Reunion);
        let addrs = if dynamic { facts.discovered(record) } else { record.addrs() };
        Some(Self { id: *id, node: Some((node, record)), addrs: addrs.as_slice(), kind })
    }

    pub(crate) fn record(&self) -> Option<&'a Record<A>> {
        self.node.map(|(_, record)| record)
    }

    pub(crate) fn slot(&self) -> Option<NodeSlot> {
        self.node.map(|(slot, _)| slot)
    }
}

impl<I: NodeId, A: Address> Facts<I, A> {
    /// go-ethereum's rules, in its order.
    pub(crate) fn check_original(
        &self,
        subject: &Subject<'_, I, A>,
        visit: &mut impl FnMut(Refusal) -> Verdict,
    ) -> Verdict {
        self.check_identity(subject, visit)?;
        self.check_unaddressed(subject, visit)?;
        self.check_addrs(subject, visit)?;
        if subject.kind != DialKind::Requested {
            self.check_cooldown(subject, visit)?;
        }
        self.check_room(subject, visit)
    }

    /// Rules of identity: it is not under way, connected, this node itself, connecting to us or banned.
    #[inline]
    pub(crate) fn check_identity(
        &self,
        subject: &Subject<'_, I, A>,
        visit: &mut impl FnMut(Refusal) -> Verdict,
    ) -> Verdict {
        let record = subject.record();
        if let Some(attempt) = record.and_then(|record| record.attempt()) {
            visit(Refusal::InAttempt { until: self.attempt_until(attempt) })?;
        }
        if record.is_some_and(|record| record.peer().is_some()) {
            visit(Refusal::Connected)?;
        }
        if subject.id == self.me {
            visit(Refusal::OwnId)?;
        }
        if let Some(node) = subject.slot().filter(|node| self.inbound.is_pending(*node)) {
            visit(Refusal::InboundPending { until: self.inbound.expiries(node).max().unwrap_or(self.now) })?;
        }
        match self.bans.of_id(&subject.id, self.now) {
            Some(until) => visit(Refusal::BannedId { until }),
            None => Verdict::Continue(()),
        }
    }

    /// When what an attempt has under way is given up, or will be if it goes out now.
    fn attempt_until(&self, attempt: AttemptSlot) -> Option<Timestamp> {
        if self.attempts.get(attempt)?.task().is_some() {
            return self.attempts.deadline(attempt);
        }
        self.config.deadlines.dial.map(|limit| self.now.saturating_add(limit))
    }

    /// Rules of address: at least one address must be within the restrict list and in no banned network.
    #[inline]
    pub(crate) fn check_addrs(
        &self,
        subject: &Subject<'_, I, A>,
        visit: &mut impl FnMut(Refusal) -> Verdict,
    ) -> Verdict {
        if !self.has_addr_rules() {
            return Verdict::Continue(());
        }
        let excluded = subject.addrs.iter().map(|addr| self.excludes(addr));
        // The address that is allowed first decides; no end is later than any.
        let end = |refusal: &Refusal| refusal.until().map_or((true, self.now), |until| (false, until));
        let sooner = |first: Refusal, other: Refusal| if end(&other) < end(&first) { other } else { first };
        let first = excluded.reduce(|first, other| Some(sooner(first?, other?))).flatten();
        first.map_or(Verdict::Continue(()), visit)
    }

    /// go-ethereum's rule: a node without an address is outside of any restrict list.
    pub(crate) fn check_unaddressed(
        &self,
        subject: &Subject<'_, I, A>,
        visit: &mut impl FnMut(Refusal) -> Verdict,
    ) -> Verdict {
        if subject.addrs.is_empty() && self.restrict.is_some() {
            return visit(Refusal::Restricted);
        }
        Verdict::Continue(())
    }

    /// The rule of time: it does not cool down.
    #[inline]
    pub(crate) fn check_cooldown(
        &self,
        subject: &Subject<'_, I, A>,
        visit: &mut impl FnMut(Refusal) -> Verdict,
    ) -> Verdict {
        let Some((node, record)) = subject.node else { return Verdict::Continue(()) };
        let unresolved = record.notes.cause == Cause::Resolve && subject.addrs.is_empty();
        match self.cooldown(node, record) {
            Some(until) if unresolved => visit(Refusal::ResolveDelay { until }),
            Some(until) => visit(Refusal::Cooling { until }),
            None => Verdict::Continue(()),
        }
    }

    /// Rules for a node without an address: it can be resolved, and if it is static its delay is over.
    #[inline]
    pub(crate) fn check_resolvable(
        &self,
        subject: &Subject<'_, I, A>,
        visit: &mut impl FnMut(Refusal) -> Verdict,
    ) -> Verdict {
        if !subject.addrs.is_empty() {
            return Verdict::Continue(());
        }
        if !self.config.discovery {
            return visit(Refusal::NoAddress);
        }
        // A cooldown after a resolve is that delay.
        let cools = subject.record().is_some_and(|record| record.notes.cause == Cause::Resolve);
        let fixed = subject.kind == DialKind::Static && !cools;
        let delay = subject.slot().filter(|_| fixed).and_then(|node| self.resolve_delay(node));
        match delay.filter(|delay| !delay.allows(self.now)) {
            Some(delay) => visit(Refusal::ResolveDelay { until: delay.next }),
            None => Verdict::Continue(()),
        }
    }

    /// The rule of address families: at least one address must be in a family that leads somewhere. `down_until` says of an
    /// address until when its family does not.
    #[inline]
    pub(crate) fn check_family(
        &self,
        subject: &Subject<'_, I, A>,
        down_until: impl Fn(&A) -> Option<Timestamp>,
        visit: &mut impl FnMut(Refusal) -> Verdict,
    ) -> Verdict {
        if !self.config.family_health || subject.kind == DialKind::Requested {
            return Verdict::Continue(());
        }
        let first = subject.addrs.iter().map(down_until).min().flatten();
        first.map_or(Verdict::Continue(()), |until| visit(Refusal::FamilyDown { until }))
    }

    /// The earliest instant at which a refusal can be gone, if nothing but time passes: a full subnet gets room when a dial is
    /// given up, and another address may be free of a ban before.
    pub(crate) fn gone_by(&self, subject: &Subject<'_, I, A>, refusal: &Refusal) -> Option<Timestamp> {
        if !matches!(refusal, Refusal::SubnetFull { .. }) {
            return refusal.until();
        }
        let bans = subject.addrs.iter().filter_map(|addr| self.excludes(addr)?.until());
        self.attempts.first_deadline().map(|(_, at)| at).into_iter().chain(bans).min()
    }

    /// Rules of room: at least one address must be in subnets that have some.
    #[inline]
    pub(crate) fn check_room(
        &self,
        subject: &Subject<'_, I, A>,
        visit: &mut impl FnMut(Refusal) -> Verdict,
    ) -> Verdict {
        if self.config.diversity.is_none() {
            return Verdict::Continue(());
        }
        let mut allowed = subject.addrs.iter().filter(|addr| self.admits(subject, addr));
        let first = allowed.next().and_then(|addr| self.full_subnet(subject.kind, addr));
        let full = first.filter(|_| allowed.all(|addr| self.full_subnet(subject.kind, addr).is_some()));
        full.map_or(Verdict::Continue(()), |subnet| visit(Refusal::SubnetFull { subnet }))
    }

    /// Whether no rule excludes an address of a subject that has passed [`check_addrs`](Self::check_addrs): its only one has
    /// been looked at there.
    fn admits(&self, subject: &Subject<'_, I, A>, addr: &A) -> bool {
        subject.addrs.len() == 1 || self.excludes(addr).is_none()
    }

    /// The full subnet of an address, where this kind of dial has to care.
    pub(crate) fn full_subnet(&self, kind: DialKind, addr: &A) -> Option<Subnet> {
        self.diversity(kind).and_then(|limits| self.subnets.full(limits, addr))
    }

    /// Whether an attempt of this kind, which counts already, is one too many in a subnet of an address.
    pub(crate) fn is_overfull(&self, kind: DialKind, addr: &A) -> bool {
        self.diversity(kind).is_some_and(|limits| self.subnets.overfull(limits, addr))
    }

    /// The limits on subnets that this kind of dial has to keep, if any.
    #[inline]
    fn diversity(&self, kind: DialKind) -> Option<&Diversity> {
        let cares = matches!(kind, DialKind::Dynamic | DialKind::Feeler | DialKind::Reunion);
        self.config.diversity.as_ref().filter(|_| cares)
    }

    /// The rule that refuses everybody, whom planning does not even look at: dialing is off.
    pub(crate) fn refuses_all(&self) -> Option<Refusal> {
        (!self.config.dialing).then_some(Refusal::DialingOff)
    }

    /// The rule that excludes a node whatever its address is: it is this one itself, or its id is banned.
    pub(crate) fn excludes_id(&self, id: &I) -> Option<Refusal> {
        if *id == self.me {
            return Some(Refusal::OwnId);
        }
        self.bans.of_id(id, self.now).map(|until| Refusal::BannedId { until })
    }

    /// The rule that excludes an address: the restrict list, or the ban of a network.
    #[inline]
    pub(crate) fn excludes(&self, addr: &A) -> Option<Refusal> {
        if self.has_addr_rules() { self.excluded(addr) } else { None }
    }

    /// Whether any rule may exclude an address. Most often there is none.
    #[inline]
    fn has_addr_rules(&self) -> bool {
        self.restrict.is_some() || self.bans.has_networks()
    }

    fn excluded(&self, addr: &A) -> Option<Refusal> {
        let ip = addr.ip_addr().map(|ip| ip.to_canonical());
        let covers = |list: &NetworkMap<()>| ip.is_some_and(|ip| list.covers(ip));
        if !self.restrict.as_ref().is_none_or(covers) {
            return Some(Refusal::Restricted);
        }
        // Of several bans the one that ends last.
        let end = |until: Option<Timestamp>| (until.is_none(), until);
        let longest = self.bans.of_ip(ip?, self.now).max_by_key(|(_, until)| end(*until));
        longest.map(|(network, until)| Refusal::BannedNetwork { network, until })
    }

    /// The addresses that no rule excludes, in their order.
    pub(crate) fn allowed(&self, addrs: &[A]) -> Addrs<A> {
        Addrs::filtered(addrs, |addr| self.excludes(addr).is_none())
    }

    /// Leave to dial a node at the addresses that are allowed, and of these the ones with room, unless none has any. That
    /// no rule refuses the node is the caller's to check.
    #[inline]
    pub(crate) fn grant(&self, subject: &Subject<'_, I, A>) -> Permit<I, A> {
        let mut addrs = Addrs::filtered(subject.addrs, |addr| self.admits(subject, addr));
        addrs.prefer(|addr| self.full_subnet(subject.kind, addr).is_none());
        Permit { id: subject.id, node: subject.slot(), addrs, kind: subject.kind }
    }

    /// Whether an attempt that was resolved may be dialed, as things are now: its node may have connected meanwhile, and
    /// rules hold for what the resolve brought too.
    pub(crate) fn may_go_on(&self, attempt: &Attempt<A>) -> bool {
        let Some((id, record)) = self.nodes.entry(attempt.node()) else { return false };
        let barred = record.peer().is_some()
            || self.inbound.is_pending(attempt.node())
            || self.bans.of_id(id, self.now).is_some()
            || attempt.addrs().is_empty();
        let overfull = |addr: &A| self.is_overfull(attempt.kind(), addr);
        let no_slot = attempt.budget() == Budget::Feeler && self.peers.outbound(Budget::Feeler) > 0;
        !(barred || no_slot || attempt.addrs().iter().all(overfull))
    }

    /// Whether new rules exclude all addresses of an attempt.
    pub(crate) fn excludes_attempt(&self, attempt: &Attempt<A>) -> bool {
        let addrs = attempt.addrs();
        !addrs.is_empty() && addrs.iter().all(|addr| self.excludes(addr).is_some())
    }

    /// Why a peer may not stay, if a ban or the restrict list excludes it.
    pub(crate) fn excludes_peer(&self, peer: &Peer<A>) -> Option<DisconnectReason> {
        let id = self.nodes.key(peer.node())?;
        if self.bans.of_id(&id, self.now).is_some() {
            return Some(DisconnectReason::Banned);
        }
        let restricted = self.excludes(peer.addr()?)? == Refusal::Restricted;
        Some(if restricted { DisconnectReason::Restricted } else { DisconnectReason::Banned })
    }
}
