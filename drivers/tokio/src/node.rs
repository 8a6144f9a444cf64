//! What stands for an application: a handshake in which each side says its id, and a discovery that asks other nodes.
//! (A real handshake proves the id with a key.)

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dialstate::record::{BinarySink, Recorder};
use dialstate::{
    Addrs, Config, ConnectionId, DialOutcome, Dialer, Event, Node as Known, RemovalReason, Source, Timestamp,
};
use rand_chacha::ChaCha8Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::driver::{App, Driver, Id, Told};
use crate::network::Nodes;
use crate::transport::Transport;

/// The time that a stranger has for a handshake, or for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many nodes are asked in a lookup, and the most that each names.
const ASKED: usize = 3;
const NAMED: usize = 16;

/// What a stranger says first: what it wants, who it is, where it listens.
const HELLO: usize = 1 + ENTRY;
const ENTRY: usize = 32 + 6;
const SESSION: u8 = 1;
const QUERY: u8 = 2;

fn put(bytes: &mut Vec<u8>, id: Id, addr: SocketAddr) {
    bytes.extend(id);
    let SocketAddr::V4(addr) = addr else { return };
    bytes.extend(addr.ip().octets());
    bytes.extend(addr.port().to_be_bytes());
}

fn entry(bytes: &[u8; ENTRY]) -> (Id, SocketAddr) {
    let (id, rest) = bytes.split_first_chunk::<32>().unwrap_or((&[0; 32], &[]));
    let [a, b, c, d, high, low] = *rest.first_chunk::<6>().unwrap_or(&[0; 6]);
    (*id, (Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low])).into())
}

async fn receive<const N: usize>(stream: &mut (impl AsyncReadExt + Unpin)) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn patiently<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Two addresses of a node: where it listens, and one port further up a socket that accepts connections and never says a word.
/// Whoever knows the node knows the black hole too, and tries it first.
fn addrs(addr: SocketAddr) -> [SocketAddr; 2] {
    [(addr.ip(), addr.port() + 1).into(), addr]
}

/// A node that runs.
#[derive(Debug)]
pub struct Node {
    /// Its id.
    pub id: Id,
    stop: Box<dyn Stop>,
    task: JoinHandle<()>,
    tape: Arc<Mutex<Vec<u8>>>,
}

trait Stop: Send + std::fmt::Debug {
    fn stop(&self);
}

impl<C: Send + std::fmt::Debug> Stop for UnboundedSender<Told<C>> {
    fn stop(&self) {
        drop(self.send(Told::Stop));
    }
}

/// What the tasks of a node share.
#[derive(Debug)]
struct Shared<T: Transport> {
    id: Id,
    addr: SocketAddr,
    transport: T,
    contacts: Mutex<BTreeMap<Id, SocketAddr>>,
    board: watch::Sender<Nodes>,
    outbox: UnboundedSender<Told<T::Stream>>,
}

impl Node {
    /// Starts a node that listens at `addr` and knows the nodes of `known`.
    ///
    /// # Errors
    /// The address is in use, or the config makes no sense.
    pub fn start<T: Transport>(
        id: Id,
        addr: SocketAddr,
        known: &[(Id, SocketAddr)],
        config: Config<Id, SocketAddr>,
        transport: T,
        board: watch::Sender<Nodes>,
    ) -> io::Result<Self> {
        let mut listener = transport.listen(addr)?;
        let [hole, _] = addrs(addr);
        let hole = transport.listen(hole)?;
        let (outbox, inbox) = unbounded_channel();
        let tape = Arc::new(Mutex::new(Vec::new()));
        let write = tape.clone();
        let sink = BinarySink::new(move |bytes: &[u8]| {
            write.lock().map(|mut tape| tape.extend(bytes)).map_err(drop)
        });
        let dialer: Recorder<_, _, ChaCha8Rng, _> =
            Recorder::new(id, config, id, Timestamp::ZERO, sink).map_err(io::Error::other)?;
        let contacts = Mutex::new(known.iter().copied().collect());
        let stop = Box::new(outbox.clone());
        let shared = Arc::new(Shared { id, addr, transport, contacts, board, outbox: outbox.clone() });
        for (id, addr) in known {
            shared.heard_of(*id, *addr);
        }
        let driver = Driver::new(shared.clone(), dialer, outbox);
        let task = tokio::spawn(async move {
            let accepts = async {
                let mut strangers = JoinSet::new();
                for number in 0.. {
                    let Ok((stream, from)) = T::accept(&mut listener).await else { continue };
                    strangers.spawn(shared.clone().meet(stream, from, ConnectionId(number)));
                    while strangers.try_join_next().is_some() {}
                }
            };
            tokio::select! {
                recorder = driver.run(inbox) => drop(recorder.finish()),
                () = accepts => {}
            }
            drop(hole);
        });
        Ok(Self { id, stop, task, tape })
    }

    /// Stops it, gracefully: all its connections are closed when this returns its recording.
    pub async fn stop(self) -> Vec<u8> {
        self.stop.stop();
        drop(self.task.await);
        std::mem::take(&mut self.tape.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T: Transport> Shared<T> {
    fn contacts(&self) -> MutexGuard<'_, BTreeMap<Id, SocketAddr>> {
        self.contacts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard_of(&self, id: Id, addr: SocketAddr) {
        self.contacts().insert(id, addr);
        let node = Known::new(id, addrs(addr));
        drop(self.outbox.send(Told::Event(Event::NodeDiscovered {
            node,
            source: Source(1),
            vouched: false,
        })));
    }

    fn hello(&self, wants: u8) -> Vec<u8> {
        let mut hello = vec![wants];
        put(&mut hello, self.id, self.addr);
        hello
    }

    /// Meets a stranger, who may break off: that is no news.
    async fn meet(self: Arc<Self>, stream: T::Stream, from: SocketAddr, connection: ConnectionId) {
        drop(patiently(self.answer(stream, from, connection)).await);
        // However it has ended. Ignored if it was not pending.
        drop(self.outbox.send(Told::Event(Event::InboundEnded { connection })));
    }

    /// Answers with names, or with the own half of a handshake.
    async fn answer(
        &self,
        mut stream: T::Stream,
        from: SocketAddr,
        connection: ConnectionId,
    ) -> io::Result<()> {
        let [wants, rest @ ..]: [u8; HELLO] = receive(&mut stream).await?;
        let (id, addr) = entry(&rest);
        if wants == QUERY {
            let names = self.near(receive(&mut stream).await?, NAMED);
            let mut bytes = vec![u8::try_from(names.len()).unwrap_or(0)];
            names.into_iter().for_each(|(id, addr)| put(&mut bytes, id, addr));
            stream.write_all(&bytes).await?;
            self.heard_of(id, addr);
            return stream.shutdown().await;
        }
        drop(self.outbox.send(Told::Event(Event::InboundPending { connection, id })));
        stream.write_all(&self.hello(SESSION)).await?;
        self.heard_of(id, addr);
        drop(self.outbox.send(Told::Accepted(id, from, stream)));
        Ok(())
    }

    /// The contacts that follow a target in the circle of ids.
    fn near(&self, target: Id, most: usize) -> Vec<(Id, SocketAddr)> {
        let contacts = self.contacts();
        let circle = contacts.range(target..).chain(contacts.range(..target));
        circle.take(most).map(|(id, addr)| (*id, *addr)).collect()
    }

    async fn query(&self, addr: SocketAddr, target: Id) -> io::Result<Vec<(Id, SocketAddr)>> {
        let mut stream = self.transport.connect(self.addr.ip(), addr).await?;
        stream.write_all(&self.hello(QUERY)).await?;
        stream.write_all(&target).await?;
        let [count] = receive(&mut stream).await?;
        let mut names = Vec::new();
        for _ in 0..count {
            names.push(entry(&receive(&mut stream).await?));
        }
        Ok(names)
    }

    async fn shake_hands(&self, addr: SocketAddr) -> io::Result<(Id, T::Stream)> {
        let mut stream = self.transport.connect(self.addr.ip(), addr).await?;
        stream.write_all(&self.hello(SESSION)).await?;
        let [_, rest @ ..]: [u8; HELLO] = receive(&mut stream).await?;
        Ok((entry(&rest).0, stream))
    }
}

impl<T: Transport> App for Shared<T> {
    type Stream = T::Stream;

    async fn connect(&self, id: Id, addr: SocketAddr) -> Result<T::Stream, DialOutcome> {
        let (found, stream) =
            patiently(self.shake_hands(addr)).await.map_err(|error| DialOutcome::from(&error))?;
        if found == id { Ok(stream) } else { Err(DialOutcome::WrongIdentity) }
    }

    async fn resolve(&self, id: Id) -> Addrs<SocketAddr> {
        let found = self.lookup(id).await.into_iter().find(|node| node.id == id);
        found.map(|node| node.addrs).unwrap_or_default()
    }

    async fn lookup(&self, target: Id) -> Vec<Known<Id, SocketAddr>> {
        let mut named = BTreeMap::new();
        for (_, addr) in self.near(target, ASKED) {
            named.extend(patiently(self.query(addr, target)).await.unwrap_or_default());
        }
        named.remove(&self.id);
        self.contacts().extend(&named);
        named.into_iter().map(|(id, addr)| Known::new(id, addrs(addr))).collect()
    }

    /// Reads until the other side closes.
    async fn session(&self, _id: Id, mut stream: T::Stream) -> RemovalReason {
        // However it ends.
        drop(tokio::io::copy(&mut stream, &mut tokio::io::sink()).await);
        RemovalReason::Closed
    }

    fn rests(&self, dialer: &Dialer<Id, SocketAddr, ChaCha8Rng>) {
        let now = (dialer.gauges().dynamic_peers, dialer.peers().map(|peer| peer.id).collect());
        self.board.send_if_modified(|nodes| nodes.insert(self.id, now.clone()) != Some(now));
    }
}
