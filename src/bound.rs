//! How much memory a dialer can take at the most, from the sizes of what it holds and the caps of its config.

use siphasher::sip::SipHasher13;

use crate::address::Address;
use crate::config::Config;
use crate::facts::counts::Counts;
use crate::node::NodeId;
use crate::plan::Plan;
use crate::plan::policy::Policy;
use crate::time::Timestamp;

impl<I: NodeId, A: Address> Config<I, A> {
    /// The most heap memory, in bytes, that a dialer with this config takes for what it remembers, with all caps reached
    /// and every node at its [`max_addrs`](Self::max_addrs) addresses, whatever strangers send.
    ///
    /// It is the sum, over all collections, of their cap, up to the next power of two where they double as they grow,
    /// times the size of what they hold: per known node its record with id and index, its addresses, one timer, its
    /// places in the queues and in its crowd, and what each of its addresses was blamed for. Not in it: what addresses
    /// have on the heap themselves, the old half of a vector while it doubles, the allocator's own overhead, events and
    /// commands, more peers or attempts than the caps say (facts are never refused), and in classic the history of dials,
    /// which no cap bounds.
    #[must_use]
    pub fn memory_bound(&self) -> u64 {
        let counts = Counts::new(self);
        let plan = Plan::<I, A>::new(self.profile(), SipHasher13::new_with_keys(0, 0), Timestamp::ZERO);
        counts.bound(self).saturating_add(plan.bound(&counts))
    }
}
