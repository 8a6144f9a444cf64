//! Ids as traces spell them: hex of any width, padded on the right with zeros.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The id of a node in every trace and in the simulated world.
pub type Id = [u8; 32];

/// An id together with its spelling: how many hex digits were written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TraceId {
    bytes: Id,
    digits: u8,
}

impl TraceId {
    /// The bytes, padded on the right with zeros.
    #[must_use]
    pub const fn bytes(self) -> Id {
        self.bytes
    }

    /// The id in two-byte style, as the recorded traces use it: 9 is `0009`.
    #[must_use]
    pub fn short(number: u16) -> Self {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        Self { bytes, digits: 4 }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        for (at, digit) in text.bytes().enumerate() {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            *bytes.get_mut(at / 2)? |= if at % 2 == 0 { value << 4 } else { value };
        }
        (!text.is_empty()).then_some(Self { bytes, digits: u8::try_from(text.len()).ok()? })
    }
}

impl From<Id> for TraceId {
    /// The spelling of recordings: whole bytes, without the zero bytes at the end, but at least one byte.
    fn from(bytes: Id) -> Self {
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 1);
        Self { bytes, digits: (used * 2) as u8 }
    }
}

impl TryFrom<String> for TraceId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("the id {text:?} is not 1 to 64 lower-case hex digits"))
    }
}

impl From<TraceId> for String {
    fn from(id: TraceId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (0..usize::from(self.digits)).try_for_each(|at| {
            let byte = self.bytes[at / 2];
            write!(f, "{:x}", if at % 2 == 0 { byte >> 4 } else { byte & 15 })
        })
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How the ids of a trace were spelled, so that they are printed as they were given.
///
/// The spelling of recordings takes no memory; of several others for one id the first counts.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeMap<Id, TraceId>);

impl Names {
    /// Remembers the spelling; returns the id itself.
    pub fn note(&mut self, id: TraceId) -> Id {
        if id != TraceId::from(id.bytes) {
            self.0.entry(id.bytes).or_insert(id);
        }
        id.bytes
    }

    /// The id as it was spelled.
    #[must_use]
    pub fn spell(&self, id: &Id) -> TraceId {
        self.0.get(id).copied().unwrap_or_else(|| (*id).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<TraceId, String> {
        text.to_owned().try_into()
    }

    #[test]
    fn an_id_is_printed_as_it_was_given() {
        let mut names = Names::default();
        for text in ["0009", "01f0", "ab", "abc0", "c", "00", &"5".repeat(64)] {
            let id = names.note(read(text).unwrap());
            assert_eq!(names.spell(&id).to_string(), text);
        }
        for text in ["000900", "00090"] {
            names.note(read(text).unwrap());
        }
        assert_eq!(names.spell(&TraceId::short(9).bytes()).to_string(), "000900", "the first one counts");
    }

    #[test]
    fn recordings_drop_zero_bytes_at_the_end() {
        assert_eq!(TraceId::from([0; 32]).to_string(), "00");
        assert_eq!(TraceId::from(TraceId::short(0x0100).bytes()).to_string(), "01");
        assert_eq!(TraceId::from([0x10; 32]).to_string(), "10".repeat(32));
    }

    #[test]
    fn what_is_not_an_id() {
        for text in ["", "xyz", "AB", &"0".repeat(65)] {
            assert!(read(text).unwrap_err().contains("hex"), "{text}");
        }
    }
}
