//! What a snapshot leaves out is found again here: hashes, the places of keys, and the maps that follow from others.

use siphasher::sip::SipHasher13;

use super::Facts;
use crate::address::Address;
use crate::backoff::Jitter;
use crate::config::Config;
use crate::node::NodeId;

impl<I: NodeId, A: Address> Facts<I, A> {
    /// Makes facts that were just read usable, under a config of the caller's.
    ///
    /// # Errors
    /// What does not fit together.
    pub(crate) fn reindex(&mut self, config: Config<I, A>) -> Result<(), &'static str> {
        let [.., j0, j1] = self.seeds;
        let hasher = self.hasher();
        self.jitter = Jitter::new(SipHasher13::new_with_keys(j0, j1));
        self.restrict = config.restrict.as_ref().map(|list| list.iter().copied().collect());
        self.config = config;
        self.clean_bootnodes();
        self.subnets = self.recounted_subnets();
        let parts = [
            (self.nodes.reindex(hasher), "the records of nodes"),
            (self.attempts.reindex(), "attempts"),
            (self.peers.reindex(), "peers"),
            (self.inbound.reindex(hasher), "inbound handshakes"),
            (self.bans.reindex(hasher), "bans"),
            (self.waiting.reindex(hasher, self.nodes.slots()), "the queues of nodes"),
        ];
        parts.into_iter().find(|(sound, _)| !sound).map_or(Ok(()), |(_, what)| Err(what))
    }
}
