//! How connections are made: with TCP, or in memory.

use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Connects, and is connected to.
pub trait Transport: Clone + Send + Sync + 'static {
    /// A connection.
    type Stream: std::fmt::Debug + AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// What connections come in by.
    type Listener: Send;
    /// Connects to an address, from one of this node's own.
    fn connect(&self, from: IpAddr, to: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>> + Send;
    /// Listens at an address.
    fn listen(&self, at: SocketAddr) -> io::Result<Self::Listener>;
    /// The next connection that comes in.
    fn accept(
        listener: &mut Self::Listener,
    ) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;
}

/// The loopback of this host.
#[derive(Clone, Copy, Debug)]
pub struct Tcp;

impl Transport for Tcp {
    type Stream = TcpStream;
    type Listener = TcpListener;

    async fn connect(&self, from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        socket.connect(to).await
    }

    fn listen(&self, at: SocketAddr) -> io::Result<TcpListener> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(at)?;
        socket.listen(1_024)
    }

    async fn accept(listener: &mut TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
        listener.accept().await
    }
}

type Incoming = (DuplexStream, SocketAddr);

/// A network in memory, in which only timers take time.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<BTreeMap<SocketAddr, UnboundedSender<Incoming>>>>);

impl Transport for Memory {
    type Stream = DuplexStream;
    type Listener = UnboundedReceiver<Incoming>;

    async fn connect(&self, from: IpAddr, to: SocketAddr) -> io::Result<DuplexStream> {
        let (here, there) = duplex(4_096);
        let listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let listener = listeners.get(&to).ok_or(io::ErrorKind::ConnectionRefused)?;
        listener.send((there, (from, 1).into())).map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(here)
    }

    fn listen(&self, at: SocketAddr) -> io::Result<UnboundedReceiver<Incoming>> {
        let (outbox, inbox) = unbounded_channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(at, outbox);
        Ok(inbox)
    }

    async fn accept(listener: &mut UnboundedReceiver<Incoming>) -> io::Result<Incoming> {
        match listener.recv().await {
            Some(incoming) => Ok(incoming),
            None => pending().await,
        }
    }
}
