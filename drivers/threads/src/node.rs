//! What stands for an application: a handshake in which each side says its id, and a discovery that asks other nodes.
//! (A real handshake proves the id with a key.)

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use dialstate::record::{BinarySink, Recorder};
use dialstate::{
    Addrs, Config, ConnectionId, DialOutcome, Dialer, Event, Node as Known, RemovalReason, Source, Timestamp,
};
use rand_chacha::ChaCha8Rng;

use crate::driver::{App, Driver, Id, Told};
use crate::network::Board;

/// The time that a stranger has for each step of a handshake.
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

fn receive<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A node that runs.
#[derive(Debug)]
pub struct Node {
    /// Its id.
    pub id: Id,
    /// Where it listens.
    pub addr: SocketAddr,
    outbox: Sender<Told>,
    stopped: Arc<AtomicBool>,
    threads: [JoinHandle<()>; 2],
    tape: Arc<Mutex<Vec<u8>>>,
}

/// What the threads of a node share.
#[derive(Debug)]
struct Shared {
    id: Id,
    addr: SocketAddr,
    contacts: Mutex<BTreeMap<Id, SocketAddr>>,
    board: Arc<Board>,
    outbox: Sender<Told>,
}

impl Node {
    /// Starts a node that listens at `addr` and knows the nodes of `known`.
    ///
    /// # Errors
    /// The address is in use, or the config makes no sense.
    pub fn start(
        id: Id,
        addr: SocketAddr,
        known: &[(Id, SocketAddr)],
        config: Config<Id, SocketAddr>,
        board: &Arc<Board>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(addr)?;
        let addr = listener.local_addr()?;
        let (outbox, inbox) = channel();
        let (tape, stopped) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let write = tape.clone();
        let sink = BinarySink::new(move |bytes: &[u8]| {
            write.lock().map(|mut tape| tape.extend(bytes)).map_err(drop)
        });
        let dialer: Recorder<_, _, ChaCha8Rng, _> =
            Recorder::new(id, config, id, Timestamp::ZERO, sink).map_err(io::Error::other)?;
        let contacts = Mutex::new(known.iter().copied().collect());
        let shared = Arc::new(Shared { id, addr, contacts, board: board.clone(), outbox: outbox.clone() });
        for (id, addr) in known {
            shared.heard_of(*id, *addr);
        }
        let driver = Driver::new(shared.clone(), dialer, outbox.clone());
        let loops = thread::spawn(move || drop(driver.run(&inbox).finish()));
        let accepts = stopped.clone();
        let accepts = thread::spawn(move || shared.accept(&listener, &accepts));
        Ok(Self { id, addr, outbox, stopped, threads: [loops, accepts], tape })
    }

    /// Stops it. Returns its recording.
    #[must_use]
    pub fn stop(self) -> Vec<u8> {
        drop(self.outbox.send(Told::Stop));
        self.stopped.store(true, Ordering::Relaxed);
        // So that the listener looks up.
        drop(TcpStream::connect(self.addr));
        for thread in self.threads {
            drop(thread.join());
        }
        std::mem::take(&mut self.tape.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shared {
    fn contacts(&self) -> std::sync::MutexGuard<'_, BTreeMap<Id, SocketAddr>> {
        self.contacts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard_of(&self, id: Id, addr: SocketAddr) {
        self.contacts().insert(id, addr);
        let event = Event::NodeDiscovered { node: Known::new(id, [addr]), source: Source(1), vouched: false };
        drop(self.outbox.send(Told::Event(event)));
    }

    fn hello(&self, wants: u8) -> Vec<u8> {
        let mut hello = vec![wants];
        put(&mut hello, self.id, self.addr);
        hello
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener, stopped: &AtomicBool) {
        for (number, stream) in (0..).zip(listener.incoming()) {
            if stopped.load(Ordering::Relaxed) {
                return;
            }
            let shared = self.clone();
            // A stranger that breaks off is no news.
            thread::spawn(move || stream.and_then(|stream| shared.answer(stream, ConnectionId(number))));
        }
    }

    /// Answers a stranger: with names, or with the own half of a handshake.
    fn answer(&self, mut stream: TcpStream, connection: ConnectionId) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let [wants, rest @ ..]: [u8; HELLO] = receive(&mut stream)?;
        let (id, addr) = entry(&rest);
        if wants == QUERY {
            let target: Id = receive(&mut stream)?;
            let names = self.near(target, NAMED);
            let mut bytes = vec![u8::try_from(names.len()).unwrap_or(0)];
            names.into_iter().for_each(|(id, addr)| put(&mut bytes, id, addr));
            stream.write_all(&bytes)?;
            if id != self.id {
                self.heard_of(id, addr);
            }
            return Ok(());
        }
        drop(self.outbox.send(Told::Event(Event::InboundPending { connection, id })));
        let answered = stream.write_all(&self.hello(SESSION)).and_then(|()| stream.set_read_timeout(None));
        if answered.is_ok() {
            self.heard_of(id, addr);
            drop(self.outbox.send(Told::Accepted(id, stream)));
        }
        drop(self.outbox.send(Told::Event(Event::InboundEnded { connection })));
        answered
    }

    /// The contacts that follow a target in the circle of ids.
    fn near(&self, target: Id, most: usize) -> Vec<(Id, SocketAddr)> {
        let contacts = self.contacts();
        let circle = contacts.range(target..).chain(contacts.range(..target));
        circle.take(most).map(|(id, addr)| (*id, *addr)).collect()
    }

    fn query(&self, addr: SocketAddr, target: Id) -> io::Result<Vec<(Id, SocketAddr)>> {
        let mut stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(&self.hello(QUERY))?;
        stream.write_all(&target)?;
        let [count] = receive(&mut stream)?;
        (0..count).map(|_| Ok(entry(&receive(&mut stream)?))).collect()
    }
}

impl App for Shared {
    fn connect(&self, id: Id, addr: SocketAddr) -> Result<TcpStream, DialOutcome> {
        let connect = || {
            let mut stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(&self.hello(SESSION))?;
            let [_, rest @ ..]: [u8; HELLO] = receive(&mut stream)?;
            stream.set_read_timeout(None)?;
            Ok((entry(&rest).0, stream))
        };
        let (found, stream) = connect().map_err(|error: io::Error| DialOutcome::from(&error))?;
        if found == id { Ok(stream) } else { Err(DialOutcome::WrongIdentity) }
    }

    fn resolve(&self, id: Id) -> Addrs<SocketAddr> {
        self.lookup(id).into_iter().find(|node| node.id == id).map(|node| node.addrs).unwrap_or_default()
    }

    fn lookup(&self, target: Id) -> Vec<Known<Id, SocketAddr>> {
        let asked = self.near(target, ASKED).into_iter();
        let named = asked.filter_map(|(_, addr)| self.query(addr, target).ok()).flatten();
        let named: BTreeMap<Id, SocketAddr> = named.filter(|(id, _)| *id != self.id).collect();
        self.contacts().extend(&named);
        named.into_iter().map(|(id, addr)| Known::new(id, [addr])).collect()
    }

    /// Reads until the other side closes.
    fn session(&self, _id: Id, mut stream: &TcpStream) -> RemovalReason {
        // However it ends.
        drop(io::copy(&mut stream, &mut io::sink()));
        RemovalReason::Closed
    }

    fn rests(&self, dialer: &Dialer<Id, SocketAddr, ChaCha8Rng>) {
        self.board.note(self.id, dialer);
    }
}
