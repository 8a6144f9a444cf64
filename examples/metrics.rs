//! `stats()` and `gauges()` of a dialer as metrics, in the text format of OpenMetrics.
//!
//! ```text
//! cargo run --release --example metrics
//! ```
//!
//! What a program does with the text is its own affair: serve it, push it, log it. Here a dialer lives through six
//! simulated hours, and the text is printed. The names come from the fields themselves (feature `serde`), so that a
//! counter which is new in `Stats` is exported without a change here.
#![allow(clippy::std_instead_of_core, clippy::wildcard_enum_match_arm, reason = "a program")]

use std::error::Error;
use std::fmt;

use dialstate::{Dialer, Timestamp};
use dialstate_proptests::world::{Config, Net, NetConfig, Sim, parse_nodes};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use serde_json::{Map, Value};

/// What a dialer had to tell at one instant. A program that serves metrics makes one from time to time, behind a
/// lock: taking them costs no more than copying the numbers.
#[derive(Debug)]
struct Numbers {
    stats: Map<String, Value>,
    gauges: Map<String, Value>,
}

impl Numbers {
    fn of<R: rand_core::Rng>(dialer: &Dialer<[u8; 32], std::net::SocketAddr, R>) -> serde_json::Result<Self> {
        let fields = |value| if let Value::Object(fields) = value { fields } else { Map::new() };
        let stats = fields(serde_json::to_value(dialer.stats())?);
        let gauges = fields(serde_json::to_value(dialer.gauges())?);
        Ok(Self { stats, gauges })
    }
}

impl Collector for Numbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (name, value) in &self.stats {
            let help = format!("Stats::{name} of dialstate");
            match value {
                // A struct of counters, such as the dials by outcome: one metric with a label.
                Value::Object(parts) => {
                    let kind = ConstCounter::new(0_u64).metric_type();
                    let mut family = encoder.encode_descriptor(name, &help, None, kind)?;
                    for (part, value) in parts {
                        let counter = ConstCounter::new(value.as_u64().unwrap_or(0));
                        counter.encode(family.encode_family(&[("reason", part.as_str())])?)?;
                    }
                }
                value => {
                    let counter = ConstCounter::new(value.as_u64().unwrap_or(0));
                    let metric = encoder.encode_descriptor(name, &help, None, counter.metric_type())?;
                    counter.encode(metric)?;
                }
            }
        }
        for (name, value) in &self.gauges {
            let gauge = ConstGauge::new(value.as_i64().unwrap_or(0));
            let help = format!("Gauges::{name} of dialstate");
            gauge.encode(encoder.encode_descriptor(name, &help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let nodes = parse_nodes("nodes.csv", include_str!("data/nodes.csv"))?;
    let net = Net::new(NetConfig::new(1), nodes, &[]);
    let mut sim = Sim::new([7; 32], Config::balanced(), 1, net)?;
    sim.run_until(Timestamp::from_secs(6 * 3_600), |_| Ok(())).map_err(|fault| fault.to_string())?;

    let mut registry = Registry::with_prefix("dialstate");
    registry.register_collector(Box::new(Numbers::of(sim.dialer())?));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)?;
    print!("{text}");
    Ok(())
}
