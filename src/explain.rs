//! Why a node is not being dialed, as an answer.

use alloc::vec::Vec;
use core::fmt;

use crate::command::WakeReason;
use crate::event::{DialOutcome, RemovalReason};
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// How a node's last attempt or session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum LastOutcome {
    /// The dial was answered.
    Dial(DialOutcome),
    /// It has no address, and none was found.
    Unresolved,
    /// The dial or resolve was not answered by its deadline.
    Overdue,
    /// It was connected; the session ended.
    Ended(RemovalReason),
}

impl fmt::Display for LastOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial(outcome) => write!(f, "the dial ended: {outcome}"),
            Self::Unresolved => f.write_str("no address was found"),
            Self::Overdue => f.write_str("no answer came by the deadline"),
            Self::Ended(reason) => write!(f, "the session ended: {reason}"),
        }
    }
}

/// Where a node waits to be planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Standing {
    /// It is no candidate now.
    None,
    /// Static, and waits for its turn or its cooldown.
    Static,
    /// Known, and cools down.
    Cooling,
    /// Ready: it was connected once.
    Good,
    /// Ready: it was tried, and is alive, but did not take us.
    Answered,
    /// Ready: it did not answer when it was tried last.
    Failed,
    /// Ready: it was never tried.
    Fresh,
    /// Known to classic, which samples where a node lies.
    Sampled,
    /// A bootnode: dialed when there is no outbound peer for a while.
    Bootnode,
    /// Waits for room in its subnet.
    Crowded,
    /// Waits for a change of the rules or of its addresses.
    Parked,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "not a candidate",
            Self::Static => "static",
            Self::Cooling => "cooling down",
            Self::Good => "good",
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Fresh => "fresh",
            Self::Sampled => "sampled",
            Self::Bootnode => "a bootnode",
            Self::Crowded => "crowded",
            Self::Parked => "parked",
        })
    }
}

/// Why a node is not being dialed: the answer of `Dialer::explain`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Explanation {
    /// Every rule that refuses it now; empty: it is eligible.
    pub refusals: Vec<Refusal>,
    /// The earliest instant at which it can be eligible, if nothing but time passes; `None`: an event is needed.
    /// Now, where nothing refuses it.
    pub earliest: Option<Timestamp>,
    /// Where it waits.
    pub standing: Standing,
    /// How many nodes of the same queue come before it, counted up to 64; `None` where the queue has no order.
    pub ahead: Option<u32>,
    /// How its last attempt or session ended, and when.
    pub last: Option<(LastOutcome, Timestamp)>,
    /// Failures in a row.
    pub failures: u32,
    /// Attempts so far.
    pub attempts: u32,
}

impl fmt::Display for Explanation {
    /// One sentence for an operator.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.refusals.split_first() {
            None => write!(f, "eligible, queued as {}", self.standing)?,
            Some((first, rest)) => {
                write!(f, "not dialed: {first}")?;
                rest.iter().try_for_each(|refusal| write!(f, "; {refusal}"))?;
                match self.earliest {
                    Some(at) => write!(f, "; eligible at {at} at the earliest")?,
                    None => f.write_str("; only an event changes that")?,
                }
            }
        }
        match self.last {
            Some((last, at)) => write!(f, " (at {at} {last}; failures in a row: {})", self.failures),
            None => f.write_str(" (never tried)"),
        }
    }
}

/// Why there are fewer dynamic peers than the target asks for: the answer of `Dialer::explain_need`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct NeedExplanation {
    /// `Config::dynamic_target`.
    pub target: u32,
    /// Dynamic outbound peers.
    pub connected: u32,
    /// Dynamic attempts under way.
    pub under_way: u32,
    /// Slots that neither a peer nor an attempt holds.
    pub free: u32,
    /// Known nodes that are ready to be tried.
    pub ready: u32,
    /// Known nodes that cool down, and when the first of them is ready.
    pub cooling: (u32, Option<Timestamp>),
    /// Nodes that wait for room in their subnet.
    pub crowded: u32,
    /// Nodes that wait for a change of the rules or of their addresses.
    pub parked: u32,
    /// Known nodes that are connected, but not as dynamic peers: inbound, or as static ones.
    pub connected_otherwise: u32,
    /// Whether a lookup is under way or about to begin.
    pub looking: bool,
    /// When the first attempt under way is given up; `None`: never, or there is none.
    pub first_overdue: Option<Timestamp>,
    /// Whether the network of this host seems to be down.
    pub offline: bool,
    /// What is waited for, and until when, as of the last drain.
    pub waits: Vec<(WakeReason, Timestamp)>,
}

impl fmt::Display for NeedExplanation {
    /// One sentence for an operator.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} peers, {} attempts under way", self.connected, self.target, self.under_way)?;
        if self.connected >= self.target {
            return f.write_str(": the target is reached");
        }
        if self.offline {
            f.write_str("; the network of this host seems to be down")?;
        }
        if let (0, Some(at)) = (self.free, self.first_overdue) {
            write!(f, "; every slot is taken, the first is given up at {at}")?;
        }
        write!(f, "; {} candidates ready, {} cooling down", self.ready, self.cooling.0)?;
        if let Some(at) = self.cooling.1 {
            write!(f, " (the first until {at})")?;
        }
        write!(f, ", {} crowded, {} parked", self.crowded, self.parked)?;
        if self.connected_otherwise > 0 {
            write!(f, ", {} connected otherwise", self.connected_otherwise)?;
        }
        f.write_str(if self.looking { "; a lookup is under way" } else { "; no lookup is under way" })?;
        self.waits.iter().try_for_each(|(reason, at)| write!(f, "; {reason} at {at}"))
    }
}
