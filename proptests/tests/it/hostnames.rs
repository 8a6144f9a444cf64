//! Addresses of one's own: host names, which have no IP that a rule could look at.

use std::net::IpAddr;

use dialstate::{Address, Command, Config, Dialer, Event, Node, Refusal, Source, Subnet, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Host(String);

impl Address for Host {
    fn ip_addr(&self) -> Option<IpAddr> {
        None
    }
}

type Named = Dialer<[u8; 4], Host, ChaCha8Rng>;

/// A dialer that has heard of six nodes, and whom it dials at which names.
fn dialed(change: impl FnOnce(&mut Config<[u8; 4], Host>)) -> (Named, Vec<(u8, Vec<Host>)>) {
    let mut config = Config::balanced();
    config.discovery = false;
    change(&mut config);
    let now = Timestamp::from_secs(1);
    let mut dialer = Dialer::new([0; 4], config, ChaCha8Rng::seed_from_u64(1), now).unwrap();
    for n in 1..7 {
        let names = [format!("node-{n}.example"), format!("backup-{n}.example")].map(Host);
        let event =
            Event::NodeDiscovered { node: Node::new([n; 4], names), source: Source(1), vouched: false };
        dialer.handle(now, event).unwrap();
    }
    let mut dials = Vec::new();
    loop {
        match dialer.poll() {
            Command::Dial { node, .. } => dials.push((node.id[0], node.addrs.as_slice().to_vec())),
            Command::Sleep { .. } => return (dialer, dials),
            other => panic!("{other:?}"),
        }
    }
}

/// Names go out as they came, best first; at most four of them at once, since nobody knows where they lead.
#[test]
fn names_are_dialed_as_they_are_and_share_one_group() {
    let (dialer, dials) = dialed(|_| ());
    assert_eq!(dials.len(), 4, "{dials:?}");
    for (n, names) in &dials {
        let wanted = [format!("node-{n}.example"), format!("backup-{n}.example")].map(Host);
        assert_eq!(*names, wanted);
    }
    let waits = (1..7).filter(|n| dials.iter().all(|(dialed, _)| dialed != n));
    for n in waits {
        let refusals = dialer.explain(&[n; 4]).refusals;
        assert_eq!(refusals, [Refusal::SubnetFull { subnet: Subnet::NoIp }], "node {n}");
    }
    let (_, all) = dialed(|config| config.diversity = None);
    assert_eq!(all.len(), 6);
}

/// A restrict list allows only what it can look at.
#[test]
fn a_restrict_list_excludes_names() {
    let (dialer, dials) = dialed(|config| config.restrict = Some(vec!["0.0.0.0/0".parse().unwrap()]));
    assert!(dials.is_empty());
    assert_eq!(dialer.explain(&[1; 4]).refusals, [Refusal::Restricted]);
    assert_eq!(dialer.gauges().parked, 6);
}
