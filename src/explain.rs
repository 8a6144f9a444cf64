//! The answers of `Dialer::explain` and `Dialer::explain_need`.

use alloc::vec::Vec;
use core::fmt;

use crate::command::WakeReason;
use crate::event::{DialOutcome, RemovalReason};
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// How the last attempt or session of a node ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum LastOutcome {
    /// The dial was answered.
    Dial(DialOutcome),
    /// A resolve found no address.
    Unresolved,
    /// Discovery was asked for the node, and has found it: see `Config::revalidation`.
    Found,
    /// The dial or resolve reached its deadline without an answer.
    Overdue,
    /// The session ended.
    Ended(RemovalReason),
}

impl fmt::Display for LastOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial(outcome) => write!(f, "the dial ended: {outcome}"),
            Self::Unresolved => f.write_str("no address was found"),
            Self::Found => f.write_str("discovery has found it"),
            Self::Overdue => f.write_str("no answer came by the deadline"),
            Self::Ended(reason) => write!(f, "the session ended: {reason}"),
        }
    }
}

/// The queue in which a node waits to be dialed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Standing {
    /// None: it is not a candidate now.
    None,
    /// Static nodes, with or without a cooldown.
    Static,
    /// Known nodes that cool down.
    Cooling,
    /// Ready nodes that were connected to once, and have not failed since. (`KnownNode::good` and `Gauges::good` say only
    /// that a node was connected to once.)
    Good,
    /// Ready nodes that were connected to once, and seem to have gone since: discovery is asked for them before they are
    /// dialed, unless `Config::revalidation` is off.
    Lapsed,
    /// Ready nodes that were alive when last tried or connected, but are not good: the handshake failed, or the node ended
    /// the session because it has too many peers or none of use.
    Answered,
    /// Ready nodes whose last attempt was refused or slow, or got no answer.
    Failed,
    /// Ready nodes that were never tried.
    Fresh,
    /// Ready nodes that have failed three times or more in a row and never connected: where half of the dynamic peers are
    /// there, they are dialed one at a time, and after lookups.
    Unlikely,
    /// Classic: the known nodes, of which it draws half of the missing peers at random: none while only one is missing, as in the
    /// original.
    Sampled,
    /// Classic and scheduler: nodes that were found and are dialed in that order, unless a rule refuses them then.
    Found,
    /// Bootnodes: dialed when there has been no outbound peer for a while.
    Bootnode,
    /// Nodes of which a dial was requested: dialed when an attempt of the static budget may begin.
    Requested,
    /// Nodes that wait for a free slot in their subnet.
    Crowded,
    /// Nodes that can't be dialed until the rules or their addresses change.
    Parked,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "not a candidate",
            Self::Static => "static",
            Self::Cooling => "cooling down",
            Self::Good => "good",
            Self::Lapsed => "lapsed",
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Fresh => "fresh",
            Self::Unlikely => "unlikely",
            Self::Sampled => "sampled",
            Self::Found => "found",
            Self::Bootnode => "a bootnode",
            Self::Requested => "requested",
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
    /// Every rule that refuses the node now. Empty: it may be dialed.
    pub refusals: Vec<Refusal>,
    /// The earliest instant at which it may be dialed, if nothing but time passes; `None`: an event is needed. If no
    /// rule refuses it, `now`. For a node that is also a bootnode, its dial as a bootnode counts too.
    pub earliest: Option<Timestamp>,
    /// The queue in which it waits.
    pub standing: Standing,
    /// Number of nodes before it in its queue, counted up to 64; `None` for a queue without an order.
    pub ahead: Option<u32>,
    /// Whether a slot is free for its dial. If not, it waits for one, even if no rule refuses it. In balanced a feeler or a
    /// reunion has a slot of its own, and does not wait for this one.
    pub slot: bool,
    /// How its last attempt or session ended, and when.
    pub last: Option<(LastOutcome, Timestamp)>,
    /// Number of failures in a row.
    pub failures: u32,
    /// Number of attempts so far.
    pub attempts: u32,
}

impl Explanation {
    fn tell_earliest(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(at) = self.earliest else { return f.write_str("; only an event changes that") };
        // A cooldown is cut short where peers are missing.
        let cools = |refusal: &Refusal| matches!(refusal, Refusal::Cooling { until } if *until > at);
        if self.refusals.iter().any(cools) {
            write!(f, "; dialed from {at} on if peers are missing and nobody else is ready")?;
        } else {
            write!(f, "; eligible at {at} at the earliest")?;
        }
        f.write_str(if self.slot { "" } else { "; no slot is free now" })
    }
}

impl fmt::Display for Explanation {
    /// One sentence for an operator.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.refusals.split_first() {
            None => {
                if self.standing == Standing::Cooling {
                    f.write_str("eligible, since its cooldown has ended")?;
                } else {
                    write!(f, "eligible, queued as {}", self.standing)?;
                }
                f.write_str(if self.slot { "" } else { ", but no slot is free" })?;
            }
            Some(_) if self.refusals.contains(&Refusal::OwnId) => {
                return write!(f, "not dialed: {}", Refusal::OwnId);
            }
            Some((first, rest)) => {
                write!(f, "not dialed: {first}")?;
                rest.iter().try_for_each(|refusal| write!(f, "; {refusal}"))?;
                self.tell_earliest(f)?;
            }
        }
        match self.last {
            Some((last, at)) => write!(f, " (at {at} {last}; failures in a row: {})", self.failures),
            None if self.attempts == 0 => f.write_str(" (never tried)"),
            // It was tried before a restart, or its first attempt is under way or was given up.
            None => write!(f, " (no outcome since the start; failures in a row: {})", self.failures),
        }
    }
}

/// Why there are fewer dynamic peers than the target: the answer of `Dialer::explain_need`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct NeedExplanation {
    /// `Config::dynamic_target`.
    pub target: u32,
    /// Number of dynamic outbound peers.
    pub connected: u32,
    /// Number of dynamic attempts under way.
    pub under_way: u32,
    /// Number of dynamic slots that neither a peer nor an attempt holds.
    pub free: u32,
    /// Number of known nodes that may be dialed.
    pub ready: u32,
    /// Number of known nodes that cool down, and the instant at which the first of them is ready.
    pub cooling: (u32, Option<Timestamp>),
    /// Number of nodes that wait for a free slot in their subnet.
    pub crowded: u32,
    /// Number of nodes that can't be dialed until the rules or their addresses change.
    pub parked: u32,
    /// Known nodes that are connected, but not as dynamic peers: inbound, or as static ones.
    pub connected_otherwise: u32,
    /// Whether a lookup is under way or about to begin.
    pub looking: bool,
    /// The earliest deadline of the attempts under way; `None`: there is none.
    pub first_overdue: Option<Timestamp>,
    /// `Config::dialing`: if it is false, nothing is done.
    pub dialing: bool,
    /// Whether an outage of this host's network is suspected.
    pub offline: bool,
    /// What the dialer waits for, and until when, as of the last drain.
    pub waits: Vec<(WakeReason, Timestamp)>,
}

impl fmt::Display for NeedExplanation {
    /// One sentence for an operator.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} dynamic peers, {} attempts under way",
            self.connected, self.target, self.under_way
        )?;
        if !self.dialing {
            f.write_str("; dialing is off")?;
        }
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
        self.waits.iter().try_for_each(|(reason, at)| {
            let lasts = matches!(reason, WakeReason::LocalPause | WakeReason::Pacing);
            write!(f, "; {reason} {} {at}", if lasts { "until" } else { "at" })
        })
    }
}
