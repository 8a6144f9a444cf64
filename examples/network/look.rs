//! A look at the whole network: how many peers everybody has, how much of it hangs together, and whether all is in order.

use std::collections::BTreeSet;

use crate::census::{at, sorted};
use crate::measure::Sample;
use crate::sim::Sim;
use crate::wire::State;
use crate::world::TARGET;

impl Sim<'_> {
    pub(crate) fn sample(&mut self) {
        let peers = sorted(self.present().map(|host| self.hosts[host as usize].outbound.into()));
        let sample = Sample {
            at: self.now,
            peers: [50, 250, 500, 750, 950].map(|rank| at(&peers, rank)),
            component: self.largest_component(),
        };
        self.measure.samples.push(sample);
        if self.checks {
            self.check();
        }
    }

    /// The share of the nodes that are in the largest component, in thousandths.
    pub(crate) fn largest_component(&self) -> u64 {
        let mut parents: Vec<u32> = (0..self.world.hosts).collect();
        for connection in &self.connections {
            let [from, to] = connection.ends;
            let honest = !self.world.is_sybil(from) && !self.world.is_sybil(to);
            if connection.state == [State::Up, State::Up] && honest && !self.is_cut(from, to) {
                let (one, other) = (root(&mut parents, from), root(&mut parents, to));
                parents[one as usize] = other;
            }
        }
        let mut sizes = vec![0; self.hosts.len()];
        let mut count = 0;
        for host in self.present() {
            sizes[root(&mut parents, host) as usize] += 1;
            count += 1;
        }
        sizes.into_iter().max().unwrap_or(0) * 1_000 / u64::max(count, 1)
    }

    /// A connection joins the two halves of the network. After a cut, that may make it whole again.
    pub(crate) fn bridged(&mut self, ends: [u32; 2]) {
        self.measure.bridged(self.now, ends);
        if self.measure.looks(self.now) {
            let component = self.largest_component();
            self.measure.looked(self.now, component);
        }
    }

    pub(crate) fn finish(&mut self) {
        let up = |state: &[State; 2]| state[0] == State::Up;
        let dialed = self
            .connections
            .iter()
            .filter(|connection| up(&connection.state) && !self.world.is_sybil(connection.ends[0]))
            .map(|connection| connection.up);
        let listening = |host: &u32| self.world.place(*host).reachable;
        let inbound =
            sorted(self.present().filter(listening).map(|host| self.hosts[host as usize].inbound.into()));
        self.measure.finish(self.now, dialed, inbound);
    }

    /// What must hold at every instant, of every host.
    fn check(&mut self) {
        for host in 0..self.world.hosts {
            let this = &self.hosts[host as usize];
            let Some(dialer) = &this.dialer else { continue };
            let gauges = dialer.gauges();
            let (mut dialed, mut dialing, mut extra, mut inbound, mut pending) = (0, 0, 0, 0, 0);
            let mut peers = BTreeSet::new();
            for number in &this.live {
                let connection = &self.connections[*number as usize];
                if connection.state[connection.side(host)] == State::Up {
                    peers.insert(connection.other(host));
                }
                match (connection.side(host), connection.state[connection.side(host)]) {
                    (0, State::Up) => dialed += 1,
                    (0, State::Pending) if connection.extra => extra += 1,
                    (0, State::Pending) => dialing += 1,
                    (1, State::Up) => inbound += 1,
                    (1, State::Pending) => pending += 1,
                    _ => self.faults.push(format!("host {host} lists a closed connection")),
                }
            }
            let waits = this.wake.is_some() || this.lookup.is_some();
            let busy = waits || dialing > 0 || !this.resolves.is_empty();
            let told = format!("{gauges:?}; driver: {dialed} dialed, {dialing} dialing, {inbound} inbound");
            let mut wrong = Vec::new();
            let holding = gauges.dynamic_attempts.saturating_sub(gauges.slow_dials);
            if (this.outbound, this.inbound, this.pending) != (dialed, inbound, pending) {
                wrong.push("is counted wrongly");
            }
            if self.profile.keeps_target && dialed > TARGET {
                wrong.push("has more dialed peers than its target");
            }
            // Dials that have taken long hold no slot, and a bootnode is dialed beside the others.
            if self.profile.keeps_target && holding > TARGET + 1 {
                wrong.push("has more dials in its slots than its target");
            }
            if extra > 1 {
                wrong.push("has more dials beside its target than one");
            }
            if gauges.dynamic_attempts > dialer.config().max_active_dials.saturating_add(1) {
                wrong.push("has more dials than it may");
            }
            if gauges.dynamic_peers > dialed || gauges.inbound_peers > inbound {
                wrong.push("believes in peers that are not there");
            }
            // A node that was killed and comes back has a second connection until the first one is missed.
            if gauges.dynamic_peers + gauges.inbound_peers != peers.len() as u32 {
                wrong.push("does not know its peers");
            }
            if gauges.dynamic_attempts + gauges.revalidations != dialing + this.resolves.len() as u32 {
                wrong.push("does not know its dials");
            }
            if dialed < TARGET && !busy {
                wrong.push("is stuck: peers are missing, and nothing is under way");
            }
            if let Err(fault) = dialer.verify() {
                wrong.push(fault.what());
            }
            for what in wrong {
                self.fault(host, &format!("{what}: {told}"));
            }
        }
        let begun = self.connections.len() - self.unused.len();
        let named = self.hosts.iter().map(|host| host.live.len()).sum::<usize>();
        if named > 2 * begun {
            self.fault(0, "connections are listed more than twice");
        }
    }
}

/// The representative of a node's component. Paths are halved on the way.
fn root(parents: &mut [u32], mut who: u32) -> u32 {
    while parents[who as usize] != who {
        let above = parents[parents[who as usize] as usize];
        parents[who as usize] = above;
        who = above;
    }
    who
}
