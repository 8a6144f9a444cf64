//! What the tests of the containers share.

/// A small generator of numbers, the same in each run: SplitMix64.
pub(super) struct Draws(u64);

impl Draws {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: u32) -> u32 {
        (self.next() >> 32).wrapping_mul(u64::from(end)).wrapping_shr(32) as u32
    }
}

/// A value after it was saved and read, as JSON and, with the feature `record`, in binary form.
#[cfg(feature = "serde")]
pub(super) fn saved<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    let json = serde_json::to_string(value).unwrap();
    #[cfg(feature = "record")]
    {
        let bytes = postcard::to_allocvec(value).unwrap();
        let read: T = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
    }
    serde_json::from_str(&json).unwrap()
}
