//! The few ids, addresses and networks that everything is made of, so that events meet each other.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

use crate::world::{Id, Node};

/// How many ids there are, the dialer's own included.
pub(super) const IDS: u8 = 24;

/// The dialer's own id: some are smaller, some larger.
pub(super) const ME: Id = [12; 32];

pub(super) fn id(n: u8) -> Id {
    [n % IDS; 32]
}

pub(super) fn ids() -> impl Iterator<Item = Id> {
    (0..IDS).map(id)
}

/// Where a node is at home: public IPv4, IPv6 or private, a few to a subnet.
fn home(n: u8) -> IpAddr {
    match n % 3 {
        0 => Ipv4Addr::new(1, 2, n / 9, n).into(),
        1 => Ipv6Addr::new(0x2001, 0xdb8, u16::from(n / 9), 0, 0, 0, 0, n.into()).into(),
        _ => Ipv4Addr::new(10, 0, 0, n).into(),
    }
}

/// One of the lists of addresses that a node may be heard of with.
pub(super) fn addrs(id: u8, list: u8) -> Vec<SocketAddr> {
    let n = id % IDS;
    let other = |subnet: u8| SocketAddr::from(([5, 6, subnet, n], 30_303));
    let mapped = Ipv4Addr::new(1, 2, 0, n).to_ipv6_mapped();
    let own = SocketAddr::new(home(n), 30_303);
    match list % 12 {
        0..=3 => vec![own],
        4 => vec![SocketAddr::from(([77, n, 1, 1], 30_303))],
        5 => Vec::new(),
        6 => vec![own, other(7)],
        7 => vec![SocketAddr::new(mapped.into(), 30_303)],
        8 => vec![SocketAddr::new(home(n), 0)],
        9 => vec![SocketAddr::from((Ipv6Addr::UNSPECIFIED, 1)), other(8), own],
        10 => (1..=5).map(other).chain([own]).collect(),
        _ => vec![SocketAddr::from(([1, 2, 3, 4], 1))],
    }
}

pub(super) fn node(id: u8, list: u8) -> Node {
    Node::new(self::id(id), addrs(id, list))
}

/// One of the networks that bans and restrict lists are made of.
pub(super) fn network(n: u8) -> IpNet {
    let (ip, prefix): (IpAddr, u8) = match n % 8 {
        0 => (Ipv4Addr::new(1, 2, 0, 0).into(), 16),
        1 => (Ipv4Addr::new(10, 0, 0, 0).into(), 8),
        2 => (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0).into(), 32),
        3 => (Ipv4Addr::UNSPECIFIED.into(), 0),
        4 => (Ipv6Addr::UNSPECIFIED.into(), 0),
        5 => (Ipv4Addr::new(5, 6, 7, 0).into(), 24),
        6 => (Ipv4Addr::new(1, 2, 0, 0).to_ipv6_mapped().into(), 112),
        _ => (Ipv4Addr::new(1, 2, 3, 4).into(), 32),
    };
    IpNet::new_assert(ip, prefix)
}

/// A restrict list: none, an empty one, or one or two networks.
pub(super) fn restrict(n: u8) -> Option<Vec<IpNet>> {
    match n % 16 {
        0..=5 => None,
        6 => Some(Vec::new()),
        7..=11 => Some(vec![network(n / 16)]),
        _ => Some(vec![network(n / 16), network(n % 16 + 1)]),
    }
}

/// Whether a network holds an address, IPv4 addresses in IPv6 clothes told apart from nothing.
pub(super) fn holds(network: IpNet, ip: IpAddr) -> bool {
    canonical(network).contains(&ip.to_canonical())
}

/// A network of mapped addresses as the IPv4 network that it is.
pub(super) fn canonical(network: IpNet) -> IpNet {
    match (network.addr().to_canonical(), network.prefix_len()) {
        (IpAddr::V4(ip), prefix @ 96..) if network.addr().is_ipv6() => {
            IpNet::new_assert(ip.into(), prefix - 96).trunc()
        }
        _ => network.trunc(),
    }
}
