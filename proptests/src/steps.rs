//! Steps for the classic profile that any bytes can mean: from them come traces, for properties and for fuzzing.
//!
//! Steps are total: an index means the k-th of whatever is there, modulo. So any part of a list of steps is a
//! list of steps again, and a trace keeps its sense when lines are taken away.

use core::net::SocketAddr;
use std::collections::{BTreeMap, BTreeSet};

use dialstate::Timestamp;

use crate::model::Model;
use crate::trace::{Header, Input, InputLine, Kind, Link, Outcome, Output, OutputLine, TraceId, TraceNode};

/// A node from a small pool, so that the sources of nodes collide. Number 0 is the dialer itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick {
    /// Which node.
    pub node: u8,
    /// Which of its addresses; 0: none.
    pub addr: u8,
}

impl Pick {
    /// How many nodes there are.
    pub const NODES: u8 = 14;
    /// How many addresses a node has, counting none.
    pub const ADDRS: u8 = 5;

    /// Whether it is the dialer itself.
    #[must_use]
    pub const fn is_own(self) -> bool {
        self.node.is_multiple_of(Self::NODES)
    }

    pub(crate) fn id(self) -> TraceId {
        TraceId::short(u16::from(self.node % Self::NODES))
    }

    /// The first two lie in the network of the restrict list.
    pub(crate) fn addr(self) -> Option<SocketAddr> {
        let node = self.node % Self::NODES;
        match self.addr % Self::ADDRS {
            0 => None,
            1 => Some(([10, 0, 0, node], 30303).into()),
            2 => Some(([10, 0, 1, node], 30304).into()),
            3 => Some(([10, 9, 0, node], 30303).into()),
            _ => Some(([0x2001, 0xdb8, 0, 0, 0, 0, 0, node.into()], 30303).into()),
        }
    }

    pub(crate) fn node(self) -> TraceNode {
        TraceNode::new(self.id(), &self.addr())
    }
}

/// What the trace begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The limit of dynamic peers.
    pub max_dynamic: u8,
    /// Static nodes.
    pub statics: Vec<Pick>,
    /// Bootnodes.
    pub bootnodes: Vec<Pick>,
    /// Whether only 10.0.0.0/16 may be dialed.
    pub restricted: bool,
    /// Whether there is a discovery.
    pub discovery: bool,
}

impl Setup {
    fn header(&self) -> Header {
        let nodes = |picks: &[Pick]| picks.iter().map(|pick| pick.node()).collect();
        let network = || vec!["10.0.0.0/16".parse().expect("a network")];
        Header {
            me: Pick { node: 0, addr: 0 }.id(),
            max_dynamic: self.max_dynamic.into(),
            max_active_dials: None,
            draw: None,
            statics: nodes(&self.statics),
            // The dialer refuses to be its own bootnode.
            bootnodes: self.bootnodes.iter().filter(|pick| !pick.is_own()).map(|pick| pick.node()).collect(),
            restrict: if self.restricted { network() } else { Vec::new() },
            discovery: self.discovery,
            profile: None,
            seed: None,
            settings: BTreeMap::new(),
        }
    }
}

/// One step. An index is taken modulo the number of things that it may mean; if there are none, nothing happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Goes on to the instant of an earlier line (`back` lines ago) plus `millis`, if that is still to come.
    Wait {
        /// How many lines back.
        back: u8,
        /// How long after that line.
        millis: u32,
    },
    /// A tick.
    Tick,
    /// A static node is added.
    AddStatic(Pick),
    /// A static node is removed, or what was none.
    RemoveStatic(u8),
    /// Nodes are discovered.
    Discover(Vec<Pick>),
    /// A peer turns up, whatever it is, except the dialer itself.
    AddPeer(u8, Link),
    /// The k-th peer goes.
    RemovePeer(u8),
    /// The k-th dial under way connects.
    Connect(u8),
    /// The k-th dial under way ends.
    Finish(u8, Outcome),
    /// The k-th resolve under way ends.
    Resolve {
        /// Which.
        index: u8,
        /// With which address; 0: none.
        addr: u8,
    },
    /// The lookup ends.
    Lookup(Vec<Pick>),
    /// An answer about a node to which nothing, perhaps, was asked.
    StrayDial(u8, Outcome),
    /// The same for a resolve.
    StrayResolve(Pick),
    /// The same for a lookup.
    StrayLookup(Vec<Pick>),
    /// A peer goes that, perhaps, never was one.
    StrayPeer(u8),
}

/// What an id was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Dial(Kind),
    Resolve,
}

/// What the steps refer to.
#[derive(Debug, Default)]
struct Scene {
    /// The instants of all lines, in milliseconds.
    instants: Vec<u64>,
    now: u64,
    tasks: BTreeMap<TraceId, Asked>,
    lookup: bool,
    peers: BTreeSet<TraceId>,
}

/// The trace that the steps give, with the model as the dialer.
#[must_use]
pub fn trace(setup: &Setup, steps: &[Step]) -> Vec<InputLine> {
    let header = setup.header();
    let mut scene = Scene { instants: vec![0], ..Scene::default() };
    let mut trace = vec![InputLine::new(Timestamp::ZERO, Input::Config(Box::new(header.clone())))];
    let (mut model, first) = Model::new(&header, Timestamp::ZERO);
    scene.note(&first);
    for step in steps {
        for input in scene.play(step) {
            let line = InputLine::new(Timestamp::from_millis(scene.now), input);
            scene.instants.push(scene.now);
            scene.note(&model.line(&line));
            trace.push(line);
        }
    }
    trace
}

impl Scene {
    fn note(&mut self, output: &OutputLine) {
        for command in &output.commands {
            match command {
                Output::Dial { id, kind, .. } => drop(self.tasks.insert(*id, Asked::Dial(*kind))),
                Output::Resolve { id } => drop(self.tasks.insert(*id, Asked::Resolve)),
                Output::Lookup {} => self.lookup = true,
                Output::Cancel { .. } | Output::Disconnect { .. } => {}
            }
        }
    }

    fn play(&mut self, step: &Step) -> Vec<Input> {
        let id = |node: u8| Pick { node, addr: 0 }.id();
        let nodes = |picks: &[Pick]| picks.iter().map(|pick| pick.node()).collect();
        let input = match step {
            Step::Wait { back, millis } => {
                let back = usize::from(*back).min(self.instants.len() - 1);
                let since = self.instants[self.instants.len() - 1 - back];
                self.now = self.now.max(since + u64::from(*millis));
                return Vec::new();
            }
            Step::Tick => Input::Tick {},
            Step::AddStatic(pick) => Input::StaticAdded { node: pick.node() },
            Step::RemoveStatic(node) => Input::StaticRemoved { id: id(*node) },
            Step::Discover(picks) => Input::NodesDiscovered { nodes: nodes(picks) },
            // A host refuses a connection with itself before it is a peer.
            Step::AddPeer(node, _) if node % Pick::NODES == 0 => return Vec::new(),
            Step::AddPeer(node, kind) => self.add_peer(id(*node), *kind),
            Step::RemovePeer(index) => match kth(&self.peers, *index) {
                Some(id) => self.remove_peer(*id),
                None => return Vec::new(),
            },
            Step::StrayPeer(node) => self.remove_peer(id(*node)),
            Step::Connect(index) => return self.connect(*index),
            Step::Finish(index, outcome) => match kth(&self.dials(), *index) {
                Some((id, _)) => self.finish(*id, *outcome),
                None => return Vec::new(),
            },
            Step::StrayDial(node, outcome) => self.finish(id(*node), *outcome),
            Step::Resolve { index, addr } => {
                let resolves = self.tasks.iter().filter(|(_, asked)| **asked == Asked::Resolve);
                match kth(&resolves.map(|(id, _)| *id).collect::<BTreeSet<_>>(), *index) {
                    Some(id) => self.resolve(*id, *addr),
                    None => return Vec::new(),
                }
            }
            Step::StrayResolve(pick) => self.resolve(pick.id(), pick.addr),
            Step::Lookup(_) if !self.lookup => return Vec::new(),
            Step::Lookup(picks) | Step::StrayLookup(picks) => {
                self.lookup = false;
                Input::LookupFinished { token: None, nodes: nodes(picks) }
            }
        };
        vec![input]
    }

    fn dials(&self) -> Vec<(TraceId, Kind)> {
        let dial = |(id, asked): (&TraceId, &Asked)| match asked {
            Asked::Dial(kind) => Some((*id, *kind)),
            Asked::Resolve => None,
        };
        self.tasks.iter().filter_map(dial).collect()
    }

    fn connect(&mut self, index: u8) -> Vec<Input> {
        match kth(&self.dials(), index) {
            Some((id, kind)) => {
                vec![self.add_peer(*id, Link::Outbound(*kind)), self.finish(*id, Outcome::Connected)]
            }
            None => Vec::new(),
        }
    }

    fn add_peer(&mut self, id: TraceId, kind: Link) -> Input {
        self.peers.insert(id);
        Input::PeerAdded { id, kind, addr: None }
    }

    fn remove_peer(&mut self, id: TraceId) -> Input {
        self.peers.remove(&id);
        Input::PeerRemoved { id, reason: None }
    }

    fn finish(&mut self, id: TraceId, outcome: Outcome) -> Input {
        if let Some(Asked::Dial(_)) = self.tasks.get(&id) {
            self.tasks.remove(&id);
        }
        Input::DialFinished { id: Some(id), token: None, outcome, tried: Vec::new() }
    }

    /// The first byte that differs between two ids is the number of the node.
    fn resolve(&mut self, id: TraceId, addr: u8) -> Input {
        if self.tasks.get(&id) == Some(&Asked::Resolve) {
            self.tasks.remove(&id);
        }
        let found = Pick { node: id.bytes()[1], addr };
        let node = found.addr().map(|_| found.node());
        Input::ResolveFinished { id: Some(id), token: None, node }
    }
}

/// The k-th element, modulo.
pub(crate) fn kth<'a, T: 'a, C>(all: &'a C, index: u8) -> Option<&'a T>
where
    &'a C: IntoIterator<Item = &'a T>,
{
    let count = all.into_iter().count();
    all.into_iter().nth(usize::from(index).checked_rem(count)?)
}

/// Takes lines away while `fails` holds: a smallest trace that still fails, as far as taking away goes. The
/// first line stays, but for its nodes.
pub fn shrink(trace: &[InputLine], fails: impl Fn(&[InputLine]) -> bool) -> Vec<InputLine> {
    shrink_nodes(shorten(trace, 1, &fails), fails)
}

/// Takes elements of a list away while `fails` holds, but for the first ones.
pub(crate) fn shorten<T: Clone>(list: &[T], kept: usize, fails: impl Fn(&[T]) -> bool) -> Vec<T> {
    let mut list = list.to_vec();
    let mut size = list.len();
    while size > 0 {
        let mut from = kept;
        let before = list.len();
        while from < list.len() {
            let until = (from + size).min(list.len());
            let shorter: Vec<_> = list[..from].iter().chain(&list[until..]).cloned().collect();
            if fails(&shorter) {
                list = shorter;
            } else {
                from = until;
            }
        }
        let again = size == 1 && list.len() < before;
        size = if again { 1 } else { size / 2 };
    }
    list
}

/// Takes away the nodes of the first line, one by one.
fn shrink_nodes(mut trace: Vec<InputLine>, fails: impl Fn(&[InputLine]) -> bool) -> Vec<InputLine> {
    let lists: [fn(&mut Header) -> &mut Vec<TraceNode>; 2] =
        [|header| &mut header.statics, |header| &mut header.bootnodes];
    for list in lists {
        let mut at = 0;
        loop {
            let mut shorter = trace.clone();
            let Some(Input::Config(header)) = shorter.first_mut().map(|line| &mut line.input) else { break };
            let nodes = list(header);
            if at >= nodes.len() {
                break;
            }
            nodes.remove(at);
            if fails(&shorter) {
                trace = shorter;
            } else {
                at += 1;
            }
        }
    }
    trace
}
