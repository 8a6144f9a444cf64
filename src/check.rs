//! May this node be dialed? Every rule that refuses, in one place and in one order.
//!
//! Planning stops at the first refusal, `explain` takes them all: the same code answers both.

use core::ops::ControlFlow;

use crate::address::{Address, Addrs};
use crate::backoff::Cause;
use crate::command::DialKind;
use crate::ledger::attempts::{Attempt, Budget};
use crate::ledger::{Ledger, NONE};
use crate::network::Subnet;
use crate::node::NodeId;
use crate::refusal::Refusal;

/// Who is to be dialed, where, and what for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a, I, A> {
    pub(crate) id: I,
    /// Its record, or `NONE`.
    pub(crate) node: u32,
    pub(crate) addrs: &'a [A],
    pub(crate) kind: DialKind,
}

/// Leave to begin an attempt, at these addresses.
#[derive(Debug)]
pub(crate) struct Permit<I, A> {
    pub(crate) id: I,
    pub(crate) node: u32,
    pub(crate) addrs: Addrs<A>,
    pub(crate) kind: DialKind,
}

impl<I: NodeId, A: Address> Ledger<I, A> {
    /// A node as what it is: a static one where the operator says, else where it was discovered to be. (Balanced looks
    /// there too for a static node of which the operator has no address.)
    pub(crate) fn subject(&self, node: u32, kind: DialKind) -> Option<Subject<'_, I, A>> {
        let (id, record) = self.nodes.entry(node)?;
        let dynamic = matches!(kind, DialKind::Dynamic | DialKind::Feeler);
        let discovered = dynamic || (record.addrs.is_empty() && self.ranks());
        let addrs = if discovered { self.discovered(record) } else { &record.addrs };
        Some(Subject { id: *id, node, addrs: addrs.as_slice(), kind })
    }

    /// The first rule that refuses to dial a node now.
    pub(crate) fn refusal(&self, subject: &Subject<'_, I, A>) -> Option<Refusal> {
        self.check(subject, &mut ControlFlow::Break).break_value()
    }

    /// Leave to dial a node now, or the first rule that refuses it.
    pub(crate) fn permit(&self, subject: &Subject<'_, I, A>) -> Result<Permit<I, A>, Refusal> {
        self.refusal(subject).map_or_else(|| Ok(self.grant(subject)), Err)
    }

    /// Shows `visit` every rule that refuses to dial a node now, until it breaks.
    pub(crate) fn check(
        &self,
        subject: &Subject<'_, I, A>,
        visit: &mut impl FnMut(Refusal) -> ControlFlow<Refusal>,
    ) -> ControlFlow<Refusal> {
        let record = self.nodes.get(subject.node);
        if record.is_some_and(|record| record.attempt != NONE) {
            visit(Refusal::InAttempt)?;
        }
        if record.is_some_and(|record| record.peer != NONE) {
            visit(Refusal::Connected)?;
        }
        if subject.id == self.me {
            visit(Refusal::OwnId)?;
        }
        if self.inbound.is_pending(subject.node) {
            visit(Refusal::InboundPending)?;
        }
        if let Some(until) = self.bans.of_id(&subject.id, self.now) {
            visit(Refusal::BannedId { until })?;
        }
        self.check_addrs(subject, visit)?;
        self.check_times(subject, visit)?;
        self.check_health(subject, visit)?;
        self.check_diversity(subject, visit)
    }

    /// Rules about where: at least one address must keep them all.
    fn check_addrs(
        &self,
        subject: &Subject<'_, I, A>,
        visit: &mut impl FnMut(Refusal) -> ControlFlow<Refusal>,
    ) -> ControlFlow<Refusal> {
        let mut excluded = subject.addrs.iter().map(|addr| self.excludes(addr));
        let unknown = subject.addrs.is_empty();
        // go-ethereum refuses a node without an address as soon as there is a restrict list.
        let refusal = match excluded.next() {
            None => (unknown && self.restrict.is_some() && !self.ranks()).then_some(Refusal::Restricted),
            Some(first) => first.filter(|_| excluded.all(|refusal| refusal.is_some())),
        };
        refusal.map_or(ControlFlow::Continue(()), visit)
    }

    /// Rules about when.
    fn check_times(
        &self,
        subject: &Subject<'_, I, A>,
        visit: &mut impl FnMut(Refusal) -> ControlFlow<Refusal>,
    ) -> ControlFlow<Refusal> {
        let requested = subject.kind == DialKind::Requested;
        let resolves = self.nodes.get(subject.node).is_some_and(|record| record.cause == Cause::Resolve);
        if let Some(until) = self.cooldown(subject.node).filter(|_| !requested) {
            let unresolved = resolves && subject.addrs.is_empty();
            visit(if unresolved { Refusal::ResolveDelay { until } } else { Refusal::Cooling { until } })?;
        }
        if !subject.addrs.is_empty() || !self.ranks() {
            // Classic begins the attempt all the same, and ends it when the resolve is refused.
            return ControlFlow::Continue(());
        }
        if !self.config.discovery {
            return visit(Refusal::NoAddress);
        }
        let delay =
            self.resolve_delay(subject.node).filter(|_| subject.kind == DialKind::Static && !resolves);
        match delay.filter(|delay| !delay.allows(self.now)) {
            Some(delay) => visit(Refusal::ResolveDelay { until: delay.next }),
            None => ControlFlow::Continue(()),
        }
    }

    /// Where all addresses belong to a family that leads nowhere, only a probe goes out now and then.
    fn check_health(
        &self,
        subject: &Subject<'_, I, A>,
        visit: &mut impl FnMut(Refusal) -> ControlFlow<Refusal>,
    ) -> ControlFlow<Refusal> {
        let dark = !subject.addrs.is_empty() && subject.addrs.iter().all(|addr| self.is_dark(addr));
        if dark && subject.kind != DialKind::Requested {
            visit(Refusal::FamilyDown)
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Rules about how many: at least one address must be in groups that have room.
    fn check_diversity(
        &self,
        subject: &Subject<'_, I, A>,
        visit: &mut impl FnMut(Refusal) -> ControlFlow<Refusal>,
    ) -> ControlFlow<Refusal> {
        let mut allowed = subject.addrs.iter().filter(|addr| self.excludes(addr).is_none());
        let first = allowed.next().and_then(|addr| self.crowded(subject.kind, addr));
        let full = first.filter(|_| allowed.all(|addr| self.crowded(subject.kind, addr).is_some()));
        full.map_or(ControlFlow::Continue(()), |subnet| visit(Refusal::SubnetFull { subnet }))
    }

    /// Whether an attempt that was resolved may be dialed, as things are now: its node may have connected meanwhile, its
    /// slot may have been taken by a peer that came unasked, and rules hold for what the resolve brought too.
    pub(crate) fn goes_on(&self, attempt: &Attempt<A>) -> bool {
        let Some(id) = self.nodes.key(attempt.node) else { return false };
        let connected = self.nodes.get(attempt.node).is_some_and(|record| record.peer != NONE);
        let dynamic = matches!(attempt.kind, DialKind::Dynamic | DialKind::Bootnode);
        let barred = connected
            || self.inbound.is_pending(attempt.node)
            || self.bans.of_id(&id, self.now).is_some()
            || attempt.addrs.is_empty();
        let limits = self.config.diversity.as_ref().filter(|_| attempt.kind == DialKind::Dynamic);
        let overfull = |addr: &A| limits.is_some_and(|limits| self.groups.overfull(limits, addr));
        let dismissed = attempt.kind == DialKind::Feeler && self.peers.outbound(Budget::Feeler) > 0;
        let over = dismissed || (dynamic && self.is_over_target());
        let crowded = over || attempt.addrs.iter().all(overfull);
        !(barred || crowded)
    }

    /// The full group of an address, where this kind of dial has to care.
    fn crowded(&self, kind: DialKind, addr: &A) -> Option<Subnet> {
        let cares = matches!(kind, DialKind::Dynamic | DialKind::Feeler);
        self.config.diversity.as_ref().filter(|_| cares).and_then(|limits| self.groups.full(limits, addr))
    }

    /// The rule that excludes an address: the restrict list, or the ban of a network.
    #[inline]
    pub(crate) fn excludes(&self, addr: &A) -> Option<Refusal> {
        let rules = self.restrict.is_some() || self.bans.has_networks();
        if rules { self.excluded(addr) } else { None }
    }

    fn excluded(&self, addr: &A) -> Option<Refusal> {
        let ip = addr.ip_addr().map(|ip| ip.to_canonical());
        let covers = |list: &crate::network::NetworkMap<()>| ip.is_some_and(|ip| list.covers(ip));
        if !self.restrict.as_ref().is_none_or(covers) {
            return Some(Refusal::Restricted);
        }
        let (network, until) = ip.and_then(|ip| self.bans.of_ip(ip, self.now))?;
        Some(Refusal::BannedNetwork { network, until })
    }

    /// Leave to dial a node: at the addresses that are allowed, in their order, and of these the ones that keep the
    /// softer rules too, unless none does (in the relaxed pass, or at an operator's wish).
    pub(crate) fn grant(&self, subject: &Subject<'_, I, A>) -> Permit<I, A> {
        let mut addrs = Addrs::filtered(subject.addrs, |addr| self.excludes(addr).is_none());
        keep_some(&mut addrs, |addr| self.crowded(subject.kind, addr).is_none());
        keep_some(&mut addrs, |addr| self.rests(subject.node, addr).is_none());
        keep_some(&mut addrs, |addr| !self.is_dark(addr));
        Permit { id: subject.id, node: subject.node, addrs, kind: subject.kind }
    }
}

/// Keeps the addresses that `keep` accepts, or all if it accepts none.
fn keep_some<A>(addrs: &mut Addrs<A>, keep: impl Fn(&A) -> bool) {
    if addrs.len() > 1 && addrs.iter().any(&keep) {
        addrs.retain(keep);
    }
}
