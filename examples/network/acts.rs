//! What a scenario does to the world: the network is cut, hosts are restarted or replaced, an adversary attacks.

use crate::draws::Draw;
use crate::overlay::News;
use crate::queue::{Act, What};
use crate::sim::Sim;
use crate::wire::State;
use crate::world::{BOOTNODES, MINUTE, SECOND};

/// Everybody joins within so long.
const JOINING: u64 = MINUTE;
/// A restart takes so long (a guess: to stop, to update, to load a database).
const RESTART: (u64, u64) = (30 * SECOND, 120 * SECOND);
/// The adversary floods so often, and each time so many of its ids call on a victim, and on anybody else.
const FLOOD_EVERY: u64 = 10 * SECOND;
const CALLS_ON_VICTIM: u64 = 20;
const CALLS_ON_OTHERS: u64 = 1;

impl Sim<'_> {
    /// Who is there at the start, who is what, and what the scenario wants when.
    pub(crate) fn prepare(&mut self) {
        let draws = self.world.draws;
        for host in 0..self.world.hosts {
            self.scenario.cast(self.world, host, &mut self.hosts[host as usize]);
            let place = self.world.place(host);
            let stays = place.stable || self.scenario.stays(&self.hosts[host as usize]);
            let up = stays || draws.hits(Draw::FirstUp, host.into(), 0, 500);
            let joins = draws.below(Draw::FirstUp, host.into(), 1, JOINING);
            let starts = if up { joins } else { self.world.absence(host, u32::MAX) };
            if !self.hosts[host as usize].absent {
                self.queue.push(if host < BOOTNODES { 0 } else { starts }, What::Starts { host });
            }
            if self.hosts[host as usize].mobile {
                self.queue.push(joins + 120 * SECOND, What::Link { host, up: false });
            }
        }
        self.scenario.schedule(self.world, &mut self.queue);
    }

    pub(crate) fn act(&mut self, act: Act, host: u32) {
        match act {
            Act::Cut => self.cut_in_two(),
            Act::Heal => {
                self.cut = false;
                self.measure.heals(self.now);
            }
            Act::Restart => self.restart(host),
            Act::RestartVictims => {
                for host in 0..self.world.hosts {
                    if self.hosts[host as usize].victim {
                        self.restart(host);
                    }
                }
            }
            Act::Replace => self.replace(host),
            Act::Attack => {
                self.attack = true;
                self.flood();
            }
            Act::Flood => self.flood(),
            Act::Count => self.count_taken(),
        }
    }

    fn cut_in_two(&mut self) {
        self.cut = true;
        for connection in 0..self.connections.len() as u32 {
            let [from, to] = self.connections[connection as usize].ends;
            if self.is_cut(from, to) {
                self.sever(connection);
            }
        }
    }

    fn restart(&mut self, host: u32) {
        if !self.host(host).up {
            return;
        }
        self.goes_down(host, false);
        let (least, most) = RESTART;
        let pause = least + self.world.draws.below(Draw::Restart, host.into(), self.now, most - least);
        self.after(pause, What::Starts { host });
    }

    /// A host is gone for good; somebody new, who knows the bootnodes and nobody else, takes its place.
    fn replace(&mut self, host: u32) {
        if self.host(host).up {
            self.goes_down(host, false);
        }
        let heir = host + self.world.hosts / 2;
        let this = self.host(host);
        this.absent = true;
        this.book = Vec::new();
        self.host(heir).absent = false;
        self.after(0, What::Starts { host: heir });
    }

    /// The adversary's ids call on everybody, so that they get into tables, and take the inbound slots of victims.
    fn flood(&mut self) {
        self.act_at(self.now + FLOOD_EVERY, Act::Flood, 0);
        for host in 0..self.world.hosts {
            if !self.host(host).up {
                continue;
            }
            let victim = self.host(host).victim;
            for n in 0..if victim { CALLS_ON_VICTIM } else { CALLS_ON_OTHERS } {
                let who = self.some_sybil(u64::from(host) << 8 | n, self.now);
                if self.overlay.learn(host, who, self.world) {
                    self.heard.push(News { host, who, gone: false });
                }
            }
            while victim && !self.host(host).is_full() {
                let count = self.measure.next_intrusion();
                let sybil = self.some_sybil(u64::from(host) << 8 | 0xff, count);
                if !self.is_connected(host, sybil) {
                    self.intrude(sybil, host);
                }
            }
        }
    }

    fn some_sybil(&self, who: u64, time: u64) -> u32 {
        let sybils = self.world.sybils();
        sybils.start + self.world.draws.below(Draw::Pick, who, time, sybils.len() as u64) as u32
    }

    /// One of the adversary's addresses, for an honest id.
    pub(crate) fn false_address(&self, who: u32) -> std::net::SocketAddr {
        let sybils = self.world.sybils();
        let pick = self.world.draws.below(Draw::Lie, who.into(), u64::MAX, sybils.len().max(1) as u64) as u32;
        self.world.place((sybils.start + pick).min(sybils.end.saturating_sub(1))).addr
    }

    /// How many outbound slots of each victim lead to the adversary.
    fn count_taken(&mut self) {
        let mut taken = Vec::new();
        for host in self.present().filter(|host| self.hosts[*host as usize].victim) {
            let peers: Vec<u32> = self.dialed(host).collect();
            let bad = peers.iter().filter(|peer| self.world.is_sybil(**peer)).count();
            taken.push((bad as u32, peers.len() as u32));
        }
        self.measure.taken(taken);
    }

    /// Whom a host has dialed and is connected to.
    pub(crate) fn dialed(&self, host: u32) -> impl Iterator<Item = u32> {
        let up = move |number: &u32| {
            let connection = &self.connections[*number as usize];
            (connection.ends[0] == host && connection.state[0] == State::Up).then_some(connection.ends[1])
        };
        self.hosts[host as usize].live.iter().filter_map(up)
    }
}
