//! Answers to questions: why a node is not dialed, why peers are missing, what is there.

use alloc::vec::Vec;
use core::iter;
use core::ops::ControlFlow;

use rand_core::Rng;

use super::Dialer;
use crate::address::Address;
use crate::command::{DialKind, Task};
use crate::event::BanSubject;
use crate::explain::{Explanation, NeedExplanation, Standing};
use crate::facts::budget::Budget;
use crate::facts::nodes::Record;
use crate::facts::slots::NodeSlot;
use crate::facts::waiting::{Class, Queue};
use crate::node::{KnownNode, Node, NodeId};
use crate::peer::{OpenTask, Peer};
use crate::plan::policy::Policy;
use crate::refusal::Refusal;
use crate::rules::Subject;
use crate::stats::Gauges;
use crate::time::Timestamp;

/// How far the nodes before one in its queue are counted: asking must not cost more than deciding.
const MOST_AHEAD: u32 = 64;

impl<I: NodeId, A: Address, R: Rng> Dialer<I, A, R> {
    /// Why a node is not being dialed now: every rule that refuses it, from the code that decides.
    #[must_use]
    pub fn explain(&self, id: &I) -> Explanation {
        let facts = &self.facts;
        let node = facts.nodes.find(id);
        let record = node.and_then(|node| facts.nodes.get(node));
        let candidate = node.filter(|_| record.is_some_and(Record::is_candidate));
        let requested = facts.requested.contains(id);
        let subject = match requested {
            true => self.plan.requested(facts, *id),
            false => self.subject_of(id, candidate),
        };
        let mut refusals = self.refusals(&subject);
        let (standing, ahead) = match candidate {
            _ if requested => (Standing::Requested, None),
            _ if subject.kind == DialKind::Bootnode => (Standing::Bootnode, None),
            Some(node) => self.standing(node, refusals.is_empty()),
            None => match self.buffered(*id).next().filter(|_| *id != facts.me) {
                Some((ahead, _)) => (Standing::Found, Some(ahead.min(MOST_AHEAD))),
                None => (Standing::None, None),
            },
        };
        let mut earliest = self.earliest(&subject, &refusals);
        if standing == Standing::None && candidate.is_none() && *id != facts.me {
            refusals.insert(0, Refusal::Unknown);
            earliest = None;
        }
        if let Some(refusal) = facts.refuses_all() {
            refusals.insert(0, refusal);
            earliest = None;
        }
        let mut kinds = iter::once(subject.kind).chain(self.others(&subject).map(|other| other.kind));
        let (last, last_at) = record.map_or((None, Timestamp::ZERO), Record::last);
        self.clock.explanation(Explanation {
            earliest,
            standing,
            refusals,
            ahead,
            slot: kinds.any(|kind| self.plan.has_slot(facts, kind)),
            last: last.map(|last| (last, last_at)),
            failures: record.map_or(0, |record| self.plan.failures(record)),
            attempts: record.map_or(0, Record::attempts),
        })
    }

    /// What else a node may be dialed as: a bootnode, in some profiles a static one as a dynamic one, and what a lookup has found.
    fn others<'a>(&'a self, subject: &Subject<'a, I, A>) -> impl Iterator<Item = Subject<'a, I, A>> {
        let mixed = subject.node.filter(|(_, record)| record.is_candidate() && self.plan.mixes_sources());
        let dynamic = mixed.and_then(|(node, _)| self.plan.subject(&self.facts, node, DialKind::Dynamic));
        let found = self.buffered(subject.id).map(|(_, found)| found);
        self.bootnodes(subject.id).chain(dynamic).chain(found)
    }

    /// The earliest instant at which a node may be dialed that is refused so, whatever it is dialed as.
    fn earliest(&self, subject: &Subject<'_, I, A>, refusals: &[Refusal]) -> Option<Timestamp> {
        let others = self.others(subject).filter_map(|other| self.gone_by(&other, &self.refusals(&other)));
        self.gone_by(subject, refusals).into_iter().chain(others).min()
    }

    /// What a node would be dialed as: a static or known node, a bootnode, what a lookup has found, or nothing but its id.
    fn subject_of(&self, id: &I, candidate: Option<NodeSlot>) -> Subject<'_, I, A> {
        let facts = &self.facts;
        let fixed = candidate.is_some_and(|node| facts.is_static(node));
        let kind = if fixed { DialKind::Static } else { DialKind::Dynamic };
        let known = candidate.and_then(|node| self.plan.subject(facts, node, kind));
        known
            .or_else(|| self.bootnodes(*id).next())
            .or_else(|| self.buffered(*id).next().map(|(_, subject)| subject))
            .unwrap_or_else(|| Subject::of_id(facts, *id, DialKind::Requested))
    }

    /// The bootnodes with this id: it may be on the list with several addresses.
    fn bootnodes(&self, id: I) -> impl Iterator<Item = Subject<'_, I, A>> {
        let all = self.facts.config.bootnodes.iter().filter(move |node| node.id == id);
        all.filter(|_| self.plan.uses_bootnodes())
            .map(|node| Subject::delivered(&self.facts, node, DialKind::Bootnode))
    }

    /// What lookups have found with this id and is not dialed yet, and how many are before each.
    fn buffered(&self, id: I) -> impl Iterator<Item = (u32, Subject<'_, I, A>)> {
        let found = self.plan.buffer().into_iter().flat_map(move |buffer| buffer.of_id(id));
        found.map(|(ahead, node)| (ahead, Subject::delivered(&self.facts, node, DialKind::Dynamic)))
    }

    /// Every rule that refuses to dial a subject now.
    fn refusals(&self, subject: &Subject<'_, I, A>) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        let _ = self.plan.check(&self.facts, subject, &mut |refusal| {
            refusals.push(refusal);
            ControlFlow::Continue(())
        });
        refusals
    }

    /// The earliest instant at which all refusals of a subject can be gone.
    fn gone_by(&self, subject: &Subject<'_, I, A>, refusals: &[Refusal]) -> Option<Timestamp> {
        let facts = &self.facts;
        refusals.iter().try_fold(facts.now, |latest, refusal| {
            Some(latest.max(self.plan.gone_by(facts, subject, refusal)?))
        })
    }

    /// The queue of a static or known node, and how many are before it.
    fn standing(&self, node: NodeSlot, eligible: bool) -> (Standing, Option<u32>) {
        let facts = &self.facts;
        let ahead = facts.nodes.get(node).and_then(|of| facts.waiting.ahead(of.place(), node, MOST_AHEAD));
        let standing = match facts.queue_of(node) {
            Queue::None | Queue::Idle => self.plan.standing(facts, node, eligible),
            Queue::Static | Queue::StaticFailing => Standing::Static,
            Queue::Cooling | Queue::CoolingGood | Queue::Resting => Standing::Cooling,
            Queue::Ready(spot) => match spot.class {
                Class::Anchor | Class::Good => Standing::Good,
                Class::Lapsed => Standing::Lapsed,
                Class::Recent | Class::Fresh => Standing::Fresh,
                Class::Answered => Standing::Answered,
                Class::Failed => Standing::Failed,
                Class::Unlikely => Standing::Unlikely,
                Class::Bootnode => Standing::Bootnode,
            },
            Queue::Crowded { .. } => Standing::Crowded,
            Queue::Parked { .. } => Standing::Parked,
        };
        (standing, ahead)
    }

    /// Why there are fewer dynamic peers than the target asks for, and what is being done.
    #[must_use]
    pub fn explain_need(&self) -> NeedExplanation {
        let facts = &self.facts;
        let gauges = self.gauges();
        let mut waits: Vec<_> = self.plan.waits().iter().chain(facts.next_deadline()).collect();
        waits.sort_unstable();
        waits.dedup();
        let dynamic = facts.attempts.of_budget(Budget::Dynamic).iter();
        let otherwise = facts.peers.iter().filter(|(_, peer)| {
            let known = facts.nodes.get(peer.node()).is_some_and(Record::is_known);
            known && peer.budget() != Some(Budget::Dynamic)
        });
        self.clock.need(NeedExplanation {
            target: facts.config.dynamic_target,
            connected: gauges.dynamic_peers,
            under_way: gauges.dynamic_attempts,
            free: self.plan.free_slots(facts),
            ready: gauges.ready,
            cooling: (gauges.cooling, facts.waiting.first_cooled()),
            crowded: gauges.crowded,
            parked: gauges.parked,
            connected_otherwise: otherwise.count() as u32,
            looking: !facts.lookup.is_idle(),
            first_overdue: dynamic.filter_map(|attempt| facts.attempts.deadline(attempt)).min(),
            dialing: facts.config.dialing,
            offline: self.plan.is_offline(),
            waits: waits.into_iter().map(|(at, reason)| (reason, at)).collect(),
        })
    }

    /// All known nodes, with what is worth keeping over a restart, for those who persist an address book. The order has no
    /// meaning. The dynamic peers that have been connected longest are marked as anchors. Walks over all nodes.
    pub fn known_nodes(&self) -> impl Iterator<Item = KnownNode<I, A>> {
        let anchors = self.anchors();
        self.facts.nodes.iter().filter_map(move |(node, _)| self.known(node, &anchors))
    }

    /// One known node, as [`known_nodes`](Self::known_nodes) would give it; `None` if the node is not known. Walks over the
    /// dynamic peers.
    #[must_use]
    pub fn known_node(&self, id: &I) -> Option<KnownNode<I, A>> {
        self.known(self.facts.nodes.find(id)?, &self.anchors())
    }

    /// The dynamic peers that have been connected longest.
    pub(super) fn anchors(&self) -> Vec<(Timestamp, NodeSlot)> {
        let facts = &self.facts;
        let peers = facts.peers.of_budget(Budget::Dynamic).iter().filter_map(|slot| facts.peers.get(slot));
        let mut oldest: Vec<_> = peers.map(|peer| (peer.since(), peer.node())).collect();
        oldest.sort_unstable();
        oldest.truncate(facts.config.anchors as usize);
        oldest
    }

    fn known(&self, node: NodeSlot, anchors: &[(Timestamp, NodeSlot)]) -> Option<KnownNode<I, A>> {
        let facts = &self.facts;
        let (id, record) = facts.nodes.entry(node)?;
        let (_, last_at) = record.last();
        let tried = (record.attempts() > 0).then(|| facts.now.saturating_since(last_at));
        Some(KnownNode {
            node: Node { id: *id, addrs: facts.discovered(record).clone() },
            source: record.source()?,
            good: record.notes.good,
            failures: self.plan.failures(record),
            last_tried: tried,
            anchor: anchors.iter().any(|(_, anchor)| *anchor == node),
        })
    }

    /// Who is connected, as far as this dialer was told: what a driver compares its connections with after a restore. The
    /// order has no meaning, but is the same on every machine.
    pub fn peers(&self) -> impl Iterator<Item = Peer<I, A>> {
        let (facts, clock) = (&self.facts, self.clock);
        facts.peers.iter().filter_map(move |(slot, peer)| {
            Some(Peer {
                id: facts.nodes.key(peer.node())?,
                kind: peer.kind(),
                addr: peer.addr().cloned(),
                since: clock.outer(peer.since()),
                leaving: facts.peers.is_leaving(slot),
            })
        })
    }

    /// The rule that excludes an address now: the restrict list, or the ban of a network. A driver can ask before it accepts an
    /// inbound connection; what is added all the same is disconnected by a ban.
    #[must_use]
    pub fn excludes(&self, addr: &A) -> Option<Refusal> {
        self.facts.excludes(addr).map(|refusal| self.clock.refusal(refusal))
    }

    /// The rule that excludes a node whatever its address is: it is this one itself, or its id is banned. A driver can ask when an
    /// inbound handshake has shown the id.
    #[must_use]
    pub fn excludes_id(&self, id: &I) -> Option<Refusal> {
        self.facts.excludes_id(id).map(|refusal| self.clock.refusal(refusal))
    }

    /// The bans in force, and until when each holds; `None`: until it is lifted. The order has no meaning, but is the same on
    /// every machine.
    pub fn bans(&self) -> impl Iterator<Item = (BanSubject<I>, Option<Timestamp>)> {
        let (facts, clock) = (&self.facts, self.clock);
        let all = facts.bans.iter(facts.now);
        all.map(move |(subject, until)| (subject, until.map(|until| clock.outer(until))))
    }

    /// The tasks that wait for an answer, in the order in which they went out: what a driver gives up at shutdown, and takes up
    /// again or answers after a restore.
    pub fn tasks(&self) -> impl Iterator<Item = OpenTask<I>> {
        let (facts, clock) = (&self.facts, self.clock);
        let attempts = facts.attempts.iter().filter_map(|(slot, attempt)| {
            let deadline = facts.attempts.deadline(slot);
            Some(OpenTask { task: attempt.task()?, id: facts.nodes.key(attempt.node()), deadline })
        });
        let lookup = facts.lookup.running().map(Task::Lookup);
        let lookup = lookup.map(|task| OpenTask { task, id: None, deadline: facts.lookup.deadline() });
        let mut open: Vec<_> = attempts.chain(lookup).collect();
        open.sort_unstable_by_key(|open| open.task.as_raw());
        open.into_iter().map(move |open| {
            let deadline = open.deadline.map(|at| clock.outer(at));
            OpenTask { deadline, ..open }
        })
    }

    /// Numbers of what is there now.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        let facts = &self.facts;
        Gauges {
            inbound_peers: facts.peers.inbound(),
            static_peers: facts.peers.outbound(Budget::Static),
            dynamic_peers: facts.peers.outbound(Budget::Dynamic),
            static_attempts: facts.attempts.active(Budget::Static),
            dynamic_attempts: facts.attempts.active(Budget::Dynamic),
            feelers: facts
                .peers
                .outbound(Budget::Feeler)
                .saturating_add(facts.attempts.unmet(Budget::Feeler)),
            slow_dials: self.plan.slow_dials(),
            revalidations: facts.attempts.revalidations().len(),
            known: facts.nodes.known(),
            good: self.plan.good(),
            statics: facts.statics.len(),
            ready: self.plan.ready(facts),
            cooling: Queue::COOLING
                .into_iter()
                .map(|queue| facts.waiting.len(queue))
                .fold(0, u32::saturating_add),
            crowded: facts.waiting.crowded(),
            parked: facts.waiting.parked(),
            inbound_handshakes: facts.inbound.len(),
            bans: facts.bans.len(),
        }
    }
}
