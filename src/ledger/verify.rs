//! Whether the ledger is consistent: every fact that is held in two forms says the same in both.
//!
//! Nothing of the dialer's own work calls this: tests do after each step, and `restore` does before it trusts what it
//! has read.

use super::attempts::{Budget, Origin, Phase};
use super::chunks::Chunks;
use super::crowd::by_size;
use super::dense::Dense;
use super::list::List;
use super::lookups::State;
use super::slab::NONE;
use super::timers::Lane;
use super::{Ledger, Queue, Record};
use crate::address::Address;
use crate::event::PeerKind;
use crate::node::NodeId;
use crate::time::Timestamp;

type Verdict = Result<(), &'static str>;

fn holds(right: bool, what: &'static str) -> Verdict {
    if right { Ok(()) } else { Err(what) }
}

impl<I: NodeId, A: Address> Ledger<I, A> {
    /// Recounts everything.
    ///
    /// # Errors
    /// The first thing that does not agree with itself.
    pub(crate) fn verify(&self) -> Verdict {
        self.verify_records()?;
        self.verify_queues()?;
        self.verify_lists()?;
        self.verify_attempts()?;
        self.verify_peers()?;
        self.verify_groups()?;
        self.verify_known()?;
        self.verify_rest()
    }

    fn records(&self) -> impl Iterator<Item = (u32, &Record<A>)> {
        self.nodes.iter().map(|(slot, (_, record))| (slot, record))
    }

    /// What a record points to points back.
    fn verify_records(&self) -> Verdict {
        let (mut entries, mut attempts, mut peers) = (alloc::vec::Vec::new(), 0, 0);
        for (slot, record) in self.records() {
            if record.entry != NONE {
                entries.push(record.entry);
                holds(self.statics.get(record.entry).is_some(), "a static node without its entry")?;
            }
            if record.attempt != NONE {
                attempts += 1;
                let node = self.attempts.get(record.attempt).map(|attempt| attempt.node);
                holds(node == Some(slot), "a node and its attempt")?;
            }
            if record.peer != NONE {
                peers += 1;
                holds(
                    self.peers.get(record.peer).map(|peer| peer.node) == Some(slot),
                    "a node and its peer",
                )?;
            }
            let known = record.source.is_some();
            holds(known == self.sampled.contains(slot), "known nodes")?;
            holds(record.good == self.good.get(slot).is_some(), "good nodes")?;
            holds(known || !record.good, "a good node that is not known")?;
        }
        holds(self.rests.keys().all(|slot| self.nodes.get(*slot).is_some()), "rests of nodes that are gone")?;
        let listed = entries.len();
        entries.sort_unstable();
        entries.dedup();
        holds([listed, entries.len()] == [self.statics.len() as usize; 2], "static entries")?;
        holds(attempts == self.attempts.slab.len(), "attempts without a node")?;
        holds(peers == self.peers.slab.len(), "peers without a node")
    }

    /// A node is in the one queue that its record names.
    fn verify_queues(&self) -> Verdict {
        let mut sizes = [0u32; 6];
        for (slot, record) in self.records() {
            let lane = |lane| self.timers.get(lane, slot).is_some();
            let places = [
                (Queue::Static, lane(Lane::Static)),
                (Queue::Cooling, lane(Lane::Known)),
                (Queue::Good, lane(Lane::Good)),
                (Queue::Failed, lane(Lane::Failed)),
                (Queue::Fresh, self.is_fresh(slot, record)),
            ];
            for ((queue, is_in), size) in places.into_iter().zip(&mut sizes) {
                holds(is_in == (record.queue == queue), "a node and its queue")?;
                *size += u32::from(is_in);
            }
            let timed = matches!(record.queue, Queue::Static | Queue::Cooling);
            holds(!(lane(Lane::Idle) && timed), "a node with two cooldowns")?;
            let [.., idle] = &mut sizes;
            *idle += u32::from(lane(Lane::Idle));
        }
        let timers = |lane| self.timers.len(lane);
        let lens = [
            timers(Lane::Static),
            timers(Lane::Known),
            timers(Lane::Good),
            timers(Lane::Failed),
            self.fresh.len(),
        ];
        holds(
            sizes.starts_with(&lens) && sizes.last() == Some(&timers(Lane::Idle)),
            "queues of nodes that are gone",
        )
    }

    fn is_fresh(&self, slot: u32, record: &Record<A>) -> bool {
        let pool = self.fresh.pools.get(usize::from(record.source.unwrap_or_default().0));
        pool.and_then(|pool| pool.get(record.link.prev as usize)) == Some(&slot)
    }

    /// Lists hold who says so, linked both ways.
    fn verify_lists(&self) -> Verdict {
        let parked = self.verify_list(&self.parked, |record| record.queue == Queue::Parked)?;
        let mut waiting = 0;
        for (slot, (_, queue)) in self.groups.queues.iter() {
            let waits = |record: &Record<A>| record.queue == Queue::Waiting && record.group == slot;
            waiting += self.verify_list(&queue.waiting, waits)?;
        }
        let count =
            |is: &dyn Fn(&Record<A>) -> bool| self.records().filter(|(_, record)| is(record)).count() as u32;
        holds(parked == count(&|record| record.queue == Queue::Parked), "parked nodes")?;
        holds(self.network.unreviewed <= self.nodes.slots(), "nodes to be pardoned")?;
        holds(waiting == count(&|record| record.queue == Queue::Waiting), "waiting nodes")
    }

    fn verify_list(&self, list: &List, belongs: impl Fn(&Record<A>) -> bool) -> Result<u32, &'static str> {
        let (mut before, mut here, mut len) = (NONE, list.head, 0);
        while here != NONE {
            let record = self.nodes.get(here).filter(|record| belongs(record) && record.link.prev == before);
            before = core::mem::replace(&mut here, record.ok_or("a list")?.link.next);
            len += 1;
            holds(len <= list.len, "a list that is longer than it says")?;
        }
        holds(list.tail == before && list.len == len, "the end of a list").map(|()| len)
    }

    /// Every attempt is in the sets that its phase and kind say.
    fn verify_attempts(&self) -> Verdict {
        let attempts = &self.attempts;
        let (mut open, mut owed, mut refused) = (0, 0, 0);
        for (slot, attempt) in attempts.slab.iter() {
            holds(
                self.nodes.get(attempt.node).is_some_and(|record| record.attempt == slot),
                "an attempt and its node",
            )?;
            let listed = self.nodes.get(attempt.node).is_some_and(Record::is_static);
            holds(listed || attempt.origin != Origin::Static, "an attempt and the static node it came from")?;
            let task = attempts.is_open(attempt.token);
            let timed = self.timers.get(Lane::Attempt, slot).is_some();
            let in_flight = matches!(attempt.phase, Phase::Resolving | Phase::Dialing);
            holds(task == in_flight && attempt.token <= self.tokens && (in_flight || !timed), "a task")?;
            open += u32::from(in_flight);
            owed += u32::from(attempts.owed.get(slot).is_some());
            refused += u32::from(attempts.refused.contains(slot));
            let owes = matches!(attempt.phase, Phase::Resolve | Phase::Dial);
            holds(owes == attempts.owed.get(slot).is_some(), "an owed command")?;
            holds((attempt.phase == Phase::Refused) == attempts.refused.contains(slot), "a refused attempt")?;
            let budget = Budget::of(attempt.kind);
            let peer = self.nodes.get(attempt.node).and_then(|record| self.peers.budget(record.peer));
            let sets = Budget::ALL.into_iter().zip(attempts.active.iter().zip(&attempts.unmet));
            for (of, (active, unmet)) in sets {
                holds(active.contains(slot) == (of == budget), "a budget's attempts")?;
                holds(unmet.contains(slot) == (of == budget && peer != Some(budget)), "a budget's slots")?;
            }
        }
        let lens = [attempts.open.len() as u32, attempts.owed.len(), attempts.refused.len()];
        let active: u32 = attempts.active.iter().map(Dense::len).sum();
        let unmet_exist =
            attempts.unmet.iter().flat_map(Dense::iter).all(|slot| attempts.get(slot).is_some());
        holds(
            lens == [open, owed, refused] && active == attempts.slab.len() && unmet_exist,
            "sets of attempts",
        )
    }

    fn verify_peers(&self) -> Verdict {
        let peers = &self.peers;
        for (slot, peer) in peers.slab.iter() {
            holds(
                self.nodes.get(peer.node).is_some_and(|record| record.peer == slot),
                "a peer and its node",
            )?;
            holds(peers.inbound.contains(slot) == (peer.kind == PeerKind::Inbound), "inbound peers")?;
            for (budget, set) in Budget::ALL.into_iter().zip(&peers.outbound) {
                holds(set.contains(slot) == (peers.budget(slot) == Some(budget)), "outbound peers")?;
            }
            holds(peers.owing.contains(slot) == peer.owed.is_some(), "owed disconnects")?;
        }
        let sum: u32 = peers.outbound.iter().map(Dense::len).sum();
        let all_there = peers.owing.iter().chain(peers.leaving.iter()).all(|slot| peers.get(slot).is_some());
        holds(sum.saturating_add(peers.inbound.len()) == peers.slab.len() && all_there, "sets of peers")
    }

    /// What is held is recounted from those who hold it.
    fn verify_groups(&self) -> Verdict {
        let attempts = self.attempts.slab.iter().flat_map(|(_, attempt)| &attempt.held);
        let peers = self.peers.slab.iter().flat_map(|(_, peer)| &peer.held);
        let mut held: alloc::vec::Vec<_> = attempts.chain(peers).copied().collect();
        held.sort_unstable();
        holds(held == self.groups.held(), "holders of groups")?;
        for (slot, (_, queue)) in self.groups.queues.iter() {
            let awaited = queue.waiting.len > 0;
            holds(self.groups.awaited.contains(slot) == awaited, "groups that are waited for")?;
            holds(awaited || queue.delegate != NONE, "a group that nobody waits for")?;
            let delegate = self.nodes.get(queue.delegate);
            let ready = |record: &Record<A>| {
                record.group == slot && matches!(record.queue, Queue::Good | Queue::Failed | Queue::Fresh)
            };
            holds(queue.delegate == NONE || delegate.is_some_and(ready), "a group's delegate")?;
        }
        let grouped = |(slot, record): (u32, &Record<A>)| {
            let queue = self.groups.queues.get(record.group);
            record.group == NONE
                || record.queue == Queue::Waiting
                || queue.is_some_and(|queue| queue.delegate == slot)
        };
        let awaited = self.groups.awaited.iter().all(|slot| self.groups.queues.get(slot).is_some());
        holds(awaited && self.records().all(grouped), "groups that are gone")
    }

    fn verify_known(&self) -> Verdict {
        let crowd = &self.crowd;
        let mut members = 0u32;
        for (bucket, (key, nodes)) in crowd.buckets.iter() {
            let listed = crowd.by_size.contains(&by_size(key.source, nodes.len() as u64, bucket));
            holds(listed && !nodes.is_empty(), "the size of a crowd")?;
            let other =
                |slot: &u32| self.nodes.get(*slot).is_some_and(|r| r.source == Some(key.source) && !r.good);
            holds(nodes.iter().all(other), "who is in a crowd")?;
            members += nodes.len() as u32;
        }
        holds(crowd.by_size.len() == crowd.buckets.len() as usize, "crowds that are gone")?;
        let others = self.sampled.len().saturating_sub(self.good.len());
        holds(!self.ranks() || members == others, "who is in no crowd")?;
        let mut sampled = self.sampled.iter().chain(crowd.worn.keys());
        holds(sampled.all(|slot| self.nodes.get(slot).is_some()), "known nodes that are gone")?;
        let pools = (0u32..).zip(&self.fresh.pools);
        let turns =
            |(source, pool): (u32, &Chunks<u32>)| self.fresh.turns.get(source).is_some() == (pool.len() > 0);
        holds(pools.into_iter().all(turns), "turns of sources")
    }

    fn verify_rest(&self) -> Verdict {
        holds(self.start <= self.now && self.now <= Timestamp::MAX_NOW, "the clock and its range")?;
        for (slot, (_, node)) in self.inbound.connections.iter() {
            holds(self.timers.get(Lane::Inbound, slot).is_some(), "an inbound handshake without a deadline")?;
            holds(self.nodes.get(*node).is_some(), "an inbound handshake without a node")?;
        }
        for (slot, ban) in self.bans.all.iter() {
            holds(self.timers.get(Lane::Ban, slot) == ban.until, "a ban and its end")?;
        }
        let timers = [Lane::Inbound, Lane::Ban].map(|lane| self.timers.len(lane));
        let finite = self.bans.all.iter().filter(|(_, ban)| ban.until.is_some()).count() as u32;
        holds(timers == [self.inbound.len(), finite], "timers of what is gone")?;
        holds(self.timers.keys(Lane::Attempt).all(|slot| self.attempts.get(slot).is_some()), "deadlines")?;
        let token = match self.lookups.state {
            State::Running(lookup) => lookup.as_raw(),
            State::Idle | State::Decided | State::Due => 0,
        };
        holds(token <= self.tokens, "a lookup that never was")
    }
}
