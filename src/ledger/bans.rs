//! Bans: who must not be dialed, and until when. The only place that says so.

use core::net::IpAddr;

use ipnet::IpNet;
use siphasher::sip::SipHasher13;

use super::Ledger;
use super::slab::Slab;
use super::table::Table;
use super::timers::Lane;
use crate::address::Address;
use crate::error::{Collection, EventError};
use crate::event::BanSubject;
use crate::network::{NetworkMap, canonical};
use crate::node::NodeId;
use crate::time::Timestamp;

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Ban<I> {
    pub(super) subject: BanSubject<I>,
    pub(super) until: Option<Timestamp>,
}

impl<I> Ban<I> {
    fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "I: NodeId + serde::Deserialize<'de>")))]
pub(crate) struct Bans<I> {
    pub(super) all: Slab<Ban<I>>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) ids: Table<I, u32>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) networks: NetworkMap<u32>,
}

impl<I: NodeId> Bans<I> {
    pub(crate) const fn new(hasher: SipHasher13) -> Self {
        Self { all: Slab::new(), ids: Table::new(hasher), networks: NetworkMap::new() }
    }

    pub(crate) const fn len(&self) -> u32 {
        self.all.len()
    }

    /// Whether an id is banned, and until when.
    #[inline]
    pub(crate) fn of_id(&self, id: &I, now: Timestamp) -> Option<Option<Timestamp>> {
        // Asked of every candidate, most often where there is no ban at all.
        if self.ids.len() == 0 { None } else { self.find_id(id, now) }
    }

    fn find_id(&self, id: &I, now: Timestamp) -> Option<Option<Timestamp>> {
        let slot = self.ids.find(id)?;
        let ban = self.ids.get(slot).and_then(|ban| self.all.get(*ban))?;
        ban.holds(now).then_some(ban.until)
    }

    /// The widest network with a ban in force that covers an IP, and until when.
    pub(crate) fn of_ip(&self, ip: IpAddr, now: Timestamp) -> Option<(IpNet, Option<Timestamp>)> {
        let mut bans =
            self.networks.covering(ip).filter_map(|(network, slot)| Some((network, self.all.get(*slot)?)));
        bans.find(|(_, ban)| ban.holds(now)).map(|(network, ban)| (network, ban.until))
    }

    pub(crate) fn has_networks(&self) -> bool {
        self.networks.len() > 0
    }

    fn slot(&self, subject: &BanSubject<I>) -> Option<u32> {
        match subject {
            BanSubject::Id(id) => self.ids.find(id).and_then(|slot| self.ids.get(slot)).copied(),
            BanSubject::Network(network) => self.networks.get(*network).copied(),
        }
    }

    fn remove(&mut self, slot: u32) -> Option<BanSubject<I>> {
        let ban = self.all.remove(slot)?;
        match &ban.subject {
            BanSubject::Id(id) => drop(self.ids.find(id).and_then(|at| self.ids.remove(at))),
            BanSubject::Network(network) => drop(self.networks.remove(*network)),
        }
        Some(ban.subject)
    }
}

impl<I: NodeId, A: Address> Ledger<I, A> {
    pub(crate) fn ban(&mut self, subject: BanSubject<I>, until: Option<Timestamp>) -> Result<(), EventError> {
        let old = self.bans.slot(&subject);
        let (what, cap, used) = match subject {
            BanSubject::Id(_) => (Collection::BannedIds, self.config.limits.banned_ids, self.bans.ids.len()),
            BanSubject::Network(_) => {
                let used = self.bans.networks.len() as u32;
                (Collection::BannedNetworks, self.config.limits.banned_networks, used)
            }
        };
        if old.is_none() && used >= cap {
            return Err(EventError::Full { what, cap });
        }
        self.lift(&subject);
        if until.is_some_and(|until| until <= self.now) {
            return Ok(());
        }
        let slot = self.bans.all.insert(Ban { subject, until });
        match subject {
            BanSubject::Id(id) => drop(self.bans.ids.insert(id, slot)),
            BanSubject::Network(network) => drop(self.bans.networks.insert(canonical(network), slot)),
        }
        if let Some(until) = until {
            self.timers.set(Lane::Ban, slot, until, 0);
        }
        match subject {
            BanSubject::Id(id) => self.enforce_on(&id),
            BanSubject::Network(_) => self.enforce_on_all(),
        }
        Ok(())
    }

    pub(crate) fn lift(&mut self, subject: &BanSubject<I>) {
        if let Some(slot) = self.bans.slot(subject) {
            self.end_ban(slot);
        }
    }

    /// Ends a ban: whoever waited for it is a candidate again.
    pub(crate) fn end_ban(&mut self, slot: u32) {
        self.timers.clear(Lane::Ban, slot);
        match self.bans.remove(slot) {
            Some(BanSubject::Id(id)) => {
                if let Some(node) = self.find(&id) {
                    self.settle(node);
                }
            }
            Some(BanSubject::Network(_)) => self.loosen(),
            None => {}
        }
    }

    /// The rules may allow more than before: whoever is parked is looked at again, and so is whoever waits for room,
    /// since another address of it may be allowed now.
    pub(crate) fn loosen(&mut self) {
        self.rules = self.rules.wrapping_add(1);
        self.reconsidered.clone_from(&self.groups.awaited);
    }
}
