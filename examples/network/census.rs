//! What the world of a seed is like, as it came out, and what follows from it for the best that is feasible.

use std::collections::BTreeSet;

use crate::addresses;
use crate::draws::Draw;
use crate::world::{HOUR, MILLI, TARGET, World};

/// Pairs of nodes, and sessions, that are looked at.
const SAMPLES: u64 = 10_000;
/// A dial takes so many round trips: one to connect, one to agree on keys, one to say hello.
pub(crate) const ROUND_TRIPS: u64 = 3;

/// Spans are in milliseconds, shares in thousandths.
#[derive(Debug)]
pub(crate) struct Census {
    pub(crate) nodes: u32,
    pub(crate) reachable: u64,
    /// Of the nodes that discovery finds, those that can't be dialed.
    pub(crate) undialable: u64,
    pub(crate) stable: u64,
    /// Round trips: the shortest 5 %, the median, the longest 5 %, and the mean.
    pub(crate) round_trip: [u64; 3],
    pub(crate) mean_round_trip: u64,
    /// Sessions of those who leave, in minutes: half are shorter than this, 80 %, 99 %.
    pub(crate) session: [u64; 3],
    /// In how many /16 (IPv6: /32) somebody accepts connections.
    pub(crate) subnets: u64,
    /// North America, Europe, Asia and the Pacific, Latin America, Africa.
    pub(crate) regions: [u64; 5],
    /// A dial to the fastest of a full set of random nodes, and to the slowest: medians.
    pub(crate) fastest: u64,
    pub(crate) slowest: u64,
}

impl Census {
    pub(crate) fn take(world: &World) -> Self {
        let hosts = u64::from(world.hosts);
        let count = |is: &dyn Fn(u32) -> bool| (0..world.hosts).filter(|who| is(*who)).count() as u64;
        let listed = count(&|who| world.place(who).listed);
        let hidden = count(&|who| world.place(who).listed && !world.place(who).reachable);
        let pick = |n, time| world.draws.below(Draw::Pick, n, time, hosts) as u32;
        let trip = |n: u64| world.round_trip(pick(n, 0), pick(n, 1)) / MILLI;
        let trips = sorted((0..SAMPLES).map(trip));
        let sets: Vec<Vec<u64>> = (0..SAMPLES / u64::from(TARGET))
            .map(|n| sorted((0..u64::from(TARGET)).map(|k| trip(n * u64::from(TARGET) + k))))
            .collect();
        let stay = |n: u64| world.session(pick(n, 2), 0).map(|span| span * 60 / HOUR);
        let sessions = sorted((0..SAMPLES).filter_map(stay));
        let dialable = (0..world.hosts).map(|who| world.place(who)).filter(|place| place.reachable);
        let subnets: BTreeSet<u128> = dialable.map(|place| addresses::subnet(place.addr.ip())).collect();
        let share = |part: u64, whole: u64| part * 1_000 / whole.max(1);
        Self {
            nodes: world.hosts,
            reachable: share(count(&|who| world.place(who).reachable), hosts),
            undialable: share(hidden, listed),
            stable: share(count(&|who| world.place(who).stable), hosts),
            round_trip: [50, 500, 950].map(|rank| at(&trips, rank)),
            mean_round_trip: trips.iter().sum::<u64>() / SAMPLES,
            session: [500, 800, 990].map(|rank| at(&sessions, rank)),
            subnets: subnets.len() as u64,
            regions: [0, 1, 2, 3, 4]
                .map(|region| share(count(&|who| world.place(who).region == region), hosts)),
            fastest: ROUND_TRIPS * at(&sorted(sets.iter().map(|set| set[0])), 500),
            slowest: ROUND_TRIPS * at(&sorted(sets.iter().map(|set| set[set.len() - 1])), 500),
        }
    }

    /// One line for people.
    pub(crate) fn line(&self) -> String {
        let percent = |share: u64| format!("{}.{} %", share / 10, share % 10);
        let [na, eu, ap, la, af] = self.regions.map(percent);
        format!(
            "{} nodes: {} accept connections, {} of those that discovery finds can't be dialed, {} never leave; \
             sessions of the others {} min (median), {} min (80 %), {} min (99 %); round trips {} ms (median), {} to \
             {} ms (90 % of them); North America {na}, Europe {eu}, Asia and the Pacific {ap}, Latin America {la}, \
             Africa {af}.",
            self.nodes,
            percent(self.reachable),
            percent(self.undialable),
            percent(self.stable),
            self.session[0],
            self.session[1],
            self.session[2],
            self.round_trip[1],
            self.round_trip[0],
            self.round_trip[2],
        )
    }
}

pub(crate) fn sorted(values: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values
}

/// The value that so many thousandths are below; 0 where there is none.
pub(crate) fn at(sorted: &[u64], rank: usize) -> u64 {
    let place = (sorted.len() * rank / 1_000).min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or(0)
}
