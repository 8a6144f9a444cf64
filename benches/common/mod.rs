//! What the benches share: nodes, a random source, the driver of a dial cycle, the command line, rows.

pub(crate) mod cycle;
pub(crate) mod real;
pub(crate) mod rows;

use core::convert::Infallible;
use core::net::SocketAddr;

use dialstate::rand_core::{SeedableRng, TryRng};
use rand_chacha::ChaCha8Rng;

pub(crate) type Id = [u8; 32];
pub(crate) type Node = dialstate::Node<Id, SocketAddr>;
pub(crate) type Dialer = dialstate::Dialer<Id, SocketAddr, Chance>;
pub(crate) type Config = dialstate::Config<Id, SocketAddr>;
pub(crate) type Event = dialstate::Event<Id, SocketAddr>;
pub(crate) type Command = dialstate::Command<Id, SocketAddr>;

/// This host's own id: larger than none.
pub(crate) const ME: Id = [0; 32];

/// SplitMix64.
#[derive(Clone, Debug)]
pub(crate) struct Mix(u64);

impl Mix {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}

/// What a dialer draws from. One type for both, so that every dialer of a bench is the same compiled code.
#[derive(Clone, Debug)]
pub(crate) enum Chance {
    /// Costs next to nothing, so that the dialer alone is measured.
    Fast(Mix),
    /// What a program would use.
    Strong(Box<ChaCha8Rng>),
}

impl Chance {
    pub(crate) const fn fast(seed: u64) -> Self {
        Self::Fast(Mix::new(seed))
    }

    pub(crate) fn strong(seed: u64) -> Self {
        Self::Strong(Box::new(ChaCha8Rng::seed_from_u64(seed)))
    }
}

impl TryRng for Chance {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        match self {
            Self::Fast(mix) => Ok(mix.next() as u32),
            Self::Strong(rng) => rng.try_next_u32(),
        }
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        match self {
            Self::Fast(mix) => Ok(mix.next()),
            Self::Strong(rng) => rng.try_next_u64(),
        }
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        match self {
            Self::Fast(mix) => {
                for chunk in dst.chunks_mut(8) {
                    chunk.copy_from_slice(&mix.next().to_le_bytes()[..chunk.len()]);
                }
                Ok(())
            }
            Self::Strong(rng) => rng.try_fill_bytes(dst),
        }
    }
}

/// The id of the node with this number.
pub(crate) fn id(number: u32) -> Id {
    let mut rng = Mix::new(u64::from(number) << 20 | 1);
    let mut id = [0; 32];
    for chunk in id.chunks_exact_mut(8) {
        chunk.copy_from_slice(&rng.next().to_le_bytes());
    }
    id
}

/// A public IPv4 address, spread over 25,600 networks of 16 bits.
pub(crate) fn addr(number: u32) -> SocketAddr {
    let [a, b, c, d] = Mix::new(u64::from(number)).next().to_le_bytes()[..4] else { unreachable!() };
    SocketAddr::from(([16 + a % 100, b, c, d], 30_303))
}

/// The node with this number: one address.
pub(crate) fn node(number: u32) -> Node {
    Node::new(id(number), [addr(number)])
}
