//! How a run ended.

use crate::time::{Duration, Time};

/// The end of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// How.
    pub outcome: Outcome,
    /// The last instant of the simulated clock: `until`, or the end of the last thing that happened.
    pub at: Time,
    /// Events handled.
    pub events: u64,
    /// Daemons that the end of a finished run has cut off.
    pub daemons: u32,
}

/// The ways in which a run ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// All jobs, and all that they spawned, are complete.
    Finished,
    /// The clock reached `until`.
    Until,
    /// Nothing can happen any more, and not everything is complete. One entry per waiting context, the cycle first.
    Deadlock(Vec<Waiting>),
    /// `max_events` events have happened.
    Limit { max_events: u64 },
    /// More exists than a run may have; usually work that comes faster than it can be done.
    Crowded { most: usize, what: &'static str },
    /// The 584 years of the clock are over, and something still runs or waits for a later time.
    ClockEnd,
    /// A million steps without time passing.
    Livelock { who: String },
    /// A context did what only somebody may do who holds something: it released a lock, say.
    NotHeld { who: String, did: String },
    /// A socket call failed, and the program does not see to that.
    Socket { who: String, did: String },
    /// A context touched an object that had been freed: who, who freed it, and why it was too early.
    UsedAfterFree { object: String, lines: Vec<String> },
    /// These objects were never freed although all references to them were dropped; the work itself is done.
    Leaked { objects: Vec<String>, lines: Vec<String> },
    /// What a context asserted did not hold.
    Broken { who: String, asserted: String },
}

impl Outcome {
    /// One word, for tables and JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Finished => "finished",
            Outcome::Until => "until",
            Outcome::Deadlock(_) => "deadlock",
            Outcome::Limit { .. } => "limit",
            Outcome::Crowded { .. } => "crowded",
            Outcome::ClockEnd => "clock-end",
            Outcome::Livelock { .. } => "livelock",
            Outcome::NotHeld { .. } => "not-held",
            Outcome::Socket { .. } => "socket",
            Outcome::UsedAfterFree { .. } => "used-after-free",
            Outcome::Leaked { .. } => "leaked",
            Outcome::Broken { .. } => "broken",
        }
    }

    /// The objects that this is about, of a use after free or a leak.
    pub fn objects(&self) -> &[String] {
        match self {
            Outcome::UsedAfterFree { object, .. } => std::slice::from_ref(object),
            Outcome::Leaked { objects, .. } => objects,
            _ => &[],
        }
    }

    /// Whether the run did what a run should do.
    pub fn is_regular(&self) -> bool {
        matches!(self, Outcome::Finished | Outcome::Until)
    }

    /// What happened, in words, one line each; empty for a regular end.
    pub fn explanation(&self) -> Vec<String> {
        match self {
            Outcome::Finished | Outcome::Until => Vec::new(),
            Outcome::Deadlock(waiting) => waiting.iter().map(Waiting::to_string).collect(),
            Outcome::Limit { max_events } => vec![format!(
                "stopped after {max_events} events: give the scenario an `until`, or a larger `max_events`"
            )],
            Outcome::Crowded { most, what } => vec![format!(
                "stopped at {most} {what}: work comes faster than it is done, or something is spawned without end"
            )],
            Outcome::ClockEnd => {
                vec!["the clock, which counts 584 years in nanoseconds, ended before the work did".to_owned()]
            }
            Outcome::Livelock { who } => {
                vec![format!(
                    "{who} took a million steps without any time passing: some step in its loop must take time"
                )]
            }
            Outcome::UsedAfterFree { lines, .. } | Outcome::Leaked { lines, .. } => lines.clone(),
            Outcome::NotHeld { who, did } | Outcome::Socket { who, did } => vec![format!("{who} {did}")],
            Outcome::Broken { who, asserted } => vec![format!("{who} asserted {asserted}, which did not hold")],
        }
    }
}

/// One party of a deadlock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The thread or coroutine.
    pub who: String,
    /// What it waits for: `the lock "a"`.
    pub on: String,
    /// Who has that, if anybody does.
    pub held_by: Option<String>,
    /// Since when it waits.
    pub since: Time,
    /// Why nobody has come to let it go.
    pub hint: Option<String>,
}

impl std::fmt::Display for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} waits for {}", self.who, self.on)?;
        if let Some(holder) = &self.held_by {
            write!(f, ", held by {holder}")?;
        }
        write!(f, ", since {}", Duration(self.since.0))?;
        self.hint.iter().try_for_each(|hint| write!(f, "; {hint}"))
    }
}
