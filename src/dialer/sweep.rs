//! How far the check of what is there against new rules has come.

/// How many slots of peers and attempts are still to be checked against new rules, from the last one down. Whatever
/// comes later is checked as it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Sweep {
    pub(super) peers: u32,
    pub(super) attempts: u32,
}

impl Sweep {
    pub(crate) const DONE: Self = Self { peers: 0, attempts: 0 };
}
