//! Steps for the scheduler profile that any bytes can mean: from them come traces, for properties and for fuzzing.
//!
//! Every trace is legal, as the format says: only ticks move the time, a peer is added only if it is none, removed
//! only if it is one, and answers are given only to what was asked. Taking a line away may break that, so a
//! failure is shrunk by taking steps away.

use std::collections::BTreeMap;

use dialstate::Timestamp;

use crate::scheduler_model::Model;
use crate::steps::{Pick, kth, shorten};
use crate::trace::{
    Draw, Header, Input, InputLine, Kind, Link, Outcome, Output, OutputLine, Policy, TraceId, TraceNode,
};

/// What the trace begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The limit of peers that were dialed.
    pub max_dial_peers: u8,
    /// The limit of attempts; 0: 50.
    pub max_active_dials: u8,
    /// What the rng gives.
    pub draw: u64,
    /// Static nodes.
    pub statics: Vec<Pick>,
    /// Whether only 10.0.0.0/16 may be dialed.
    pub restricted: bool,
    /// Whether there is a resolver.
    pub discovery: bool,
    /// Whether the resolver never finds anybody: delays grow up to their cap.
    pub hopeless: bool,
}

impl Setup {
    /// How many bytes say it.
    pub const BYTES: usize = 8;

    /// The setup that these bytes say.
    #[must_use]
    pub fn from_bytes([peers, active, draw, high, statics, first, addr, flags]: [u8; Self::BYTES]) -> Self {
        let draw = match draw % 5 {
            0 | 1 => 0,
            2 => u64::MAX,
            _ => u64::from_be_bytes([high; 8]),
        };
        Self {
            max_dial_peers: if peers % 16 == 0 { 0 } else { peers % 4 + 1 },
            max_active_dials: active % 8,
            draw,
            statics: picks(statics % 9, first, addr),
            restricted: flags % 4 == 3,
            discovery: flags / 4 % 8 != 7,
            hopeless: flags / 32 % 4 == 3,
        }
    }

    fn header(&self) -> Header {
        let network = || vec!["10.0.0.0/16".parse().expect("a network")];
        Header {
            me: Pick { node: 0, addr: 0 }.id(),
            max_dynamic: self.max_dial_peers.into(),
            max_active_dials: Some(self.max_active_dials.into()),
            draw: (self.draw != 0).then_some(Draw(self.draw)),
            statics: self.statics.iter().map(|pick| pick.node()).collect(),
            bootnodes: Vec::new(),
            restrict: if self.restricted { network() } else { Vec::new() },
            discovery: self.discovery,
            profile: Some(Policy::Scheduler),
            seed: None,
            settings: BTreeMap::new(),
        }
    }
}

/// One step. An index is taken modulo the number of things that it may mean; if there are none, nothing happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A tick at an instant from which something is counted plus `millis`, if that is still to come.
    Wait {
        /// Which of these instants, from the last one.
        back: u8,
        /// How long after it.
        millis: u32,
    },
    /// A tick at the same instant.
    Tick,
    /// A static node is added.
    AddStatic(Pick),
    /// A static node is removed, or what was none.
    RemoveStatic(u8),
    /// A static node is removed, and added with this endpoint.
    Renew(Pick),
    /// Candidates.
    Discover(Vec<Pick>),
    /// A node that is no peer becomes one. If it is being dialed and not inbound, it is that dial that connects,
    /// which is told later.
    AddPeer(u8, Link),
    /// The k-th peer goes.
    RemovePeer(u8),
    /// The k-th dial under way ends, connected if that can be.
    Finish(u8, Outcome),
    /// The k-th resolve under way ends.
    Resolve {
        /// Which.
        index: u8,
        /// With which address; 0: not found.
        addr: u8,
    },
    /// An inbound handshake begins.
    Knock(u8),
    /// The k-th inbound handshake fails.
    Refuse(u8),
    /// The k-th inbound handshake succeeds.
    Accept(u8),
}

/// The spans that the original knows, and some between them, in ms.
const SPANS: [u32; 12] =
    [35_000, 35_000, 35_000, 60_000, 60_000, 120_000, 240_000, 3_600_000, 1, 1, 1_000, 9_000];

impl Step {
    /// How many bytes say one.
    pub const BYTES: usize = 4;

    /// The step that these bytes say.
    #[must_use]
    pub fn from_bytes([kind, a, b, c]: [u8; Self::BYTES]) -> Self {
        let outcome =
            [Outcome::Unreachable, Outcome::Unreachable, Outcome::HandshakeFailed, Outcome::Connected];
        let link = [Link::Inbound, Link::Outbound(Kind::Dynamic), Link::Outbound(Kind::Static)];
        let (outcome, link) = (outcome[usize::from(b % 4)], link[usize::from(b % 3)]);
        match kind % 64 {
            0..=13 => {
                let off = [1, 1, 1, 0, 2][usize::from(c % 5)];
                Self::Wait { back: a % 12, millis: SPANS[usize::from(b) % SPANS.len()] + off - 1 }
            }
            14 => Self::Tick,
            15..=18 => Self::AddStatic(Pick { node: a, addr: b }),
            19 => Self::RemoveStatic(a),
            20..=22 => Self::Renew(Pick { node: a, addr: b }),
            23..=27 => Self::Discover(picks(c % 6, a, b)),
            28..=29 => Self::AddPeer(a, link),
            30..=37 => Self::RemovePeer(a),
            38..=50 => Self::Finish(a, outcome),
            51..=57 => Self::Resolve { index: a, addr: b },
            58..=60 => Self::Knock(a),
            61 => Self::Refuse(a),
            _ => Self::Accept(a),
        }
    }
}

fn picks(count: u8, first: u8, addr: u8) -> Vec<Pick> {
    let pick = |n: u8| Pick { node: first.wrapping_add(n), addr: addr.wrapping_add(n / 2) };
    (0..count).map(pick).collect()
}

/// What an id was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// A dial, and whether its connection is up.
    Dial(Kind, bool),
    Resolve,
}

/// What the steps refer to.
#[derive(Debug)]
struct Scene {
    /// The instants from which something is counted: those of commands and of answers to resolves, in milliseconds.
    instants: Vec<u64>,
    now: u64,
    tasks: BTreeMap<TraceId, Asked>,
    peers: BTreeMap<TraceId, Link>,
    handshakes: BTreeMap<u64, TraceId>,
    /// The number of the last inbound handshake.
    connection: u64,
    /// Whether no resolve finds anybody.
    hopeless: bool,
}

/// The setup and the steps that these bytes say, at most so many; nothing if there are too few for a setup.
#[must_use]
pub fn from_bytes(bytes: &[u8], most: usize) -> Option<(Setup, Vec<Step>)> {
    let (setup, steps) = bytes.split_first_chunk()?;
    let steps = steps.chunks_exact(Step::BYTES).filter_map(|step| step.try_into().ok());
    Some((Setup::from_bytes(*setup), steps.take(most).map(Step::from_bytes).collect()))
}

/// The trace that the steps give, with the model as the dialer.
#[must_use]
pub fn trace(setup: &Setup, steps: &[Step]) -> Vec<InputLine> {
    let header = setup.header();
    let mut scene = Scene {
        instants: vec![0],
        now: 0,
        tasks: BTreeMap::new(),
        peers: BTreeMap::new(),
        handshakes: BTreeMap::new(),
        connection: 0,
        hopeless: setup.hopeless,
    };
    let mut trace = vec![InputLine::new(Timestamp::ZERO, Input::Config(Box::new(header.clone())))];
    let (mut model, first) = Model::new(&header, Timestamp::ZERO);
    scene.note(&first);
    for step in steps {
        for input in scene.play(step) {
            let line = InputLine::new(Timestamp::from_millis(scene.now), input);
            let answer = model.line(&line);
            if !answer.commands.is_empty() || matches!(line.input, Input::ResolveFinished { .. }) {
                scene.instants.push(scene.now);
            }
            scene.note(&answer);
            trace.push(line);
        }
    }
    trace
}

/// Takes steps and static nodes away while the trace that they give `fails`. Returns that trace.
pub fn shrink(setup: &Setup, steps: &[Step], fails: impl Fn(&[InputLine]) -> bool) -> Vec<InputLine> {
    let steps = shorten(steps, 0, |steps| fails(&trace(setup, steps)));
    let with = |statics: &[Pick]| Setup { statics: statics.to_vec(), ..setup.clone() };
    let statics = shorten(&setup.statics, 0, |statics| fails(&trace(&with(statics), &steps)));
    trace(&with(&statics), &steps)
}

impl Scene {
    fn note(&mut self, output: &OutputLine) {
        for command in &output.commands {
            match command {
                Output::Dial { id, kind, .. } => drop(self.tasks.insert(*id, Asked::Dial(*kind, false))),
                Output::Resolve { id } => drop(self.tasks.insert(*id, Asked::Resolve)),
                other => unreachable!("the scheduler never gives {other}"),
            }
        }
    }

    fn play(&mut self, step: &Step) -> Vec<Input> {
        let id = |node: u8| Pick { node, addr: 0 }.id();
        match step {
            Step::Wait { back, millis } => self.wait(*back, *millis),
            Step::Tick => vec![Input::Tick {}],
            Step::AddStatic(pick) => vec![Input::StaticAdded { node: pick.node() }],
            Step::RemoveStatic(node) => vec![Input::StaticRemoved { id: id(*node) }],
            Step::Renew(pick) => {
                vec![Input::StaticRemoved { id: pick.id() }, Input::StaticAdded { node: pick.node() }]
            }
            Step::Discover(picks) => {
                vec![Input::NodesDiscovered { nodes: picks.iter().map(|pick| pick.node()).collect() }]
            }
            // A host refuses a connection with itself before it is a peer.
            Step::AddPeer(node, _) | Step::Knock(node) if node % Pick::NODES == 0 => Vec::new(),
            Step::AddPeer(node, link) => self.add_peer(id(*node), *link).into_iter().collect(),
            Step::RemovePeer(index) => {
                let peers: Vec<_> = self.peers.keys().copied().collect();
                kth(&peers, *index).map(|id| self.remove_peer(*id)).into_iter().collect()
            }
            Step::Finish(index, outcome) => self.finish(*index, *outcome),
            Step::Resolve { index, addr } => self.resolve(*index, *addr).into_iter().collect(),
            Step::Knock(node) => {
                self.connection += 1;
                self.handshakes.insert(self.connection, id(*node));
                vec![Input::InboundPending { connection: self.connection, id: id(*node) }]
            }
            Step::Refuse(index) => self.end_handshake(*index, false),
            Step::Accept(index) => self.end_handshake(*index, true),
        }
    }

    fn wait(&mut self, back: u8, millis: u32) -> Vec<Input> {
        let back = usize::from(back).min(self.instants.len() - 1);
        let until = self.instants[self.instants.len() - 1 - back] + u64::from(millis);
        if until <= self.now {
            return Vec::new();
        }
        self.now = until;
        vec![Input::Tick {}]
    }

    fn add_peer(&mut self, id: TraceId, link: Link) -> Option<Input> {
        if self.peers.contains_key(&id) {
            return None;
        }
        let kind = match (self.tasks.get_mut(&id), link) {
            (None, _) | (_, Link::Inbound) => link,
            (Some(Asked::Dial(kind, up)), _) if !*up => {
                *up = true;
                Link::Outbound(*kind)
            }
            // Nothing else of ours can have connected.
            (Some(_), _) => return None,
        };
        self.peers.insert(id, kind);
        Some(Input::PeerAdded { id, kind, addr: None })
    }

    fn remove_peer(&mut self, id: TraceId) -> Input {
        self.peers.remove(&id);
        Input::PeerRemoved { id, reason: None }
    }

    /// A dial whose connection came up ends connected, unless the node is connected otherwise by now.
    fn finish(&mut self, index: u8, outcome: Outcome) -> Vec<Input> {
        let dials = self.tasks.iter().filter_map(|(id, asked)| match asked {
            Asked::Dial(kind, up) => Some((*id, *kind, *up)),
            Asked::Resolve => None,
        });
        let Some((id, kind, up)) = kth(&dials.collect::<Vec<_>>(), index).copied() else { return Vec::new() };
        self.tasks.remove(&id);
        let outcome = match self.peers.get(&id) {
            None | Some(Link::Outbound(_)) if up => Outcome::Connected,
            Some(_) if up || outcome == Outcome::Connected => Outcome::HandshakeFailed,
            _ => outcome,
        };
        let added =
            if outcome == Outcome::Connected && !up { self.add_peer(id, Link::Outbound(kind)) } else { None };
        let finished = Input::DialFinished { id: Some(id), token: None, outcome, tried: Vec::new() };
        added.into_iter().chain([finished]).collect()
    }

    /// The first byte that differs between two ids is the number of the node.
    fn resolve(&mut self, index: u8, addr: u8) -> Option<Input> {
        let resolves: Vec<_> = self.tasks.iter().filter(|(_, asked)| **asked == Asked::Resolve).collect();
        let id = **kth(&resolves, index).map(|(id, _)| id)?;
        self.tasks.remove(&id);
        let found = Pick { node: id.bytes()[1], addr: if self.hopeless { 0 } else { addr } };
        let node: Option<TraceNode> = found.addr().map(|_| found.node());
        Some(Input::ResolveFinished { id: Some(id), token: None, node })
    }

    fn end_handshake(&mut self, index: u8, success: bool) -> Vec<Input> {
        let handshakes: Vec<_> = self.handshakes.iter().map(|(connection, id)| (*connection, *id)).collect();
        let Some((connection, id)) = kth(&handshakes, index).copied() else { return Vec::new() };
        self.handshakes.remove(&connection);
        let added = if success { self.add_peer(id, Link::Inbound) } else { None };
        added.into_iter().chain([Input::InboundEnded { connection }]).collect()
    }
}
