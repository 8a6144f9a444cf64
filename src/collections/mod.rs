//! Generic containers: they know no node, and import nothing of the rest of the crate.
//!
//! What they hold is named by a [`Slot`], a small number with a type. Sentinels such as "no place" stay in here. Each
//! container says how many bytes it takes at most (`bound`), and with the feature `serde` can be saved and read again.

/// `Clone`, `Debug` and, where there is a `new`, `Default`, without the bounds on the kind of slot that a derive would add.
macro_rules! unbounded {
    (Clone, Default: $type:ident<K $(, const $n:ident: usize)?> { $($field:ident),+ }) => {
        impl<K $(, const $n: usize)?> Clone for $type<K $(, $n)?> {
            fn clone(&self) -> Self {
                Self { $($field: self.$field.clone()),+ }
            }
        }

        impl<K $(, const $n: usize)?> Default for $type<K $(, $n)?> {
            fn default() -> Self {
                Self::new()
            }
        }

        unbounded!(Debug: $type<K $(, const $n: usize)?> { $($field),+ });
    };
    (Copy: $type:ident<K> { $($field:ident),+ }) => {
        impl<K> Clone for $type<K> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<K> Copy for $type<K> {}

        unbounded!(Debug: $type<K> { $($field),+ });
    };
    (Debug: $type:ident<K $(, const $n:ident: usize)?> { $($field:ident),+ }) => {
        impl<K $(, const $n: usize)?> core::fmt::Debug for $type<K $(, $n)?> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($type))$(.field(stringify!($field), &self.$field))+.finish()
            }
        }
    };
}

mod bag;
pub(crate) mod bytes;
mod entries;
pub(crate) mod growth;
mod heap;
mod index;
mod lanes;
mod levels;
mod list;
mod paged;
#[cfg(feature = "serde")]
mod serialized;
mod set;
mod slab;
mod slot;
mod sparse;
mod table;
#[cfg(test)]
mod testing;
mod tokens;

pub(crate) use bag::Bag;
pub(crate) use heap::{Heap, Item};
pub(crate) use lanes::Lanes;
pub(crate) use levels::{Levels, Rung, Rungs};
pub(crate) use list::{Link, Links, List};
pub(crate) use set::SlotSet;
pub(crate) use slab::Slab;
pub(crate) use slot::Slot;
pub(crate) use sparse::Sparse;
pub(crate) use table::{Key, Table};
pub(crate) use tokens::Tokens;
