//! The numbers at the end of a simulation: as a table for people, and as JSON for programs.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use dialstate::{DialOutcome, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use super::history::History;

/// A task that has waited longer than this at the end holds its slot for nothing: no transport waits so long.
const WEDGED: Duration = Duration::from_secs(60);

/// Every outcome, as it is called in JSON and in the table.
const OUTCOMES: [(DialOutcome, &str, &str); 10] = [
    (DialOutcome::Connected, "connected", "connected"),
    (DialOutcome::TooManyPeers, "too_many_peers", "too many peers"),
    (DialOutcome::TimedOut, "timed_out", "timed out"),
    (DialOutcome::Refused, "refused", "refused"),
    (DialOutcome::Unreachable, "unreachable", "unreachable"),
    (DialOutcome::Useless, "useless", "useless"),
    (DialOutcome::WrongIdentity, "wrong_identity", "wrong identity"),
    (DialOutcome::HandshakeFailed, "handshake_failed", "handshake failed"),
    (DialOutcome::LocalError, "local_error", "local error"),
    (DialOutcome::Cancelled, "cancelled", "cancelled by the driver"),
];

/// Outcomes that have no row in the table where there were none.
const RARE: [&str; 3] = ["handshake failed", "local error", "cancelled by the driver"];

/// What became of one dialer. Times are in milliseconds of simulated time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// How many peers it was told to keep.
    pub target: u32,
    /// When the first peer was connected.
    pub first_peer_ms: Option<u64>,
    /// When there were as many peers as wanted for the first time.
    pub full_target_ms: Option<u64>,
    /// The longest time with fewer peers than wanted, the start included.
    pub longest_below_target_ms: u64,
    /// The share of the time with as many peers as wanted, in percent.
    pub at_target_percent: f64,
    /// The mean number of peers.
    pub mean_peers: f64,
    /// Peers at the end.
    pub peers_at_end: u32,
    /// Sessions begun.
    pub sessions: u32,
    /// Sessions ended.
    pub sessions_ended: u32,
    /// Dials begun.
    pub dials: u32,
    /// The most dials under way at once.
    pub most_dials_at_once: u32,
    /// Dials by outcome.
    pub outcomes: BTreeMap<&'static str, u32>,
    /// Dials that the dialer gave up, at their deadline or for another reason.
    pub dials_given_up: u32,
    /// Dials under way at the end.
    pub dials_open_at_end: u32,
    /// Of these, dials that have waited for more than 60 s: their slots are lost.
    pub dials_wedged_at_end: u32,
    /// Lookups begun.
    pub lookups: u32,
    /// Lookups answered.
    pub lookups_answered: u32,
    /// Of these, lookups that found nothing.
    pub lookups_empty: u32,
    /// Lookups that the dialer gave up.
    pub lookups_given_up: u32,
    /// Lookups that have waited for more than 60 s at the end.
    pub lookups_wedged_at_end: u32,
    /// Nodes that lookups brought.
    pub nodes_found: u32,
    /// Of these, nodes that were new.
    pub nodes_new: u32,
    /// Subnets (IPv4 /16, IPv6 /32) peered with at any time.
    pub subnets: u32,
    /// The most peers at once in one of them.
    pub most_peers_in_subnet: u32,
    /// The most peers at once in one narrow subnet (IPv4 /24, IPv6 /48).
    pub most_peers_in_narrow_subnet: u32,
    /// Peers by subnet at the end.
    pub peers_by_subnet: BTreeMap<String, u32>,
    /// Times that the dialer was woken because its `Sleep` was over, per simulated hour.
    pub wakeups_per_hour: f64,
    /// The same in all, by reason.
    pub wakeups: BTreeMap<String, u64>,
    /// Events handed in, wake-ups included, per simulated hour.
    pub events_per_hour: f64,
    /// Events that the dialer refused: answers to tasks that had ended.
    pub events_refused: u32,
    /// Answers that the world lost.
    pub answers_lost: u32,
}

impl Report {
    /// The report on a life that has been [finished](History::finish), in a world that lost so many answers.
    #[must_use]
    pub fn new(history: &History, answers_lost: u32) -> Self {
        let h = history;
        let span = h.now.saturating_since(Timestamp::ZERO).max(Duration::from_nanos(1));
        let per_hour = |n: u64| tenths(u128::from(n) * 3_600_000_000_000, span.as_nanos());
        let wedged = |since: &&Timestamp| h.now.saturating_since(**since) > WEDGED;
        Self {
            target: h.target,
            first_peer_ms: h.first_peer.map(Timestamp::as_millis),
            full_target_ms: h.full.map(Timestamp::as_millis),
            longest_below_target_ms: millis(h.longest_below()),
            at_target_percent: tenths(h.at_target.as_nanos() * 100, span.as_nanos()),
            mean_peers: tenths(h.peer_time, span.as_nanos()),
            peers_at_end: h.peer_count(),
            sessions: h.sessions,
            sessions_ended: h.sessions_ended,
            dials: h.dials,
            most_dials_at_once: h.most_dials_open,
            outcomes: OUTCOMES
                .iter()
                .map(|(outcome, name, _)| (*name, h.outcomes.get(outcome).copied().unwrap_or(0)))
                .collect(),
            dials_given_up: h.dials_cancelled,
            dials_open_at_end: count(h.open_dials.len()),
            dials_wedged_at_end: count(h.open_dials.values().filter(wedged).count()),
            lookups: h.lookups.started,
            lookups_answered: h.lookups.answered,
            lookups_empty: h.lookups.empty,
            lookups_given_up: h.lookups.cancelled,
            lookups_wedged_at_end: count(h.open_lookups.values().filter(wedged).count()),
            nodes_found: h.lookups.nodes,
            nodes_new: h.lookups.new_nodes,
            subnets: count(h.subnets.len()),
            most_peers_in_subnet: h.most_in_wide,
            most_peers_in_narrow_subnet: h.most_in_narrow,
            peers_by_subnet: h.peers_by_subnet().into_iter().map(|(net, n)| (net.to_string(), n)).collect(),
            wakeups_per_hour: per_hour(h.wakeups.values().sum()),
            wakeups: h.wakeups.iter().map(|(reason, n)| (format!("{reason:?}"), *n)).collect(),
            events_per_hour: per_hour(h.events),
            events_refused: h.refused,
            answers_lost,
        }
    }

    /// The rows of the table. A label that begins with two spaces belongs to the row above.
    fn rows(&self) -> Vec<(String, String)> {
        let mut rows = Vec::new();
        let mut row = |label: &str, value: String| rows.push((label.to_owned(), value));
        row("first peer after", instant(self.first_peer_ms));
        row("full target after", instant(self.full_target_ms));
        row("longest time below target", span(Duration::from_millis(self.longest_below_target_ms)));
        row("time at target", format!("{:.1} %", self.at_target_percent));
        row("mean number of peers", format!("{:.1}", self.mean_peers));
        row("peers at the end", number(self.peers_at_end));
        row("  by /16 (IPv6: /32)", self.crowds());
        row("most peers at once in one /16 (/32)", number(self.most_peers_in_subnet));
        row("most peers at once in one /24 (/48)", number(self.most_peers_in_narrow_subnet));
        row("sessions", number(self.sessions));
        row("  in different /16 (/32)", number(self.subnets));
        row("dials", number(self.dials));
        for (_, name, label) in OUTCOMES {
            row(&format!("  {label}"), number(self.outcomes.get(name).copied().unwrap_or(0)));
        }
        row("  given up", number(self.dials_given_up));
        row("  under way at the end", number(self.dials_open_at_end));
        row("  of these for over 60 s (slots lost)", number(self.dials_wedged_at_end));
        row("most dials at once", number(self.most_dials_at_once));
        row("lookups", number(self.lookups));
        row("  found nothing", number(self.lookups_empty));
        row("  given up", number(self.lookups_given_up));
        row("  waiting for over 60 s at the end", number(self.lookups_wedged_at_end));
        row("nodes from lookups", number(self.nodes_found));
        row("  new ones", number(self.nodes_new));
        row("wake-ups per hour", format!("{:.1}", self.wakeups_per_hour));
        row("events per hour", format!("{:.1}", self.events_per_hour));
        row("events that the dialer refused", number(self.events_refused));
        row("answers that the world lost", number(self.answers_lost));
        rows
    }

    /// The peers at the end by the crowd in their subnet: `14 alone, 1 x 2`.
    fn crowds(&self) -> String {
        let mut crowds: BTreeMap<u32, u32> = BTreeMap::new();
        for size in self.peers_by_subnet.values() {
            *crowds.entry(*size).or_default() += 1;
        }
        let crowd = |(size, n): (&u32, &u32)| match size {
            1 => format!("{n} alone"),
            _ => format!("{n} x {size}"),
        };
        if crowds.is_empty() {
            "-".to_owned()
        } else {
            crowds.iter().map(crowd).collect::<Vec<_>>().join(", ")
        }
    }
}

/// One table with a column for each report.
#[must_use]
pub fn table(reports: &[(&str, Report)]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY);
    table.set_header(std::iter::once("").chain(reports.iter().map(|(name, _)| *name)));
    let columns: Vec<_> = reports.iter().map(|(_, report)| report.rows()).collect();
    let labels = columns.first().into_iter().flatten().map(|(label, _)| label);
    for (at, label) in labels.enumerate() {
        let values = || columns.iter().map(|rows| rows[at].1.as_str());
        if !RARE.contains(&label.trim()) || values().any(|value| value != "0") {
            table.add_row(std::iter::once(label.as_str()).chain(values()));
        }
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    // Trailing blanks would only be noise in a recorded output.
    table.trim_fmt()
}

/// The same numbers as one JSON object, on one line.
#[must_use]
pub fn json(world: &Value, reports: &[(&str, Report)]) -> String {
    let profiles: BTreeMap<_, _> = reports.iter().map(|(name, report)| (*name, report)).collect();
    json!({ "world": world, "profiles": profiles }).to_string()
}

/// A length of time for people, with as much detail as one would say.
#[must_use]
pub fn span(length: Duration) -> String {
    let (s, ms) = (length.as_secs(), length.subsec_millis());
    match s {
        0..60 if ms == 0 => format!("{s} s"),
        0..60 => format!("{s}.{ms:03} s"),
        60..3_600 if s % 60 == 0 => format!("{} min", s / 60),
        60..3_600 => format!("{} min {:02} s", s / 60, s % 60),
        _ => format!("{} h {:02} min", s / 3_600, s / 60 % 60),
    }
}

fn instant(ms: Option<u64>) -> String {
    ms.map_or("never".to_owned(), |ms| span(Duration::from_millis(ms)))
}

/// With a comma after each three digits.
fn number(n: u32) -> String {
    let digits = n.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

/// A quotient, rounded down to one decimal.
fn tenths(dividend: u128, divisor: u128) -> f64 {
    (dividend * 10 / divisor) as f64 / 10.0
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
