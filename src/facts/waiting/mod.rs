//! Where each node waits to be planned: in one queue at a time.
//!
//! Which queue a node belongs in is for the plan to say. This type is the only one that writes it down.
//!
//! Invariant: a node is in the queue that its [`Place`] names, and in no other.

mod crowds;
mod place;
mod ready;

use rand_core::Rng;
use siphasher::sip::SipHasher13;

use super::slots::{NodeSlot, OfNode, SubnetSlot};
use crate::collections::{Lanes, List, bytes};
use crate::config::Diversity;
use crate::facts::subnets::Subnets;
use crate::network::{Subnet, SubnetKey};
use crate::node::Source;
use crate::time::Timestamp;

use crowds::Crowds;
use place::{ByPlace, LANES};
use ready::Ready;

pub(crate) use place::{Class, Due, Place, Places, Queue};

/// How many nodes of a queue are offered for a choice.
const SAMPLE: u32 = 16;

/// All queues.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Waiting {
    lanes: Lanes<OfNode, LANES>,
    ready: Ready,
    crowds: Crowds,
    /// The one that has waited longest first.
    parked: List<OfNode>,
    /// The rules in force: a number that grows when more may be allowed than before.
    rules: u32,
}

impl Waiting {
    pub(super) const fn new(hasher: SipHasher13) -> Self {
        Self {
            lanes: Lanes::new(),
            ready: Ready::new(hasher),
            crowds: Crowds::new(hasher),
            parked: List::new(),
            rules: 0,
        }
    }

    /// Takes a node out of its queue, if it is in one. Returns until when it had to wait, where an instant says so.
    #[inline]
    pub(super) fn leave(&mut self, places: &mut impl Places, node: NodeSlot) -> Option<Due> {
        let place = places.place(node).filter(|place| place.queue != Queue::None)?;
        let queue = core::mem::replace(&mut place.queue, Queue::None);
        let subnet = place.subnet.take();
        self.take_out(places, node, queue, subnet)
    }

    /// Takes a node out of the queue that it was in. In a function of its own, so that it costs little to ask where it is in none.
    #[inline(never)]
    fn take_out(
        &mut self,
        places: &mut impl Places,
        node: NodeSlot,
        queue: Queue,
        subnet: Option<SubnetSlot>,
    ) -> Option<Due> {
        let mut due = None;
        match queue {
            Queue::Ready(spot) => {
                if let Some(moved) = self.ready.remove(&mut ByPlace(places), node, spot) {
                    set_queue(places, moved, queue);
                }
            }
            Queue::Crowded { .. } => self.crowds.leave(&mut ByPlace(places), subnet, node),
            Queue::Parked { .. } => self.parked.remove(&mut ByPlace(places), node),
            Queue::None
            | Queue::Static
            | Queue::StaticFailing
            | Queue::Cooling
            | Queue::CoolingGood
            | Queue::Resting
            | Queue::Idle => due = queue.lane().and_then(|lane| self.lanes.remove(lane, node)),
        }
        if let Some(subnet) = subnet.filter(|_| queue.is_ready()) {
            // The next node of the subnet may follow.
            self.crowds.set_delegate(subnet, None);
        }
        due.map(Due::from)
    }

    /// Puts a node that is in no queue into one that is ordered by time.
    pub(super) fn enter(&mut self, places: &mut impl Places, node: NodeSlot, queue: Queue, due: Due) {
        if let Some(lane) = queue.lane() {
            set_queue(places, node, queue);
            self.lanes.set(lane, node, due.at.as_nanos(), due.tie);
        }
    }

    /// Puts a node that is in no queue among the ready ones of a class.
    pub(super) fn enter_ready(
        &mut self,
        places: &mut impl Places,
        node: NodeSlot,
        class: Class,
        subnet: SubnetKey,
    ) {
        let source = places.source(node);
        let spot = self.ready.insert(&mut ByPlace(places), node, class, source, subnet);
        set_queue(places, node, Queue::Ready(spot));
    }

    /// Lets a node that is in no queue wait for room in a subnet.
    pub(super) fn enter_crowd(&mut self, places: &mut impl Places, node: NodeSlot, subnet: Subnet) {
        let subnet = self.crowds.enter(&mut ByPlace(places), subnet.into(), node);
        if let Some(place) = places.place(node) {
            place.queue = Queue::Crowded { rules: self.rules };
            place.subnet = Some(subnet);
        }
    }

    /// Lets a node that is in no queue wait for a change of the rules or of its addresses.
    pub(super) fn park(&mut self, places: &mut impl Places, node: NodeSlot) {
        set_queue(places, node, Queue::Parked { rules: self.rules });
        self.parked.push(&mut ByPlace(places), node);
    }

    /// Notes that a ready node was let back by a subnet.
    pub(super) fn set_delegate(&mut self, places: &mut impl Places, subnet: SubnetSlot, node: NodeSlot) {
        if self.crowds.set_delegate(subnet, Some(node)) {
            if let Some(place) = places.place(node) {
                place.subnet = Some(subnet);
            }
        }
    }

    /// Until when a node cools down, by its place.
    pub(crate) fn cooldown(&self, place: &Place, node: NodeSlot) -> Option<Timestamp> {
        let item = self.lanes.get(place.queue.lane()?, node)?;
        Some(Timestamp::from_nanos(item.at))
    }

    /// How many nodes of the same queue come before one, counted up to `most`, where the queue is ordered by time.
    pub(crate) fn ahead(&self, place: &Place, node: NodeSlot, most: u32) -> Option<u32> {
        let lane = place.queue.lane().filter(|_| place.queue != Queue::Idle)?;
        self.lanes.ahead(lane, node, most)
    }

    /// The first of a queue that is ordered by time.
    #[inline]
    pub(crate) fn first(&self, queue: Queue) -> Option<(NodeSlot, Timestamp)> {
        let item = self.lanes.peek(queue.lane()?)?;
        Some((item.key, Timestamp::from_nanos(item.at)))
    }

    /// The first of such a queue, if its instant has come.
    #[inline]
    pub(crate) fn first_due(&self, queue: Queue, now: Timestamp) -> Option<NodeSlot> {
        self.first(queue).filter(|(_, at)| *at <= now).map(|(node, _)| node)
    }

    /// The instant of the first of several such queues.
    pub(crate) fn first_of<const N: usize>(&self, queues: [Queue; N]) -> Option<Timestamp> {
        queues.into_iter().fold(None, |sooner: Option<Timestamp>, queue| match (sooner, self.first(queue)) {
            (Some(sooner), Some((_, at))) => Some(sooner.min(at)),
            (sooner, first) => sooner.or(first.map(|(_, at)| at)),
        })
    }

    /// When the first of all cooldowns of known nodes ends.
    pub(crate) fn first_cooled(&self) -> Option<Timestamp> {
        self.first_of(Queue::COOLING)
    }

    /// Whether no node is ready.
    pub(crate) fn is_none_ready(&self) -> bool {
        self.ready.is_empty()
    }

    /// Some nodes from all over such a queue.
    pub(crate) fn sample(&self, queue: Queue) -> impl Iterator<Item = NodeSlot> {
        queue.lane().into_iter().flat_map(|lane| self.lanes.sample(lane, SAMPLE))
    }

    /// How many nodes are in a queue that is ordered by time.
    pub(crate) fn len(&self, queue: Queue) -> u32 {
        queue.lane().map_or(0, |lane| self.lanes.len(lane))
    }

    /// How many nodes of a class are ready.
    pub(crate) const fn ready(&self, class: Class) -> u32 {
        self.ready.len(class)
    }

    /// Chooses a ready node of a class, which stays there: one draw from the rng for nodes that were never tried. The next
    /// choice is from another source or subnet, if there is one.
    pub(crate) fn draw(&mut self, class: Class, rng: &mut impl Rng) -> Option<NodeSlot> {
        self.ready.draw(class, rng)
    }

    /// Whom [`draw`](Self::draw) would choose, where that is not left to chance.
    pub(crate) fn next_of(&self, class: Class) -> Option<NodeSlot> {
        self.ready.next_of(class)
    }

    /// How many nodes wait for a change of the rules or of their addresses.
    pub(crate) const fn parked(&self) -> u32 {
        self.parked.len()
    }

    /// How many nodes wait for room in a subnet.
    pub(crate) fn crowded(&self) -> u32 {
        self.crowds.waiting()
    }

    /// Whether any node waits for room in a subnet.
    pub(crate) fn is_any_crowded(&self) -> bool {
        self.crowds.is_awaited()
    }

    pub(crate) fn is_any_roomy(&self) -> bool {
        self.crowds.is_any_roomy()
    }

    /// The node that waits longest for the subnet with the fewest holders.
    pub(crate) fn least_crowded(&self, subnets: &Subnets) -> Option<(Subnet, NodeSlot)> {
        self.crowds.least_crowded(subnets)
    }

    /// A subnet has one holder less.
    #[inline]
    pub(super) fn note_room(&mut self, subnet: SubnetKey) {
        self.crowds.note_room(subnet);
    }

    /// The rules may allow more than before: whoever is parked is to be looked at again, and so is whoever waits for
    /// room, since another address of it may be allowed now.
    pub(crate) fn loosen(&mut self) {
        self.rules = self.rules.wrapping_add(1);
        self.crowds.reconsider_all();
    }

    /// A node that was parked under older rules.
    pub(crate) fn next_outdated_parked(&self, queue_of: impl Fn(NodeSlot) -> Queue) -> Option<NodeSlot> {
        let old = |node: &NodeSlot| matches!(queue_of(*node), Queue::Parked { rules } if rules != self.rules);
        self.parked.head().filter(old)
    }

    /// A node that has waited for room since older rules.
    pub(crate) fn next_outdated_crowded(&mut self, queue_of: impl Fn(NodeSlot) -> Queue) -> Option<NodeSlot> {
        let rules = self.rules;
        let old = |node: NodeSlot| matches!(queue_of(node), Queue::Crowded { rules: of } if of != rules);
        self.crowds.next_outdated(old)
    }

    /// A node that may leave its crowd, since its subnet has room and nobody was let back before who is still there.
    pub(crate) fn next_admitted(
        &mut self,
        limits: Option<&Diversity>,
        subnets: &Subnets,
    ) -> Option<(SubnetSlot, NodeSlot)> {
        self.crowds.next_admitted(limits, subnets)
    }

    /// Looks at a subnet again when the next node may be admitted.
    pub(crate) fn look_again(&mut self, subnet: SubnetSlot) {
        self.crowds.look_again(subnet);
    }

    /// Whether every queue holds the nodes that say so, and only these.
    pub(crate) fn verify<'a>(
        &self,
        nodes: impl Iterator<Item = (NodeSlot, &'a Place, Source)>,
        place: impl Fn(NodeSlot) -> Option<&'a Place>,
    ) -> Result<(), &'static str> {
        let (mut lens, mut ready) = ([0u32; LANES], [0u32; Class::COUNT]);
        let (mut crowded, mut parked) = (0u32, 0u32);
        for (node, of, source) in nodes {
            let counter = match of.queue {
                Queue::None => continue,
                Queue::Ready(spot) => {
                    let let_back = of.subnet.is_none_or(|subnet| self.crowds.knows(subnet, node));
                    holds(let_back && self.ready.stands(node, spot, source), "a ready node")?;
                    ready.get_mut(spot.class as usize).ok_or("a class")?
                }
                Queue::Crowded { .. } => {
                    holds(of.subnet.is_some(), "a node that waits for no subnet")?;
                    &mut crowded
                }
                Queue::Parked { .. } => &mut parked,
                Queue::Static
                | Queue::StaticFailing
                | Queue::Cooling
                | Queue::CoolingGood
                | Queue::Resting
                | Queue::Idle => {
                    holds(self.cooldown(of, node).is_some(), "a node and its queue")?;
                    of.queue.lane().and_then(|lane| lens.get_mut(lane)).ok_or("a lane")?
                }
            };
            *counter = counter.saturating_add(1);
        }
        let mut lanes = lens.iter().enumerate();
        holds(lanes.all(|(lane, len)| self.lanes.len(lane) == *len), "queues of nodes that are gone")?;
        holds(self.ready.verify(ready, &place), "ready nodes that are gone")?;
        holds(crowded == self.crowds.waiting(), "nodes that wait for a subnet")?;
        holds(parked == self.parked.len(), "parked nodes")?;
        let is_parked = |of: &&Place| matches!(of.queue, Queue::Parked { .. });
        let link = |node| place(node).filter(is_parked).map(|of| of.link);
        holds(self.parked.verify(link), "the list of parked nodes")?;
        self.crowds.verify(&place)
    }

    /// Makes what was read usable. Returns whether it fits together.
    #[cfg(feature = "serde")]
    pub(super) fn reindex(&mut self, hasher: SipHasher13, nodes: u32) -> bool {
        self.lanes.reindex(nodes) && self.ready.reindex(hasher) && self.crowds.reindex(hasher)
    }

    /// The most bytes for so many nodes, of which so many are known and so many static, and as many may wait for a
    /// subnet as are said to.
    pub(crate) fn bound(nodes: u64, known: u64, statics: u64, crowded: u64) -> u64 {
        bytes::sum(&[
            // Each lane may have held all of its nodes at some time.
            Lanes::<OfNode, LANES>::bound([statics, statics, known, known, known, nodes], nodes),
            Ready::bound(known),
            Crowds::bound(crowded),
        ])
    }
}

fn set_queue(places: &mut impl Places, node: NodeSlot, queue: Queue) {
    if let Some(place) = places.place(node) {
        place.queue = queue;
    }
}

fn holds(right: bool, what: &'static str) -> Result<(), &'static str> {
    if right { Ok(()) } else { Err(what) }
}
