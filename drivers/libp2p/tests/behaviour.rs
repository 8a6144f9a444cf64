//! One rule each, with two swarms over real sockets, or one and a socket.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "this is a test")]

use std::net::TcpListener;
use std::pin::pin;
use std::time::Duration;

use dialstate_libp2p::dialstate::{BanSubject, Change, Event, Gauges, PeerKind};
use dialstate_libp2p::{Behaviour, Config, node};
use futures::StreamExt;
use futures::future::{Either, select};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, Swarm, noise, tcp, yamux};
use tokio::time::timeout;

/// Far more than it takes, so that a slow machine fails no test.
const PATIENCE: Duration = Duration::from_secs(60);

fn swarm(config: Config, change: impl FnOnce(Behaviour) -> Behaviour) -> Swarm<Behaviour> {
    libp2p::SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_behaviour(|key| Ok(change(Behaviour::new(key.public().to_peer_id(), config)?)))
        .unwrap()
        .with_swarm_config(|config| config.with_idle_connection_timeout(PATIENCE))
        .build()
}

/// A config without discovery.
fn config(target: u32) -> Config {
    Config::default().with_dynamic_target(target).with_discovery(false)
}

async fn listening(config: Config) -> (Swarm<Behaviour>, Multiaddr) {
    let mut swarm = swarm(config, |behaviour| behaviour);
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
    loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            return (swarm, address);
        }
    }
}

/// Runs both swarms until what is wanted is so.
async fn until(
    [first, second]: [&mut Swarm<Behaviour>; 2],
    wanted: impl Fn(&Swarm<Behaviour>, &Swarm<Behaviour>) -> bool,
) {
    let run = async {
        while !wanted(first, second) {
            match select(pin!(first.next()), pin!(second.next())).await {
                Either::Left(_) | Either::Right(_) => {}
            }
        }
    };
    timeout(PATIENCE, run).await.expect("it does not come to that");
}

async fn alone_until(swarm: &mut Swarm<Behaviour>, wanted: impl Fn(&Swarm<Behaviour>) -> bool) {
    let run = async {
        while !wanted(swarm) {
            swarm.next().await;
        }
    };
    timeout(PATIENCE, run).await.expect("it does not come to that");
}

fn gauges(swarm: &Swarm<Behaviour>) -> Gauges {
    swarm.behaviour().dialer().gauges()
}

fn peers(swarm: &Swarm<Behaviour>) -> Vec<(PeerId, PeerKind)> {
    swarm.behaviour().dialer().peers().map(|peer| (peer.id.peer_id(), peer.kind)).collect()
}

fn connections(swarm: &Swarm<Behaviour>) -> u32 {
    swarm.network_info().connection_counters().num_established()
}

fn retarget(swarm: &mut Swarm<Behaviour>, target: u32) {
    swarm.behaviour_mut().handle(Event::Reconfigured(Change::DynamicTarget(target))).unwrap();
}

fn stranger() -> PeerId {
    libp2p::identity::Keypair::generate_ed25519().public().to_peer_id()
}

#[tokio::test]
async fn a_refused_address_is_told_as_such() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut swarm = swarm(config(1), |behaviour| behaviour);
    let addr = format!("/ip4/127.0.0.1/tcp/{closed}").parse().unwrap();
    swarm.behaviour_mut().add_address(stranger(), addr);
    // A dial that fails makes an event of the swarm.
    alone_until(&mut swarm, |swarm| swarm.behaviour().dialer().stats().outcomes.refused == 1).await;
}

#[tokio::test]
async fn another_peer_at_the_address_is_told_as_such() {
    let (mut other, addr) = listening(config(0)).await;
    let mut swarm = swarm(config(1), |behaviour| behaviour);
    swarm.behaviour_mut().add_address(stranger(), addr);
    until([&mut swarm, &mut other], |swarm, _| {
        swarm.behaviour().dialer().stats().outcomes.wrong_identity == 1
    })
    .await;
}

#[tokio::test]
async fn a_dial_is_abandoned_at_its_deadline() {
    // It connects, but nobody ever says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = config(1);
    config.deadlines.dial = Some(Duration::from_millis(100));
    let mut swarm = swarm(config, |behaviour| behaviour);
    let addr = format!("/ip4/127.0.0.1/tcp/{}", silent.local_addr().unwrap().port()).parse().unwrap();
    swarm.behaviour_mut().add_address(stranger(), addr);
    alone_until(&mut swarm, |swarm| {
        let pending = swarm.network_info().connection_counters().num_pending_outgoing();
        swarm.behaviour().dialer().stats().dials_overdue == 1 && pending == 0
    })
    .await;
}

#[tokio::test]
async fn a_connection_of_another_behaviour_is_taken_over_and_let_go() {
    let (mut other, addr) = listening(config(0)).await;
    let (mut swarm, peer) = (swarm(config(0), |behaviour| behaviour), *other.local_peer_id());
    swarm.dial(addr.clone()).unwrap();
    until([&mut swarm, &mut other], |swarm, other| connections(swarm) == 1 && connections(other) == 1).await;
    assert_eq!(swarm.behaviour().dialer().peers().count(), 0, "it is nothing to the dialer");

    swarm.behaviour_mut().add_address(peer, addr);
    retarget(&mut swarm, 1);
    until([&mut swarm, &mut other], |swarm, _| gauges(swarm).dynamic_peers == 1).await;
    assert_eq!((connections(&swarm), connections(&other)), (1, 1), "it is the same connection");

    retarget(&mut swarm, 0);
    until([&mut swarm, &mut other], |swarm, _| gauges(swarm).dynamic_peers == 0).await;
    assert!(swarm.is_connected(&peer), "the other behaviour may need it");
}

#[tokio::test]
async fn a_connection_of_another_behaviour_may_count_as_such() {
    let (mut other, addr) = listening(config(0)).await;
    let mut config = config(1);
    config.backoff.short = Duration::from_millis(100);
    let mut swarm = swarm(config, |behaviour| behaviour.with_foreign_reported(true));
    let peer = *other.local_peer_id();
    swarm.dial(addr.clone()).unwrap();
    until([&mut swarm, &mut other], |swarm, _| swarm.is_connected(&peer)).await;
    swarm.behaviour_mut().add_address(peer, addr);
    assert_eq!(peers(&swarm), [(peer, PeerKind::External)]);
    assert_eq!((gauges(&swarm).dynamic_peers, swarm.behaviour().dialer().stats().dials), (0, 0));

    // When it is gone, the dialer may dial.
    swarm.disconnect_peer_id(peer).unwrap();
    until([&mut swarm, &mut other], |swarm, _| gauges(swarm).dynamic_peers == 1).await;
}

#[tokio::test]
async fn a_dial_of_another_behaviour_is_waited_for() {
    let (mut other, addr) = listening(config(0)).await;
    let (mut swarm, peer) = (swarm(config(1), |behaviour| behaviour), *other.local_peer_id());
    swarm.dial(addr.clone().with_p2p(peer).unwrap()).unwrap();
    swarm.behaviour_mut().add_address(peer, addr);
    until([&mut swarm, &mut other], |swarm, other| {
        gauges(swarm).dynamic_peers == 1 && connections(other) == 1
    })
    .await;
    assert_eq!(connections(&swarm), 1);
}

#[tokio::test]
async fn a_ban_closes_the_connection_and_its_end_opens_it_again() {
    let (mut other, addr) = listening(config(0)).await;
    let (mut swarm, peer) = (swarm(config(0), |behaviour| behaviour), *other.local_peer_id());
    swarm.behaviour_mut().keep_connected(node(peer, [addr])).unwrap();
    until([&mut swarm, &mut other], |swarm, _| gauges(swarm).static_peers == 1).await;

    let subject = BanSubject::Id(peer.into());
    swarm.behaviour_mut().handle(Event::Banned { subject, until: None }).unwrap();
    until([&mut swarm, &mut other], |swarm, other| connections(swarm) == 0 && connections(other) == 0).await;
    assert_eq!(gauges(&swarm).static_peers, 0);

    swarm.behaviour_mut().handle(Event::Unbanned(subject)).unwrap();
    until([&mut swarm, &mut other], |swarm, _| gauges(swarm).static_peers == 1).await;
}

#[tokio::test]
async fn of_two_connections_one_is_left() {
    let (mut first, first_addr) = listening(config(1)).await;
    let (mut second, second_addr) = listening(config(1)).await;
    let ids = (*first.local_peer_id(), *second.local_peer_id());
    first.behaviour_mut().add_address(ids.1, second_addr);
    second.behaviour_mut().add_address(ids.0, first_addr);
    let dialed = |swarm: &Swarm<Behaviour>| {
        if let [(_, kind)] = peers(swarm)[..] { Some(kind != PeerKind::Inbound) } else { None }
    };
    until([&mut first, &mut second], |first, second| {
        let one = connections(first) == 1 && connections(second) == 1;
        one && dialed(first).is_some_and(|of_first| dialed(second) == Some(!of_first))
    })
    .await;
}
