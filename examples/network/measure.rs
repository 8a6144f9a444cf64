//! What is counted while a simulation runs. What happened before the scenario began to count is left out.

use dialstate::DialOutcome;

use crate::scenario::Scenario;
use crate::sim::SAMPLES;
use crate::strangers::Strangers;
use crate::world::{MILLI, MINUTE, TARGET};

/// A connection that lasted so long was worth its dial.
const KEPT: u64 = MINUTE;
/// Whoever has fewer than half of its peers for longer than the one, or none for longer than the other, is in trouble.
/// Given by the task.
pub(crate) const HALF_TOO_LONG: u64 = MINUTE;
pub(crate) const ALONE_TOO_LONG: u64 = 2 * MINUTE;

/// Why a host has no peers yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Why {
    #[default]
    Started,
    LinkUp,
}

/// The network is whole with so many thousandths of the nodes in the largest component, which is looked at this often.
const WHOLE: u64 = 990;
const LOOK_EVERY: u64 = 100 * MILLI;

/// A state that a host is in or not.
#[derive(Clone, Copy, Debug, Default)]
struct Stretch {
    since: Option<u64>,
}

/// All the stretches of one kind.
#[derive(Debug, Default)]
pub(crate) struct Stretches {
    /// Together, and the longest of each host.
    pub(crate) total: u64,
    pub(crate) longest: Vec<u64>,
}

impl Stretches {
    /// The state begins, goes on or ends.
    fn note(&mut self, from: u64, now: u64, host: u32, stretch: &mut Stretch, is: bool) {
        match stretch.since {
            None if is => stretch.since = Some(now),
            Some(since) if !is => {
                stretch.since = None;
                let lasted = now.saturating_sub(since.max(from));
                self.total += lasted;
                let longest = &mut self.longest[host as usize];
                *longest = lasted.max(*longest);
            }
            None | Some(_) => {}
        }
    }

    pub(crate) fn most(&self) -> u64 {
        self.longest.iter().copied().max().unwrap_or(0)
    }

    pub(crate) fn longer_than(&self, span: u64) -> u64 {
        self.longest.iter().filter(|longest| **longest > span).count() as u64
    }
}

/// Where a host stands.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    there: Stretch,
    below: Stretch,
    half: Stretch,
    alone: Stretch,
    /// When it started or its link came up, and whether it has had a peer, and all of them, since.
    started: u64,
    why: Why,
    first: bool,
    full: bool,
    bridged: bool,
}

/// The network at an instant.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) at: u64,
    /// Dialed peers: 5 % of the nodes have fewer than this, 25 %, half, 75 %, 95 %.
    pub(crate) peers: [u64; 5],
    /// How many nodes are in the largest component, in thousandths.
    pub(crate) component: u64,
}

/// Dials that failed, by what came of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failures {
    pub(crate) timed_out: u64,
    pub(crate) refused: u64,
    pub(crate) full: u64,
    pub(crate) handshake: u64,
    pub(crate) identity: u64,
    pub(crate) given_up: u64,
    pub(crate) local: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Measure {
    from: u64,
    step: u64,
    marks: Vec<Marks>,
    pub(crate) there: Stretches,
    pub(crate) below: Stretches,
    pub(crate) half: Stretches,
    pub(crate) alone: Stretches,
    /// From a start, and from a link-up, to the first peer and to all of them, in milliseconds.
    pub(crate) first: [Vec<u64>; 2],
    pub(crate) full: [Vec<u64>; 2],
    pub(crate) samples: Vec<Sample>,
    /// Dials begun in each part of the time.
    pub(crate) dials_in: Vec<u64>,
    pub(crate) dials: u64,
    pub(crate) strangers: Strangers,
    pub(crate) kept: u64,
    /// Dialed peers that were lost by hosts which stayed.
    pub(crate) lost: u64,
    pub(crate) lookups: u64,
    pub(crate) resolves: u64,
    pub(crate) wakes: u64,
    pub(crate) failures: Failures,
    /// Dials aimed at each node: the present minute and how many in it; the most in a minute; all of them.
    minute: Vec<(u64, u32)>,
    pub(crate) most_in_minute: u32,
    pub(crate) aimed: Vec<u32>,
    /// Inbound peers at the end, of the nodes that accept connections, in order.
    pub(crate) inbound: Vec<u64>,
    healed_from: Option<u64>,
    /// When hosts got their first peer in the other half, after the cut, in milliseconds; when the network was whole.
    pub(crate) bridges: Vec<u64>,
    pub(crate) whole: Option<u64>,
    looked: u64,
    /// How many hosts were there when the cut ended, without those that left before they had such a peer.
    pub(crate) to_heal: u64,
    over: bool,
    /// Slots of each victim that lead to the adversary, and all of them: under attack, and after a restart.
    pub(crate) taken: Vec<Vec<(u32, u32)>>,
    intrusions: u64,
}

impl Measure {
    pub(crate) fn new(hosts: u32, scenario: &Scenario) -> Self {
        let count = hosts as usize;
        let stretches = || Stretches { total: 0, longest: vec![0; count] };
        Self {
            from: scenario.warm,
            step: scenario.span() / SAMPLES,
            marks: vec![Marks::default(); count],
            there: stretches(),
            below: stretches(),
            half: stretches(),
            alone: stretches(),
            dials_in: vec![0; SAMPLES as usize],
            // The adversary's nodes are not looked at.
            minute: vec![(0, 0); count],
            aimed: vec![0; count],
            ..Self::default()
        }
    }

    /// A host starts, or its link comes up.
    pub(crate) fn starts(&mut self, host: u32, now: u64, why: Why) {
        let marks = &mut self.marks[host as usize];
        (marks.started, marks.why, marks.first, marks.full) = (now, why, false, false);
        self.there.note(self.from, now, host, &mut marks.there, true);
        self.peers(host, now, 0, 0);
    }

    /// It is gone.
    pub(crate) fn stops(&mut self, host: u32, now: u64) {
        let marks = &mut self.marks[host as usize];
        if let (Some(from), Some(since), false) = (self.healed_from, marks.there.since, self.over) {
            self.to_heal -= u64::from(since <= from && !marks.bridged);
        }
        self.there.note(self.from, now, host, &mut marks.there, false);
        self.below.note(self.from, now, host, &mut marks.below, false);
        self.half.note(self.from, now, host, &mut marks.half, false);
        self.alone.note(self.from, now, host, &mut marks.alone, false);
    }

    /// It has so many peers now.
    pub(crate) fn peers(&mut self, host: u32, now: u64, outbound: u32, inbound: u32) {
        let marks = &mut self.marks[host as usize];
        self.below.note(self.from, now, host, &mut marks.below, outbound < TARGET);
        self.half.note(self.from, now, host, &mut marks.half, outbound < TARGET / 2);
        self.alone.note(self.from, now, host, &mut marks.alone, outbound + inbound == 0);
        let took = (now - marks.started) / MILLI;
        let counts = marks.started >= self.from;
        if !marks.first && outbound > 0 {
            marks.first = true;
            self.first[marks.why as usize].extend(counts.then_some(took));
        }
        if !marks.full && outbound >= TARGET {
            marks.full = true;
            self.full[marks.why as usize].extend(counts.then_some(took));
        }
    }

    pub(crate) fn dials(&mut self, now: u64, to: u32) {
        if now < self.from {
            return;
        }
        self.dials += 1;
        let part = ((now - self.from) / self.step).min(SAMPLES - 1);
        self.dials_in[part as usize] += 1;
        let Some((minute, count)) = self.minute.get_mut(to as usize) else { return };
        if *minute != now / MINUTE {
            (*minute, *count) = (now / MINUTE, 0);
        }
        *count += 1;
        self.most_in_minute = self.most_in_minute.max(*count);
        self.aimed[to as usize] += 1;
    }

    pub(crate) fn failures(&mut self, now: u64, outcome: DialOutcome) {
        if now < self.from {
            return;
        }
        let failures = &mut self.failures;
        *match outcome {
            DialOutcome::TimedOut => &mut failures.timed_out,
            DialOutcome::TooManyPeers => &mut failures.full,
            DialOutcome::HandshakeFailed => &mut failures.handshake,
            DialOutcome::WrongIdentity => &mut failures.identity,
            DialOutcome::Cancelled => &mut failures.given_up,
            DialOutcome::LocalError => &mut failures.local,
            DialOutcome::Connected
            | DialOutcome::Unreachable
            | DialOutcome::Refused
            | DialOutcome::Useless
            | _ => &mut failures.refused,
        } += 1;
    }

    /// A dialed peer is gone, which came up at `up`.
    pub(crate) fn ended(&mut self, now: u64, up: u64, stayed: bool) {
        self.kept += u64::from(up >= self.from && now - up >= KEPT);
        self.lost += u64::from(now >= self.from && stayed);
    }

    pub(crate) fn resolves(&mut self, now: u64) {
        self.resolves += u64::from(now >= self.from);
    }

    pub(crate) fn lookups(&mut self, now: u64) {
        self.lookups += u64::from(now >= self.from);
    }

    pub(crate) fn wakes(&mut self, now: u64) {
        self.wakes += u64::from(now >= self.from);
    }

    pub(crate) fn heals(&mut self, now: u64) {
        self.healed_from = Some(now);
        self.to_heal = self.marks.iter().filter(|marks| marks.there.since.is_some()).count() as u64;
    }

    /// Two hosts of different halves are connected.
    pub(crate) fn bridged(&mut self, now: u64, hosts: [u32; 2]) {
        let Some(from) = self.healed_from else { return };
        for host in hosts {
            let marks = &mut self.marks[host as usize];
            // Who came later does not count.
            if !marks.bridged && marks.there.since.is_some_and(|since| since <= from) {
                marks.bridged = true;
                self.bridges.push((now - from) / MILLI);
            }
        }
    }

    /// Whether it is time to look if the network is whole.
    pub(crate) fn looks(&self, now: u64) -> bool {
        self.healed_from.is_some() && self.whole.is_none() && now >= self.looked + LOOK_EVERY
    }

    /// So many are in the largest component, in thousandths.
    pub(crate) fn looked(&mut self, now: u64, component: u64) {
        self.looked = now;
        let healed_from = self.healed_from.filter(|_| component >= WHOLE);
        self.whole = healed_from.map(|from| (now - from) / MILLI);
    }

    pub(crate) fn taken(&mut self, taken: Vec<(u32, u32)>) {
        self.taken.push(taken);
    }

    /// A number that was not there before.
    pub(crate) const fn next_intrusion(&mut self) -> u64 {
        self.intrusions += 1;
        self.intrusions
    }

    /// The end: what goes on is counted as far as it came. `up` are the dialed peers that are up, since when.
    pub(crate) fn finish(&mut self, now: u64, up: impl Iterator<Item = u64>, inbound: Vec<u64>) {
        self.over = true;
        for host in 0..self.marks.len() as u32 {
            let marks = self.marks[host as usize];
            let counts = marks.there.since.is_some() && marks.started >= self.from;
            let took = (now - marks.started.min(now)) / MILLI;
            self.first[marks.why as usize].extend((counts && !marks.first).then_some(took));
            self.full[marks.why as usize].extend((counts && !marks.full).then_some(took));
            self.stops(host, now);
        }
        let from = self.from;
        self.kept += up.filter(|up| *up >= from && now - up >= KEPT).count() as u64;
        self.inbound = inbound;
    }
}
