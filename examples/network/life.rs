//! The lives of the hosts: they start, leave, come back, lose their link, and look after their discovery tables.

use dialstate::{DialOutcome, RemovalReason, Timestamp};
use dialstate_proptests::world::{Dialer, Event};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::draws::Draw;
use crate::measure::Why;
use crate::overlay::{Answer, News, Overlay};
use crate::queue::What;
use crate::sim::Sim;
use crate::wire::State;
use crate::world::{BOOTNODES, CHECK_EVERY, CHECKS, KILLED, MILLI, REFRESH_EVERY, SECOND};

/// Random lookups at a refresh, beside the one for the own id (geth: three).
const RANDOM_LOOKUPS: u64 = 3;
/// How long a link stays up and down: every few minutes, as the task wants it.
const LINK_UP: (u64, u64) = (120 * SECOND, 300 * SECOND);
const LINK_DOWN: (u64, u64) = (10 * SECOND, 120 * SECOND);

impl Sim<'_> {
    pub(crate) fn starts(&mut self, host: u32) {
        if self.host(host).up || self.host(host).absent {
            return;
        }
        let place = self.world.place(host);
        let this = self.host(host);
        this.up = true;
        this.life += 1;
        let life = this.life;
        let now = Timestamp::from_nanos(place.clock.show(self.now));
        let rng = ChaCha8Rng::seed_from_u64(self.world.draws.bits(Draw::Dialer, host.into(), life.into()));
        let mut bootnodes = self.bootnodes.clone();
        bootnodes.retain(|node| node.id != place.id);
        match Dialer::new(place.id, self.profile.config(bootnodes), rng, now) {
            Ok(dialer) => self.host(host).dialer = Some(Box::new(dialer)),
            Err(error) => return self.fault(host, &format!("has no valid config: {error}")),
        }
        self.schedule_leave(host);
        self.greet_bootnodes(host);
        self.measure.starts(host, self.now, Why::Started);
        let events = self.first_events(host);
        self.hand(host, events);
        self.after(MILLI, What::Maintains { host, life, count: 0 });
    }

    /// It stays as long as its sessions are; after a restart, as long as it would have without.
    fn schedule_leave(&mut self, host: u32) {
        let (now, world) = (self.now, self.world);
        let restless = !self.scenario.stays(self.host(host));
        let this = self.host(host);
        if this.leaves.is_none_or(|leaves| leaves <= now) {
            this.leaves = world.session(host, this.sessions).filter(|_| restless).map(|stay| now + stay);
            this.sessions += 1;
        }
        if let Some(leaves) = this.leaves {
            let life = this.life;
            self.queue.push(leaves, What::Leaves { host, life });
        }
    }

    pub(crate) fn leaves(&mut self, host: u32, life: u32) {
        if !self.lives(host, life) {
            return;
        }
        self.host(host).leaves = None;
        let count = self.host(host).sessions;
        let killed = self.world.draws.hits(Draw::Silence, host.into(), count.into(), KILLED);
        self.goes_down(host, killed);
        self.after(self.world.absence(host, count), What::Starts { host });
    }

    pub(crate) fn goes_down(&mut self, host: u32, silently: bool) {
        self.host(host).up = false;
        self.measure.stops(host, self.now);
        let dialer = self.host(host).dialer.take();
        for connection in self.host(host).live.clone() {
            self.close(connection, self.connections[connection as usize].side(host), silently);
        }
        let keeps = self.profile.keeps_book;
        let book = dialer.iter().filter(|_| keeps).flat_map(|dialer| dialer.known_nodes());
        let book = book.map(Event::NodeRestored).collect();
        let this = self.host(host);
        this.book = book;
        this.lookup = None;
        this.lookups += 1;
        this.resolves.clear();
        (this.wake, this.queued) = (None, None);
    }

    /// The interface goes down or up. The host itself sees it at once; the others miss its keepalives.
    pub(crate) fn link(&mut self, host: u32, up: bool) {
        self.host(host).unplugged = !up;
        let (least, most) = if up { LINK_UP } else { LINK_DOWN };
        let delay = least + self.world.draws.below(Draw::Link, host.into(), self.now, most - least);
        self.after(delay, What::Link { host, up: !up });
        if !self.host(host).up {
            return;
        }
        if up {
            self.measure.starts(host, self.now, Why::LinkUp);
            self.hand(host, [Event::NetworkChanged]);
            return;
        }
        self.measure.stops(host, self.now);
        let mut events = Vec::new();
        for connection in self.host(host).live.clone() {
            let this = &self.connections[connection as usize];
            let (side, other) = (this.side(host), this.other(host));
            match this.state[side] {
                State::Pending if side == 0 => events.push(self.answer(connection, DialOutcome::LocalError)),
                State::Up => {
                    let id = self.world.place(other).id;
                    events.push(Event::PeerRemoved { id, reason: RemovalReason::Closed });
                }
                State::Pending | State::Unseen | State::Closed => {}
            }
            self.close(connection, side, true);
        }
        self.hand(host, events);
    }

    /// Counts how many peers a host has, if it is there.
    pub(crate) fn marks(&mut self, host: u32) {
        let this = &self.hosts[host as usize];
        if this.up && !this.unplugged {
            self.measure.peers(host, self.now, this.outbound, this.inbound);
        }
    }

    /// Looks for the nodes nearest to a target, over what the nodes know of each other.
    pub(crate) fn search(&mut self, host: u32, target: u64) -> Answer {
        if self.host(host).unplugged {
            return Answer { nodes: Vec::new(), took: 0 };
        }
        self.with_overlay(|sim, overlay, heard| {
            overlay.lookup(host, target, sim.world, &|who| sim.is_there(host, who), heard)
        })
    }

    /// The discovery of a host checks its table, and refreshes it now and then.
    pub(crate) fn maintains(&mut self, host: u32, life: u32, count: u16) {
        if !self.lives(host, life) {
            return;
        }
        if !self.host(host).unplugged {
            if u64::from(count) % REFRESH_EVERY == 0 {
                self.refresh(host);
            } else {
                let now = self.now;
                self.with_overlay(|sim, overlay, heard| {
                    overlay.check(host, now, CHECKS, sim.world, &|who| sim.is_there(host, who), heard);
                });
            }
        }
        self.after(CHECK_EVERY, What::Maintains { host, life, count: count.wrapping_add(1) });
    }

    /// Bootnodes and nodes of the database are asked again, then lookups fill the table.
    fn refresh(&mut self, host: u32) {
        self.greet_bootnodes(host);
        self.with_overlay(|sim, overlay, heard| {
            for who in overlay.seeds(host) {
                if sim.is_there(host, who) {
                    overlay.meet(host, who, sim.world, heard);
                }
            }
        });
        self.search(host, self.world.key(host));
        for n in 0..RANDOM_LOOKUPS {
            let target = self.world.draws.bits(Draw::Join, u64::from(host) << 8 | n, self.now);
            self.search(host, target);
        }
    }

    fn greet_bootnodes(&mut self, host: u32) {
        self.with_overlay(|sim, overlay, heard| {
            for who in (0..BOOTNODES).filter(|who| *who != host && sim.is_there(host, *who)) {
                overlay.meet(host, who, sim.world, heard);
            }
        });
    }

    /// The overlay beside the rest of the world, which it asks.
    fn with_overlay<T>(&mut self, work: impl FnOnce(&Self, &mut Overlay, &mut Vec<News>) -> T) -> T {
        let mut overlay = std::mem::take(&mut self.overlay);
        let mut heard = std::mem::take(&mut self.heard);
        let result = work(self, &mut overlay, &mut heard);
        (self.overlay, self.heard) = (overlay, heard);
        result
    }
}
