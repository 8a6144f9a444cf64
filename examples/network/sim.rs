//! The simulation: everybody, what will happen, and the clock that jumps from one event to the next.

use dialstate::{LookupId, ResolveId};
use dialstate_proptests::world::{Dialer, Event, Node};

use crate::measure::Measure;
use crate::overlay::{Found, News, Overlay};
use crate::profiles::Profile;
use crate::queue::{Act, Queue, What};
use crate::scenario::Scenario;
use crate::wire::Connection;
use crate::world::{BOOTNODES, INBOUND_SLOTS, MINUTE, World};

/// How many times the whole network is looked at.
pub(crate) const SAMPLES: u64 = 240;

/// A honest node.
#[derive(Debug, Default)]
pub(crate) struct Host {
    /// There while the host is up.
    pub(crate) dialer: Option<Box<Dialer>>,
    /// What it knew when it went down.
    pub(crate) book: Vec<Event>,
    pub(crate) up: bool,
    /// Its runs so far.
    pub(crate) life: u32,
    pub(crate) sessions: u32,
    /// When its present session would end.
    pub(crate) leaves: Option<u64>,
    /// Not there yet, or gone for good.
    pub(crate) absent: bool,
    /// Its interface is down.
    pub(crate) unplugged: bool,
    /// Its interface goes up and down.
    pub(crate) mobile: bool,
    /// It accepts connections and never finishes a handshake.
    pub(crate) loris: bool,
    /// The adversary aims at it.
    pub(crate) victim: bool,
    /// When its dialer wants to be woken, and the earliest wake that is queued.
    pub(crate) wake: Option<u64>,
    pub(crate) queued: Option<u64>,
    /// Connections that are not closed at its end.
    pub(crate) live: Vec<u32>,
    pub(crate) outbound: u32,
    pub(crate) inbound: u32,
    pub(crate) pending: u32,
    pub(crate) lookup: Option<LookupId>,
    /// Lookups so far: an answer to an earlier one comes too late.
    pub(crate) lookups: u32,
    /// What its lookup will bring.
    pub(crate) found: Vec<Found>,
    pub(crate) resolves: Vec<(ResolveId, u32)>,
}

impl Host {
    /// Whether it has no room for a further inbound connection.
    pub(crate) const fn is_full(&self) -> bool {
        self.inbound + self.pending >= INBOUND_SLOTS
    }
}

pub(crate) struct Sim<'a> {
    pub(crate) world: &'a World,
    pub(crate) profile: &'a Profile,
    pub(crate) scenario: &'a Scenario,
    pub(crate) now: u64,
    pub(crate) queue: Queue,
    pub(crate) hosts: Vec<Host>,
    pub(crate) connections: Vec<Connection>,
    pub(crate) unused: Vec<u32>,
    pub(crate) overlay: Overlay,
    /// What discovery tables have learned, and their dialers were not told of yet.
    pub(crate) heard: Vec<News>,
    /// What a dialer is to be told before it sleeps.
    pub(crate) news: Vec<Event>,
    /// The two halves of the network don't see each other.
    pub(crate) cut: bool,
    pub(crate) attack: bool,
    pub(crate) measure: Measure,
    /// Checks every dialer at each sample.
    pub(crate) checks: bool,
    pub(crate) faults: Vec<String>,
    pub(crate) bootnodes: Vec<Node>,
}

impl<'a> Sim<'a> {
    pub(crate) fn new(world: &'a World, profile: &'a Profile, scenario: &'a Scenario, checks: bool) -> Self {
        let node = |who: u32| Node::new(world.place(who).id, [world.place(who).addr]);
        let mut sim = Self {
            world,
            profile,
            scenario,
            now: 0,
            queue: Queue::default(),
            hosts: (0..world.hosts).map(|_| Host::default()).collect(),
            connections: Vec::new(),
            unused: Vec::new(),
            overlay: Overlay::new(world),
            heard: Vec::new(),
            news: Vec::new(),
            cut: false,
            attack: false,
            measure: Measure::new(world.hosts, scenario),
            checks,
            faults: Vec::new(),
            bootnodes: (0..BOOTNODES.min(world.hosts)).map(node).collect(),
        };
        sim.prepare();
        let step = scenario.span() / SAMPLES;
        for n in 0..=SAMPLES {
            sim.queue.push(scenario.warm + n * step, What::Sample);
        }
        sim
    }

    /// Lets everything happen until the end. `progress` is told the time now and then.
    pub(crate) fn run(&mut self, mut progress: impl FnMut(u64)) {
        let end = self.scenario.warm + self.scenario.span();
        let mut told = 0;
        while let Some((at, what)) = self.queue.pop() {
            if at > end {
                break;
            }
            self.now = at;
            if at >= told + MINUTE {
                told = at;
                progress(at);
            }
            self.happens(what);
            self.spread();
        }
        self.now = end;
        self.finish();
    }

    fn happens(&mut self, what: What) {
        match what {
            What::Wakes { host, life } => self.wakes(host, life),
            What::Arrives { connection } => self.arrives(connection),
            What::Accepted { connection } => self.accepted(connection),
            What::Connected { connection } => self.connected(connection),
            What::Failed { connection, outcome } => self.failed(connection, outcome),
            What::Closed { connection, side } => self.closed(connection, side.into()),
            What::LookedUp { host, count } => self.looked_up(host, count),
            What::Resolved { host, life } => self.resolved(host, life),
            What::Maintains { host, life, count } => self.maintains(host, life, count),
            What::Starts { host } => self.starts(host),
            What::Leaves { host, life } => self.leaves(host, life),
            What::Link { host, up } => self.link(host, up),
            What::Act { act, host } => self.act(act, host),
            What::Sample => self.sample(),
        }
    }

    pub(crate) fn host(&mut self, host: u32) -> &mut Host {
        &mut self.hosts[host as usize]
    }

    /// Whether this run of a host is still the present one.
    pub(crate) fn lives(&self, host: u32, life: u32) -> bool {
        let this = &self.hosts[host as usize];
        this.up && this.life == life
    }

    pub(crate) fn after(&mut self, delay: u64, what: What) {
        self.queue.push(self.now + delay, what);
    }

    pub(crate) fn act_at(&mut self, at: u64, act: Act, host: u32) {
        self.queue.push(at, What::Act { act, host });
    }

    /// Which half of the network a node is in.
    pub(crate) fn is_cut(&self, one: u32, other: u32) -> bool {
        self.cut && self.scenario.side(self.world, one) != self.scenario.side(self.world, other)
    }

    /// Whether a message from one node gets to the other, and an answer back.
    pub(crate) fn is_there(&self, from: u32, to: u32) -> bool {
        if self.is_cut(from, to) {
            return false;
        }
        self.hosts.get(to as usize).map_or(self.attack, |host| host.up && !host.unplugged)
    }

    /// Who is up, and plugged in.
    pub(crate) fn present(&self) -> impl Iterator<Item = u32> {
        let there = |(who, host): (u32, &Host)| (host.up && !host.unplugged).then_some(who);
        (0..).zip(&self.hosts).filter_map(there)
    }
}
