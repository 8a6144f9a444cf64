//! go-ethereum's `newTasks`, v1.8.27: statics, a bootnode, random known nodes, the lookup buffer, a lookup.
//!
//! What has to stay the same through a round is kept here: the need as it was counted at its start, and where in the
//! round we are.

use rand_core::Rng;

use super::Step;
use crate::address::Address;
use crate::check::{Permit, Subject};
use crate::command::DialKind;
use crate::ledger::attempts::{Budget, Ended, Phase};
use crate::ledger::lookups::State;
use crate::ledger::timers::{Alarm, Lane, Wants};
use crate::ledger::{Ledger, NONE};
use crate::node::{Node, NodeId};
use crate::notice::Notice;
use crate::refusal::Refusal;
use crate::sample::Shuffle;
use crate::time::Timestamp;

/// Where a round is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum Stage {
    Statics,
    Bootnode,
    /// Known nodes whose history has ended are taken out of the timers, so that the next one shows.
    Wake,
    Random {
        left: u32,
    },
    Buffer,
    Lookup,
    End,
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Classic {
    stage: Stage,
    /// How many dynamic dials are wanted: fixed at the start of the round, less what the round began.
    need: i64,
    /// How often the bootnodes were rotated.
    rotation: u32,
    shuffle: Shuffle,
}

impl Classic {
    pub(crate) const fn new() -> Self {
        Self { stage: Stage::End, need: 0, rotation: 0, shuffle: Shuffle::new() }
    }

    /// Ends the attempts whose resolve was refused in the round before, and counts the need. A peer and its
    /// unfinished dial both count, as in the original.
    pub(crate) fn start<I: NodeId, A: Address>(&mut self, ledger: &mut Ledger<I, A>) {
        while let Some(refused) = ledger.attempts.refused.last() {
            ledger.end(refused, Ended::Moot);
        }
        let taken = i64::from(ledger.peers.outbound(Budget::Dynamic))
            .saturating_add(i64::from(ledger.attempts.active(Budget::Dynamic)));
        self.need = i64::from(ledger.config.dynamic_target).saturating_sub(taken);
        self.stage = Stage::Statics;
    }

    pub(crate) fn next<I: NodeId, A: Address>(
        &mut self,
        ledger: &mut Ledger<I, A>,
        rng: &mut impl Rng,
    ) -> Step {
        if let Some(attempt) = ledger.attempts.next_owed() {
            return Step::Issue(attempt);
        }
        if let Some(step) = Self::requested(ledger) {
            return step;
        }
        match self.stage {
            Stage::Statics => self.statics(ledger),
            Stage::Bootnode => self.bootnode(ledger),
            Stage::Wake => self.wake(ledger),
            Stage::Random { left } => self.random(ledger, rng, left),
            Stage::Buffer => self.buffer(ledger),
            Stage::Lookup => self.lookup(ledger),
            Stage::End => self.end(ledger),
        }
    }

    fn requested<I: NodeId, A: Address>(ledger: &mut Ledger<I, A>) -> Option<Step> {
        let id = ledger.requested.pop_front()?;
        match ledger.permit(&ledger.requested_subject(id)) {
            Ok(permit) => Some(begin(ledger, permit)),
            Err(reason) => {
                ledger.notify(Notice::RequestDropped { id, reason });
                Some(Step::Looked)
            }
        }
    }

    /// All static nodes, without a limit; those that are excluded are deleted for good.
    fn statics<I: NodeId, A: Address>(&mut self, ledger: &mut Ledger<I, A>) -> Step {
        let due = ledger.timers.due(Lane::Static, ledger.now);
        let Some(subject) = due.and_then(|node| ledger.subject(node, DialKind::Static)) else {
            self.stage = Stage::Bootnode;
            return Step::Looked;
        };
        let (id, node) = (subject.id, subject.node);
        match ledger.permit(&subject) {
            Ok(permit) => return begin(ledger, permit),
            Err(reason @ (Refusal::OwnId | Refusal::Restricted)) => {
                ledger.delete_static(node);
                ledger.notify(Notice::StaticDeleted { id, reason });
            }
            Err(reason) => {
                ledger.stats.refusals.count(&reason);
                ledger.park(node);
            }
        }
        Step::Looked
    }

    /// With no peer at all, 20 s after the start: the bootnodes are rotated, and the first is tried.
    fn bootnode<I: NodeId, A: Address>(&mut self, ledger: &mut Ledger<I, A>) -> Step {
        self.stage = Stage::Wake;
        let count = ledger.config.bootnodes.len() as u32;
        let alone = ledger.peers.is_empty() && self.need > 0 && count > 0;
        let from = ledger.start.saturating_add(ledger.config.fallback.after).next();
        ledger.timers.clear_alarm(Alarm::Fallback);
        if !alone || ledger.now < from {
            if alone {
                ledger.timers.set_alarm(Alarm::Fallback, from);
            }
            return Step::Looked;
        }
        self.rotation = self.rotation.wrapping_add(1).checked_rem(count).unwrap_or(0);
        // Rotated once, the list begins with what was its second node, and the head has become the last.
        let head = self.rotation.checked_sub(1).unwrap_or(count.saturating_sub(1));
        let node = ledger.config.bootnodes.get(head as usize);
        let permit = node.map(|node| ledger.permit(&subject(ledger, node, DialKind::Bootnode)));
        permit.map_or(Step::Looked, |permit| self.attempt(ledger, permit))
    }

    fn wake<I: NodeId, A: Address>(&mut self, ledger: &mut Ledger<I, A>) -> Step {
        if self.need <= 0 || !ledger.wake_known() {
            let left = u32::try_from(self.need.max(0) / 2).unwrap_or(0);
            self.shuffle.reset();
            self.stage = Stage::Random { left };
        }
        Step::Looked
    }

    /// Half of the need from random known nodes; one that is refused is not replaced.
    fn random<I: NodeId, A: Address>(
        &mut self,
        ledger: &mut Ledger<I, A>,
        rng: &mut impl Rng,
        left: u32,
    ) -> Step {
        let known = &ledger.sampled;
        let pick = left.checked_sub(1).and_then(|_| self.shuffle.next(rng, known.len()));
        let node = pick.and_then(|pick| known.get(pick));
        let Some(subject) = node.and_then(|node| ledger.subject(node, DialKind::Dynamic)) else {
            self.stage = Stage::Buffer;
            return Step::Looked;
        };
        self.stage = Stage::Random { left: left.saturating_sub(1) };
        let permit = ledger.permit(&subject);
        self.attempt(ledger, permit)
    }

    /// The rest from what lookups brought; one that is refused is consumed too.
    fn buffer<I: NodeId, A: Address>(&mut self, ledger: &mut Ledger<I, A>) -> Step {
        let next = if self.need > 0 { ledger.lookups.buffer.pop_front() } else { None };
        match next {
            Some(node) => {
                let permit = ledger.permit(&subject(ledger, &node, DialKind::Dynamic));
                self.attempt(ledger, permit)
            }
            None => {
                self.stage = Stage::Lookup;
                Step::Looked
            }
        }
    }

    /// A dynamic attempt; if it may begin, the need is one less.
    fn attempt<I: NodeId, A: Address>(
        &mut self,
        ledger: &mut Ledger<I, A>,
        permit: Result<Permit<I, A>, Refusal>,
    ) -> Step {
        let Ok(permit) = permit else { return Step::Looked };
        self.need = self.need.saturating_sub(1);
        begin(ledger, permit)
    }

    /// If need remains, a lookup is decided on, and waits for its instant. It goes out then, needed or not.
    fn lookup<I: NodeId, A: Address>(&mut self, ledger: &mut Ledger<I, A>) -> Step {
        self.stage = Stage::End;
        if self.need > 0 && ledger.config.discovery && ledger.lookups.state == State::Idle {
            let at = ledger.lookup_allowed();
            ledger.lookups.state = State::Decided;
            if at > ledger.now {
                ledger.timers.set_alarm(Alarm::LookupStart, at);
            } else {
                ledger.begin_lookup();
            }
        }
        if ledger.lookups.state == State::Due {
            return Step::Lookup;
        }
        Step::Looked
    }

    /// If resolves were refused, their attempts end now, and a new round follows at the same instant.
    fn end<I: NodeId, A: Address>(&mut self, ledger: &mut Ledger<I, A>) -> Step {
        if ledger.attempts.refused.len() > 0 {
            self.start(ledger);
            return Step::Looked;
        }
        let wants_known = self.need > 0;
        self.set_alarms(ledger, wants_known);
        Step::Done(Wants { statics: true, known: wants_known })
    }

    /// What the original would find at its next call, whenever that came: another bootnode at the head, or other
    /// random nodes where no lookup will bring any.
    fn set_alarms<I: NodeId, A: Address>(&self, ledger: &mut Ledger<I, A>, needed: bool) {
        let sampled = needed && !ledger.config.discovery && ledger.sampled.len() > 0;
        if sampled {
            let at = ledger.now.saturating_add(ledger.config.lookups.interval);
            ledger.timers.set_alarm(Alarm::Resample, at);
        } else {
            ledger.timers.clear_alarm(Alarm::Resample);
        }
        let falls_back = needed && ledger.peers.is_empty() && ledger.timers.alarm(Alarm::Fallback).is_none();
        if falls_back {
            if let Some(at) = next_bootnode(ledger) {
                ledger.timers.set_alarm(Alarm::Fallback, at);
            }
        }
    }
}

/// When a bootnode may be dialed again: the next instant, if it may already but is not at the head.
fn next_bootnode<I: NodeId, A: Address>(ledger: &Ledger<I, A>) -> Option<Timestamp> {
    let refusal = |bootnode| ledger.refusal(&subject(ledger, bootnode, DialKind::Bootnode));
    let soonest = |bootnode| refusal(bootnode).map_or(Some(ledger.now.next()), |refusal| refusal.until());
    ledger.config.bootnodes.iter().filter_map(soonest).min()
}

/// A node as a source has delivered it: its addresses belong to the source.
fn subject<'a, I: NodeId, A: Address>(
    ledger: &Ledger<I, A>,
    delivered: &'a Node<I, A>,
    kind: DialKind,
) -> Subject<'a, I, A> {
    let Node { id, addrs } = delivered;
    Subject { id: *id, node: ledger.find(id).unwrap_or(NONE), addrs: addrs.as_slice(), kind }
}

/// Begins an attempt; its first command, unless its resolve is refused.
fn begin<I: NodeId, A: Address>(ledger: &mut Ledger<I, A>, permit: Permit<I, A>) -> Step {
    let attempt = ledger.begin(permit);
    let refused = ledger.attempts.get(attempt).is_some_and(|attempt| attempt.phase == Phase::Refused);
    if refused { Step::Looked } else { Step::Issue(attempt) }
}
