//! The recorder, and the sink that it writes to.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::any::type_name;

use rand_core::{Rng, SeedableRng};

use crate::address::Address;
use crate::command::{Command, drain};
use crate::config::Config;
use crate::dialer::Dialer;
use crate::error::{ConfigError, EventError};
use crate::event::Event;
use crate::node::NodeId;
use crate::notice::Notice;
use crate::time::Timestamp;

/// What a dialer was made from: the beginning of every recording. Together with the events it makes the same dialer again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(deserialize = "I: serde::Deserialize<'de>, A: serde::Deserialize<'de> + Ord"))
)]
#[non_exhaustive]
pub struct Header<I, A> {
    /// The version of this crate. Another version may decide otherwise on the same events.
    pub version: String,
    /// The name of the rng's type, as the compiler gives it. For people only.
    pub rng: String,
    /// The seed of the rng.
    pub seed: RngSeed,
    /// The `now` of `Dialer::new`.
    pub start: Timestamp,
    /// The dialer's own id.
    pub me: I,
    /// The config.
    pub config: Config<I, A>,
}

impl<I, A> Header<I, A> {
    /// The header of `Dialer::<I, A, R>::new(me, config, rng, start)`, with the version of this crate.
    #[must_use]
    pub fn new<R>(me: I, config: Config<I, A>, seed: RngSeed, start: Timestamp) -> Self {
        let (version, rng) = (env!("CARGO_PKG_VERSION").to_string(), type_name::<R>().to_string());
        Self { version, rng, seed, start, me, config }
    }
}

/// The seed of an rng.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "the ways to make an rng that `rand_core` has, and none")]
pub enum RngSeed {
    /// It is not recorded, or there is none: an rng that always returns the same, for example.
    NotRecorded,
    /// The argument of `SeedableRng::seed_from_u64`.
    Number(u64),
    /// The argument of `SeedableRng::from_seed`.
    Bytes(Vec<u8>),
}

impl RngSeed {
    /// The rng with this seed; `None` if the seed is not recorded or not one of an `R`.
    #[must_use]
    pub fn rng<R: SeedableRng>(&self) -> Option<R> {
        match self {
            Self::NotRecorded => None,
            Self::Number(number) => Some(R::seed_from_u64(*number)),
            Self::Bytes(bytes) => {
                let mut seed = R::Seed::default();
                if seed.as_ref().len() != bytes.len() {
                    return None;
                }
                seed.as_mut().copy_from_slice(bytes);
                Some(R::from_seed(seed))
            }
        }
    }
}

/// The receiver of a recording.
///
/// No method can fail: a recording that can't be written must not disturb the dialer. A sink keeps its first error for
/// its owner, and ignores what follows.
pub trait Sink<I, A> {
    /// The dialer was made. Called first, and once.
    fn begin(&mut self, header: &Header<I, A>);

    /// The dialer is about to handle this event. Called before it does, so that an event that makes the program fail is
    /// recorded.
    fn event(&mut self, now: Timestamp, event: &Event<I, A>);

    /// The dialer was polled, and returned this command. A `Sleep` is recorded once for each drain.
    fn command(&mut self, command: &Command<I, A>);

    /// The recording is complete. Called last, and once; not called if the program stops before.
    fn end(&mut self) {}
}

impl<I, A, S: Sink<I, A> + ?Sized> Sink<I, A> for &mut S {
    fn begin(&mut self, header: &Header<I, A>) {
        (**self).begin(header);
    }

    fn event(&mut self, now: Timestamp, event: &Event<I, A>) {
        (**self).event(now, event);
    }

    fn command(&mut self, command: &Command<I, A>) {
        (**self).command(command);
    }

    fn end(&mut self) {
        (**self).end();
    }
}

/// `None` records nothing, for programs in which recording is optional.
impl<I, A, S: Sink<I, A>> Sink<I, A> for Option<S> {
    fn begin(&mut self, header: &Header<I, A>) {
        self.iter_mut().for_each(|sink| sink.begin(header));
    }

    fn event(&mut self, now: Timestamp, event: &Event<I, A>) {
        self.iter_mut().for_each(|sink| sink.event(now, event));
    }

    fn command(&mut self, command: &Command<I, A>) {
        self.iter_mut().for_each(|sink| sink.command(command));
    }

    fn end(&mut self) {
        self.iter_mut().for_each(|sink| sink.end());
    }
}

/// Records nothing, for programs that name a sink and need none.
impl<I, A> Sink<I, A> for () {
    fn begin(&mut self, _header: &Header<I, A>) {}

    fn event(&mut self, _now: Timestamp, _event: &Event<I, A>) {}

    fn command(&mut self, _command: &Command<I, A>) {}
}

/// A [`Dialer`] that is recorded.
///
/// Events and commands go through the recorder. Questions, which change nothing, go to [`dialer`](Self::dialer).
///
/// ```
/// # #[cfg(feature = "record")] {
/// use dialstate::{Command, Config, Event, Timestamp};
/// use dialstate::record::{BinarySink, Recorder};
/// # type ChaCha8Rng = rand_chacha::ChaCha8Rng;
/// # type Recorded<S> = Recorder<[u8; 32], core::net::SocketAddr, ChaCha8Rng, S>;
///
/// let mut file = Vec::new(); // or a `BufWriter<File>`
/// let sink = BinarySink::new(|record: &[u8]| std::io::Write::write_all(&mut file, record));
/// let seed = [7; 32]; // from the operating system; keep it secret as long as the dialer runs
/// let mut dialer = Recorded::new([1; 32], Config::default(), seed, Timestamp::ZERO, sink).unwrap();
/// dialer.handle(Timestamp::ZERO, Event::Tick).unwrap();
/// while !matches!(dialer.poll(), Command::Sleep { .. }) {}
/// let (_dialer, sink) = dialer.finish();
/// sink.into_result().unwrap();
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Recorder<I, A, R: Rng, S> {
    dialer: Dialer<I, A, R>,
    sink: S,
    /// The drain has ended: a repeated `Sleep` is not recorded.
    asleep: bool,
}

impl<I: NodeId, A: Address, R: Rng + SeedableRng, S: Sink<I, A>> Recorder<I, A, R, S> {
    /// A recorded `Dialer::new(me, config, R::from_seed(seed), now)`.
    ///
    /// # Errors
    /// As [`Dialer::new`]. The sink was not called.
    pub fn new(
        me: I,
        config: Config<I, A>,
        seed: R::Seed,
        now: Timestamp,
        sink: S,
    ) -> Result<Self, ConfigError> {
        let told = RngSeed::Bytes(seed.as_ref().to_vec());
        Self::with_rng(me, config, R::from_seed(seed), told, now, sink)
    }
}

impl<I: NodeId, A: Address, R: Rng, S: Sink<I, A>> Recorder<I, A, R, S> {
    /// A recorded `Dialer::new(me, config, rng, now)`, where `seed` is the seed of the rng. With a wrong seed the
    /// recording does not replay.
    ///
    /// # Errors
    /// As [`Dialer::new`]. The sink was not called.
    pub fn with_rng(
        me: I,
        config: Config<I, A>,
        rng: R,
        seed: RngSeed,
        now: Timestamp,
        mut sink: S,
    ) -> Result<Self, ConfigError> {
        let header = Header::new::<R>(me, config, seed, now);
        let dialer = Dialer::new(me, header.config.clone(), rng, now)?;
        sink.begin(&header);
        Ok(Self { dialer, sink, asleep: false })
    }

    /// As [`Dialer::handle`].
    ///
    /// # Errors
    /// As [`Dialer::handle`]. Refused events are recorded, too.
    pub fn handle(&mut self, now: Timestamp, event: Event<I, A>) -> Result<(), EventError> {
        self.sink.event(now, &event);
        self.asleep = false;
        self.dialer.handle(now, event)
    }

    /// As [`Dialer::poll`].
    pub fn poll(&mut self) -> Command<I, A> {
        let command = self.dialer.poll();
        if !self.asleep {
            self.sink.command(&command);
        }
        self.asleep = matches!(command, Command::Sleep { .. });
        command
    }

    /// As [`Dialer::step`].
    ///
    /// # Errors
    /// As [`Dialer::step`].
    pub fn step(
        &mut self,
        now: Timestamp,
        event: Event<I, A>,
        commands: &mut impl Extend<Command<I, A>>,
    ) -> Result<(), EventError> {
        let result = self.handle(now, event);
        drain(|| self.poll(), commands);
        result
    }

    /// As [`Dialer::next_notice`]. Not recorded, since no command depends on it.
    pub fn next_notice(&mut self) -> Option<Notice<I>> {
        self.dialer.next_notice()
    }

    /// The dialer, for its questions: `explain`, `stats`, `gauges` …
    #[must_use]
    pub const fn dialer(&self) -> &Dialer<I, A, R> {
        &self.dialer
    }

    /// The sink, for its error.
    #[must_use]
    pub const fn sink(&self) -> &S {
        &self.sink
    }

    /// Ends the recording. Returns the dialer, which can be used on, and the sink. By value, so that nothing can be recorded
    /// after the end; a program that can't give the recorder up just
    /// drops it: what was written replays all the same, and its end reads as `ReadErrorKind::Unfinished`.
    pub fn finish(mut self) -> (Dialer<I, A, R>, S) {
        self.sink.end();
        (self.dialer, self.sink)
    }
}
