//! Ids and addresses of libp2p, as the dialer wants them.

use std::fmt;
use std::net::IpAddr;

use dialstate::{Address, Node, NodeId};
use libp2p_core::Multiaddr;
use libp2p_core::multiaddr::Protocol;
use libp2p_identity::PeerId;

/// A [`PeerId`] that the dialer can order and hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Id(PeerId);

impl Id {
    /// The id, as libp2p knows it.
    #[must_use]
    pub const fn peer_id(&self) -> PeerId {
        self.0
    }
}

impl NodeId for Id {
    /// The digest. It may be the same in a hashed key and in a made-up id; these differ all the same, but wait alike.
    fn as_bytes(&self) -> &[u8] {
        self.0.as_ref().digest()
    }
}

impl From<PeerId> for Id {
    fn from(peer: PeerId) -> Self {
        Self(peer)
    }
}

impl From<Id> for PeerId {
    fn from(id: Id) -> Self {
        id.0
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The address of a peer, without the `/p2p/…` of the peer itself at its end.
///
/// Limits per subnet, bans and the restrict list go by the IP address with which it begins; for an address over a relay,
/// that is the relay's.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Addr(Multiaddr);

impl Addr {
    /// The address `addr` of `peer`.
    #[must_use]
    pub fn new(peer: PeerId, mut addr: Multiaddr) -> Self {
        if addr.iter().last() == Some(Protocol::P2p(peer)) {
            addr.pop();
        }
        Self(addr)
    }

    /// The address, as libp2p knows it.
    #[must_use]
    pub const fn multiaddr(&self) -> &Multiaddr {
        &self.0
    }
}

impl Address for Addr {
    fn ip_addr(&self) -> Option<IpAddr> {
        match self.0.iter().next()? {
            Protocol::Ip4(ip) => Some(ip.into()),
            Protocol::Ip6(ip) => Some(IpAddr::V6(ip).to_canonical()),
            _ => None,
        }
    }

    /// False for an empty address, and for one with an unspecified or multicast IP.
    fn is_dialable(&self) -> bool {
        let useless = |ip: IpAddr| ip.is_unspecified() || ip.is_multicast();
        !self.0.is_empty() && !self.ip_addr().is_some_and(useless)
    }
}

impl fmt::Debug for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A peer with its addresses, best first, as bootnodes and events name it.
pub fn node(peer: PeerId, addrs: impl IntoIterator<Item = Multiaddr>) -> Node<Id, Addr> {
    Node::new(Id(peer), addrs.into_iter().map(|addr| Addr::new(peer, addr)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> PeerId {
        libp2p_identity::Keypair::generate_ed25519().public().to_peer_id()
    }

    fn addr(text: &str) -> Addr {
        Addr(text.parse().unwrap())
    }

    #[test]
    fn an_address_goes_without_the_peer_that_it_is_for() {
        let (me, relay) = (peer(), peer());
        let plain: Multiaddr = "/ip4/10.0.0.1/tcp/4001".parse().unwrap();
        assert_eq!(Addr::new(me, plain.clone().with_p2p(me).unwrap()).multiaddr(), &plain);
        assert_eq!(Addr::new(me, plain.clone()).multiaddr(), &plain);

        let relayed = plain.with(Protocol::P2p(relay)).with(Protocol::P2pCircuit);
        assert_eq!(Addr::new(me, relayed.clone().with(Protocol::P2p(me))).multiaddr(), &relayed);
    }

    #[test]
    fn limits_go_by_the_ip_at_the_beginning() {
        assert_eq!(addr("/ip4/10.0.0.1/tcp/1").ip_addr(), Some(IpAddr::from([10, 0, 0, 1])));
        assert_eq!(addr("/ip6/::ffff:10.0.0.1/udp/1/quic-v1").ip_addr(), Some(IpAddr::from([10, 0, 0, 1])));
        assert_eq!(addr("/dns4/example.org/tcp/1").ip_addr(), None);
        assert!(addr("/dns4/example.org/tcp/1").is_dialable());
        assert!(!addr("/ip4/0.0.0.0/tcp/1").is_dialable());
        assert!(!Addr(Multiaddr::empty()).is_dialable());
    }
}
