//! Bans: who must not be dialed, and until when. The only place that says so.
//!
//! Invariant: each ban is found by its subject, and stands in the queue of ends exactly if it has one.

use core::net::IpAddr;

use ipnet::IpNet;
use siphasher::sip::SipHasher13;

use super::slots::{BanSlot, OfBan};
use crate::collections::{Heap, Key, Slab, Table, bytes};
use crate::event::BanSubject;
use crate::network::{NetworkMap, canonical};
use crate::time::Timestamp;

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Ban<I> {
    subject: BanSubject<I>,
    until: Option<Timestamp>,
}

impl<I> Ban<I> {
    fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

/// The bans.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound(deserialize = "I: Key + serde::Deserialize<'de>")))]
pub(crate) struct Bans<I> {
    all: Slab<OfBan, Ban<I>>,
    #[cfg_attr(feature = "serde", serde(skip, default = "unkeyed"))]
    ids: Table<OfBan, I, BanSlot>,
    #[cfg_attr(feature = "serde", serde(skip))]
    networks: NetworkMap<BanSlot>,
    /// When each one ends that does.
    ends: Heap<OfBan>,
}

/// A table to be made anew.
#[cfg(feature = "serde")]
fn unkeyed<I: Key>() -> Table<OfBan, I, BanSlot> {
    Table::new(SipHasher13::new_with_keys(0, 0))
}

impl<I: Key> Bans<I> {
    pub(super) const fn new(hasher: SipHasher13) -> Self {
        Self { all: Slab::new(), ids: Table::new(hasher), networks: NetworkMap::new(), ends: Heap::new() }
    }

    pub(crate) const fn len(&self) -> u32 {
        self.all.len()
    }

    /// How many ids are banned.
    pub(crate) const fn ids(&self) -> u32 {
        self.ids.len()
    }

    /// How many networks are banned.
    pub(crate) fn networks(&self) -> u32 {
        self.networks.len() as u32
    }

    /// The bans in force, and until when each holds.
    pub(crate) fn iter(&self, now: Timestamp) -> impl Iterator<Item = (BanSubject<I>, Option<Timestamp>)> {
        self.all.iter().filter(move |(_, ban)| ban.holds(now)).map(|(_, ban)| (ban.subject, ban.until))
    }

    /// Whether any network is banned.
    #[inline]
    pub(crate) fn has_networks(&self) -> bool {
        !self.networks.is_empty()
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

    /// The bans in force of networks that cover an IP, the widest network first, and until when each holds.
    pub(crate) fn of_ip(
        &self,
        ip: IpAddr,
        now: Timestamp,
    ) -> impl Iterator<Item = (IpNet, Option<Timestamp>)> {
        let covering = self.networks.covering(ip);
        let bans = covering.filter_map(|(network, slot)| Some((network, self.all.get(*slot)?)));
        bans.filter(move |(_, ban)| ban.holds(now)).map(|(network, ban)| (network, ban.until))
    }

    /// The ban that ends first, and when.
    pub(crate) fn first(&self) -> Option<(BanSlot, Timestamp)> {
        self.ends.peek().map(|item| (item.key, Timestamp::from_nanos(item.at)))
    }

    pub(crate) fn find(&self, subject: &BanSubject<I>) -> Option<BanSlot> {
        match subject {
            BanSubject::Id(id) => self.ids.find(id).and_then(|slot| self.ids.get(slot)).copied(),
            BanSubject::Network(network) => self.networks.get(*network).copied(),
        }
    }

    /// Bans a subject that is not banned.
    pub(super) fn insert(&mut self, subject: BanSubject<I>, until: Option<Timestamp>) {
        let slot = self.all.insert(Ban { subject, until });
        match subject {
            BanSubject::Id(id) => _ = self.ids.insert(id, slot),
            BanSubject::Network(network) => _ = self.networks.insert(canonical(network), slot),
        }
        if let Some(until) = until {
            self.ends.set(slot, until.as_nanos(), 0);
        }
    }

    /// Ends a ban. Returns whom it concerned.
    pub(super) fn remove(&mut self, slot: BanSlot) -> Option<BanSubject<I>> {
        self.ends.remove(slot);
        let ban = self.all.remove(slot)?;
        match &ban.subject {
            BanSubject::Id(id) => _ = self.ids.find(id).and_then(|at| self.ids.remove(at)),
            BanSubject::Network(network) => _ = self.networks.remove(*network),
        }
        Some(ban.subject)
    }

    /// Whether bans and their ends fit together.
    pub(crate) fn verify(&self) -> bool {
        let at = |slot| self.ends.get(slot).map(|item| Timestamp::from_nanos(item.at));
        let finite = self.all.iter().filter(|(_, ban)| ban.until.is_some()).count() as u32;
        let found = |slot, ban: &Ban<I>| self.find(&ban.subject) == Some(slot);
        self.all.iter().all(|(slot, ban)| at(slot) == ban.until && found(slot, ban))
            && self.ends.len() == finite
    }

    /// Makes what was read usable. Returns whether it fits together: no subject is banned twice.
    #[cfg(feature = "serde")]
    pub(super) fn reindex(&mut self, hasher: SipHasher13) -> bool {
        self.ids = Table::new(hasher);
        self.networks = NetworkMap::new();
        for (slot, ban) in self.all.iter() {
            let twice = match ban.subject {
                BanSubject::Id(id) if self.ids.find(&id).is_some() => true,
                BanSubject::Id(id) => {
                    self.ids.insert(id, slot);
                    false
                }
                BanSubject::Network(network) => self.networks.insert(canonical(network), slot).is_some(),
            };
            if twice {
                return false;
            }
        }
        self.ends.reindex(self.all.slots())
    }

    /// The most bytes for so many banned ids and networks.
    pub(crate) fn bound(ids: u64, networks: u64) -> u64 {
        let all = ids.saturating_add(networks);
        bytes::sum(&[
            Slab::<OfBan, Ban<I>>::bound(all),
            Table::<OfBan, I, BanSlot>::bound(ids),
            NetworkMap::<BanSlot>::bound(networks),
            Heap::<OfBan>::bound(all, all),
        ])
    }
}
