//! What each event does to the ledger.

use alloc::vec::Vec;

use ipnet::IpNet;

use crate::address::Address;
use crate::check::Subject;
use crate::command::DialKind;
use crate::command::Task;
use crate::error::{Collection, EventError};
use crate::event::{Change, Event};
use crate::ledger::Ledger;
use crate::ledger::NONE;
use crate::ledger::lookups::State;
use crate::ledger::timers::{Alarm, Lane};
use crate::node::NodeId;

/// The most ends of bans and of cooldowns without a use that one event takes care of.
const ENDS: u32 = 256;

impl<I: NodeId, A: Address> Ledger<I, A> {
    /// Lets happen what is due. Tasks that are overdue because the host slept are not charged to anybody.
    pub(crate) fn expire(&mut self, charged: bool) {
        while let Some(attempt) = self.timers.pop_due(Lane::Attempt, self.now) {
            self.expire_attempt(attempt, charged);
        }
        while let Some(pending) = self.timers.pop_due(Lane::Inbound, self.now) {
            self.expire_inbound(pending);
        }
        while let Some(alarm) = self.timers.pop_due(Lane::Alarm, self.now) {
            self.ring(alarm);
        }
        for _ in 0..ENDS {
            let Some(ban) = self.timers.pop_due(Lane::Ban, self.now) else { break };
            self.end_ban(ban);
        }
        for _ in 0..ENDS {
            let Some(node) = self.timers.due(Lane::Idle, self.now) else { break };
            self.settle(node);
        }
    }

    /// Only a lookup that was decided on acts by itself; every other alarm wakes the plan, which decides anew.
    fn ring(&mut self, alarm: u32) {
        if alarm == Alarm::LookupStart as u32 && self.lookups.state == State::Decided {
            self.begin_lookup();
        } else if alarm == Alarm::LookupDeadline as u32 {
            self.expire_lookup();
        }
    }

    /// Applies an event, wholly or, with an error, not at all.
    pub(crate) fn apply(&mut self, event: Event<I, A>) -> Result<(), EventError> {
        match event {
            Event::StaticAdded(node) => return self.add_static(node),
            Event::StaticRemoved(id) => self.remove_static(&id),
            Event::NodeDiscovered { node, source } => drop(self.discover(node, source)),
            Event::NodeRestored(known) => self.restore_known(known),
            Event::NodeForgotten(id) => {
                if let Some(slot) = self.find(&id) {
                    self.forget(slot);
                }
            }
            Event::PeerAdded { id, .. } if id == self.me => return Err(EventError::OwnId),
            Event::PeerAdded { id, kind, addr } => self.add_peer(id, kind, addr),
            Event::PeerRemoved { id, reason } => self.remove_peer(&id, reason),
            Event::InboundPending { connection, id } => self.inbound_pending(connection, id),
            Event::InboundEnded { connection } => self.inbound_ended(connection),
            Event::DialFinished { dial, outcome, tried } => {
                let attempt = self.answered(Task::Dial(dial))?;
                self.learn(attempt, outcome, &tried);
                self.dial_answered(attempt, outcome);
            }
            Event::ResolveFinished { resolve, addrs } => {
                let attempt = self.answered(Task::Resolve(resolve))?;
                self.resolve_answered(attempt, addrs);
            }
            Event::LookupFinished { lookup, nodes } => return self.lookup_answered(lookup, nodes),
            Event::DialRequested(id) => return self.request(id),
            Event::Banned { subject, until } => return self.ban(subject, until),
            Event::Unbanned(subject) => self.lift(&subject),
            Event::NetworkChanged => self.network_changed(),
            Event::Reconfigured(change) => return self.reconfigure(change),
            Event::Tick => {}
        }
        Ok(())
    }

    /// The subject of a request: by its record, or by nothing but its id.
    pub(crate) fn requested_subject(&self, id: I) -> Subject<'_, I, A> {
        let known = self.find(&id).and_then(|node| self.subject(node, DialKind::Requested));
        known.unwrap_or(Subject { id, node: NONE, addrs: &[], kind: DialKind::Requested })
    }

    /// Notes an operator's wish. It waits for nothing but a slot.
    fn request(&mut self, id: I) -> Result<(), EventError> {
        if let Some(refusal) = self.refusal(&self.requested_subject(id)) {
            return Err(EventError::NotDialable(refusal));
        }
        let cap = self.config.limits.requested;
        if self.requested.contains(&id) {
            return Ok(());
        }
        if self.requested.len() >= cap as usize {
            return Err(EventError::Full { what: Collection::Requested, cap });
        }
        self.requested.push_back(id);
        Ok(())
    }

    fn reconfigure(&mut self, change: Change<I, A>) -> Result<(), EventError> {
        let mut config = self.config.clone();
        match change {
            Change::DynamicTarget(target) => config.dynamic_target = target,
            Change::MaxActiveDials(limit) => config.max_active_dials = limit,
            Change::Restrict(list) => config.restrict = list,
            Change::Bootnodes(nodes) => config.bootnodes = nodes,
        }
        config.validate_for(&self.me).map_err(EventError::InvalidChange)?;
        let before = core::mem::replace(&mut self.config, config);
        self.clean_bootnodes();
        self.follow(before.dynamic_target, &before.restrict);
        Ok(())
    }

    /// Draws the consequences of a config in which these were different before. Returns
    /// whether anything may have to be done now.
    pub(crate) fn follow(&mut self, target: u32, restrict: &Option<Vec<IpNet>>) -> bool {
        if self.config.dynamic_target < target && self.ranks() {
            self.shrink();
        }
        let restricts = self.config.restrict != *restrict;
        if restricts {
            self.restrict = self.config.restrict.as_ref().map(|list| list.iter().copied().collect());
            self.loosen();
            self.enforce_on_all();
        }
        restricts || self.config.dynamic_target != target
    }
}
