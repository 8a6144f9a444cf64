//! The first line of a trace: everything that a dialer is made from.
//!
//! The lines of the scheduler profile have fields of their own: `max_dial_peers` is `Config::dynamic_target`,
//! `max_active_dials` is `Config::max_active_dials` (0: the original's 50), `draw` is the number that the rng gives at
//! each draw, and `discovery: false` is `Config::discovery`: there is no resolver.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use dialstate::ipnet::IpNet;
use dialstate::record::RngSeed;
use dialstate::{Churn, Config, Diversity};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::wire::Wire;
use super::{Id, Names, Policy, TraceId, TraceNode};

type DialerConfig = Config<Id, SocketAddr>;

/// What the scheduler takes for no limit of active dials.
const DEFAULT_ACTIVE_DIALS: u32 = 50;

/// The `config` line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Header {
    /// The dialer's own id.
    pub me: TraceId,
    /// `Config::dynamic_target`.
    pub max_dynamic: u32,
    /// `Config::max_active_dials`, which only lines of scheduler give here; 0: 50.
    pub max_active_dials: Option<u32>,
    /// What each draw of the rng gives, in scheduler; absent: zero.
    pub draw: Option<Draw>,
    /// Static nodes from the start.
    pub statics: Vec<TraceNode>,
    /// `Config::bootnodes`.
    pub bootnodes: Vec<TraceNode>,
    /// `Config::restrict`; empty: no list. (A list that is there, but empty, is a setting.)
    pub restrict: Vec<IpNet>,
    /// `Config::discovery`.
    pub discovery: bool,
    /// Which profile; absent: classic.
    pub profile: Option<Policy>,
    /// The seed of the ChaCha8 rng; absent: an rng of zeros.
    pub seed: Option<TraceSeed>,
    /// What else differs from the profile's default, under the names that `ConfigError` uses. Durations are
    /// in nanoseconds.
    pub settings: BTreeMap<String, Value>,
}

impl Header {
    /// The line that describes a dialer.
    ///
    /// # Errors
    /// The config holds something that the format cannot say.
    pub fn new(me: Id, config: &DialerConfig, seed: &RngSeed) -> Result<Self, String> {
        let policy = Policy::of(config)?;
        let mut header = Self {
            me: me.into(),
            max_dynamic: config.dynamic_target,
            max_active_dials: (policy == Policy::Scheduler).then_some(config.max_active_dials),
            draw: None,
            statics: Vec::new(),
            bootnodes: config.bootnodes.iter().map(TraceNode::from).collect(),
            restrict: config.restrict.clone().unwrap_or_default(),
            discovery: config.discovery,
            profile: Some(policy),
            seed: TraceSeed::new(seed)?,
            settings: BTreeMap::new(),
        };
        let defaults = settings(&mut header.config(&mut Names::default())?);
        header.settings = settings(&mut config.clone());
        header.settings.retain(|name, value| defaults.get(name) != Some(value));
        let read = header.config(&mut Names::default())?;
        if read == *config {
            return Ok(header);
        }
        let (given, read) = (json!(config), json!(read));
        let field = differing(&given, &read).unwrap_or_default();
        Err(format!("traces don't know the field `{field}` of the config: add it to trace/header.rs"))
    }

    /// Which profile the line names.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.profile.unwrap_or(Policy::Classic)
    }

    /// The config that the line describes.
    ///
    /// # Errors
    /// The dialer has no such profile, or a setting is unknown or of the wrong kind. (Whether its value makes sense
    /// is the dialer's to say.)
    pub fn config(&self, names: &mut Names) -> Result<DialerConfig, String> {
        let mut config = self.policy().config()?;
        config.dynamic_target = self.max_dynamic;
        match self.max_active_dials {
            None => {}
            Some(0) => config.max_active_dials = DEFAULT_ACTIVE_DIALS,
            Some(most) => config.max_active_dials = most,
        }
        config.bootnodes = self.bootnodes.iter().map(|node| node.node(names)).collect();
        config.restrict = (!self.restrict.is_empty()).then(|| self.restrict.clone());
        config.discovery = self.discovery;
        apply(&mut config, &self.settings)?;
        Ok(config)
    }
}

/// The path of the first field in which two objects differ.
fn differing(one: &Value, other: &Value) -> Option<String> {
    if one == other {
        return None;
    }
    let part = one.as_object().into_iter().flatten().find_map(|(name, value)| {
        let inner = differing(value, other.get(name)?)?;
        Some(if inner.is_empty() { name.clone() } else { format!("{name}.{inner}") })
    });
    Some(part.unwrap_or_default())
}

/// A number that an rng gives at each draw, spelled as 16 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Draw(pub u64);

impl TryFrom<String> for Draw {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        let number = digits.then(|| u64::from_str_radix(&text, 16).ok()).flatten();
        number.map(Self).ok_or_else(|| format!("the draw {text:?} is not 16 hex digits"))
    }
}

impl From<Draw> for String {
    fn from(draw: Draw) -> Self {
        format!("{:016x}", draw.0)
    }
}

/// The seed of a ChaCha8 rng.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TraceSeed {
    /// A number, for `seed_from_u64`.
    Number(u64),
    /// 32 bytes, for `from_seed`; spelled as ids are, in hex without the zeros at the end.
    Bytes(TraceId),
}

impl TraceSeed {
    fn new(seed: &RngSeed) -> Result<Option<Self>, String> {
        Ok(match seed {
            RngSeed::NotRecorded => None,
            RngSeed::Number(number) => Some(Self::Number(*number)),
            RngSeed::Bytes(bytes) => {
                let bytes: Id = bytes.as_slice().try_into().map_err(|_| {
                    format!("a seed of {} bytes: traces know the 32 bytes of ChaCha8", bytes.len())
                })?;
                Some(Self::Bytes(bytes.into()))
            }
        })
    }

    /// The seed as recordings have it.
    #[must_use]
    pub fn seed(self) -> RngSeed {
        match self {
            Self::Number(number) => RngSeed::Number(number),
            Self::Bytes(bytes) => RngSeed::Bytes(bytes.bytes().to_vec()),
        }
    }
}

/// A field of the config.
enum Slot<'a> {
    Count(&'a mut u32),
    Span(&'a mut Duration),
    MaybeSpan(&'a mut Option<Duration>),
    Churn(&'a mut Option<Churn>),
    Flag(&'a mut bool),
    Nets(&'a mut Option<Vec<IpNet>>),
    Diversity(&'a mut Option<Diversity>),
}

/// Every field that has no place of its own in the line. `diversity` stands before its parts, because a part
/// can only be set where it is not null.
fn slots(config: &mut DialerConfig) -> Vec<(&'static str, Slot<'_>)> {
    use Slot::{Count, Flag, MaybeSpan, Nets, Span};
    let (deadlines, backoff) = (&mut config.deadlines, &mut config.backoff);
    let (lookups, fallback, resolves) = (&mut config.lookups, &mut config.fallback, &mut config.resolves);
    let (pace, outage, limits) = (&mut config.pace, &mut config.outage, &mut config.limits);
    vec![
        ("max_active_dials", Count(&mut config.max_active_dials)),
        ("dialing", Flag(&mut config.dialing)),
        ("max_addrs", Count(&mut config.max_addrs)),
        ("stagger", Span(&mut config.stagger)),
        ("restrict", Nets(&mut config.restrict)),
        ("diversity", Slot::Diversity(&mut config.diversity)),
        ("deadlines.dial", MaybeSpan(&mut deadlines.dial)),
        ("deadlines.resolve", MaybeSpan(&mut deadlines.resolve)),
        ("deadlines.lookup", MaybeSpan(&mut deadlines.lookup)),
        ("deadlines.inbound_handshake", Span(&mut deadlines.inbound_handshake)),
        ("lookups.first", Span(&mut lookups.first)),
        ("lookups.interval", Span(&mut lookups.interval)),
        ("lookups.interval_max", Span(&mut lookups.interval_max)),
        ("fallback.after", Span(&mut fallback.after)),
        ("fallback.max", Span(&mut fallback.max)),
        ("resolves.delay", Span(&mut resolves.delay)),
        ("resolves.delay_max", Span(&mut resolves.delay_max)),
        ("backoff.history", Span(&mut backoff.history)),
        ("backoff.static_first", Span(&mut backoff.static_first)),
        ("backoff.static_max", Span(&mut backoff.static_max)),
        ("backoff.short", Span(&mut backoff.short)),
        ("backoff.medium", Span(&mut backoff.medium)),
        ("backoff.long", Span(&mut backoff.long)),
        ("backoff.max", Span(&mut backoff.max)),
        ("backoff.jitter_percent", Count(&mut backoff.jitter_percent)),
        ("backoff.stable_session", Span(&mut backoff.stable_session)),
        ("backoff.local_pause", Span(&mut backoff.local_pause)),
        ("backoff.local_pause_max", Span(&mut backoff.local_pause_max)),
        ("backoff.worn_after", Count(&mut backoff.worn_after)),
        ("backoff.keep_usable", Count(&mut backoff.keep_usable)),
        ("pace.static_active", Count(&mut pace.static_active)),
        ("pace.burst", Count(&mut pace.burst)),
        ("pace.interval", Span(&mut pace.interval)),
        ("pace.slow_after", Span(&mut pace.slow_after)),
        ("pace.jump", Span(&mut pace.jump)),
        ("outage.failures", Count(&mut outage.failures)),
        ("outage.silence", Span(&mut outage.silence)),
        ("outage.probe", Span(&mut outage.probe)),
        ("outage.changes", Span(&mut outage.changes)),
        ("limits.good", Count(&mut limits.good)),
        ("limits.others", Count(&mut limits.others)),
        ("limits.statics", Count(&mut limits.statics)),
        ("limits.peers", Count(&mut limits.peers)),
        ("limits.banned_ids", Count(&mut limits.banned_ids)),
        ("limits.banned_networks", Count(&mut limits.banned_networks)),
        ("limits.inbound_handshakes", Count(&mut limits.inbound_handshakes)),
        ("limits.requested", Count(&mut limits.requested)),
        ("limits.bootnodes", Count(&mut limits.bootnodes)),
        ("limits.lookup_buffer", Count(&mut limits.lookup_buffer)),
        ("limits.lookup_answer", Count(&mut limits.lookup_answer)),
        ("limits.notices", Count(&mut limits.notices)),
        ("feeler_interval", MaybeSpan(&mut config.feeler_interval)),
        ("anchors", Count(&mut config.anchors)),
        ("churn", Slot::Churn(&mut config.churn)),
        ("family_health", Flag(&mut config.family_health)),
        ("revalidation", Flag(&mut config.revalidation)),
    ]
}

/// The parts of `diversity`, in the order in which traces list them.
fn diversity_slots(diversity: &mut Diversity) -> [(&'static str, Slot<'_>); 6] {
    [
        ("v4_24", Slot::Count(&mut diversity.v4_24)),
        ("v4_16", Slot::Count(&mut diversity.v4_16)),
        ("v6_48", Slot::Count(&mut diversity.v6_48)),
        ("v6_32", Slot::Count(&mut diversity.v6_32)),
        ("no_ip", Slot::Count(&mut diversity.no_ip)),
        ("relax_after", Slot::Span(&mut diversity.relax_after)),
    ]
}

/// The parts of `churn`.
fn churn_slots(churn: &mut Churn) -> [(&'static str, Slot<'_>); 3] {
    [
        ("min", Slot::Span(&mut churn.min)),
        ("max", Slot::Span(&mut churn.max)),
        ("min_age", Slot::Span(&mut churn.min_age)),
    ]
}

/// All parts of an optional field as an object; null where it is off.
fn parts<const N: usize>(slots: Option<[(&'static str, Slot<'_>); N]>) -> Value {
    slots
        .map_or(Value::Null, |slots| slots.into_iter().map(|(name, mut slot)| (name, slot.value())).collect())
}

/// An optional field: null, or an object with all its parts and no other.
fn read_parts<T: Default, const N: usize>(
    value: &Value,
    slots: impl Fn(&mut T) -> [(&'static str, Slot<'_>); N],
) -> Result<Option<T>, String> {
    let Some(mut given) = read::<Option<BTreeMap<String, Value>>>(value)? else { return Ok(None) };
    let mut whole = T::default();
    for (name, mut slot) in slots(&mut whole) {
        let part = given.remove(name).ok_or_else(|| format!("missing field `{name}`"))?;
        slot.set(&part)?;
    }
    given.first_key_value().map_or(Ok(Some(whole)), |(name, _)| Err(format!("unknown field `{name}`")))
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_json::from_value(value.clone()).map_err(|error| error.to_string())
}

fn settings(config: &mut DialerConfig) -> BTreeMap<String, Value> {
    slots(config).into_iter().map(|(name, mut slot)| (name.to_owned(), slot.value())).collect()
}

fn apply(config: &mut DialerConfig, settings: &BTreeMap<String, Value>) -> Result<(), String> {
    let mut slots: BTreeMap<_, _> = slots(config).into_iter().collect();
    for (name, value) in settings {
        let slot = slots.get_mut(name.as_str()).ok_or_else(|| format!("unknown setting `{name}`"))?;
        slot.set(value).map_err(|error| format!("setting `{name}` is {value}: {error}"))?;
    }
    Ok(())
}

impl Slot<'_> {
    fn value(&mut self) -> Value {
        let nanos = |span: &Duration| json!(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX));
        match self {
            Self::Count(count) => json!(**count),
            Self::Span(span) => nanos(span),
            Self::MaybeSpan(span) => span.as_ref().map_or(Value::Null, nanos),
            Self::Flag(flag) => json!(**flag),
            Self::Nets(nets) => json!(**nets),
            Self::Diversity(diversity) => parts(diversity.as_mut().map(diversity_slots)),
            Self::Churn(churn) => parts(churn.as_mut().map(churn_slots)),
        }
    }

    fn set(&mut self, value: &Value) -> Result<(), String> {
        match self {
            Self::Count(count) => **count = read(value)?,
            Self::Span(span) => **span = Duration::from_nanos(read(value)?),
            Self::MaybeSpan(span) => **span = read::<Option<u64>>(value)?.map(Duration::from_nanos),
            Self::Flag(flag) => **flag = read(value)?,
            Self::Nets(nets) => **nets = read(value)?,
            Self::Diversity(diversity) => {
                **diversity = read_parts(value, diversity_slots)?;
            }
            Self::Churn(churn) => **churn = read_parts(value, churn_slots)?,
        }
        Ok(())
    }
}
