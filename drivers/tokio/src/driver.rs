//! The loop around a dialer: one task that owns it, one for each address that is dialed, each lookup and each connection, and a channel.

use std::fmt::Debug;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::sync::Arc;

use dialstate::driver::{Runner, RunnerStep};
use dialstate::record::{Recorder, Sink};
use dialstate::{
    Addrs, DialId, DialOutcome, Dialer, Epoch, Event, Node, PeerKind, RemovalReason, Task, Timestamp,
};
use rand_chacha::ChaCha8Rng;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

/// The id of a node.
pub type Id = [u8; 32];

/// What the application does. Whatever is aborted is just dropped.
pub trait App: Send + Sync + 'static {
    /// A connection.
    type Stream: Debug + Send + 'static;
    /// Connects to an address, and proves that it is this node who answers.
    fn connect(
        &self,
        id: Id,
        addr: SocketAddr,
    ) -> impl Future<Output = Result<Self::Stream, DialOutcome>> + Send;
    /// Finds the addresses of a node.
    fn resolve(&self, id: Id) -> impl Future<Output = Addrs<SocketAddr>> + Send;
    /// Looks for nodes near a target.
    fn lookup(&self, target: [u8; 32]) -> impl Future<Output = Vec<Node<Id, SocketAddr>>> + Send;
    /// Uses a connection until it ends.
    fn session(&self, id: Id, stream: Self::Stream) -> impl Future<Output = RemovalReason> + Send;
    /// The dialer has nothing more to do for now.
    fn rests(&self, dialer: &Dialer<Id, SocketAddr, ChaCha8Rng>);
}

/// What the loop is told by the other tasks.
#[derive(Debug)]
pub enum Told<C> {
    /// The answer to a resolve or lookup, or anything else that the dialer is to know.
    Event(Event<Id, SocketAddr>),
    /// What came of one address of a dial.
    Tried(DialId, Id, SocketAddr, Result<C, DialOutcome>),
    /// An inbound connection. If `InboundPending` was told of it, `InboundEnded` is to follow.
    Accepted(Id, SocketAddr, C),
    /// A connection has ended.
    Closed(u64, RemovalReason),
    /// The program ends.
    Stop,
}

/// The dialer of a node, recorded.
pub type Recorded<S> = Recorder<Id, SocketAddr, ChaCha8Rng, S>;

/// A dialer with everything that is open.
#[derive(Debug)]
pub struct Driver<A: App, S> {
    runner: Runner<Recorded<S>, Id, SocketAddr, Running>,
    epoch: Epoch,
    tasks: Tasks<A>,
}

/// The other tasks: what they work for, where they tell of it, and all that run, to wait for their end.
#[derive(Debug)]
struct Tasks<A: App> {
    app: Arc<A>,
    outbox: UnboundedSender<Told<A::Stream>>,
    running: JoinSet<()>,
}

/// A task, which is aborted when this is dropped.
#[derive(Debug)]
struct Running(AbortHandle);

impl<A: App, S: Sink<Id, SocketAddr>> Driver<A, S> {
    /// A driver; `outbox` leads to the `inbox` of [`run`](Self::run).
    pub fn new(app: Arc<A>, dialer: Recorded<S>, outbox: UnboundedSender<Told<A::Stream>>) -> Self {
        let epoch = Epoch::new(Instant::now().into_std(), dialer.dialer().now());
        Self { runner: Runner::new(dialer), epoch, tasks: Tasks { app, outbox, running: JoinSet::new() } }
    }

    /// Runs until it is told to stop. Closes all connections, and gives up all tasks.
    pub async fn run(mut self, mut inbox: UnboundedReceiver<Told<A::Stream>>) -> Recorded<S> {
        loop {
            let until = self.drain();
            self.tasks.app.rests(self.runner.dialer().dialer());
            let told = tokio::select! {
                told = inbox.recv() => told.unwrap_or(Told::Stop),
                () = sleep(until) => Told::Event(Event::Tick),
            };
            let (now, tasks) = (self.now(), &mut self.tasks);
            match told {
                Told::Event(event) => {
                    let _ = self.runner.handle(now, event).inspect_err(|error| eprintln!("{error}"));
                }
                // A stream that the dialer does not want, or that comes too late, is dropped, and so closed.
                Told::Tried(dial, id, addr, Ok(stream)) => {
                    self.runner.connected(now, dial, &addr, |number| tasks.session(number, id, stream));
                }
                Told::Tried(dial, _, addr, Err(outcome)) => self.runner.failed(dial, &addr, outcome),
                Told::Accepted(id, addr, stream) => {
                    let (kind, addr) = (PeerKind::Inbound, Some(addr));
                    self.runner.added(now, id, kind, addr, |number| tasks.session(number, id, stream));
                }
                Told::Closed(connection, reason) => self.runner.closed(now, connection, reason),
                Told::Stop => break,
            }
            while self.tasks.running.try_join_next().is_some() {}
        }
        self.tasks.running.shutdown().await;
        self.runner.into_dialer()
    }

    /// Does what is to be done. Returns until when to wait.
    fn drain(&mut self) -> Option<Instant> {
        loop {
            let (step, app) = (self.runner.poll(self.now()), self.tasks.app.clone());
            match step {
                RunnerStep::Connect { dial, id, addr, .. } => self.begin(Task::Dial(dial), async move {
                    Told::Tried(dial, id, addr, app.connect(id, addr).await)
                }),
                RunnerStep::Resolve { resolve, id } => self.begin(Task::Resolve(resolve), async move {
                    Told::Event(Event::ResolveFinished { resolve, addrs: app.resolve(id).await })
                }),
                RunnerStep::Lookup { lookup, target } => self.begin(Task::Lookup(lookup), async move {
                    Told::Event(Event::LookupFinished { lookup, nodes: app.lookup(target).await })
                }),
                RunnerStep::Close { handle, .. } => drop(handle),
                RunnerStep::Wait(until) => return Some(self.epoch.instant(until?)?.into()),
            }
        }
    }

    /// Runs a task until it ends or the dialer has no more use for it.
    fn begin(&mut self, task: Task, work: impl Future<Output = Told<A::Stream>> + Send + 'static) {
        let running = self.tasks.spawn(work);
        self.runner.hold(task, running);
    }

    fn now(&self) -> Timestamp {
        self.epoch.timestamp(Instant::now().into_std())
    }
}

impl<A: App> Tasks<A> {
    fn session(&mut self, connection: u64, id: Id, stream: A::Stream) -> Running {
        let app = self.app.clone();
        self.spawn(async move { Told::Closed(connection, app.session(id, stream).await) })
    }

    fn spawn(&mut self, work: impl Future<Output = Told<A::Stream>> + Send + 'static) -> Running {
        let outbox = self.outbox.clone();
        Running(self.running.spawn(async move { drop(outbox.send(work.await)) }))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn sleep(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => pending().await,
    }
}
