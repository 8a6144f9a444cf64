//! Networks: maps from networks to values, and the subnets that limits apply to.

use alloc::collections::BTreeMap;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::num::NonZeroU64;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::collections::bytes;

/// Values by network, found by the IPs that the networks cover.
///
/// A map for each prefix length in use: a lookup takes one step in each of these.
#[derive(Clone, Debug)]
pub(crate) struct NetworkMap<V>(BTreeMap<Width, BTreeMap<u128, V>>);

/// Family (IPv6 or not) and prefix length: the order in which `covering` walks. Within one, a network is known by the bits of
/// its prefix.
type Width = (bool, u8);

/// How many widths there are.
const WIDTHS: u64 = 33 + 129;

impl<V> Default for NetworkMap<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> NetworkMap<V> {
    pub(crate) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    pub(crate) fn insert(&mut self, network: IpNet, value: V) -> Option<V> {
        let (width, prefix) = key(network);
        self.0.entry(width).or_default().insert(prefix, value)
    }

    pub(crate) fn remove(&mut self, network: IpNet) -> Option<V> {
        let (width, prefix) = key(network);
        let of = self.0.get_mut(&width)?;
        let value = of.remove(&prefix);
        if of.is_empty() {
            self.0.remove(&width);
        }
        value
    }

    pub(crate) fn get(&self, network: IpNet) -> Option<&V> {
        let (width, prefix) = key(network);
        self.0.get(&width)?.get(&prefix)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).fold(0, usize::saturating_add)
    }

    /// The networks that cover `ip`, the widest first.
    pub(crate) fn covering(&self, ip: IpAddr) -> impl Iterator<Item = (IpNet, &V)> {
        let v6 = ip.is_ipv6();
        self.0.range((v6, 0)..=(v6, u8::MAX)).filter_map(move |((_, length), of)| {
            let value = of.get(&prefix(ip, *length))?;
            Some((IpNet::new(ip, *length).ok()?.trunc(), value))
        })
    }

    /// The most bytes for so many networks. The map of a width has at least one node with room for eleven.
    pub(crate) const fn bound(networks: u64) -> u64 {
        let each = size_of::<(u128, V)>();
        let widths = if networks < WIDTHS { networks } else { WIDTHS };
        let maps = bytes::tree(widths, size_of::<(Width, BTreeMap<u128, V>)>());
        let first_nodes = widths.saturating_mul((each as u64).saturating_mul(11).saturating_add(12));
        bytes::tree(networks, each).saturating_add(maps).saturating_add(first_nodes)
    }

    pub(crate) fn covers(&self, ip: IpAddr) -> bool {
        self.covering(ip).next().is_some()
    }
}

impl FromIterator<IpNet> for NetworkMap<()> {
    fn from_iter<T: IntoIterator<Item = IpNet>>(iter: T) -> Self {
        let mut map = Self::new();
        iter.into_iter().for_each(|network| _ = map.insert(network, ()));
        map
    }
}

/// The network without host bits; networks within ::ffff:0:0/96 as IPv4 networks.
pub(crate) fn canonical(network: IpNet) -> IpNet {
    let network = network.trunc();
    let unmapped = match network {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => {
            v6.network().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96))
        }
        IpNet::V6(_) | IpNet::V4(_) => None,
    };
    unmapped.and_then(|(ip, prefix)| Ipv4Net::new(ip, prefix).ok()).map_or(network, IpNet::V4)
}

fn key(network: IpNet) -> (Width, u128) {
    let network = canonical(network);
    let (ip, length) = (network.network(), network.prefix_len());
    ((ip.is_ipv6(), length), prefix(ip, length))
}

/// The first `length` bits of an IP.
fn prefix(ip: IpAddr, length: u8) -> u128 {
    let (bits, all) = match ip {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()), 32u32),
        IpAddr::V6(ip) => (ip.to_bits(), 128),
    };
    bits.checked_shr(all.saturating_sub(u32::from(length))).unwrap_or(0)
}

/// A set of addresses that probably belong to one operator: the unit of the limits in [`Diversity`](crate::Diversity).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Subnet {
    /// An IPv4 /24 or /16, or an IPv6 /48 or /32.
    Network(IpNet),
    /// All addresses without an IP.
    NoIp,
}

/// A subnet as one number: its width, above the bits of its prefix. One more is stored, so that an `Option` takes no more room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct SubnetKey(NonZeroU64);

/// The family of a subnet, and the length of its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SubnetWidth {
    V4_24,
    V4_16,
    V6_48,
    V6_32,
    NoIp,
}

/// The widths as the upper bits of a [`SubnetKey`].
const V4_24: u64 = 1 << 56;
const V4_16: u64 = 2 << 56;
const V6_48: u64 = 3 << 56;
const V6_32: u64 = 4 << 56;
/// Where the bits of the width are.
const WIDTH: u64 = 0xff << 56;

impl SubnetKey {
    const NO_IP: Self = Self::new(0, 0);

    /// A width with the bits of a prefix.
    #[inline]
    const fn new(width: u64, bits: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(width | bits))
    }

    /// The number without the one that keeps it from being zero.
    const fn number(self) -> u64 {
        self.0.get().saturating_sub(1)
    }

    /// The subnet of an IP and the wider one around it: /24 and /16, or /48 and /32.
    #[inline]
    pub(crate) fn of(ip: Option<IpAddr>) -> (Self, Option<Self>) {
        match ip {
            None => (Self::NO_IP, None),
            Some(IpAddr::V4(ip)) => Self::of_v4(ip),
            Some(IpAddr::V6(ip)) => Self::of_v6(ip),
        }
    }

    #[inline]
    fn of_v4(ip: Ipv4Addr) -> (Self, Option<Self>) {
        let bits = u64::from(ip.to_bits());
        (Self::new(V4_24, bits >> 8), Some(Self::new(V4_16, bits >> 16)))
    }

    /// In a function of its own, so that the path of most addresses is short.
    #[inline(never)]
    fn of_v6(ip: Ipv6Addr) -> (Self, Option<Self>) {
        if let Some(ip) = ip.to_ipv4_mapped() {
            return Self::of_v4(ip);
        }
        let bits = (ip.to_bits() >> 80) as u64;
        (Self::new(V6_48, bits), Some(Self::new(V6_32, bits >> 16)))
    }

    /// The wider subnet of an IP.
    pub(crate) fn coarse(ip: Option<IpAddr>) -> Self {
        let (fine, coarse) = Self::of(ip);
        coarse.unwrap_or(fine)
    }

    /// The family and the length of the prefix.
    pub(crate) const fn width(self) -> SubnetWidth {
        match self.number() & WIDTH {
            V4_24 => SubnetWidth::V4_24,
            V4_16 => SubnetWidth::V4_16,
            V6_48 => SubnetWidth::V6_48,
            V6_32 => SubnetWidth::V6_32,
            _ => SubnetWidth::NoIp,
        }
    }

    pub(crate) const fn bytes(self) -> [u8; 8] {
        self.number().to_le_bytes()
    }
}

impl From<SubnetKey> for Subnet {
    fn from(key: SubnetKey) -> Self {
        let bits = key.number() & !WIDTH;
        let v4 = |shift| IpAddr::V4(Ipv4Addr::from_bits((bits << shift) as u32));
        let v6 = |shift: u32| IpAddr::V6(Ipv6Addr::from_bits(u128::from(bits) << shift));
        match key.number() & WIDTH {
            V4_24 => subnet(v4(8), 24),
            V4_16 => subnet(v4(16), 16),
            V6_48 => subnet(v6(80), 48),
            V6_32 => subnet(v6(96), 32),
            _ => Self::NoIp,
        }
    }
}

fn subnet(ip: IpAddr, prefix: u8) -> Subnet {
    Subnet::Network(IpNet::new(ip, prefix).unwrap_or_else(|_| IpNet::from(ip)).trunc())
}

impl From<Subnet> for SubnetKey {
    fn from(group: Subnet) -> Self {
        let Subnet::Network(network) = group else { return Self::NO_IP };
        let (fine, coarse) = Self::of(Some(network.network()));
        if matches!(network.prefix_len(), 24 | 48) { fine } else { coarse.unwrap_or(fine) }
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::NoIp => f.write_str("all addresses without an IP"),
        }
    }
}

/// Whether an IP is private, loopback or link-local. Limits per subnet don't apply there.
#[inline]
pub(crate) fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => is_local_v4(v4),
        IpAddr::V6(v6) => is_local_v6(v6),
    }
}

#[inline]
fn is_local_v4(ip: Ipv4Addr) -> bool {
    ip.is_private() || ip.is_loopback() || ip.is_link_local()
}

/// In a function of its own, so that the path of most addresses is short.
#[inline(never)]
fn is_local_v6(ip: Ipv6Addr) -> bool {
    if let Some(ip) = ip.to_ipv4_mapped() {
        return is_local_v4(ip);
    }
    let unique_local = Ipv6Net::new_assert(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7);
    ip.is_loopback() || ip.is_unicast_link_local() || unique_local.contains(&ip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn all_covering_networks_are_found_widest_first() {
        let all =
            ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "11.0.0.0/8", "::/0", "2001:db8::/32"];
        let map: NetworkMap<()> = all.into_iter().map(net).collect();
        let of =
            |ip: &str| map.covering(ip.parse().unwrap()).map(|(n, ())| n.to_string()).collect::<Vec<_>>();
        assert_eq!(of("10.1.2.3"), ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32"]);
        assert_eq!(of("10.2.2.3"), ["0.0.0.0/0", "10.0.0.0/8"]);
        assert_eq!(of("2001:db8::1"), ["::/0", "2001:db8::/32"]);
        assert!(NetworkMap::<()>::new().covering("1.1.1.1".parse().unwrap()).next().is_none());
    }

    #[test]
    fn host_bits_and_mapped_networks_do_not_matter() {
        let mut map = NetworkMap::new();
        map.insert(net("10.1.2.3/8"), 1);
        assert_eq!(map.get(net("10.9.9.9/8")), Some(&1));
        map.insert(net("::ffff:192.168.0.0/112"), 2);
        assert!(map.covers("192.168.5.5".parse().unwrap()));
        assert_eq!(map.remove(net("192.168.0.0/16")), Some(2));
        assert_eq!(map.len(), 1);
    }

    #[test]
    fn groups_of_addresses() {
        let of = |ip: &str| SubnetKey::of(ip.parse().ok());
        let shown = |ip: &str| {
            (Subnet::from(of(ip).0).to_string(), of(ip).1.map(|key| Subnet::from(key).to_string()))
        };
        assert_eq!(shown("1.2.3.4"), ("1.2.3.0/24".to_string(), Some("1.2.0.0/16".to_string())));
        assert_eq!(
            shown("2001:db8:1:2::3"),
            ("2001:db8:1::/48".to_string(), Some("2001:db8::/32".to_string()))
        );
        assert_eq!(of("::ffff:1.2.3.9"), of("1.2.3.4"));
        assert_eq!(Subnet::from(SubnetKey::of(None).0), Subnet::NoIp);
        for ip in ["1.2.3.4", "255.255.255.255", "0.0.0.0", "2001:db8:1:2::3", "::1"] {
            let (fine, coarse) = of(ip);
            assert_eq!(coarse.map(|key| SubnetKey::from(Subnet::from(key))), coarse, "{ip}");
            assert_eq!(SubnetKey::from(Subnet::from(fine)), fine, "{ip}");
            assert_ne!(Some(fine), coarse);
            assert_eq!(Some(SubnetKey::coarse(ip.parse().ok())), coarse);
        }
    }

    #[test]
    fn local_networks() {
        for ip in [
            "10.0.0.1",
            "127.3.4.5",
            "192.168.1.1",
            "169.254.0.1",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(is_local(ip.parse().unwrap()), "{ip}");
        }
        assert!(!is_local("8.8.8.8".parse().unwrap()) && !is_local("2001:db8::1".parse().unwrap()));
    }
}
