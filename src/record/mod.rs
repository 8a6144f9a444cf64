//! Recordings: a dialer that writes down what it is told and what it answers, while it runs, and the reader of what it
//! wrote.
//!
//! | file | what lives there |
//! |---|---|
//! | `recorder.rs` | [`Recorder`], and the [`Sink`] that it writes to |
//! | `binary.rs` | a sink: the compact form, for production (feature `record`) |
//! | `read.rs` | its reader (feature `record`) |

#[cfg(feature = "record")]
mod binary;
#[cfg(feature = "record")]
mod read;
mod recorder;

#[cfg(feature = "record")]
pub use binary::{BinarySink, WriteError};
#[cfg(feature = "record")]
pub use read::{ReadError, ReadErrorKind, RecordedStep, Recording};
pub use recorder::{Header, Recorder, RngSeed, Sink};
