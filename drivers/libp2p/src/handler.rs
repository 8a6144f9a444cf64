//! The handler of a connection: it speaks no protocol, and only says whether the connection is to stay.

use std::convert::Infallible;
use std::task::{Context, Poll};

use libp2p_core::upgrade::DeniedUpgrade;
use libp2p_swarm::handler::ConnectionEvent;
use libp2p_swarm::{ConnectionHandler, ConnectionHandlerEvent, SubstreamProtocol};

/// Whether a connection is to stay.
#[derive(Clone, Copy, Debug)]
pub struct KeepAlive(pub(crate) bool);

/// Keeps a connection open, or leaves that to the other behaviours.
#[derive(Clone, Copy, Debug)]
pub struct Handler {
    keep_alive: bool,
}

impl Handler {
    pub(crate) const fn new(keep_alive: bool) -> Self {
        Self { keep_alive }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = KeepAlive;
    type ToBehaviour = Infallible;
    type InboundProtocol = DeniedUpgrade;
    type OutboundProtocol = DeniedUpgrade;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<DeniedUpgrade> {
        SubstreamProtocol::new(DeniedUpgrade, ())
    }

    fn connection_keep_alive(&self) -> bool {
        self.keep_alive
    }

    fn on_behaviour_event(&mut self, KeepAlive(keep_alive): KeepAlive) {
        self.keep_alive = keep_alive;
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<DeniedUpgrade, (), Infallible>> {
        Poll::Pending
    }

    /// No stream is ever opened here, so there is nothing to learn.
    fn on_connection_event(&mut self, _: ConnectionEvent<'_, DeniedUpgrade, DeniedUpgrade>) {}
}
