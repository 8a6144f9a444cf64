//! Dials to strangers: nodes that the host was never connected to by a dial of its own. Nobody knows before whether they can be
//! dialed at all.

use std::collections::BTreeSet;

use crate::sim::Sim;

#[derive(Debug, Default)]
pub(crate) struct Strangers {
    /// Who has dialed whom with success.
    met: BTreeSet<[u32; 2]>,
    /// Dials to strangers, and how many of them found somebody there, who can be dialed and has room.
    pub(crate) dials: u64,
    good: u64,
    /// How many of the latter were made while nobody else would have done.
    needed: u64,
}

impl Strangers {
    pub(crate) fn met(&mut self, ends: [u32; 2]) {
        self.met.insert(ends);
    }

    /// The share of dials to strangers that can connect.
    pub(crate) fn share(&self) -> f64 {
        self.good as f64 / self.dials.max(1) as f64
    }

    /// How many dials `kept` connections need, if strangers are dialed only where they are needed, as many of them can be dialed
    /// as here, and no dial to anybody else fails.
    pub(crate) fn least_dials(&self, kept: u64) -> f64 {
        let needed = self.needed as f64;
        kept as f64 - needed + needed / if self.good == 0 { 1.0 } else { self.share() }
    }
}

impl Sim<'_> {
    /// A host dials: if that is a stranger, takes down what is to be expected.
    pub(crate) fn note_stranger(&mut self, from: u32, to: u32) {
        let ends = [from, to];
        if self.now < self.scenario.warm || self.measure.strangers.met.contains(&ends) {
            return;
        }
        let good = self.has_room(from, to);
        let needed = good && !self.knows_better(from);
        let strangers = &mut self.measure.strangers;
        strangers.dials += 1;
        strangers.good += u64::from(good);
        strangers.needed += u64::from(needed);
    }

    /// Whether a dial would connect as things are.
    fn has_room(&self, from: u32, to: u32) -> bool {
        let place = self.world.place(to);
        let host = self.hosts.get(to as usize);
        let has_room = host.is_none_or(|host| host.up && !host.unplugged && !host.loris && !host.is_full());
        place.reachable && has_room && !self.is_cut(from, to)
    }

    /// Whether somebody would do who was connected before, is not now, and is not being asked for.
    fn knows_better(&self, from: u32) -> bool {
        let mut met = self.measure.strangers.met.range([from, 0]..=[from, u32::MAX]);
        let this = &self.hosts[from as usize];
        let busy =
            |who: u32| this.live.iter().any(|number| self.connections[*number as usize].other(from) == who);
        let asked = |who: u32| this.resolves.iter().any(|(_, asked)| *asked == who);
        met.any(|[_, who]| self.has_room(from, *who) && !busy(*who) && !asked(*who))
    }
}
