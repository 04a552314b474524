//! A schedule as what it does otherwise than the base schedule, which runs each thread until it waits, then the next one.
//!
//! A deviation is anchored at a step of the thread that is passed over, so that it keeps its meaning when other threads
//! change: `hit[0]@1>hit[1]` says that after 1 step of `hit[0]`, when its turn is next, `hit[1]` goes first.

use std::fmt;

use super::machine::Machine;
use super::packed::Packed;
use super::raise::{EXPIRE, LATE};
use super::state::State;
use super::step::Choice;
use crate::model::Model;
use crate::rng::{numbered, stream_id};
use crate::trace::BEHAVIOUR;

/// One step that the base schedule would not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// Whose turn it is.
    pub passed: String,
    /// How many steps it has taken.
    pub after: u32,
    /// Who goes instead; the same, if only the branch is another.
    pub chosen: String,
    /// The branch, if the step has several and it is not the first; written as `=t0` if it is that a timeout is over, and as `=late` if that of
    /// a wait for some coroutines is.
    pub branch: u16,
}

/// A schedule of a model, as it is printed and read back: `gs1.<level>.<model>.<deviations>`, with `~<steps>` behind it if it
/// is stopped there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The behaviour level that it was found under.
    pub behaviour: u32,
    /// The digest of the model.
    pub model: u64,
    /// Whether its steps are those of the reduced machine.
    pub reduced: bool,
    /// In order of steps.
    pub deviations: Vec<Deviation>,
    /// After how many steps it is stopped, if it does not come to an end by itself.
    pub stop: Option<u32>,
}

/// Why a token cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drift {
    /// It is no token.
    Unreadable(String),
    /// It belongs to another model or version of it.
    OtherModel,
    /// It was found under another behaviour level.
    OtherLevel(u32),
    /// This deviation never came to be.
    Unused(Deviation),
    /// The one who should go cannot.
    Stuck(Deviation),
}

impl Token {
    /// The token of the schedule with these steps.
    pub fn of(machine: &Machine<'_>, steps: &[Choice]) -> Token {
        let mut choices = Vec::new();
        machine.choices(&machine.after_steps(steps), &mut choices);
        let stop = (!choices.is_empty()).then_some(steps.len() as u32);
        let deviations = deviations(machine, steps);
        Token { behaviour: BEHAVIOUR, model: digest(machine.model), reduced: machine.reduced, deviations, stop }
    }
}

/// What a token is bound to: everything that a schedule can depend on.
pub fn digest(model: &Model) -> u64 {
    let parts = format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        model.execution,
        model.interpreter,
        model.code,
        model.operands,
        model.vars,
        model.locks,
        model.programs,
        model.choices,
        model.syncs
    );
    let tasks: Vec<String> =
        model.tasks.iter().map(|task| format!("{} {:?} {:?}", task.name, task.count, task.after)).collect();
    numbered(stream_id(&parts), stream_id(&tasks.join("\n")))
}

/// Whose turn it is under the base schedule.
fn base(choices: &[Choice], current: Option<u16>) -> Option<Choice> {
    let from = current.unwrap_or(0);
    // That a timeout is over is a deviation, unless nothing else can happen.
    let mut steps = choices.iter().filter(|choice| !choice.expires());
    let next = steps.clone().find(|choice| choice.thread >= from);
    next.or_else(|| steps.next()).or(choices.first()).copied()
}

/// Follows steps and tells what is not as in the base schedule.
pub fn deviations(machine: &Machine<'_>, steps: &[Choice]) -> Vec<Deviation> {
    let mut found = Vec::new();
    walk(machine, |state, taken, base, _| {
        let step = steps.get(taken.iter().sum::<u32>() as usize)?;
        if *step != base {
            found.push(Deviation {
                passed: machine.name(state, base.thread),
                after: taken[base.thread as usize],
                chosen: machine.name(state, step.thread),
                branch: step.branch,
            });
        }
        Some(*step)
    });
    found
}

/// The steps of the schedule that deviates so; at most `stop` of them.
///
/// # Errors
/// The schedule does not fit the model.
pub fn replay(machine: &Machine<'_>, deviations: &[Deviation], stop: Option<u32>) -> Result<Vec<Choice>, Drift> {
    let (mut steps, mut drift) = (Vec::new(), None);
    let mut open = deviations.iter().peekable();
    let (mut seen, mut bytes) = (Packed::default(), Vec::new());
    walk(machine, |state, taken, base, choices| {
        let here = |deviation: &&&Deviation| {
            deviation.after == taken[base.thread as usize] && deviation.passed == machine.name(state, base.thread)
        };
        if stop.is_some_and(|stop| steps.len() >= stop as usize) {
            return None;
        }
        if open.peek().is_none() {
            // The same again, for ever.
            machine.pack(state, &mut bytes);
            bytes.extend_from_slice(&base.thread.to_le_bytes());
            let known = seen.len();
            if (seen.number(&bytes) as usize) < known {
                return None;
            }
        }
        let step = match open.peek().filter(here) {
            None => base,
            Some(deviation) => {
                let chosen = choices.iter().find(|choice| {
                    choice.branch == deviation.branch && machine.name(state, choice.thread) == deviation.chosen
                });
                let Some(chosen) = chosen else {
                    drift = Some(Drift::Stuck((*deviation).clone()));
                    return None;
                };
                open.next();
                *chosen
            }
        };
        steps.push(step);
        Some(step)
    });
    match (drift, open.next()) {
        (Some(drift), _) => Err(drift),
        (None, Some(unused)) => Err(Drift::Unused(unused.clone())),
        (None, None) => Ok(steps),
    }
}

/// Steps after which a schedule is taken for endless.
const MOST_STEPS: usize = 1_000_000;

/// Takes steps from the start on until nobody can go on or `next` has none; it is given the state, how many steps each
/// thread has taken, the step of the base schedule, and all possible ones.
fn walk(machine: &Machine<'_>, mut next: impl FnMut(&State, &[u32], Choice, &[Choice]) -> Option<Choice>) -> State {
    let mut state = machine.start();
    let (mut taken, mut choices, mut current) = (Vec::new(), Vec::new(), None);
    for _ in 0..MOST_STEPS {
        taken.resize(state.threads.len(), 0);
        machine.choices(&state, &mut choices);
        let Some(base) = base(&choices, current) else { break };
        let Some(step) = next(&state, &taken, base, &choices) else { break };
        taken[step.thread as usize] += 1;
        current = Some(step.thread);
        machine.step(&mut state, step);
    }
    state
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}>{}", escaped(&self.passed), self.after, escaped(&self.chosen))?;
        match self.branch.checked_sub(EXPIRE) {
            _ if self.branch == LATE => write!(f, "=late"),
            Some(timeout) => write!(f, "=t{timeout}"),
            None if self.branch > 0 => write!(f, "={}", self.branch),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deviations: Vec<String> = self.deviations.iter().map(Deviation::to_string).collect();
        let reduced = if self.reduced { "r" } else { "" };
        write!(f, "gs1.{}.{:016x}{reduced}.{}", self.behaviour, self.model, deviations.join(","))?;
        self.stop.map_or(Ok(()), |steps| write!(f, "~{steps}"))
    }
}

impl Token {
    /// Reads a token.
    ///
    /// # Errors
    /// It is none; what is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Token, Drift> {
        let fail = |words: &str| Drift::Unreadable(words.to_owned());
        let rest = text.trim().strip_prefix("gs1.").ok_or_else(|| fail("a schedule begins with `gs1.`"))?;
        let (level, rest) = rest.split_once('.').ok_or_else(|| fail("the parts behind the second dot are missing"))?;
        let behaviour = level.parse().map_err(|_| fail("the second part is the number of a behaviour level"))?;
        let (model, deviations) =
            rest.split_once('.').ok_or_else(|| fail("the part behind the third dot is missing"))?;
        let (deviations, stop) = match deviations.split_once('~') {
            None => (deviations, None),
            Some((deviations, stop)) => {
                let stop = stop.parse().map_err(|_| fail("behind `~` stands a number of steps"))?;
                (deviations, Some(stop))
            }
        };
        let (model, reduced) = model.strip_suffix('r').map_or((model, false), |model| (model, true));
        let hex = model.len() == 16 && model.bytes().all(|byte| byte.is_ascii_hexdigit());
        let model = u64::from_str_radix(model, 16).ok().filter(|_| hex);
        let model = model.ok_or_else(|| fail("the third part is a digest of 16 hexadecimal digits"))?;
        let one = |text: &str| {
            let (passed, rest) = text.split_once('@')?;
            let (after, chosen) = rest.split_once('>')?;
            let (chosen, branch) = chosen.split_once('=').unwrap_or((chosen, "0"));
            let (passed, chosen) = (unescaped(passed)?, unescaped(chosen)?);
            let branch = match branch.strip_prefix('t') {
                _ if branch == "late" => LATE,
                Some(timeout) => EXPIRE.checked_add(timeout.parse().ok()?)?,
                None => branch.parse().ok()?,
            };
            Some(Deviation { passed, after: after.parse().ok()?, chosen, branch })
        };
        let parts = deviations.split(',').filter(|part| !part.is_empty());
        let read =
            |part: &str| one(part).ok_or_else(|| fail(&format!("`{part}` is not of the form thread@steps>thread")));
        Ok(Token { behaviour, model, reduced, deviations: parts.map(read).collect::<Result<_, _>>()?, stop })
    }
}

/// A name without anything that a token or a shell would take for something else.
fn escaped(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '[' | ']' | '#');
    let mut out = String::new();
    for c in name.chars() {
        if plain(c) {
            out.push(c);
        } else {
            c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| out += &format!("%{byte:02x}"));
        }
    }
    out
}

fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok().filter(|name| !name.is_empty())
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Drift::Unreadable(words) => write!(f, "this is no schedule: {words}"),
            Drift::OtherModel => {
                f.write_str("this schedule belongs to another scenario or execution model, or to another version of it")
            }
            Drift::OtherLevel(level) => write!(
                f,
                "this schedule was found under behaviour level {level}, and this is level {BEHAVIOUR}: run `gilsim test` again"
            ),
            Drift::Unused(deviation) => write!(f, "the schedule has drifted: {deviation} never comes to be"),
            Drift::Stuck(deviation) => {
                write!(f, "the schedule has drifted: at {deviation}, {} cannot go on", deviation.chosen)
            }
        }
    }
}
