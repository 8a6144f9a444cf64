//! What the operator has told a dialer, as the host itself remembers it: the dialer is held to this.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use dialstate::{BanSubject, Change, Timestamp};
use ipnet::IpNet;

use crate::world::{Config, Event, Id, Node};

/// The rules in force.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) target: u32,
    pub(super) active: u32,
    restrict: Option<Vec<IpNet>>,
    bootnodes: Vec<Node>,
    /// Until when, on the host's clock; `None`: for ever.
    bans: BTreeMap<BanSubject<Id>, Option<Timestamp>>,
}

impl Rules {
    /// What a config says.
    pub(super) fn new(config: &Config) -> Self {
        Self {
            target: config.dynamic_target,
            active: config.max_active_dials,
            restrict: config.restrict.clone(),
            bootnodes: config.bootnodes.clone(),
            bans: BTreeMap::new(),
        }
    }

    /// A config with these rules in it.
    pub(super) fn config(&self, of: &Config) -> Config {
        let mut config = of.clone();
        config.dynamic_target = self.target;
        config.max_active_dials = self.active;
        config.restrict.clone_from(&self.restrict);
        config.bootnodes.clone_from(&self.bootnodes);
        config
    }

    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::Banned { subject, until } => _ = self.bans.insert(*subject, *until),
            Event::Unbanned(subject) => _ = self.bans.remove(subject),
            Event::Reconfigured(Change::DynamicTarget(target)) => self.target = *target,
            Event::Reconfigured(Change::MaxActiveDials(active)) => self.active = *active,
            Event::Reconfigured(Change::Restrict(list)) => self.restrict.clone_from(list),
            Event::Reconfigured(Change::Bootnodes(nodes)) => self.bootnodes.clone_from(nodes),
            _ => {}
        }
    }

    /// What leads back to the config, and lifts the bans that do not end by themselves.
    pub(super) fn undone(&self, config: &Config) -> Vec<Event> {
        let changes = [
            Change::DynamicTarget(config.dynamic_target),
            Change::MaxActiveDials(config.max_active_dials),
            Change::Restrict(config.restrict.clone()),
            Change::Bootnodes(config.bootnodes.clone()),
        ];
        let endless = self.bans.iter().filter(|(_, until)| until.is_none());
        let lifted = endless.map(|(subject, _)| Event::Unbanned(*subject));
        changes.into_iter().map(Event::Reconfigured).chain(lifted).collect()
    }

    /// A restored dialer goes on at `now` as if that were the instant `then` at which it was saved.
    pub(super) fn resumed(mut self, then: Timestamp, now: Timestamp) -> Self {
        for until in self.bans.values_mut().flatten() {
            *until = now.saturating_add(until.saturating_since(then));
        }
        self
    }

    pub(super) fn subjects(&self) -> impl Iterator<Item = BanSubject<Id>> {
        self.bans.keys().copied()
    }

    /// The next end of a ban.
    pub(super) fn next_end(&self, now: Timestamp) -> Option<Timestamp> {
        self.bans.values().flatten().copied().filter(|until| *until > now).min()
    }

    pub(super) fn bans_id(&self, id: Id, now: Timestamp) -> bool {
        self.bans.get(&BanSubject::Id(id)).is_some_and(|until| holds(*until, now))
    }

    pub(super) fn bans_addr(&self, addr: SocketAddr, now: Timestamp) -> bool {
        self.bans.iter().any(|(subject, until)| match subject {
            BanSubject::Id(_) => false,
            BanSubject::Network(network) => holds(*until, now) && network.contains(&addr.ip()),
        })
    }

    pub(super) fn restricts(&self, addr: SocketAddr) -> bool {
        self.restrict.as_ref().is_some_and(|list| !list.iter().any(|network| network.contains(&addr.ip())))
    }

    /// Whether a node must not be connected or dialed, at this address if it is known.
    pub(super) fn excludes(&self, id: Id, addr: Option<SocketAddr>, now: Timestamp) -> bool {
        self.bans_id(id, now) || addr.is_some_and(|addr| self.bans_addr(addr, now) || self.restricts(addr))
    }
}

fn holds(until: Option<Timestamp>, now: Timestamp) -> bool {
    until.is_none_or(|until| until > now)
}
