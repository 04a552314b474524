//! What must hold: expectations, names checked, units gone. `metrics` evaluates them.

use crate::model::{Arithmetic, Comparison, Execution};
use crate::time::Duration;

/// One expectation. Asked of every model, every sweep point and every run, unless narrowed by `In`, `At` or `Sometimes`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// As written, on one line.
    pub text: String,
    /// What is asked.
    pub what: Asked,
}

/// What an expectation asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// Bounds on the makespan.
    Elapsed(Bounds<Duration>),
    /// Bounds on completed jobs per second, of one task or of all.
    Throughput { task: Option<String>, bounds: Bounds<f64> },
    /// Bounds on a percentile (0 to 100) of the response time, of one task or of all.
    Latency { task: Option<String>, p: f64, bounds: Bounds<Duration> },
    /// Bounds on the mean response time, of one task or of all.
    Response { task: Option<String>, bounds: Bounds<Duration> },
    /// Bounds on the number of jobs that missed their deadlines, of one task or of all that have any.
    Missed { task: Option<String>, bounds: Bounds<u64> },
    /// Bounds on the number of jobs that ended with an exception, of one task or of all.
    Failed { task: Option<String>, bounds: Bounds<u64> },
    /// Bounds on the number of jobs that were refused, of one task or of all that have a capacity.
    Refused { task: Option<String>, bounds: Bounds<u64> },
    /// Bounds on what became of connections with a peer.
    Sockets { of: String, count: Counted, bounds: Bounds<u64> },
    /// Bounds on a percentile of the loop lag.
    LoopLag { p: f64, bounds: Bounds<Duration> },
    /// Bounds on the longest time that a thread could run and was not let.
    Starvation(Bounds<Duration>),
    /// How often at most a thread is passed over in a schedule.
    Bypass(u32),
    /// Bounds on the busy share of the cores (`cpu`), of the time the GIL was held (`gil`), or of a device.
    Utilization { of: String, bounds: Bounds<f64> },
    /// Bounds on the number of steps of coroutines that were slow.
    SlowCallbacks(Bounds<u64>),
    /// Bounds on the number of GIL switches.
    GilSwitches(Bounds<f64>),
    /// Bounds on the last value of a variable (of the first process, unless it is interprocess).
    Final { var: String, bounds: Bounds<i64> },
    /// The condition at these moments.
    Condition(When, Question<String>),
    /// Bounds on the makespan of `over` divided by the makespan of `of`, run by run.
    Speedup { of: Execution, over: Execution, bounds: Bounds<f64> },
    /// The length of the critical path.
    CriticalPath(Bounds<Duration>),
    /// The run ends in a deadlock. Without this, a deadlock (or any other irregular end) fails the scenario.
    Deadlock,
    /// The run ends in this way because of an object.
    Object { name: String, end: ObjectEnd },
    /// Holds in at least one run.
    Sometimes(Box<Expect>),
    /// Holds in this model.
    In(Execution, Vec<Expect>),
    /// Holds at the sweep points with these settings (path, value as written).
    At(Vec<(String, String)>, Vec<Expect>),
}

/// When a condition must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At every moment.
    Always,
    /// At no moment.
    Never,
    /// At some moment.
    Eventually,
    /// At some moment of at least one run or schedule.
    Possible,
    /// At the end.
    AtEnd,
}

/// A condition on variables, which are known by `V`: their names, or their ids.
#[derive(Clone, Debug, PartialEq)]
pub enum Question<V> {
    /// Two numbers compare so.
    Compare(Number<V>, Comparison, Number<V>),
    /// Each of these holds.
    All(Vec<Question<V>>),
    /// One of these holds.
    Any(Vec<Question<V>>),
}

/// A number that is computed of variables.
#[derive(Clone, Debug, PartialEq)]
pub enum Number<V> {
    /// Always the same.
    Fixed(i64),
    /// What the variable is at this moment.
    Variable(V),
    /// Computed of two others.
    Of(Arithmetic, Box<Number<V>>, Box<Number<V>>),
}

impl<V> Question<V> {
    /// Whether it holds where variables have these values.
    pub fn holds(&self, value: &impl Fn(&V) -> i64) -> bool {
        match self {
            Question::Compare(a, comparison, b) => comparison.holds(a.value(value), b.value(value)),
            Question::All(all) => all.iter().all(|question| question.holds(value)),
            Question::Any(any) => any.iter().any(|question| question.holds(value)),
        }
    }

    /// All variables that are asked about, each once.
    pub fn variables(&self) -> Vec<V>
    where
        V: Clone + PartialEq,
    {
        let mut found = Vec::new();
        self.collect(&mut found);
        found
    }

    fn collect(&self, found: &mut Vec<V>)
    where
        V: Clone + PartialEq,
    {
        match self {
            Question::Compare(a, _, b) => [a, b].into_iter().for_each(|number| number.collect(found)),
            Question::All(inner) | Question::Any(inner) => inner.iter().for_each(|inner| inner.collect(found)),
        }
    }

    /// The same about variables that are known otherwise; `None` if one is not known.
    pub fn about<W>(&self, known: &impl Fn(&V) -> Option<W>) -> Option<Question<W>> {
        let each = |all: &[Question<V>]| all.iter().map(|question| question.about(known)).collect::<Option<Vec<_>>>();
        Some(match self {
            Question::Compare(a, comparison, b) => Question::Compare(a.about(known)?, *comparison, b.about(known)?),
            Question::All(all) => Question::All(each(all)?),
            Question::Any(any) => Question::Any(each(any)?),
        })
    }
}

impl<V> Number<V> {
    fn collect(&self, found: &mut Vec<V>)
    where
        V: Clone + PartialEq,
    {
        match self {
            Number::Fixed(_) => {}
            Number::Variable(variable) if found.contains(variable) => {}
            Number::Variable(variable) => found.push(variable.clone()),
            Number::Of(_, a, b) => [a, b].into_iter().for_each(|number| number.collect(found)),
        }
    }

    fn value(&self, value: &impl Fn(&V) -> i64) -> i64 {
        match self {
            Number::Fixed(number) => *number,
            Number::Variable(variable) => value(variable),
            Number::Of(what, a, b) => what.of(a.value(value), b.value(value)),
        }
    }

    fn about<W>(&self, known: &impl Fn(&V) -> Option<W>) -> Option<Number<W>> {
        Some(match self {
            Number::Fixed(number) => Number::Fixed(*number),
            Number::Variable(variable) => Number::Variable(known(variable)?),
            Number::Of(what, a, b) => Number::Of(*what, Box::new(a.about(known)?), Box::new(b.about(known)?)),
        })
    }
}

/// What can become of an object with a reference count, wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectEnd {
    /// It is never freed although all references to it are dropped.
    Leaked,
    /// It is touched after it was freed.
    UsedAfterFree,
}

/// What is counted of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
pub enum Counted {
    /// Connections that tasks made.
    Connected,
    /// Connections that tasks accepted.
    Accepted,
    /// Connections for which the listener had no room.
    Refused,
    /// Calls that found nothing to do.
    InVain,
    /// Waits that their timeouts ended.
    TimedOut,
    /// Clients outside that got all of their answer.
    Served,
}

/// Bounds, both inclusive. At least one is given. `is` in a scenario sets both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds<T> {
    /// Least allowed value.
    pub at_least: Option<T>,
    /// Greatest allowed value.
    pub at_most: Option<T>,
}

impl<T: PartialOrd> Bounds<T> {
    /// Whether the value is within the bounds.
    pub fn contain(&self, value: &T) -> bool {
        self.at_least.as_ref().is_none_or(|least| value >= least)
            && self.at_most.as_ref().is_none_or(|most| value <= most)
    }
}
