//! What the errors of libp2p say about a node and its addresses.

use std::error::Error;
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

/// Transports wrap the error of the socket in errors of their own: the innermost one that is known counts.
fn of_error(error: &io::Error) -> DialOutcome {
    let mut found = of_kind(error);
    let mut inner = error.get_ref().map(|inner| inner as &(dyn Error + 'static));
    while let Some(error) = inner {
        let next = error.downcast_ref::<io::Error>();
        found = next.and_then(of_kind).or(found);
        inner = match next.and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    found.unwrap_or(DialOutcome::HandshakeFailed)
}

/// What the kind of an error says, if it says anything.
fn of_kind(error: &io::Error) -> Option<DialOutcome> {
    match error.kind() {
        ErrorKind::ConnectionRefused => Some(DialOutcome::Refused),
        ErrorKind::TimedOut => Some(DialOutcome::TimedOut),
        ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable | ErrorKind::PermissionDenied => {
            Some(DialOutcome::LocalError)
        }
        ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::NotFound => Some(DialOutcome::Unreachable),
        // Too many open files, in this process or on this host.
        _ if matches!(error.raw_os_error(), Some(23 | 24)) => Some(DialOutcome::LocalError),
        _ => None,
    }
}

/// Why a session has ended.
pub(crate) fn of_end(cause: Option<&ConnectionError>) -> RemovalReason {
    match cause {
        Some(ConnectionError::IO(_)) => RemovalReason::Closed,
        // Nobody here had a use for the connection, or somebody here has closed it.
        Some(ConnectionError::KeepAliveTimeout) | None => RemovalReason::Local,
    }
}
