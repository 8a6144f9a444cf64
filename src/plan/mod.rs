//! Which policy plans: files and folders side by side over the same facts, as a transport library holds its congestion
//! controllers.
//!
//! To add one: a file with a type that is a [`Policy`](policy::Policy), a line in each place below, and a constructor of
//! `Config`.

mod balanced;
mod buffer;
mod classic;
pub(crate) mod policy;
mod scheduler;

use alloc::vec::Vec;

use rand_core::Rng;
use siphasher::sip::SipHasher13;

use crate::address::{Address, Addrs};
use crate::command::DialKind;
use crate::config::Profile;
use crate::event::{AddrOutcome, DialOutcome, PeerKind, RemovalReason};
use crate::explain::Standing;
use crate::facts::Facts;
use crate::facts::attempt::{Attempt, Ended};
use crate::facts::attempting::Permit;
use crate::facts::counts::Counts;
use crate::facts::nodes::Record;
use crate::facts::peers::Peer;
use crate::facts::slots::{AttemptSlot, NodeSlot};
use crate::node::{KnownNode, Node, NodeId, Source};
use crate::refusal::Refusal;
use crate::rules::{Subject, Verdict};
use crate::time::Timestamp;

use balanced::Balanced;
use buffer::Buffer;
use classic::Classic;
use policy::{Policy, Second, Step, Waits};
use scheduler::Scheduler;

/// The policy in force.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(deserialize = "I: serde::Deserialize<'de>, A: serde::Deserialize<'de> + Ord"))
)]
#[expect(clippy::large_enum_variant, reason = "a dialer has one of them")]
pub(crate) enum Plan<I, A> {
    Classic(Classic<I, A>),
    Scheduler(Scheduler<I, A>),
    Balanced(Balanced<A>),
}

impl<I: NodeId, A: Address> Plan<I, A> {
    /// The policy of a profile, for a dialer that starts now; `hasher` is keyed.
    pub(crate) fn new(profile: Profile, hasher: SipHasher13, now: Timestamp) -> Self {
        match profile {
            Profile::Classic => Self::Classic(Classic::new()),
            Profile::Scheduler => Self::Scheduler(Scheduler::new()),
            Profile::Balanced => Self::Balanced(Balanced::new(hasher, now)),
        }
    }
}

/// Hands a call on to the policy in force.
macro_rules! policy {
    ($self:expr, $plan:ident => $call:expr) => {
        match $self {
            Self::Classic($plan) => $call,
            Self::Scheduler($plan) => $call,
            Self::Balanced($plan) => $call,
        }
    };
}

impl<I: NodeId, A: Address> Policy<I, A> for Plan<I, A> {
    fn settle(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        policy!(self, plan => plan.settle(facts, node));
    }

    fn static_added(&mut self, facts: &mut Facts<I, A>, node: NodeSlot, moved: bool) {
        policy!(self, plan => plan.static_added(facts, node, moved));
    }

    fn static_removed(&mut self, facts: &mut Facts<I, A>, node: NodeSlot, was_static: bool) {
        policy!(self, plan => plan.static_removed(facts, node, was_static));
    }

    fn discovered(
        &mut self,
        facts: &mut Facts<I, A>,
        node: Node<I, A>,
        source: Source,
        vouched: bool,
    ) -> bool {
        policy!(self, plan => plan.discovered(facts, node, source, vouched))
    }

    fn forgotten(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        policy!(self, plan => plan.forgotten(facts, node));
    }

    fn restored(&mut self, facts: &mut Facts<I, A>, known: KnownNode<I, A>) {
        policy!(self, plan => plan.restored(facts, known));
    }

    fn found(&mut self, facts: &mut Facts<I, A>, nodes: Vec<Node<I, A>>) {
        policy!(self, plan => plan.found(facts, nodes));
    }

    fn lookup_overdue(&mut self) {
        policy!(self, plan => Policy::<I, A>::lookup_overdue(plan));
    }

    fn connected(&mut self, facts: &mut Facts<I, A>, node: NodeSlot, kind: PeerKind, addr: Option<&A>) {
        policy!(self, plan => plan.connected(facts, node, kind, addr));
    }

    fn session_ended(&mut self, facts: &mut Facts<I, A>, peer: &Peer<A>, reason: RemovalReason) {
        policy!(self, plan => plan.session_ended(facts, peer, reason));
    }

    fn dial_answered(
        &mut self,
        facts: &mut Facts<I, A>,
        attempt: AttemptSlot,
        outcome: DialOutcome,
        tried: &[AddrOutcome<A>],
    ) -> bool {
        policy!(self, plan => plan.dial_answered(facts, attempt, outcome, tried))
    }

    fn resolved(&mut self, facts: &mut Facts<I, A>, attempt: AttemptSlot, addrs: Addrs<A>) -> Addrs<A> {
        policy!(self, plan => plan.resolved(facts, attempt, addrs))
    }

    fn attempt_ended(
        &mut self,
        facts: &mut Facts<I, A>,
        slot: AttemptSlot,
        attempt: &Attempt<A>,
        ended: Ended,
    ) {
        policy!(self, plan => plan.attempt_ended(facts, slot, attempt, ended));
    }

    fn handshake_ended(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        policy!(self, plan => plan.handshake_ended(facts, node));
    }

    fn attempt_lost(&mut self, facts: &mut Facts<I, A>, node: NodeSlot) {
        policy!(self, plan => plan.attempt_lost(facts, node));
    }

    fn session_lost(&mut self, facts: &mut Facts<I, A>, peer: &Peer<A>, anchor: bool) {
        policy!(self, plan => plan.session_lost(facts, peer, anchor));
    }

    fn network_changed(&mut self, facts: &mut Facts<I, A>) {
        policy!(self, plan => plan.network_changed(facts));
    }

    fn paused(&mut self) {
        policy!(self, plan => Policy::<I, A>::paused(plan));
    }

    fn time_jumped(&mut self, facts: &Facts<I, A>) {
        policy!(self, plan => plan.time_jumped(facts));
    }

    fn time_passed(&mut self, facts: &mut Facts<I, A>) {
        policy!(self, plan => plan.time_passed(facts));
    }

    fn relists(&self) -> bool {
        policy!(self, plan => Policy::<I, A>::relists(plan))
    }

    fn second(&self, facts: &Facts<I, A>, node: NodeSlot, first: PeerKind, second: PeerKind) -> Second {
        policy!(self, plan => plan.second(facts, node, first, second))
    }

    fn mixes_sources(&self) -> bool {
        policy!(self, plan => Policy::<I, A>::mixes_sources(plan))
    }

    fn uses_bootnodes(&self) -> bool {
        policy!(self, plan => Policy::<I, A>::uses_bootnodes(plan))
    }

    fn buffer(&self) -> Option<&Buffer<I, A>> {
        policy!(self, plan => plan.buffer())
    }

    fn disconnects_restricted(&self) -> bool {
        policy!(self, plan => Policy::<I, A>::disconnects_restricted(plan))
    }

    fn subject<'a>(
        &self,
        facts: &'a Facts<I, A>,
        node: NodeSlot,
        kind: DialKind,
    ) -> Option<Subject<'a, I, A>> {
        policy!(self, plan => plan.subject(facts, node, kind))
    }

    fn check(
        &self,
        facts: &Facts<I, A>,
        subject: &Subject<'_, I, A>,
        visit: &mut impl FnMut(Refusal) -> Verdict,
    ) -> Verdict {
        policy!(self, plan => plan.check(facts, subject, visit))
    }

    fn grant(&self, facts: &Facts<I, A>, subject: &Subject<'_, I, A>) -> Permit<I, A> {
        policy!(self, plan => plan.grant(facts, subject))
    }

    fn start(&mut self, facts: &mut Facts<I, A>) {
        policy!(self, plan => plan.start(facts));
    }

    fn next(&mut self, facts: &mut Facts<I, A>, rng: &mut impl Rng) -> Step {
        policy!(self, plan => plan.next(facts, rng))
    }

    fn free_slots(&self, facts: &Facts<I, A>) -> u32 {
        policy!(self, plan => Policy::<I, A>::free_slots(plan, facts))
    }

    fn has_slot(&self, facts: &Facts<I, A>, kind: DialKind) -> bool {
        policy!(self, plan => plan.has_slot(facts, kind))
    }

    fn slow_dials(&self) -> u32 {
        policy!(self, plan => Policy::<I, A>::slow_dials(plan))
    }

    fn waits(&self) -> &Waits {
        policy!(self, plan => Policy::<I, A>::waits(plan))
    }

    fn standing(&self, facts: &Facts<I, A>, node: NodeSlot, eligible: bool) -> Standing {
        policy!(self, plan => plan.standing(facts, node, eligible))
    }

    fn gone_by(
        &self,
        facts: &Facts<I, A>,
        subject: &Subject<'_, I, A>,
        refusal: &Refusal,
    ) -> Option<Timestamp> {
        policy!(self, plan => plan.gone_by(facts, subject, refusal))
    }

    fn failures(&self, record: &Record<A>) -> u32 {
        policy!(self, plan => Policy::<I, A>::failures(plan, record))
    }

    fn is_offline(&self) -> bool {
        policy!(self, plan => Policy::<I, A>::is_offline(plan))
    }

    fn ready(&self, facts: &Facts<I, A>) -> u32 {
        policy!(self, plan => plan.ready(facts))
    }

    fn good(&self) -> u32 {
        policy!(self, plan => Policy::<I, A>::good(plan))
    }

    fn bound(&self, counts: &Counts) -> u64 {
        policy!(self, plan => Policy::<I, A>::bound(plan, counts))
    }

    fn verify(&self, facts: &Facts<I, A>) -> Result<(), &'static str> {
        policy!(self, plan => plan.verify(facts))
    }

    #[cfg(feature = "serde")]
    fn reindex(&mut self, facts: &Facts<I, A>) -> Result<(), &'static str> {
        policy!(self, plan => plan.reindex(facts))
    }
}
