//! Which policy plans: two files side by side over the same ledger.
//!
//! A plan is asked for one step at a time, and decides on the ledger as it is then. It begins attempts in the ledger
//! and says why a node has to wait; it keeps nothing that the ledger knows.

mod balanced;
mod classic;
mod fallback;
mod options;
mod pace;

use rand_core::Rng;

use crate::address::Address;
use crate::config::Profile;
use crate::ledger::Ledger;
use crate::ledger::timers::Wants;
use crate::node::NodeId;

use balanced::Balanced;
use classic::Classic;

/// What one step of planning came to. The command itself is made where it goes out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// The next command of this attempt is due.
    Issue(u32),
    /// The lookup that has begun goes out.
    Lookup,
    /// Something was looked at, and nothing came of it.
    Looked,
    /// Nothing more to do before the next event; these lanes of cooldowns would be drawn from.
    Done(Wants),
}

/// The policy in force.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Plan {
    Classic(Classic),
    Balanced(Balanced),
}

impl Plan {
    pub(crate) const fn new(profile: Profile) -> Self {
        match profile {
            Profile::Classic => Self::Classic(Classic::new()),
            Profile::Balanced => Self::Balanced(Balanced::new()),
        }
    }

    #[cfg(feature = "serde")]
    pub(crate) const fn profile(&self) -> Profile {
        match self {
            Self::Classic(_) => Profile::Classic,
            Self::Balanced(_) => Profile::Balanced,
        }
    }

    /// Starts a new round, and drops an unfinished one.
    pub(crate) fn start<I: NodeId, A: Address>(&mut self, ledger: &mut Ledger<I, A>) {
        match self {
            Self::Classic(plan) => plan.start(ledger),
            // Every step is decided on what is the case then: a round keeps nothing.
            Self::Balanced(_) => {}
        }
    }

    /// The next step of the round.
    pub(crate) fn next<I: NodeId, A: Address>(
        &mut self,
        ledger: &mut Ledger<I, A>,
        rng: &mut impl Rng,
    ) -> Step {
        match self {
            Self::Classic(plan) => plan.next(ledger, rng),
            Self::Balanced(plan) => plan.next(ledger, rng),
        }
    }

    /// Time has jumped, or the network has changed: what follows is paced from nothing.
    pub(crate) fn drain_burst<I: NodeId, A: Address>(&mut self, ledger: &Ledger<I, A>) {
        match self {
            Self::Classic(_) => {}
            Self::Balanced(plan) => plan.drain_burst(ledger),
        }
    }
}
