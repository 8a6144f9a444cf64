//! Snapshots: the whole state of a dialer, saved and restored.

use alloc::borrow::Cow;
use core::fmt;
use core::marker::PhantomData;
use core::mem::discriminant;

use rand_core::Rng;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeTuple, Serializer};

use crate::address::Address;
use crate::clock::Clock;
use crate::config::Config;
use crate::dialer::sweep::Sweep;
use crate::dialer::{Dialer, Drain};
use crate::error::{ConfigError, Inconsistency};
use crate::facts::Facts;
use crate::node::NodeId;
use crate::plan::Plan;
use crate::plan::policy::Policy;
use crate::time::Timestamp;

/// The version of the form that this build writes and reads.
const VERSION: u32 = 8;

/// The state of a dialer with the config in force, without its rng, as [`Dialer::snapshot`] gives it. Serialize it with any
/// codec of serde.
///
/// It borrows the dialer, so taking and serializing one copies nothing. [`into_owned`](Self::into_owned) makes it independent
/// of the dialer, to be written elsewhere and later; one that was read is so from the beginning.
///
/// It holds no instants of the caller's timeline: after a restore, everything waits for as long as it still had to.
///
/// It holds the key of the hashes, with which ids that collide can be made, and everything that is known of other nodes:
/// keep it as private as the node's own key.
#[derive(Clone)]
pub struct Snapshot<'d, I: Clone, A: Clone> {
    facts: Cow<'d, Facts<I, A>>,
    plan: Cow<'d, Plan<I, A>>,
    drain: Drain,
    sweep: Sweep,
}

/// Why a snapshot can't be restored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreError {
    /// The config is invalid.
    Config(ConfigError),
    /// The snapshot was taken under another profile than that of the config.
    OtherProfile,
    /// `now` is above [`Timestamp::MAX_NOW`].
    TimeOutOfRange,
    /// The snapshot contradicts itself: it was damaged, or made by hand.
    Inconsistent(Inconsistency),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => write!(f, "the config is invalid: {error}"),
            Self::OtherProfile => {
                f.write_str("the snapshot is of another profile: restore it with a config of that profile")
            }
            Self::TimeOutOfRange => f.write_str("now must be at most 2^63 - 1 ns"),
            Self::Inconsistent(error) => {
                write!(f, "the snapshot is damaged: {}; start without it", error.what())
            }
        }
    }
}

impl core::error::Error for RestoreError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::Inconsistent(error) => Some(error),
            Self::OtherProfile | Self::TimeOutOfRange => None,
        }
    }
}

impl<I: Clone, A: Clone> Snapshot<'_, I, A> {
    /// The config that was in force, with what [`Event::Reconfigured`](crate::Event::Reconfigured) had changed.
    #[must_use]
    pub fn config(&self) -> &Config<I, A> {
        &self.facts.config
    }

    /// The same, independent of the dialer: clones what is borrowed.
    #[must_use]
    pub fn into_owned<'o>(self) -> Snapshot<'o, I, A> {
        let (facts, plan) = (Cow::Owned(self.facts.into_owned()), Cow::Owned(self.plan.into_owned()));
        Snapshot { facts, plan, drain: self.drain, sweep: self.sweep }
    }
}

impl<I: Clone, A: Clone> fmt::Debug for Snapshot<'_, I, A> {
    /// The version only: the rest is private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("version", &VERSION).finish_non_exhaustive()
    }
}

impl<I: NodeId, A: Address, R: Rng> Dialer<I, A, R> {
    /// The state of this dialer. Restored with the same config and a clone of the rng ([`rng`](Self::rng)), it goes on as
    /// if nothing had happened.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot<'_, I, A> {
        let (facts, plan) = (Cow::Borrowed(&self.facts), Cow::Borrowed(&self.plan));
        Snapshot { facts, plan, drain: self.drain, sweep: self.sweep }
    }

    /// A clone of the rng in its present state.
    #[must_use]
    pub fn rng(&self) -> R
    where
        R: Clone,
    {
        self.rng.clone()
    }

    /// A dialer that goes on from a snapshot. With the same config and state of the rng it gives the same commands as the
    /// dialer that the snapshot was taken of; `now` takes the place of the instant at which it was taken.
    ///
    /// With another config the new one is in force, as after [`Event::Reconfigured`](crate::Event::Reconfigured): what
    /// differs takes effect with the next drain, also for what waits.
    ///
    /// Tasks are still under way, and peers are still connected. After a restart of the process they are not: send
    /// [`Event::Restarted`](crate::Event::Restarted) first, with the same `now`. Without it `classic` and `scheduler`, which
    /// have no deadlines, wait for ever for answers that nobody gives.
    ///
    /// The config that was in force when the snapshot was taken is [`Snapshot::config`].
    ///
    /// # Errors
    /// The config is invalid or of another profile, `now` is out of range, or the snapshot contradicts itself.
    pub fn restore(
        snapshot: Snapshot<'_, I, A>,
        config: Config<I, A>,
        rng: R,
        now: Timestamp,
    ) -> Result<Self, RestoreError> {
        let Snapshot { facts, plan, drain, sweep } = snapshot;
        config.validate_for(&facts.me).map_err(RestoreError::Config)?;
        let other = Plan::<I, A>::new(config.profile(), facts.hasher(), facts.now);
        if discriminant(&*plan) != discriminant(&other) {
            return Err(RestoreError::OtherProfile);
        }
        if now > Timestamp::MAX_NOW {
            return Err(RestoreError::TimeOutOfRange);
        }
        let (mut facts, mut plan) = (facts.into_owned(), plan.into_owned());
        let before = facts.config.clone();
        let indexed = facts.reindex(config).and_then(|()| plan.reindex(&facts));
        let sound = indexed.and_then(|()| facts.verify()).and_then(|()| plan.verify(&facts));
        sound.map_err(|what| RestoreError::Inconsistent(Inconsistency::new(what)))?;
        let clock = Clock::matching(now, facts.now);
        let mut dialer = Self { facts, plan, rng, drain, sweep, clock };
        dialer.follow(&before);
        if *dialer.config() != before {
            // Whatever is new in the config takes effect on what waits.
            dialer.facts.waiting.loosen();
            dialer.drain = Drain::Fresh;
        }
        Ok(dialer)
    }
}

impl<I: NodeId + Serialize, A: Clone + Serialize> Serialize for Snapshot<'_, I, A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut parts = serializer.serialize_tuple(5)?;
        parts.serialize_element(&VERSION)?;
        parts.serialize_element(&*self.facts)?;
        parts.serialize_element(&*self.plan)?;
        parts.serialize_element(&(self.drain, self.sweep))?;
        parts.serialize_element(&self.facts.config)?;
        parts.end()
    }
}

impl<'de, I: NodeId + Deserialize<'de>, A: Clone + Deserialize<'de> + Ord> Deserialize<'de>
    for Snapshot<'_, I, A>
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple(5, Parts(PhantomData))
    }
}

struct Parts<'d, I: Clone, A: Clone>(PhantomData<Snapshot<'d, I, A>>);

impl<'de, 'd, I: NodeId + Deserialize<'de>, A: Clone + Deserialize<'de> + Ord> Visitor<'de>
    for Parts<'d, I, A>
{
    type Value = Snapshot<'d, I, A>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a snapshot of version {VERSION}")
    }

    /// The version comes first, so that another one is told from damage.
    fn visit_seq<S: SeqAccess<'de>>(self, mut parts: S) -> Result<Self::Value, S::Error> {
        let short = |at| S::Error::invalid_length(at, &"a snapshot of 5 parts");
        let version: u32 = parts.next_element()?.ok_or_else(|| short(0))?;
        if version != VERSION {
            return Err(S::Error::custom(format_args!(
                "snapshot version {version}, but this build reads version {VERSION}"
            )));
        }
        let mut facts: Facts<I, A> = parts.next_element()?.ok_or_else(|| short(1))?;
        let plan: Plan<I, A> = parts.next_element()?.ok_or_else(|| short(2))?;
        let (drain, sweep) = parts.next_element()?.ok_or_else(|| short(3))?;
        facts.config = parts.next_element()?.ok_or_else(|| short(4))?;
        Ok(Snapshot { facts: Cow::Owned(facts), plan: Cow::Owned(plan), drain, sweep })
    }
}
