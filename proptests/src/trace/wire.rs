//! The fields of a `config` line. Which of them there must be depends on the profile.

use std::collections::BTreeMap;

use dialstate::ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Draw, Header, Policy, TraceId, TraceNode, TraceSeed};

/// The line as it is read and written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wire {
    #[serde(rename = "self")]
    me: TraceId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_dynamic: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_dial_peers: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_active_dials: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    draw: Option<Draw>,
    #[serde(rename = "static")]
    statics: Vec<TraceNode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bootnodes: Option<Vec<TraceNode>>,
    restrict: Vec<IpNet>,
    discovery: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profile: Option<Policy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<TraceSeed>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    settings: BTreeMap<String, Value>,
}

impl Wire {
    /// The fields that the profile doesn't have.
    fn foreign(&self, policy: Policy) -> Option<&'static str> {
        let scheduler = policy == Policy::Scheduler;
        let fields = [
            ("max_dynamic", self.max_dynamic.is_some(), scheduler),
            ("max_dial_peers", self.max_dial_peers.is_some(), !scheduler),
            ("max_active_dials", self.max_active_dials.is_some(), !scheduler),
            ("draw", self.draw.is_some(), !scheduler),
        ];
        fields.into_iter().find(|(_, given, foreign)| *given && *foreign).map(|(name, ..)| name)
    }
}

impl TryFrom<Wire> for Header {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let policy = wire.profile.unwrap_or(Policy::Classic);
        if let Some(name) = wire.foreign(policy) {
            return Err(format!("field `{name}` does not belong to the profile {policy:?}"));
        }
        if wire.seed.is_some() && wire.draw.is_some() {
            return Err("both `seed` and `draw`: give one of them".to_owned());
        }
        let missing = |name: &str| format!("missing field `{name}`");
        let (max_dynamic, max_active_dials, bootnodes);
        if policy == Policy::Scheduler {
            max_dynamic = wire.max_dial_peers.ok_or_else(|| missing("max_dial_peers"))?;
            max_active_dials = Some(wire.max_active_dials.ok_or_else(|| missing("max_active_dials"))?);
            bootnodes = wire.bootnodes.unwrap_or_default();
        } else {
            max_dynamic = wire.max_dynamic.ok_or_else(|| missing("max_dynamic"))?;
            max_active_dials = None;
            bootnodes = wire.bootnodes.ok_or_else(|| missing("bootnodes"))?;
        }
        let Wire { me, draw, statics, restrict, discovery, profile, seed, settings, .. } = wire;
        Ok(Self {
            me,
            max_dynamic,
            max_active_dials,
            draw,
            statics,
            bootnodes,
            restrict,
            discovery,
            profile,
            seed,
            settings,
        })
    }
}

impl From<Header> for Wire {
    fn from(header: Header) -> Self {
        let scheduler = header.policy() == Policy::Scheduler;
        Self {
            me: header.me,
            max_dynamic: (!scheduler).then_some(header.max_dynamic),
            max_dial_peers: scheduler.then_some(header.max_dynamic),
            max_active_dials: header.max_active_dials,
            draw: header.draw,
            statics: header.statics,
            bootnodes: (!scheduler || !header.bootnodes.is_empty()).then_some(header.bootnodes),
            restrict: header.restrict,
            discovery: header.discovery,
            profile: header.profile,
            seed: header.seed,
            settings: header.settings,
        }
    }
}
