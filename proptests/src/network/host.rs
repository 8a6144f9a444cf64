//! One host: its dialer, and the driver's view of what is under way. Checked after each drain.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use dialstate::{DisconnectReason, EventError, LookupId, ResolveId, Side, Task, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::wire::State;
use super::{Network, What};
use crate::world::{Command, Config, Dialer, Event, Id, Node};

/// Commands in one drain; more is a drain without an end.
const MOST_COMMANDS: usize = 2_000;
/// Drains of one host within a second; more is a busy loop.
const MOST_DRAINS: u32 = 1_000;
/// Everything held in two forms is compared once in so many drains.
const VERIFY: u64 = 64;

/// A host.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) id: Id,
    pub(super) addr: SocketAddr,
    /// No inbound connections reach it.
    pub(super) hidden: bool,
    pub(super) dialer: Dialer,
    pub(super) up: bool,
    /// How often it was started.
    pub(super) life: u32,
    /// What its clock says beyond that of the world.
    pub(super) ahead: Duration,
    /// When it asked to be woken, on the clock of the world.
    pub(super) wake: Option<Timestamp>,
    /// Its static nodes.
    pub(super) fixed: Vec<usize>,
    /// Where the next lookup goes on.
    pub(super) cursor: usize,
    pub(super) resolves: BTreeSet<ResolveId>,
    pub(super) lookup: Option<LookupId>,
    /// The connections that are pending or up at this end.
    pub(super) live: BTreeSet<usize>,
    config: Config,
    seed: u64,
    drains: (u64, u32, u64),
}

impl Host {
    pub(super) fn new(number: u8, count: u8, rng: &mut ChaCha8Rng) -> Self {
        let mut below = |bound: u64| rng.next_u64() % bound;
        let mut config = Config::default();
        config.dynamic_target = [1, 2, 4, 8, 16][below(5) as usize];
        config.max_active_dials = [1, 4, 16][below(3) as usize];
        let seed = below(u64::MAX);
        let hidden = number > 0 && below(4) == 0;
        let mut fixed: Vec<usize> = (0..below(3)).map(|_| below(count.into()) as usize).collect();
        fixed.retain(|other| *other != usize::from(number));
        // Scattered, so that the smaller of two ids is now the first host's and now the other's.
        let id = [number.wrapping_mul(167).wrapping_add(13); 32];
        let dialer = new_dialer(id, &config, seed, Timestamp::ZERO);
        Self {
            id,
            addr: ([20, number, 0, 1], 30_303).into(),
            hidden,
            dialer,
            up: false,
            life: 0,
            ahead: Duration::ZERO,
            wake: None,
            fixed,
            cursor: usize::from(number),
            resolves: BTreeSet::new(),
            lookup: None,
            live: BTreeSet::new(),
            config,
            seed,
            drains: (0, 0, 0),
        }
    }

    pub(super) fn node(&self) -> Node {
        Node::new(self.id, [self.addr])
    }

    /// Begins with an empty head.
    pub(super) fn boot(&mut self, now: Timestamp) {
        self.life += 1;
        self.up = true;
        let seed = self.seed.wrapping_add(self.life.into());
        self.dialer = new_dialer(self.id, &self.config, seed, now.saturating_add(self.ahead));
        (self.wake, self.lookup) = (None, None);
        self.resolves.clear();
    }

    fn count_drain(&mut self, now: Timestamp) {
        let second = now.as_nanos() / 1_000_000_000;
        let (last, this, all) = self.drains;
        self.drains = (second, if last == second { this + 1 } else { 1 }, all + 1);
        assert!(self.drains.1 < MOST_DRAINS, "a busy loop at {now}: {:?}", self.dialer.gauges());
    }
}

fn new_dialer(id: Id, config: &Config, seed: u64, now: Timestamp) -> Dialer {
    Dialer::new(id, config.clone(), ChaCha8Rng::seed_from_u64(seed), now).expect("the config makes sense")
}

impl Network {
    /// Hands in events, drains, does as told, and checks.
    pub(super) fn hand(&mut self, host: usize, events: Vec<Event>) {
        let commands = {
            let now = self.now;
            let this = &mut self.hosts[host];
            this.count_drain(now);
            let now = now.saturating_add(this.ahead);
            for event in events {
                let answer = matches!(event, Event::DialFinished { .. });
                let result = this.dialer.handle(now, event);
                // A peer may have made its own dial moot; the cancel is still to come.
                let moot = answer && matches!(result, Err(EventError::EndedTask(_)));
                assert!(result.is_ok() || moot, "{result:?} at host {host}");
            }
            let mut commands = Vec::new();
            while !matches!(commands.last(), Some(Command::Sleep { .. })) {
                assert!(commands.len() < MOST_COMMANDS, "a drain without an end at host {host}");
                commands.push(this.dialer.poll());
            }
            while this.dialer.next_notice().is_some() {}
            commands
        };
        // What is closed is news at once, which leads to another drain: first comes all that was asked for.
        let (closing, rest): (Vec<_>, Vec<_>) =
            commands.into_iter().partition(|command| matches!(command, Command::Disconnect { .. }));
        for command in rest.into_iter().chain(closing) {
            self.obey(host, command);
        }
        self.check(host);
    }

    fn obey(&mut self, host: usize, command: Command) {
        let life = self.hosts[host].life;
        match command {
            Command::Dial { dial, node, kind, .. } => self.connect(host, dial, kind, &node),
            Command::Resolve { resolve, id, .. } => {
                self.hosts[host].resolves.insert(resolve);
                let delay = self.latency();
                if !self.bad_luck(8) {
                    self.after(delay, What::Resolved { host, life, resolve, of: id });
                }
            }
            Command::Lookup { lookup, .. } => {
                assert_eq!(self.hosts[host].lookup.replace(lookup), None, "two lookups at once");
                let delay = self.latency();
                if !self.bad_luck(8) {
                    self.after(delay, What::LookedUp { host, life, lookup });
                }
            }
            Command::Cancel(Task::Dial(dial)) => self.abort(host, dial),
            Command::Cancel(Task::Resolve(resolve)) => {
                self.hosts[host].resolves.remove(&resolve);
            }
            Command::Cancel(Task::Lookup(_)) => self.hosts[host].lookup = None,
            Command::Disconnect { id, reason: DisconnectReason::Duplicate { close } } => {
                self.close_one(host, id, usize::from(close == Side::Inbound));
            }
            Command::Disconnect { .. } => unreachable!("nobody is banned, and targets stay: {command:?}"),
            Command::Sleep { until, .. } => self.sleep(host, until),
        }
    }

    fn sleep(&mut self, host: usize, until: Option<Timestamp>) {
        let this = &mut self.hosts[host];
        let life = this.life;
        assert!(until.is_none_or(|until| until > this.dialer.now()), "host {host} sleeps until {until:?}");
        this.wake = until.map(|until| until.saturating_sub(this.ahead).max(self.now));
        if let Some(wake) = this.wake {
            self.at(wake, What::Wakes { host, life });
        }
    }

    /// What the dialer counts is what the driver has, and no limit is exceeded.
    fn check(&self, host: usize) {
        let this = &self.hosts[host];
        let gauges = this.dialer.gauges();
        let side = |c: usize| (usize::from(self.connections[c].ends[1] == host), &self.connections[c]);
        let ups = this.live.iter().map(|c| side(*c)).filter(|(side, c)| c.state[*side] == State::Up);
        let peers: BTreeSet<usize> = ups.map(|(side, c)| c.ends[1 - side]).collect();
        let dialing = this.live.iter().map(|c| side(*c));
        let dialing = dialing.filter(|(side, c)| *side == 0 && c.state[0] == State::Pending).count();
        let told = || format!("host {host} at {}: {gauges:?}, {peers:?}, {dialing} dials", self.now);
        let counted = gauges.inbound + gauges.static_peers + gauges.dynamic_peers;
        assert_eq!(counted as usize, peers.len(), "{}", told());
        let attempts = gauges.static_attempts + gauges.dynamic_attempts;
        assert_eq!(attempts as usize, dialing + this.resolves.len(), "{}", told());
        let target = this.config.dynamic_target;
        assert!(gauges.dynamic_peers + gauges.dynamic_attempts <= target, "{}", told());
        assert!(gauges.dynamic_attempts <= this.config.max_active_dials, "{}", told());
        if this.drains.2.is_multiple_of(VERIFY) {
            assert_eq!(this.dialer.verify(), Ok(()), "{}", told());
        }
    }
}
