//! What one does with a recording to find out what went wrong; the `replay` example is its door.
//!
//! | file | what lives there |
//! |---|---|
//! | `tape.rs` | a whole recording in memory, whichever form it has |
//! | `condition.rs` | what can be wrong with a dialer's life, and since when |
//! | `minimize.rs` | the shortest recording in which it still is |
//! | `timeline.rs` | the life of each node, as rows of states |
//! | `diff.rs` | the first line in which two recordings differ |

mod condition;
mod diff;
mod minimize;
mod tape;
mod timeline;

pub use condition::{Condition, Watch};
pub use diff::{Difference, diff};
pub use minimize::{Minimal, minimize};
pub use tape::Tape;
pub use timeline::{Row, State, Timeline};
