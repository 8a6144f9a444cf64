//! A libp2p behaviour that keeps a swarm at its outbound target.
