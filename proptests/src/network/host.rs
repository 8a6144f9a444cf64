//! One host: its dialer, and the driver's view of what is under way.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use dialstate::{Churn, DialId, DialKind, KnownNode, LookupId, ResolveId, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::restart::Saved;
use super::rules::Rules;
use crate::world::{Config, Dialer, Id, Node};

/// Drains of one host within a second; more is a busy loop.
const MOST_DRAINS: u32 = 1_000;

/// A host.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) id: Id,
    pub(super) addr: SocketAddr,
    /// No inbound connections reach it, and from whom it connects to its address is hidden.
    pub(super) hidden: bool,
    /// It takes leave before it closes a connection.
    pub(super) polite: bool,
    pub(super) dialer: Dialer,
    pub(super) up: bool,
    /// How often it was started.
    pub(super) life: u32,
    /// What its clock says beyond that of the world.
    pub(super) ahead: Duration,
    /// When it asked to be woken, on the clock of the world.
    pub(super) wake: Option<Timestamp>,
    /// Its static nodes.
    pub(super) fixed: BTreeSet<usize>,
    /// Where the next lookup goes on.
    pub(super) cursor: usize,
    pub(super) tasks: Tasks,
    /// The connections that are pending or up at this end.
    pub(super) live: BTreeSet<usize>,
    /// What it begins with, and what holds now.
    pub(super) config: Config,
    pub(super) rules: Rules,
    /// What it saved last: all of it, and its address book.
    pub(super) saved: Option<Saved>,
    pub(super) book: Vec<KnownNode<Id, SocketAddr>>,
    /// Who has to be dialed before anybody else.
    pub(super) anchors: Vec<Id>,
    /// Dynamic attempts, and these with the peers, after the last drain.
    pub(super) attempts: u32,
    pub(super) slots: u32,
    /// When it last gave a peer up to make room, and until when each other host may be missing for such a reason.
    pub(super) churned: Option<Timestamp>,
    pub(super) excused: BTreeMap<usize, Timestamp>,
    pub(super) drains: u64,
    seed: u64,
    busy: (u64, u32),
}

/// What is under way beside connections.
#[derive(Clone, Debug, Default)]
pub(super) struct Tasks {
    pub(super) resolves: BTreeMap<ResolveId, Id>,
    pub(super) lookup: Option<LookupId>,
    /// Nodes whose dial or resolve was answered: their attempts may go on.
    pub(super) owed: BTreeSet<Id>,
    /// Dials of an earlier life that nobody answers.
    pub(super) orphans: BTreeMap<DialId, (Id, DialKind)>,
    /// Dials whose answer came when they had ended already: the cancel is still to come.
    pub(super) crossed: BTreeSet<DialId>,
}

impl Host {
    pub(super) fn new(number: u8, count: u8, hidden_of_8: u64, rng: &mut ChaCha8Rng) -> Self {
        let mut below = |bound: u64| rng.next_u64() % bound;
        let mut config = Config::default();
        config.dynamic_target = [1, 2, 4, 8, 16][below(5) as usize];
        config.max_active_dials = [1, 4, 16][below(3) as usize];
        config.feeler_interval = (below(4) == 0).then_some(Duration::from_secs(120));
        config.churn = (below(4) == 0).then(Churn::default);
        config.anchors = [0, 2][below(2) as usize];
        config.family_health = below(4) == 0;
        let seed = below(u64::MAX);
        let hidden = number > 0 && below(8) < hidden_of_8;
        let polite = below(2) == 0;
        let mut fixed: BTreeSet<usize> = (0..below(3)).map(|_| below(count.into()) as usize).collect();
        fixed.remove(&usize::from(number));
        // Scattered, so that the smaller of two ids is now the first host's and now the other's.
        let id = [number.wrapping_mul(167).wrapping_add(13); 32];
        let dialer = new_dialer(id, &config, seed, Timestamp::ZERO);
        Self {
            id,
            addr: ([20, number, 0, 1], 30_303).into(),
            hidden,
            polite,
            dialer,
            up: false,
            life: 0,
            ahead: Duration::ZERO,
            wake: None,
            fixed,
            cursor: usize::from(number),
            tasks: Tasks::default(),
            live: BTreeSet::new(),
            rules: Rules::new(&config),
            config,
            saved: None,
            book: Vec::new(),
            anchors: Vec::new(),
            attempts: 0,
            slots: 0,
            churned: None,
            excused: BTreeMap::new(),
            drains: 0,
            seed,
            busy: (0, 0),
        }
    }

    pub(super) fn node(&self) -> Node {
        Node::new(self.id, [self.addr])
    }

    /// What its clock says.
    pub(super) fn clock(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.ahead)
    }

    /// Begins with an empty head.
    pub(super) fn begin(&mut self, now: Timestamp) {
        let seed = self.next_life();
        self.dialer = new_dialer(self.id, &self.config, seed, self.clock(now));
        self.rules = Rules::new(&self.config);
    }

    /// The process starts again. Returns a new seed.
    pub(super) fn next_life(&mut self) -> u64 {
        self.life += 1;
        self.up = true;
        self.wake = None;
        self.tasks = Tasks::default();
        (self.attempts, self.slots) = (0, 0);
        self.anchors.clear();
        self.seed.wrapping_add(self.life.into())
    }

    pub(super) fn count_drain(&mut self, now: Timestamp) {
        let second = now.as_nanos() / 1_000_000_000;
        let (last, drains) = self.busy;
        self.busy = (second, if last == second { drains + 1 } else { 1 });
        self.drains += 1;
        assert!(self.busy.1 < MOST_DRAINS, "a busy loop at {now}: {:?}", self.dialer.gauges());
    }
}

fn new_dialer(id: Id, config: &Config, seed: u64, now: Timestamp) -> Dialer {
    Dialer::new(id, config.clone(), ChaCha8Rng::seed_from_u64(seed), now).expect("the config makes sense")
}
