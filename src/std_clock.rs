//! The clock and the errors of the standard library, for programs that have it. The only file that names `std`; it
//! reads no clock: the caller does.

extern crate std;

use core::time::Duration;
use std::io;
use std::time::Instant;

use crate::event::DialOutcome;
use crate::time::Timestamp;

/// Converts `Instant`s of this process to [`Timestamp`]s and back. It holds one moment as both.
///
/// `Instant` stops during a suspend on some systems. Where the dialer is to see that the host has slept, take the time from a
/// clock that goes on, and make `Timestamp`s of that yourself.
///
/// ```
/// use dialstate::{Epoch, Timestamp};
/// use std::time::{Duration, Instant};
///
/// let start = Instant::now();
/// let epoch = Epoch::new(start, Timestamp::ZERO);
/// assert_eq!(epoch.timestamp(start + Duration::from_secs(5)), Timestamp::from_secs(5));
/// assert_eq!(epoch.instant(Timestamp::from_secs(5)), Some(start + Duration::from_secs(5)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    instant: Instant,
    timestamp: Timestamp,
}

impl Epoch {
    /// The instant and the timestamp that are the same moment: for a fresh dialer `Instant::now()` and `Timestamp::ZERO`, for
    /// a restored one its `Dialer::now`.
    #[must_use]
    pub const fn new(instant: Instant, timestamp: Timestamp) -> Self {
        Self { instant, timestamp }
    }

    /// The timestamp of an instant; saturates.
    #[must_use]
    pub fn timestamp(&self, at: Instant) -> Timestamp {
        let before = self.instant.saturating_duration_since(at);
        self.timestamp.saturating_add(at.saturating_duration_since(self.instant)).saturating_sub(before)
    }

    /// The instant of a timestamp: when a `Sleep` ends, or a task has its deadline. `None` if the clock of this process can't
    /// tell an instant that far away: for a `Sleep`, wait for an event only.
    #[must_use]
    pub fn instant(&self, at: Timestamp) -> Option<Instant> {
        let later = at.saturating_since(self.timestamp);
        if later > Duration::ZERO {
            return self.instant.checked_add(later);
        }
        self.instant.checked_sub(self.timestamp.saturating_since(at))
    }
}

impl From<io::ErrorKind> for DialOutcome {
    /// What an error while connecting says: errors of this host are `LocalError`, and what is not about the connection at all
    /// is `HandshakeFailed`. That holds for `Other`, too, the kind of errors that a program or a library has made itself.
    fn from(kind: io::ErrorKind) -> Self {
        #[expect(clippy::wildcard_enum_match_arm, reason = "there are kinds for files and more to come")]
        match kind {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Self::TimedOut,
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::NotConnected
            | io::ErrorKind::NotFound => Self::Unreachable,
            io::ErrorKind::NetworkDown
            | io::ErrorKind::AddrInUse
            | io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::OutOfMemory
            | io::ErrorKind::Unsupported => Self::LocalError,
            io::ErrorKind::Interrupted => Self::Cancelled,
            _ => Self::HandshakeFailed,
        }
    }
}

impl From<&io::Error> for DialOutcome {
    /// As for its kind. An error for which the standard library has no kind, too many open files for example, is one of
    /// this host.
    fn from(error: &io::Error) -> Self {
        match (error.raw_os_error(), Self::from(error.kind())) {
            (Some(_), Self::HandshakeFailed) if !is_stream_end(error.kind()) => Self::LocalError,
            (_, outcome) => outcome,
        }
    }
}

impl From<io::Error> for DialOutcome {
    /// As from a reference to it.
    fn from(error: io::Error) -> Self {
        Self::from(&error)
    }
}

/// Whether an error of the system says that the other side has ended the connection.
const fn is_stream_end(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test may read the clock")]
    fn an_epoch_converts_both_ways() {
        let (begin, second) = (Instant::now(), Duration::from_secs(1));
        let epoch = Epoch::new(begin, Timestamp::from_secs(100));
        for (instant, timestamp) in [(begin, 100), (begin + second, 101), (begin - second, 99)] {
            assert_eq!(epoch.timestamp(instant), Timestamp::from_secs(timestamp));
            assert_eq!(epoch.instant(Timestamp::from_secs(timestamp)), Some(instant));
        }
        assert_eq!(epoch.timestamp(begin + second * 1_000), Timestamp::from_secs(1_100));
        let early = Epoch::new(begin, Timestamp::ZERO);
        assert_eq!(early.timestamp(begin - second), Timestamp::ZERO);
    }

    #[test]
    fn errors_become_outcomes() {
        let os = |code| DialOutcome::from(&io::Error::from_raw_os_error(code));
        assert_eq!(DialOutcome::from(io::ErrorKind::ConnectionRefused), DialOutcome::Refused);
        assert_eq!(DialOutcome::from(io::ErrorKind::TimedOut), DialOutcome::TimedOut);
        assert_eq!(DialOutcome::from(io::ErrorKind::InvalidData), DialOutcome::HandshakeFailed);
        assert_eq!(
            DialOutcome::from(&io::Error::from(io::ErrorKind::UnexpectedEof)),
            DialOutcome::HandshakeFailed
        );
        assert_eq!(DialOutcome::from(io::Error::other("no common protocol")), DialOutcome::HandshakeFailed);
        // Too many open files, here and in the whole system.
        #[cfg(unix)]
        assert_eq!([os(24), os(23)], [DialOutcome::LocalError; 2]);
        #[cfg(not(unix))]
        let _ = os;
    }
}
