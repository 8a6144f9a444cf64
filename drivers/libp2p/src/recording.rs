//! The sink of a behaviour that is not recorded.

use dialstate::record::{Header, Sink};
use dialstate::{Command, Timestamp};

/// Records nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NotRecorded;

impl<I, A> Sink<I, A> for NotRecorded {
    fn begin(&mut self, _: &Header<I, A>) {}

    fn event(&mut self, _: Timestamp, _: &dialstate::Event<I, A>) {}

    fn command(&mut self, _: &Command<I, A>) {}
}
