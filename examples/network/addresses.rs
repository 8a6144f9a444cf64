//! Addresses: the real ones of `examples/data`, as many more as are needed in subnets like theirs, and where in the world
//! they are. No connection is ever opened to any of them.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use dialstate_proptests::world::Node;

use crate::draws::{Draw, Draws};
use crate::world::{ADVERSARY_16, ADVERSARY_24, BOOTNODES};

/// How many of a thousand nodes of the list share their /24 (IPv6: /48) with another one, and how many their /16 (/32), but
/// not their /24. Counted from the list itself.
#[derive(Clone, Copy, Debug)]
struct Sharing {
    close: u64,
    near: u64,
}

/// `count` addresses: the bootnodes', the list's, and more. Each further one takes one that is there as its model, and
/// shares its /24, its /16, or only its /8 (IPv6: /48, /32, /16), as often as nodes of the list share theirs. So big
/// networks get bigger, as on the real Internet.
pub(crate) fn extend(draws: Draws, list: &[Node], bootnodes: &[Node], count: u32) -> Vec<SocketAddr> {
    let addr = |node: &Node| node.addrs.first().copied();
    let listed: Vec<SocketAddr> = list.iter().filter_map(addr).collect();
    let sharing = [sharing(&listed, IpAddr::is_ipv4), sharing(&listed, IpAddr::is_ipv6)];
    let mut addrs: Vec<SocketAddr> = bootnodes.iter().filter_map(addr).take(BOOTNODES as usize).collect();
    addrs.extend(shuffled(draws, listed));
    let mut taken: BTreeSet<SocketAddr> = addrs.iter().copied().collect();
    let mut tries = 0;
    while addrs.len() < count as usize {
        tries += 1;
        let model = draws.below(Draw::Model, tries, 0, addrs.len() as u64) as usize;
        let addr = like(draws, tries, addrs[model], sharing);
        if taken.insert(addr) {
            addrs.push(addr);
        }
    }
    addrs.truncate(count as usize);
    addrs
}

fn shuffled(draws: Draws, mut addrs: Vec<SocketAddr>) -> Vec<SocketAddr> {
    for last in (1..addrs.len()).rev() {
        addrs.swap(last, draws.below(Draw::Shuffle, last as u64, 0, last as u64 + 1) as usize);
    }
    addrs
}

fn sharing(addrs: &[SocketAddr], family: fn(&IpAddr) -> bool) -> Sharing {
    let ips: Vec<IpAddr> = addrs.iter().map(SocketAddr::ip).filter(family).collect();
    let shared = |bits: fn(IpAddr) -> u128| {
        let mut groups: Vec<u128> = ips.iter().copied().map(bits).collect();
        groups.sort_unstable();
        let alone = groups.chunk_by(|a, b| a == b).filter(|group| group.len() == 1).count();
        (ips.len() - alone) as u64 * 1_000 / ips.len().max(1) as u64
    };
    let close = shared(close_subnet);
    Sharing { close, near: shared(subnet).saturating_sub(close) }
}

/// The /16 of an IPv4 address, or the /32 of an IPv6 one.
pub(crate) fn subnet(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(v4) => u128::from(v4.to_bits() >> 16),
        IpAddr::V6(v6) => v6.to_bits() >> 96,
    }
}

/// The /24, or the /48.
fn close_subnet(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(v4) => u128::from(v4.to_bits() >> 8),
        IpAddr::V6(v6) => v6.to_bits() >> 80,
    }
}

fn like(draws: Draws, tries: u64, model: SocketAddr, [v4, v6]: [Sharing; 2]) -> SocketAddr {
    let share = draws.below(Draw::Subnet, tries, 0, 1_000);
    let bits =
        u128::from(draws.bits(Draw::Host, tries, 0)) << 64 | u128::from(draws.bits(Draw::Host, tries, 1));
    let ip = match model.ip() {
        IpAddr::V4(ip) => {
            let kept = if share < v4.close {
                24
            } else if share < v4.close + v4.near {
                16
            } else {
                8
            };
            let mask = u32::MAX << (32 - kept);
            IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() & mask | (bits as u32) & !mask))
        }
        IpAddr::V6(ip) => {
            let kept = if share < v6.close {
                48
            } else if share < v6.close + v6.near {
                32
            } else {
                16
            };
            let mask = u128::MAX << (128 - kept);
            IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & mask | bits & !mask))
        }
    };
    SocketAddr::new(ip, model.port())
}

/// `count` addresses in a few subnets in which nobody else lives.
pub(crate) fn adversary(draws: Draws, count: u64, others: &[SocketAddr]) -> Vec<SocketAddr> {
    let taken: BTreeSet<u128> = others.iter().map(|addr| subnet(addr.ip())).collect();
    let mut networks = Vec::new();
    let mut tries = 0;
    while networks.len() < ADVERSARY_16 as usize {
        tries += 1;
        let model = others[draws.below(Draw::Model, tries, 1, others.len() as u64) as usize];
        let IpAddr::V4(ip) = model.ip() else { continue };
        let network = ip.to_bits() & 0xff00_0000 | (draws.bits(Draw::Subnet, tries, 1) as u32 & 0x00ff_0000);
        if !taken.contains(&u128::from(network >> 16)) && !networks.contains(&network) {
            networks.push(network);
        }
    }
    let addr = |n: u64| {
        let close = n % u64::from(ADVERSARY_24);
        let (network, third) = (close % u64::from(ADVERSARY_16), close / u64::from(ADVERSARY_16));
        let host = 1 + n / u64::from(ADVERSARY_24);
        // At 100,000 nodes more than 250 live in a /24; their ports differ.
        let bits = networks[network as usize] | (third as u32) << 8 | (host % 250 + 1) as u32;
        SocketAddr::new(Ipv4Addr::from_bits(bits).into(), 30_303 + (host / 250) as u16)
    };
    (0..count).map(addr).collect()
}

/// North America 0, Europe 1, Asia and the Pacific 2, Latin America 3, Africa 4: by the registry that IANA gave the /8
/// (or the IPv6 /12) to. What it gave to nobody in particular is mostly American.
pub(crate) fn region(ip: IpAddr) -> usize {
    match ip {
        IpAddr::V4(v4) => match v4.octets()[0] {
            2
            | 5
            | 25
            | 31
            | 37
            | 46
            | 51
            | 53
            | 57
            | 62
            | 77..=95
            | 109
            | 141
            | 145
            | 151
            | 176
            | 178
            | 185
            | 188
            | 193..=195
            | 212
            | 213
            | 217 => 1,
            1
            | 14
            | 27
            | 36
            | 39
            | 42
            | 43
            | 49
            | 58..=61
            | 101
            | 103
            | 106
            | 110..=126
            | 133
            | 150
            | 153
            | 163
            | 171
            | 175
            | 180
            | 182
            | 183
            | 202
            | 203
            | 210
            | 211
            | 218..=223 => 2,
            177 | 179 | 181 | 186 | 187 | 189..=191 | 200 | 201 => 3,
            41 | 102 | 105 | 154 | 196 | 197 => 4,
            _ => 0,
        },
        IpAddr::V6(v6) => match v6.segments()[0] >> 8 {
            0x2a => 1,
            0x24 => 2,
            0x28 => 3,
            0x2c => 4,
            // The oldest block went to all registries; most of it is European.
            0x20 => 1,
            _ => 0,
        },
    }
}
