//! How long there has been a slot without a node for it.

use crate::time::Timestamp;

/// How long slots have been free with no node to fill them.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Starvation {
    pub(super) since: Option<Timestamp>,
    /// Whether all who wait were looked at again since.
    pub(super) reconsidered: bool,
}

impl Starvation {
    pub(super) const NONE: Self = Self { since: None, reconsidered: false };

    /// It begins now.
    pub(super) const fn since(now: Timestamp) -> Self {
        Self { since: Some(now), reconsidered: false }
    }

    /// A node is there for a slot, or no slot is free.
    pub(super) const fn end(&mut self) {
        self.since = None;
    }
}
