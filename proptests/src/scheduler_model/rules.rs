//! Which rules of the scheduler a line has shown, as the model judges: so that a test can say what random traces reach.

use std::collections::{BTreeMap, BTreeSet};

use super::{Attempt, Model, RESOLVE_DELAY_MAX, Refused, Stage};
use crate::trace::{Id, Input, InputLine, Kind, Link, Outcome, Output, OutputLine};

const MILLISECOND: u64 = 1_000_000;

/// A rule that is easy to miss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// An attempt of more than 35 s ends, and the next one to the same node starts at that instant.
    StartsAsItEnds,
    /// A node is refused at the very instant at which its history expires …
    BlockedAtExpiry,
    /// … and dialed 1 ms later.
    FreeAfterExpiry,
    /// A static node waits in the pool while dynamic peers or attempts take the slots.
    StaticWaits,
    /// A static node is dialed while candidates wait.
    StaticBeforeCandidate,
    /// A static node is added again with another endpoint, which is ignored.
    AddedTwice,
    /// A static node is removed and added during its attempt.
    AnewDuringAttempt,
    /// A static node is removed and added while it was dialed recently.
    AnewWhileRecent,
    /// A static node is removed and added, and joins the pool behind others.
    AnewAtTheEnd,
    /// A resolve runs that the removed entry of the node would have been refused.
    AnewResolves,
    /// The attempt of a removed entry resolves or dials.
    OrphanGoesOn,
    /// A node in the pool has an inbound handshake under way, and is dialed.
    PooledThoughPending,
    /// A node leaves the pool because it is a peer.
    LeavesAsPeer,
    /// A node leaves the pool because it is removed.
    LeavesAsRemoved,
    /// Somebody leaves the middle of the pool, and the last one takes the place.
    LastTakesThePlace,
    /// The draw is neither the first nor the last of the pool.
    DrawnFromTheMiddle,
    /// A failed handshake ends the attempt of a static node that might have been resolved.
    NoResolveAfterHandshake,
    /// The second dial fails in the transport, and the node might be resolved again.
    NoResolveAfterSecondDial,
    /// A dynamic node is unreachable, and is not resolved.
    DynamicNeverResolves,
    /// An attempt without history still holds a slot that others wait for.
    HoldsItsSlot,
    /// A node connects otherwise during its attempt, which goes on.
    GoesOnThoughConnected,
    /// A node is dialed a second time although it has connected otherwise.
    DialedThoughConnected,
    /// An entry is removed during its attempt, which goes on.
    GoesOnThoughRemoved,
    /// A candidate is refused when it is read, at once or later.
    CandidateRefused(Refused),
    /// A candidate has waited, and is refused when it is read.
    CandidateWaited,
    /// A candidate without an endpoint starts an attempt, which ends at once.
    CandidateFailsAtOnce,
    /// A static node is refused when it is added.
    StaticRefused(Refused),
    /// A static node without an endpoint may not be resolved, and its attempt ends at once.
    StaticFailsAtOnce,
    /// A resolve runs exactly at the end of its delay …
    ResolvedAtDelay,
    /// … and is refused 1 ms before.
    RefusedBeforeDelay,
    /// A delay is at its maximum.
    DelayAtMost,
    /// An endpoint is dialed that the restrict list doesn't have.
    DialedThoughRestricted,
    /// More peers than wanted: the slots are less than none.
    TooManyPeers,
    /// A peer and its own attempt take two slots.
    CountsTwice,
    /// The limit of active dials is smaller than what the peers leave.
    ActiveDialsLimit,
    /// Nothing is dialed because no peers are wanted.
    NoPeersWanted,
    /// Two inbound handshakes of a node: the first that ends frees it.
    FirstHandshakeClears,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 47] = {
        use Rule::*;
        [
            StartsAsItEnds,
            BlockedAtExpiry,
            FreeAfterExpiry,
            StaticWaits,
            StaticBeforeCandidate,
            AddedTwice,
            AnewDuringAttempt,
            AnewWhileRecent,
            AnewAtTheEnd,
            AnewResolves,
            OrphanGoesOn,
            PooledThoughPending,
            LeavesAsPeer,
            LeavesAsRemoved,
            LastTakesThePlace,
            DrawnFromTheMiddle,
            NoResolveAfterHandshake,
            NoResolveAfterSecondDial,
            DynamicNeverResolves,
            HoldsItsSlot,
            GoesOnThoughConnected,
            DialedThoughConnected,
            GoesOnThoughRemoved,
            CandidateRefused(Refused::Itself),
            CandidateRefused(Refused::Dialing),
            CandidateRefused(Refused::Connected),
            CandidateRefused(Refused::Pending),
            CandidateRefused(Refused::Restricted),
            CandidateRefused(Refused::Recent),
            CandidateWaited,
            CandidateFailsAtOnce,
            StaticRefused(Refused::Itself),
            StaticRefused(Refused::Dialing),
            StaticRefused(Refused::Connected),
            StaticRefused(Refused::Pending),
            StaticRefused(Refused::Restricted),
            StaticRefused(Refused::Recent),
            StaticFailsAtOnce,
            ResolvedAtDelay,
            RefusedBeforeDelay,
            DelayAtMost,
            DialedThoughRestricted,
            TooManyPeers,
            CountsTwice,
            ActiveDialsLimit,
            NoPeersWanted,
            FirstHandshakeClears,
        ]
    };
}

/// How many lines of a trace show each rule.
///
/// # Panics
/// The first line is not a `config`.
#[must_use]
pub fn rules(trace: &[InputLine]) -> BTreeMap<Rule, u32> {
    let Input::Config(header) = &trace[0].input else { unreachable!("the first line is {:?}", trace[0]) };
    let (mut before, _) = Model::new(header, trace[0].at);
    let mut counts = BTreeMap::new();
    for line in &trace[1..] {
        let mut after = before.clone();
        let answer = after.line(line);
        for rule in (Shown { before: &before, line, after: &after, answer: &answer }).rules() {
            *counts.entry(rule).or_default() += 1;
        }
        before = after;
    }
    counts
}

/// A line, and the model before and after it.
#[derive(Clone, Copy, Debug)]
struct Shown<'a> {
    before: &'a Model,
    line: &'a InputLine,
    after: &'a Model,
    answer: &'a OutputLine,
}

impl Shown<'_> {
    fn rules(&self) -> BTreeSet<Rule> {
        let mut rules = BTreeSet::new();
        self.of_slots(&mut rules);
        self.of_starts(&mut rules);
        self.of_candidates(&mut rules);
        self.of_resolves(&mut rules);
        self.of_the_event(&mut rules);
        rules
    }

    fn of_slots(&self, rules: &mut BTreeSet<Rule>) {
        let Model { dialing, peers, dial_peers, max_dial_peers, max_active_dials, .. } = self.after;
        let is_dynamic = |kind: Kind| kind == Kind::Dynamic;
        let dynamic = dialing.values().any(|attempt| is_dynamic(attempt.kind))
            || peers.values().any(|kind| matches!(kind, Link::Outbound(kind) if is_dynamic(*kind)));
        let waits = !self.after.pool.is_empty();
        let full = self.after.free() <= 0 && (waits || !self.after.candidates.is_empty());
        let twice = |id: &Id| matches!(peers.get(id), Some(Link::Outbound(_)));
        let facts = [
            (Rule::StaticWaits, waits && dynamic),
            (Rule::TooManyPeers, full && dial_peers > max_dial_peers),
            (Rule::NoPeersWanted, full && *max_dial_peers == 0 && waits),
            (Rule::CountsTwice, full && dialing.keys().any(twice)),
            (Rule::HoldsItsSlot, full && dialing.keys().any(|id| !self.after.is_recent(id))),
            (Rule::ActiveDialsLimit, full && (max_dial_peers - dial_peers) * 2 > *max_active_dials),
        ];
        rules.extend(facts.into_iter().filter(|(_, holds)| *holds).map(|(rule, _)| rule));
    }

    fn of_starts(&self, rules: &mut BTreeSet<Rule>) {
        let now = self.after.now;
        for (id, expiry) in &self.before.history {
            let waits = self.after.statics.contains_key(id) && self.after.free() > 0;
            if *expiry == now && waits && self.after.refuses_static(id) == Some(Refused::Recent) {
                rules.insert(Rule::BlockedAtExpiry);
            }
            if *expiry + MILLISECOND == now && self.started(Kind::Static).contains(id) {
                rules.insert(Rule::FreeAfterExpiry);
            }
        }
        for id in self.started(Kind::Static) {
            let place = self.before.pool.iter().position(|pooled| *pooled == id);
            if place.is_some_and(|place| place > 0 && place + 1 < self.before.pool.len())
                && self.after.draw != 0
            {
                rules.insert(Rule::DrawnFromTheMiddle);
            }
            if self.before.dialing.contains_key(&id) {
                rules.insert(Rule::StartsAsItEnds);
            }
            if !self.before.candidates.is_empty() {
                rules.insert(Rule::StaticBeforeCandidate);
            }
            if self.before.pending.contains(&id) && self.after.pending.contains(&id) {
                rules.insert(Rule::PooledThoughPending);
            }
            if !self.after.dialing.contains_key(&id) {
                rules.insert(Rule::StaticFailsAtOnce);
            }
        }
    }

    /// Candidates are read in order, so those that were read are the first ones.
    fn of_candidates(&self, rules: &mut BTreeSet<Rule>) {
        let mut offered: Vec<_> = self.before.candidates.iter().copied().collect();
        if let Input::NodesDiscovered { nodes } = &self.line.input {
            offered.extend(nodes.iter().map(|node| self.after.clone().node(node)));
        }
        let read = offered.len() - self.after.candidates.len();
        let started = self.started(Kind::Dynamic);
        for (place, node) in offered[..read].iter().enumerate() {
            if started.contains(&node.id) && node.addr.is_none() && !self.after.dialing.contains_key(&node.id)
            {
                rules.insert(Rule::CandidateFailsAtOnce);
            } else if let Some(cause) = self.after.check(node).filter(|_| !started.contains(&node.id)) {
                rules.insert(Rule::CandidateRefused(cause));
                rules.extend((place < self.before.candidates.len()).then_some(Rule::CandidateWaited));
            } else if offered[..place].iter().any(|earlier| earlier.id == node.id) {
                rules.insert(Rule::CandidateRefused(Refused::Dialing));
            }
        }
    }

    fn of_resolves(&self, rules: &mut BTreeSet<Rule>) {
        let now = self.after.now;
        for command in &self.answer.commands {
            let Output::Resolve { id } = command else { continue };
            let Some(attempt) = self.after.dialing.get(&id.bytes()) else { continue };
            let record = self.after.records[attempt.record];
            if record.resolved.is_some_and(|last| Some(now - last) == record.delay) {
                rules.insert(Rule::ResolvedAtDelay);
            }
            let others = (0..attempt.record).filter(|other| self.after.records[*other].node.id == id.bytes());
            if record.resolved.is_none() && others.into_iter().any(|other| !self.after.may_resolve(other)) {
                rules.insert(Rule::AnewResolves);
            }
        }
        let at_most = |attempt: &Attempt| {
            self.before.records[attempt.record].delay == Some(RESOLVE_DELAY_MAX)
                && attempt.stage != Stage::SecondDial
        };
        rules.extend(self.before.dialing.values().any(at_most).then_some(Rule::DelayAtMost));
        if let Some((id, attempt)) = self.answered() {
            let record = self.after.records[attempt.record];
            let ended = !self.after.dialing.contains_key(&id);
            let early = |last| Some(now - last + MILLISECOND) == record.delay;
            if ended
                && self.may_have_resolved(attempt, Outcome::Unreachable)
                && record.resolved.is_some_and(early)
            {
                rules.insert(Rule::RefusedBeforeDelay);
            }
        }
    }

    fn of_the_event(&self, rules: &mut BTreeSet<Rule>) {
        match &self.line.input {
            Input::StaticAdded { node } => self.added(node.id.bytes(), node.addr, rules),
            Input::StaticRemoved { id } | Input::PeerAdded { id, .. } => self.left(&id.bytes(), rules),
            Input::InboundEnded { connection } => {
                let id = self.before.handshakes.get(connection);
                let freed = |id: &Id| self.after.pool.contains(id) || self.started(Kind::Static).contains(id);
                if id.is_some_and(|id| freed(id) && self.after.handshakes.values().any(|other| other == id)) {
                    rules.insert(Rule::FirstHandshakeClears);
                }
            }
            Input::DialFinished { .. } | Input::ResolveFinished { .. } => {
                if let Some((id, attempt)) = self.answered() {
                    self.went_on(id, attempt, rules);
                }
            }
            _ => {}
        }
    }

    fn added(&self, id: Id, addr: Option<core::net::SocketAddr>, rules: &mut BTreeSet<Rule>) {
        if let Some(record) = self.before.statics.get(&id) {
            let other = self.before.records[*record].node.addr != addr;
            rules.extend(other.then_some(Rule::AddedTwice));
            return;
        }
        let refused = self.before.check(&super::Node { id, addr });
        rules.extend(refused.map(Rule::StaticRefused));
        let known = self.before.records.iter().any(|record| record.node.id == id);
        let rule = match refused {
            Some(Refused::Dialing) => Rule::AnewDuringAttempt,
            Some(Refused::Recent) => Rule::AnewWhileRecent,
            None if self.after.pool.len() > 1 && self.after.pool.last() == Some(&id) => Rule::AnewAtTheEnd,
            _ => return,
        };
        rules.extend(known.then_some(rule));
    }

    /// A static node was removed, or a node is a peer.
    fn left(&self, id: &Id, rules: &mut BTreeSet<Rule>) {
        let removed = matches!(self.line.input, Input::StaticRemoved { .. });
        if let Some(place) = self.before.pool.iter().position(|pooled| pooled == id) {
            rules.insert(if removed { Rule::LeavesAsRemoved } else { Rule::LeavesAsPeer });
            let middle = place + 2 < self.before.pool.len();
            rules.extend(middle.then_some(Rule::LastTakesThePlace));
        }
        if self.after.dialing.contains_key(id) {
            let inbound = matches!(self.line.input, Input::PeerAdded { kind: Link::Inbound, .. });
            let was_static = self.before.statics.contains_key(id);
            rules.extend((removed && was_static).then_some(Rule::GoesOnThoughRemoved));
            rules.extend(inbound.then_some(Rule::GoesOnThoughConnected));
        }
    }

    /// A dial or a resolve has ended.
    fn went_on(&self, id: Id, attempt: Attempt, rules: &mut BTreeSet<Rule>) {
        let mut commands =
            self.answer.commands.iter().filter(|command| command.id().is_some_and(|of| of.bytes() == id));
        let goes_on = self.after.dialing.get(&id).is_some_and(|next| next.record == attempt.record);
        let addr = self.after.records[attempt.record].node.addr;
        let listed =
            |addr| self.after.restrict.iter().any(|net| net.contains(&core::net::SocketAddr::ip(&addr)));
        let dialed = commands.any(|command| matches!(command, Output::Dial { .. })) && goes_on;
        let orphan = attempt.kind == Kind::Static && self.after.statics.get(&id) != Some(&attempt.record);
        let unlisted = !self.after.restrict.is_empty() && !addr.is_some_and(listed);
        rules.extend((goes_on && orphan).then_some(Rule::OrphanGoesOn));
        rules.extend((dialed && self.after.peers.contains_key(&id)).then_some(Rule::DialedThoughConnected));
        rules.extend((dialed && unlisted).then_some(Rule::DialedThoughRestricted));
        let Input::DialFinished { outcome, .. } = self.line.input else { return };
        if goes_on
            || !self.before.resolver
            || !self.before.clone().resolvable_at(self.after.now, attempt.record)
        {
            return;
        }
        rules.extend(match (attempt.kind, attempt.stage, outcome) {
            (Kind::Dynamic, _, Outcome::Unreachable) => Some(Rule::DynamicNeverResolves),
            (Kind::Static, Stage::FirstDial, Outcome::HandshakeFailed) => Some(Rule::NoResolveAfterHandshake),
            (Kind::Static, Stage::SecondDial, Outcome::Unreachable) => Some(Rule::NoResolveAfterSecondDial),
            _ => None,
        });
    }

    /// The attempt whose task the line ends.
    fn answered(&self) -> Option<(Id, Attempt)> {
        let (Input::DialFinished { id, .. } | Input::ResolveFinished { id, .. }) = self.line.input else {
            return None;
        };
        let id = id?.bytes();
        self.before.dialing.get(&id).map(|attempt| (id, *attempt))
    }

    /// Whether the line ends the first dial of a static node so.
    fn may_have_resolved(&self, attempt: Attempt, so: Outcome) -> bool {
        let ended = matches!(self.line.input, Input::DialFinished { outcome, .. } if outcome == so);
        ended && self.after.resolver && (attempt.kind, attempt.stage) == (Kind::Static, Stage::FirstDial)
    }

    /// Who was started in this line, with or without a command. An attempt that was over at once has left no kind: it
    /// counts as that of a static node where there is one.
    fn started(&self, kind: Kind) -> BTreeSet<Id> {
        let is = |id: &Id| match self.after.dialing.get(id) {
            Some(attempt) => attempt.kind == kind,
            None => self.after.statics.contains_key(id) == (kind == Kind::Static),
        };
        let new = self.after.history.iter().filter(|entry| !self.before.history.contains(entry));
        new.map(|(id, _)| *id).filter(is).collect()
    }
}

impl Model {
    fn is_recent(&self, id: &Id) -> bool {
        self.history.iter().any(|(recent, _)| recent == id)
    }

    fn refuses_static(&self, id: &Id) -> Option<Refused> {
        self.statics.get(id).and_then(|record| self.check(&self.records[*record].node))
    }

    fn resolvable_at(mut self, now: u64, record: usize) -> bool {
        self.now = now;
        self.may_resolve(record)
    }
}
