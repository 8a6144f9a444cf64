//! What a dialer decides, as text in the words of the trace format, and the whole of it as one number.

use std::fmt::Write;
use std::hash::Hasher;

use dialstate::{Collection, DialKind, EventError, Notice, Refusal, Subnet, Task, Timestamp, WakeReason};
use siphasher::sip::SipHasher13;

use crate::replay::Answer;
use crate::trace::{Closing, Kind, Output, TraceId};
use crate::world::{Command, Event, Id};

/// The commands of one or more dialers, what they made of each event, and apart from that their notices.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    decisions: SipHasher13,
    notices: SipHasher13,
    /// The text, if somebody wants to read it.
    kept: Option<String>,
}

impl Transcript {
    /// An empty transcript that keeps its text.
    #[must_use]
    pub fn kept() -> Self {
        Self { kept: Some(String::new()), ..Self::default() }
    }

    /// One number for commands and results, and one for notices.
    #[must_use]
    pub fn digests(&self) -> (u64, u64) {
        (self.decisions.finish(), self.notices.finish())
    }

    /// The text, if it is kept.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.kept.as_deref()
    }

    /// A line of its own: of which dialer the next ones are, for example.
    pub fn note(&mut self, line: &str) {
        self.decided(line.to_owned());
    }

    /// A dialer has handled an event. The event itself counts for nothing: it follows from what was decided before.
    pub fn event(&mut self, now: Timestamp, event: &Event, result: &Result<(), EventError>) {
        if let Some(kept) = &mut self.kept {
            writeln!(kept, "# {event:?}").expect("writing to memory");
        }
        let result = result.as_ref().map_or_else(error, |()| "ok".to_owned());
        // The one event for a dial that has connected says the same as two, and counts as two.
        let same = matches!(event, Event::DialConnected { .. }) && result == "ok";
        for _ in 0..=u8::from(same) {
            self.decided(format!("{} {result}", now.as_nanos()));
        }
    }

    /// A dialer was polled.
    pub fn command(&mut self, command: &Command) {
        self.decided(self::command(command));
    }

    /// A dialer has answered a line of a trace, and wants to be woken at this instant.
    pub fn answer(&mut self, answer: &Answer, wake: Option<Timestamp>) {
        answer.refused.iter().for_each(|refused| self.decided(error(refused)));
        self.decided(answer.line.text());
        self.decided(format!("sleep until {}", instant(wake)));
    }

    /// A dialer has told a notice.
    pub fn notice(&mut self, notice: &Notice<Id>) {
        let line = self::notice(notice);
        self.notices.write(line.as_bytes());
        self.notices.write_u8(b'\n');
        self.keep("! ", &line);
    }

    fn decided(&mut self, line: String) {
        self.decisions.write(line.as_bytes());
        self.decisions.write_u8(b'\n');
        self.keep("", &line);
    }

    fn keep(&mut self, mark: &str, line: &str) {
        if let Some(kept) = &mut self.kept {
            writeln!(kept, "{mark}{line}").expect("writing to memory");
        }
    }
}

fn instant(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "never".to_owned(), |at| at.as_nanos().to_string())
}

fn id(id: &Id) -> TraceId {
    TraceId::from(*id)
}

fn kind(kind: DialKind) -> Kind {
    Kind::try_from(kind).expect("the format has a word for every kind")
}

fn command(command: &Command) -> String {
    match command {
        Command::Dial { dial, node, kind: k, stagger, deadline } => {
            let shown = Output::dial(id(&node.id), kind(*k), &node.addrs);
            let (token, until) = (dial.as_raw(), instant(*deadline));
            format!("{shown} token {token} stagger {} until {until}", stagger.as_nanos())
        }
        Command::Resolve { resolve, id: whose, deadline } => {
            let shown = Output::Resolve { id: id(whose) };
            format!("{shown} token {} until {}", resolve.as_raw(), instant(*deadline))
        }
        Command::Lookup { lookup, target, deadline } => {
            let target = TraceId::from(*target);
            format!("lookup {target} token {} until {}", lookup.as_raw(), instant(*deadline))
        }
        Command::Cancel(task) => format!("cancel {}", self::task(*task)),
        Command::Disconnect { id: whom, reason } => {
            let reason = Closing::try_from(*reason).expect("the format has a word for every reason");
            Output::Disconnect { id: id(whom), reason }.to_string()
        }
        Command::Sleep { until, reason } => format!("sleep until {} for {}", instant(*until), wake(*reason)),
    }
}

fn task(task: Task) -> String {
    match task {
        Task::Dial(dial) => format!("dial {}", dial.as_raw()),
        Task::Resolve(resolve) => format!("resolve {}", resolve.as_raw()),
        Task::Lookup(lookup) => format!("lookup {}", lookup.as_raw()),
    }
}

fn wake(reason: WakeReason) -> &'static str {
    match reason {
        WakeReason::Event => "event",
        WakeReason::StaticRedial => "static_redial",
        WakeReason::Redial => "redial",
        WakeReason::OverdueAttempt => "overdue_attempt",
        WakeReason::OverdueLookup => "overdue_lookup",
        WakeReason::Lookup => "lookup",
        WakeReason::Fallback => "fallback",
        WakeReason::InboundExpiry => "inbound_expiry",
        WakeReason::BanExpiry => "ban_expiry",
        WakeReason::Pacing => "pacing",
        WakeReason::LocalPause => "local_pause",
        WakeReason::Offline => "offline",
        WakeReason::Relax => "relax",
        WakeReason::Feeler => "feeler",
        WakeReason::Churn => "churn",
        WakeReason::Revalidation => "revalidation",
        WakeReason::Backlog => "backlog",
        _ => "unnamed: add it to transcript.rs",
    }
}

fn error(error: &EventError) -> String {
    match error {
        EventError::TimeOutOfRange { now } => format!("time_out_of_range {}", now.as_nanos()),
        EventError::UnknownTask(task) => format!("unknown_task {}", self::task(*task)),
        EventError::EndedTask(task) => format!("ended_task {}", self::task(*task)),
        EventError::NotConnected(dial) => format!("not_connected {dial}"),
        EventError::Full { what, cap } => format!("full {} {cap}", collection(*what)),
        EventError::NotDialable(refusal) => format!("not_dialable {}", self::refusal(refusal)),
        EventError::OwnId => "own_id".to_owned(),
        EventError::InvalidChange(_) => "invalid_change".to_owned(),
        _ => "unnamed: add it to transcript.rs".to_owned(),
    }
}

fn collection(collection: Collection) -> &'static str {
    match collection {
        Collection::Statics => "statics",
        Collection::BannedIds => "banned_ids",
        Collection::BannedNetworks => "banned_networks",
        Collection::Requested => "requested",
        _ => "unnamed: add it to transcript.rs",
    }
}

fn refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::OwnId => "own_id".to_owned(),
        Refusal::Unknown => "unknown".to_owned(),
        Refusal::InAttempt { .. } => "in_attempt".to_owned(),
        Refusal::Connected => "connected".to_owned(),
        Refusal::InboundPending { .. } => "inbound_pending".to_owned(),
        Refusal::BannedId { until } => format!("banned_id {}", instant(*until)),
        Refusal::BannedNetwork { network, until } => format!("banned_network {network} {}", instant(*until)),
        Refusal::Restricted => "restricted".to_owned(),
        Refusal::NoAddress => "no_address".to_owned(),
        Refusal::ResolveDelay { until } => format!("resolve_delay {}", instant(Some(*until))),
        Refusal::Cooling { until } => format!("cooling {}", instant(Some(*until))),
        Refusal::FamilyDown { .. } => "family_down".to_owned(),
        Refusal::SubnetFull { subnet } => format!("subnet_full {}", self::subnet(*subnet)),
        _ => "unnamed: add it to transcript.rs".to_owned(),
    }
}

fn subnet(subnet: Subnet) -> String {
    match subnet {
        Subnet::Network(network) => network.to_string(),
        Subnet::NoIp => "no_ip".to_owned(),
        _ => "unnamed: add it to transcript.rs".to_owned(),
    }
}

fn notice(notice: &Notice<Id>) -> String {
    match notice {
        Notice::StaticParked { id: whom, reason } => {
            format!("static_parked {} {}", id(whom), refusal(reason))
        }
        Notice::StaticDeleted { id: whom, reason } => {
            format!("static_deleted {} {}", id(whom), refusal(reason))
        }
        Notice::RequestDropped { id: whom, reason } => {
            format!("request_dropped {} {}", id(whom), refusal(reason))
        }
        Notice::RequestEnded { id: whom, outcome } => {
            let how = outcome.map_or_else(|| "given up".to_owned(), |outcome| outcome.to_string());
            format!("request_ended {} {how}", id(whom))
        }
        Notice::KnownNodeForgotten { id: whom } => format!("known_node_forgotten {}", id(whom)),
        Notice::DiversityRelaxed { id: whom, subnet } => {
            format!("diversity_relaxed {} {}", id(whom), self::subnet(*subnet))
        }
        Notice::OfflineSuspected { since } => format!("offline_suspected {}", instant(Some(*since))),
        Notice::Online => "online".to_owned(),
        Notice::TimeJumped { expected } => format!("time_jumped {}", instant(Some(*expected))),
        _ => "unnamed: add it to transcript.rs".to_owned(),
    }
}
