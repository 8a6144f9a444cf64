//! Whether the facts are consistent: each part by itself, and where one names another.
//!
//! Nothing of the dialer's own work calls this: tests do after each step, and `restore` does before it trusts what it
//! has read.

use alloc::collections::BTreeSet;

use super::Facts;
use super::nodes::Record;
use super::slots::NodeSlot;
use crate::address::Address;
use crate::node::NodeId;
use crate::time::Timestamp;

/// How far the dialer's own timeline can have come: it goes on over restores, while the caller's begins anew with each.
const LATEST: Timestamp = Timestamp::from_nanos(3 << 62);

/// More tokens than can have been given out: a billion a second since the start of time.
const TOKENS: u64 = 1 << 62;

fn holds(right: bool, what: &'static str) -> Result<(), &'static str> {
    if right { Ok(()) } else { Err(what) }
}

impl<I: NodeId, A: Address> Facts<I, A> {
    /// Recounts everything that is held in two forms.
    ///
    /// # Errors
    /// The first thing that does not agree with itself.
    pub(crate) fn verify(&self) -> Result<(), &'static str> {
        holds(self.start <= self.now && self.now <= LATEST, "the clock and its range")?;
        holds(self.tokens <= TOKENS, "the last token")?;
        holds(self.nodes.verify(), "the known nodes")?;
        self.verify_links()?;
        let met = |node| self.nodes.get(node).and_then(|r| self.peers.get(r.peer?)).and_then(|p| p.budget());
        holds(self.attempts.verify(self.tokens, met), "the attempts")?;
        holds(self.peers.verify(), "the peers")?;
        holds(self.inbound.verify(|node| self.nodes.get(node).is_some()), "the inbound handshakes")?;
        holds(self.bans.verify(), "the bans")?;
        holds(self.subnets == self.recounted_subnets(), "the holders of subnets")?;
        let lookup = self.lookup.running().map_or(0, |lookup| lookup.as_raw());
        holds(lookup <= self.tokens, "a lookup that never was")?;
        let places = self
            .nodes
            .iter()
            .map(|(slot, (_, record))| (slot, record.place(), record.source().unwrap_or_default()));
        self.waiting.verify(places, |node| self.nodes.get(node).map(Record::place))
    }

    /// What a record points to points back.
    fn verify_links(&self) -> Result<(), &'static str> {
        let (mut entries, mut attempts, mut peers) = (BTreeSet::new(), 0u32, 0u32);
        for (slot, (_, record)) in self.nodes.iter() {
            if let Some(entry) = record.listed {
                holds(
                    self.statics.get(entry).is_some() && entries.insert(entry),
                    "a static node and its entry",
                )?;
            }
            if let Some(attempt) = record.attempt {
                attempts = attempts.saturating_add(1);
                let of = self.attempts.get(attempt).filter(|of| of.node == slot);
                let of = of.ok_or("a node and its attempt")?;
                holds(record.is_static() || !of.is_current(), "an attempt and the static node it came from")?;
            }
            if let Some(peer) = record.peer {
                peers = peers.saturating_add(1);
                holds(self.peers.get(peer).is_some_and(|peer| peer.node == slot), "a node and its peer")?;
            }
        }
        let exists = |node: NodeSlot| self.nodes.get(node).is_some();
        holds(self.attempts.iter().all(|(_, of)| exists(of.node)), "an attempt without a node")?;
        let counts = [entries.len() as u32, attempts, peers];
        holds(counts == [self.statics.len(), self.attempts.len(), self.peers.len()], "what no node points to")
    }
}
