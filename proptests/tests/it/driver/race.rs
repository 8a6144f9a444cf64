//! Races of the addresses of a dial.

use std::collections::BTreeSet;
use std::time::Duration;

use dialstate::driver::{Race, RaceStep};
use dialstate::{AddrOutcome, Addrs, DialId, DialOutcome, Event, Timestamp};
use proptest::prelude::*;

use super::{Id, at, outcome};

const STAGGER: Duration = Duration::from_millis(250);

fn decides(outcome: DialOutcome) -> bool {
    [DialOutcome::Connected, DialOutcome::TooManyPeers, DialOutcome::Useless].contains(&outcome)
}

/// What comes of each address, and how long after its start; without a time: nothing, ever.
type Script = Vec<(DialOutcome, Option<u64>)>;

/// The starts of all addresses, the end and the answer of a race, driven as its own waits say.
fn run(script: &Script, deadline: Option<Timestamp>) -> (Vec<(u64, usize)>, Timestamp, Event<Id, usize>) {
    let addrs: Addrs<usize> = (0..script.len()).collect();
    let mut race = Race::new(at(0), DialId::from_raw(7), addrs, STAGGER, deadline);
    let (mut now, mut starts, mut due) = (at(0), Vec::new(), BTreeSet::new());
    for _ in 0..100 {
        match race.next(now) {
            RaceStep::Start(addr) => {
                starts.push((now.as_millis(), addr));
                due.extend(script[addr].1.map(|after| (now.as_millis() + after, addr)));
            }
            RaceStep::Finished => return (starts, now, race.answer()),
            RaceStep::Wait(until) => {
                assert!(until.is_none_or(|until| until > now), "it waits for what is over");
                let next = due.first().map(|(when, _)| at(*when));
                now = until.into_iter().chain(next).min().expect("somebody answers, or it gives up");
                while let Some((_, addr)) = due.pop_first_if_due(now) {
                    match script[addr].0 {
                        DialOutcome::Connected => _ = race.connected(&addr),
                        outcome => race.failed(&addr, outcome),
                    }
                }
            }
        }
    }
    panic!("a race without an end: {script:?}");
}

trait Due {
    fn pop_first_if_due(&mut self, now: Timestamp) -> Option<(u64, usize)>;
}

impl Due for BTreeSet<(u64, usize)> {
    fn pop_first_if_due(&mut self, now: Timestamp) -> Option<(u64, usize)> {
        let first = self.first().copied().filter(|(when, _)| at(*when) <= now)?;
        self.remove(&first);
        Some(first)
    }
}

proptest! {
    /// Addresses start in order, never later than the stagger asks and never earlier unless all before have failed; the first
    /// that decides ends it; every address that ended is told, and the answer is in time.
    #[test]
    fn a_race_keeps_its_rules(
        script in prop::collection::vec((outcome(), prop::option::weighted(0.8, 0u64..2_000)), 1..6),
        limit in 100u64..4_000,
    ) {
        let (starts, end, answer) = run(&script, Some(at(limit)));
        prop_assert!(end < at(limit), "at the deadline an answer is late");
        let order: Vec<usize> = starts.iter().map(|(_, addr)| *addr).collect();
        prop_assert_eq!(order, (0..starts.len()).collect::<Vec<_>>());
        let ends: Vec<Option<u64>> =
            starts.iter().map(|(when, addr)| script[*addr].1.map(|after| when + after)).collect();
        for (n, pair) in starts.windows(2).enumerate() {
            let (before, now) = (pair[0].0, pair[1].0);
            let all_failed = ends[..=n].iter().all(|end| end.is_some_and(|end| end <= now));
            prop_assert!(now == before + 250 || now < before + 250 && all_failed, "{starts:?} {script:?}");
        }
        let ended = |addr: usize| ends[addr].is_some_and(|when| at(when) <= end);
        let decided = (0..starts.len()).find(|addr| ended(*addr) && decides(script[*addr].0));
        match answer {
            Event::DialConnected { dial, addr, tried } => {
                prop_assert_eq!(dial, DialId::from_raw(7));
                let winner = addr.expect("which one it was");
                prop_assert_eq!(script[winner].0, DialOutcome::Connected);
                let won = AddrOutcome { addr: winner, outcome: DialOutcome::Connected };
                prop_assert!(tried.contains(&won));
                prop_assert!(tried.iter().filter(|one| decides(one.outcome)).count() == 1);
            }
            Event::DialFinished { outcome, tried, .. } => {
                prop_assert_ne!(outcome, DialOutcome::Connected);
                prop_assert!(tried.iter().any(|one| one.outcome == outcome));
                if decided.is_none() {
                    // All that were started are told: those without an answer have timed out.
                    prop_assert_eq!(tried.len(), starts.len());
                    for one in &tried {
                        let told = if ended(one.addr) { script[one.addr].0 } else { DialOutcome::TimedOut };
                        prop_assert_eq!(one.outcome, told);
                    }
                    let all = starts.len() == script.len() && (0..script.len()).all(ended);
                    prop_assert!(all || end.saturating_add(Duration::from_millis(500)) >= at(limit));
                }
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }
}

#[test]
fn an_abandoned_race_charges_nobody_and_keeps_what_it_has_learned() {
    let addrs: Addrs<usize> = (0..3).collect();
    let mut race = Race::new(at(0), DialId::from_raw(7), addrs, STAGGER, Some(at(30_000)));
    assert_eq!(race.next(at(0)), RaceStep::Start(0));
    race.failed(&0, DialOutcome::Refused);
    assert_eq!(race.next(at(1)), RaceStep::Start(1));
    // What was not started, or is told twice, is ignored.
    race.failed(&2, DialOutcome::Useless);
    race.failed(&0, DialOutcome::Useless);
    assert_eq!(race.running().collect::<Vec<_>>(), [&1]);
    let tried = vec![AddrOutcome { addr: 0, outcome: DialOutcome::Refused }];
    let answer = Event::DialFinished { dial: DialId::from_raw(7), outcome: DialOutcome::Cancelled, tried };
    assert_eq!(race.clone().answer::<Id>(), answer);
    assert!(race.connected(&1) && !race.connected(&1));
    assert_eq!(race.next(at(2)), RaceStep::Finished);
}
