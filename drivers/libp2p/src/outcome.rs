//! What the errors of libp2p say about a node and its addresses.

use std::io::{self, ErrorKind};

use dialstate::{AddrOutcome, DialOutcome, RemovalReason};
use libp2p_connection_limits::Exceeded;
use libp2p_core::transport::TransportError;
use libp2p_identity::PeerId;
use libp2p_swarm::{ConnectionDenied, ConnectionError, DialError};

use crate::Addr;

/// The outcome of a dial that failed, as a whole and for each address of which the error tells.
pub(crate) fn of_dial(peer: PeerId, error: &DialError) -> (DialOutcome, Vec<AddrOutcome<Addr>>) {
    let (outcome, addr) = match error {
        DialError::Transport(errors) => return of_addresses(peer, errors),
        DialError::WrongPeerId { address, .. } | DialError::LocalPeerId { address } => {
            (DialOutcome::WrongIdentity, Some(address))
        }
        // All its addresses are our own.
        DialError::NoAddresses => (DialOutcome::WrongIdentity, None),
        DialError::Denied { cause } => (of_denial(cause), None),
        DialError::Aborted | DialError::DialPeerConditionFalse(_) => (DialOutcome::Cancelled, None),
    };
    let tried = addr.map(|addr| AddrOutcome { addr: Addr::new(peer, addr.clone()), outcome });
    (outcome, tried.into_iter().collect())
}

/// Another behaviour of this swarm denies the connection: there are too many, or it wants none with this peer.
fn of_denial(cause: &ConnectionDenied) -> DialOutcome {
    match cause.downcast_ref::<Exceeded>() {
        Some(_) => DialOutcome::LocalError,
        None => DialOutcome::Useless,
    }
}

/// The best that any address has to say counts for the node: that somebody is there at all, for example.
fn of_addresses(
    peer: PeerId,
    errors: &[(libp2p_core::Multiaddr, TransportError<io::Error>)],
) -> (DialOutcome, Vec<AddrOutcome<Addr>>) {
    let tried: Vec<_> = errors
        .iter()
        .map(|(addr, error)| AddrOutcome {
            addr: Addr::new(peer, addr.clone()),
            outcome: of_transport(error),
        })
        .collect();
    let rank = |outcome: &DialOutcome| match outcome {
        DialOutcome::HandshakeFailed => 0,
        DialOutcome::Refused => 1,
        DialOutcome::TimedOut => 2,
        DialOutcome::Unreachable => 3,
        // Only if nothing else was tried: an error of this host says nothing about the node.
        _ => 4,
    };
    let whole = tried.iter().map(|of| of.outcome).min_by_key(rank);
    (whole.unwrap_or(DialOutcome::Unreachable), tried)
}

/// The outcome for one address.
pub(crate) fn of_transport(error: &TransportError<io::Error>) -> DialOutcome {
    match error {
        TransportError::MultiaddrNotSupported(_) => DialOutcome::Unreachable,
        TransportError::Other(error) => of_error(error),
    }
}

/// Transports wrap the error of the socket in errors of their own, some of which keep it as a text only.
fn of_error(error: &io::Error) -> DialOutcome {
    let text = error.to_string();
    if text.ends_with(TIMEOUT) {
        return DialOutcome::TimedOut;
    }
    let code = text.rsplit_once("(os error ").and_then(|(_, code)| code.strip_suffix(')')?.parse().ok());
    of_socket(error)
        .or_else(|| of_socket(&io::Error::from_raw_os_error(code?)))
        .unwrap_or(DialOutcome::HandshakeFailed)
}

/// What a timeout of a libp2p transport says. Its type depends on the transport, so it can't be recognized by that.
const TIMEOUT: &str = "Timeout has been reached";

/// What the error of a socket says; `None` for one that wraps another.
fn of_socket(error: &io::Error) -> Option<DialOutcome> {
    (error.kind() != ErrorKind::Other).then(|| DialOutcome::from(error))
}

/// Why a session has ended.
pub(crate) fn of_end(cause: Option<&ConnectionError>) -> RemovalReason {
    match cause {
        Some(ConnectionError::IO(_)) => RemovalReason::Closed,
        // Nobody here had a use for the connection, or somebody here has closed it.
        Some(ConnectionError::KeepAliveTimeout) | None => RemovalReason::Local,
    }
}

#[cfg(test)]
mod tests {
    use libp2p_core::Multiaddr;
    use libp2p_core::transport::timeout::TransportTimeoutError;
    use libp2p_identity::Keypair;

    use super::*;

    fn outcome(error: io::Error) -> DialOutcome {
        of_transport(&TransportError::Other(error))
    }

    #[test]
    fn the_error_of_a_socket_is_found_behind_those_of_transports() {
        // What these numbers mean on Linux.
        let codes = [
            (111, DialOutcome::Refused),
            (110, DialOutcome::TimedOut),
            (113, DialOutcome::Unreachable),
            (24, DialOutcome::LocalError),
        ];
        for (code, expected) in codes {
            let socket = || io::Error::from_raw_os_error(code);
            assert_eq!(outcome(socket()), expected);
            assert_eq!(outcome(io::Error::other(TransportTimeoutError::Other(socket()))), expected);
        }
        assert_eq!(outcome(io::Error::other("the key is wrong")), DialOutcome::HandshakeFailed);
    }

    #[test]
    fn a_timeout_of_libp2p_is_one() {
        let error = io::Error::other(TransportTimeoutError::<io::Error>::Timeout);
        assert_eq!(outcome(error), DialOutcome::TimedOut);
    }

    #[test]
    fn the_best_address_counts_and_each_has_its_own_outcome() {
        let peer = Keypair::generate_ed25519().public().to_peer_id();
        let [first, second] =
            ["/ip4/10.0.0.1/tcp/1", "/ip4/10.0.0.2/tcp/1"].map(|addr| addr.parse().unwrap());
        let with_id = |addr: &Multiaddr| addr.clone().with_p2p(peer).unwrap();
        let error = DialError::Transport(vec![
            (with_id(&first), TransportError::MultiaddrNotSupported(first.clone())),
            (with_id(&second), TransportError::Other(ErrorKind::ConnectionRefused.into())),
        ]);
        let (whole, tried) = of_dial(peer, &error);
        assert_eq!(whole, DialOutcome::Refused);
        let expected = [(first, DialOutcome::Unreachable), (second, DialOutcome::Refused)];
        let expected = expected.map(|(addr, outcome)| AddrOutcome { addr: Addr::new(peer, addr), outcome });
        assert_eq!(tried, expected);
    }
}
