//! The loop: what happens goes into the dialer, what it commands is done.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use dialstate::record::{BinarySink, Recorder};
use dialstate::{
    Addrs, Command, Config, DialId, DialKind, DialOutcome, DisconnectReason, Event, LookupId, PeerKind,
    RemovalReason, ResolveId, Side, Source, Stats, Task, Timestamp,
};
use discv5::Enr;
use enr::CombinedKey;
use rand_chacha::ChaCha8Rng;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::{AbortHandle, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::discovery::{self, Discovery};
use crate::wire::{self, Tried};
use crate::{Error, Id};

/// What a node is made from.
pub struct Options {
    /// The key of its record.
    pub key: CombinedKey,
    /// The number of its record, to be increased whenever its address changes.
    pub seq: u64,
    /// The address on which it listens.
    pub ip: Ipv4Addr,
    /// The port, for UDP and TCP. With 0 the system chooses one that is free for TCP.
    pub port: u16,
    /// The nodes through which it finds others.
    pub bootnodes: Vec<Enr>,
    /// Nodes to stay connected to.
    pub statics: Vec<Enr>,
    /// The config of its dialer.
    pub config: Config<Id, SocketAddr>,
    /// The seed of its dialer. Keep it secret where others could choose their ids by it.
    pub seed: [u8; 32],
    /// Where its dialer is recorded.
    pub recording: Option<Box<dyn Write + Send>>,
}

impl fmt::Debug for Options {
    /// Without the key and the seed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("ip", &self.ip).field("seq", &self.seq).finish_non_exhaustive()
    }
}

/// A running node.
#[derive(Debug)]
pub struct Node {
    record: Enr,
    status: watch::Receiver<Status>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Report>,
}

/// What a node has reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The connections, each with the side that opened it and the remote address.
    pub peers: BTreeMap<Id, (PeerKind, SocketAddr)>,
    /// How often the node woke up because the time of a `Sleep` had come.
    pub wakeups: u64,
}

/// What a node leaves behind.
#[derive(Clone, Debug)]
pub struct Report {
    /// What its dialer has counted.
    pub stats: Stats,
    /// How many connections were closed because there was another one to the same node.
    pub duplicates: u64,
}

impl Node {
    /// Starts a node on a task of its own.
    ///
    /// # Errors
    /// Its sockets can't be opened, or its config makes no sense.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let Options { key, seq, ip, port, bootnodes, statics, config, seed, recording } = options;
        let listener = TcpListener::bind((ip, port)).await?;
        let addr = SocketAddrV4::new(ip, listener.local_addr()?.port());
        let discovery = Discovery::start(key, seq, addr, bootnodes).await?;
        let (record, begun) = (discovery.record(), Instant::now());
        let me = record.node_id().raw();
        let sink = recording.map(|mut out| {
            let write: Box<WriteFn> = Box::new(move |bytes| out.write_all(bytes));
            BinarySink::new(write)
        });
        let dialer = Dialer::new(me, config, seed, Timestamp::ZERO, sink)?;
        let (send, shown) = watch::channel(Status::default());
        let (stop, stopped) = oneshot::channel();
        let (tasks, running, sessions) =
            (JoinSet::new(), HashMap::new(), Sessions { of: BTreeMap::new(), count: 0 });
        let status = (send, Status::default());
        let mut driver = Driver {
            me,
            dialer,
            discovery,
            begun,
            tasks,
            running,
            sessions,
            duplicates: 0,
            most_records: MOST_RECORDS,
            status,
        };
        for node in statics.iter().filter_map(discovery::node) {
            driver.tell(Event::StaticAdded(node));
        }
        let task = tokio::spawn(driver.run(listener, stopped));
        Ok(Self { record, status: shown, stop, task })
    }

    /// The record by which others find this node.
    #[must_use]
    pub const fn record(&self) -> &Enr {
        &self.record
    }

    /// The id of this node.
    #[must_use]
    pub fn id(&self) -> Id {
        self.record.node_id().raw()
    }

    /// What the node has reached, now and whenever that changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Stops the node: its connections are closed.
    ///
    /// # Errors
    /// The node has failed before.
    pub async fn stop(self) -> Result<Report, Error> {
        // The node is gone already if nobody listens; then its task says why.
        let _ = self.stop.send(());
        Ok(self.task.await?)
    }
}

type WriteFn = dyn FnMut(&[u8]) -> std::io::Result<()> + Send;
type Recording = Option<BinarySink<Box<WriteFn>, std::io::Error>>;
type Dialer = Recorder<Id, SocketAddr, ChaCha8Rng, Recording>;

/// The number of a connection.
type Connection = u64;

struct Driver {
    me: Id,
    dialer: Dialer,
    discovery: Discovery,
    /// The beginning of the dialer's time.
    begun: Instant,
    /// Whatever is under way: dials, lookups, resolves, handshakes, sessions.
    tasks: JoinSet<Done>,
    /// How to abandon what the dialer may cancel.
    running: HashMap<Task, AbortHandle>,
    sessions: Sessions,
    duplicates: u64,
    most_records: usize,
    status: (watch::Sender<Status>, Status),
}

/// How a task has ended.
enum Done {
    Dialed {
        dial: DialId,
        id: Id,
        kind: DialKind,
        tried: Tried,
        result: Result<(TcpStream, SocketAddr), DialOutcome>,
    },
    Accepted(Option<(Id, TcpStream)>, SocketAddr),
    Found(LookupId, Vec<Enr>),
    Resolved(ResolveId, Id, Vec<Enr>),
    Closed(Id, Connection),
}

impl Driver {
    async fn run(mut self, listener: TcpListener, mut stopped: oneshot::Receiver<()>) -> Report {
        loop {
            let until = self.drain();
            self.show();
            tokio::select! {
                // In this order: records before the answer of the lookup that brought them.
                biased;
                _ = &mut stopped => break,
                Some(record) = self.discovery.discovered() => self.discovered(&record),
                Some(done) = self.tasks.join_next() => {
                    // A task that was aborted is an error here, and has nothing to say.
                    if let Ok(done) = done { self.done(done) }
                }
                Ok((tcp, addr)) = listener.accept() => {
                    let hello = wire::accept(self.me, tcp);
                    self.tasks.spawn(async move { Done::Accepted(hello.await.ok(), addr) });
                }
                () = sleep(until) => {
                    self.status.1.wakeups += 1;
                    self.tell(Event::Tick);
                }
            }
        }
        let stats = self.dialer.dialer().stats().clone();
        self.dialer.finish();
        Report { stats, duplicates: self.duplicates }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.begun.elapsed().as_nanos() as u64)
    }

    fn tell(&mut self, event: Event<Id, SocketAddr>) {
        // What is refused is an answer that came too late. It is counted in the statistics.
        let _ = self.dialer.handle(self.now(), event);
    }

    /// Does what the dialer commands. Returns until when to wait.
    fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.dialer.poll() {
                Command::Dial { dial, node, kind, stagger, .. } => {
                    let dialing = wire::race(self.me, node.clone(), stagger);
                    self.start(Task::Dial(dial), async move {
                        let (tried, result) = dialing.await;
                        Done::Dialed { dial, id: node.id, kind, tried, result }
                    });
                }
                Command::Lookup { lookup, target, .. } => {
                    let query = self.discovery.find(target);
                    self.start(Task::Lookup(lookup), async move { Done::Found(lookup, query.await) });
                }
                Command::Resolve { resolve, id, .. } => {
                    let query = self.discovery.find(id);
                    self.start(
                        Task::Resolve(resolve),
                        async move { Done::Resolved(resolve, id, query.await) },
                    );
                }
                Command::Cancel(task) => {
                    self.running.remove(&task).inspect(AbortHandle::abort);
                }
                Command::Disconnect { id, reason } => self.disconnect(id, reason),
                Command::Sleep { until, .. } => {
                    return until.map(|until| self.begun + until.saturating_since(Timestamp::ZERO));
                }
            }
        }
    }

    fn start(&mut self, task: Task, work: impl Future<Output = Done> + Send + 'static) {
        let handle = self.tasks.spawn(work);
        self.running.insert(task, handle);
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Dialed { dial, id, kind, tried, result } => {
                self.running.remove(&Task::Dial(dial));
                let outcome = match result {
                    Ok((tcp, addr)) => {
                        self.opened(id, PeerKind::Outbound(kind), addr, tcp);
                        DialOutcome::Connected
                    }
                    Err(outcome) => outcome,
                };
                self.tell(Event::DialFinished { dial, outcome, tried });
            }
            Done::Accepted(Some((id, tcp)), addr) => self.opened(id, PeerKind::Inbound, addr, tcp),
            Done::Accepted(None, _) => {}
            Done::Found(lookup, records) => {
                self.running.remove(&Task::Lookup(lookup));
                let nodes = records.iter().filter_map(discovery::node).collect();
                self.tell(Event::LookupFinished { lookup, nodes });
            }
            Done::Resolved(resolve, id, records) => {
                self.running.remove(&Task::Resolve(resolve));
                for record in &records {
                    self.discovery.is_news(record);
                }
                let addrs = self.discovery.address(&id).map(Addrs::from).unwrap_or_default();
                self.tell(Event::ResolveFinished { resolve, addrs });
            }
            Done::Closed(id, connection) => self.closed(id, connection),
        }
    }

    fn discovered(&mut self, record: &Enr) {
        if let Some(node) = discovery::node(record) {
            // The node has signed its record, so an address in it replaces what is known.
            self.tell(Event::NodeDiscovered { node, source: STREAM, vouched: true });
        }
        // Records of nodes that the dialer has forgotten go, now and then.
        if self.discovery.len() > self.most_records {
            let known: BTreeSet<Id> = self.dialer.dialer().known_nodes().map(|known| known.node.id).collect();
            self.discovery.retain(|id| known.contains(id));
            self.most_records = MOST_RECORDS.max(2 * self.discovery.len());
        }
    }

    /// A connection is up.
    fn opened(&mut self, id: Id, kind: PeerKind, addr: SocketAddr, tcp: TcpStream) {
        self.sessions.count += 1;
        let connection = self.sessions.count;
        let task = self.tasks.spawn(async move {
            wire::session(tcp).await;
            Done::Closed(id, connection)
        });
        self.sessions.of.entry(id).or_default().push(Session { connection, kind, addr, task });
        self.tell(Event::PeerAdded { id, kind, addr: Some(addr) });
    }

    /// A connection was closed by the other side.
    fn closed(&mut self, id: Id, connection: Connection) {
        let Some(of) = self.sessions.of.get_mut(&id) else { return };
        of.retain(|session| session.connection != connection);
        self.left(id, RemovalReason::Closed);
    }

    /// The dialer wants a connection closed.
    fn disconnect(&mut self, id: Id, reason: DisconnectReason) {
        let Some(of) = self.sessions.of.get_mut(&id) else { return };
        of.retain(|session| {
            let keep = match reason {
                DisconnectReason::Duplicate { close } => {
                    (session.kind == PeerKind::Inbound) != (close == Side::Inbound)
                }
                _ => false,
            };
            if !keep {
                session.task.abort();
                self.duplicates += u64::from(matches!(reason, DisconnectReason::Duplicate { .. }));
            }
            keep
        });
        self.left(id, RemovalReason::Local);
    }

    /// A node is gone with its last connection.
    fn left(&mut self, id: Id, reason: RemovalReason) {
        if self.sessions.of.get(&id).is_some_and(Vec::is_empty) {
            self.sessions.of.remove(&id);
            self.tell(Event::PeerRemoved { id, reason });
        }
    }

    fn show(&mut self) {
        let peer = |(id, of): (&Id, &Vec<Session>)| of.last().map(|last| (*id, (last.kind, last.addr)));
        self.status.1.peers = self.sessions.of.iter().filter_map(peer).collect();
        let (send, status) = &self.status;
        send.send_if_modified(|shown| {
            let changed = shown != status;
            if changed {
                shown.clone_from(status);
            }
            changed
        });
    }
}

/// The number of records from which those that are no longer needed are looked for.
const MOST_RECORDS: usize = 1024;

/// The nodes that the event stream of discv5 brings.
const STREAM: Source = Source(1);

/// The connections of each peer: one, or two for a moment if both sides dialed at once.
struct Sessions {
    of: BTreeMap<Id, Vec<Session>>,
    count: Connection,
}

struct Session {
    connection: Connection,
    kind: PeerKind,
    addr: SocketAddr,
    task: AbortHandle,
}

async fn sleep(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}
