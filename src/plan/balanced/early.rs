//! Dials of nodes that still cool down, where peers are missing and there is nobody else.

use crate::time::Timestamp;

/// When the next one may go out.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct EarlyDials {
    /// Whether the next one goes to a node that was never connected to.
    pub(super) turn: bool,
    /// When the last one went out, and the instant before which no other follows it unless something succeeds.
    pub(super) dialed: Timestamp,
    pub(super) at: Option<Timestamp>,
}

impl EarlyDials {
    pub(super) const NEW: Self = Self { turn: false, dialed: Timestamp::ZERO, at: None };
}
