#![doc = include_str!("guide.md")]

// Documentation only: these modules are empty, and exist in `cargo doc` alone. Their programs are tests.

#[doc = include_str!("addresses.md")]
pub mod addresses {}
#[doc = include_str!("both_sides.md")]
pub mod both_sides {}
#[doc = include_str!("coming_from.md")]
pub mod coming_from {}
#[cfg_attr(feature = "record", doc = include_str!("debugging.md"))]
#[cfg_attr(not(feature = "record"), doc = "Debugging (this page needs the feature `record`).")]
pub mod debugging {}
#[doc = include_str!("driver.md")]
pub mod driver {}
#[doc = include_str!("figures.md")]
#[doc = include_str!("../../docs/simulate.svg")]
pub mod figures {}
#[doc = include_str!("glossary.md")]
pub mod glossary {}
#[doc = include_str!("guarantees.md")]
pub mod guarantees {}
#[doc = include_str!("map.md")]
pub mod map {}
#[doc = include_str!("profiles.md")]
pub mod profiles {}
#[cfg_attr(feature = "serde", doc = include_str!("restarts.md"))]
#[cfg_attr(not(feature = "serde"), doc = "Restarts (this page needs the feature `serde`).")]
pub mod restarts {}
#[doc = include_str!("rules.md")]
pub mod rules {}
#[cfg_attr(feature = "std", doc = include_str!("sockets.md"))]
#[cfg_attr(not(feature = "std"), doc = "A driver with real sockets (this page needs the feature `std`).")]
pub mod sockets {}
#[doc = include_str!("speed.md")]
pub mod speed {}
#[doc = include_str!("stability.md")]
pub mod stability {}
#[cfg_attr(feature = "std", doc = include_str!("tokio.md"))]
#[cfg_attr(not(feature = "std"), doc = "A driver with tokio (this page needs the feature `std`).")]
pub mod tokio {}
