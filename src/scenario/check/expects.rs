//! E05: percentiles. E13: expectations that cannot be asked. Warning `one-run`.

use indexmap::IndexMap;

use super::model::{execution, has_loop};
use super::names::{Kind, unknown};
use super::{Finding, Findings, Path, Subject, deadlines, entry, head, interpreter, key, questions};
use crate::model::Execution;
use crate::scenario::ast::{Arrive, Expect, ModelName, Step, Task};
use crate::scenario::words::nearest;

/// The settings of one point: swept paths and their values, as written on one line.
pub type Settings = IndexMap<String, String>;

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let models: Vec<&ModelName> = subject.scenario.models.iter().collect();
    let path = Path::root().name("expect");
    let mut asker = Asker { subject, found };
    questions::count(&subject.scenario.expect, &path, asker.found);
    for (index, expect) in subject.scenario.expect.iter().enumerate() {
        asker.expect(&path.index(index), expect, &Scope { models: &models, inside: None });
    }
}

/// What surrounds an expectation.
struct Scope<'a> {
    /// The models that are asked.
    models: &'a [&'a ModelName],
    /// Inside an `In`.
    inside: Option<&'a ModelName>,
}

struct Asker<'a, 'f> {
    subject: &'a Subject<'a>,
    found: &'f mut Findings,
}

impl Asker<'_, '_> {
    fn expect(&mut self, path: &Path, expect: &Expect, scope: &Scope<'_>) {
        match expect {
            Expect::Elapsed { is, at_least, at_most } => self.bounds(path, *is, *at_least, *at_most),
            Expect::CriticalPath { is, at_least, at_most } => {
                self.chain(path);
                self.bounds(path, *is, *at_least, *at_most);
            }
            Expect::Throughput { task, is, at_least, at_most } => {
                self.task(path, task.as_deref());
                self.numbers(path, *is, *at_least, *at_most);
            }
            Expect::Latency { task, p, is, at_least, at_most } => {
                self.task(path, task.as_deref());
                self.percentile(path, *p);
                self.bounds(path, *is, *at_least, *at_most);
            }
            Expect::Response { task, is, at_least, at_most } => {
                self.task(path, task.as_deref());
                self.bounds(path, *is, *at_least, *at_most);
            }
            Expect::Missed { task, is, at_least, at_most } => {
                self.task(path, task.as_deref());
                self.deadline(path, task.as_deref());
                self.bounds(path, *is, *at_least, *at_most);
            }
            Expect::Failed { task, is, at_least, at_most } => {
                self.task(path, task.as_deref());
                self.exceptions(path);
                self.bounds(path, *is, *at_least, *at_most);
            }
            Expect::Refused { task, is, at_least, at_most } => {
                self.task(path, task.as_deref());
                self.capacity(path, task.as_deref());
                self.bounds(path, *is, *at_least, *at_most);
            }
            Expect::Sockets { of, is, at_least, at_most, .. } => {
                self.peer(path, of);
                self.bounds(path, *is, *at_least, *at_most);
            }
            Expect::LoopLag { p, is, at_least, at_most } => {
                self.needs(path, scope, "LoopLag", "an event loop", has_loop);
                self.percentile(path, *p);
                self.bounds(path, *is, *at_least, *at_most);
            }
            Expect::Starvation { is, at_least, at_most } => {
                self.threads(path, scope);
                self.bounds(path, *is, *at_least, *at_most);
            }
            Expect::Bypass { .. } => self.searched(path),
            Expect::Utilization { of, is, at_least, at_most } => {
                self.resource(path, of, scope);
                self.numbers(path, *is, *at_least, *at_most);
                self.shares(path, of, is.or(*at_least), at_most.filter(|_| is.is_none()));
            }
            Expect::SlowCallbacks { is, at_least, at_most } => {
                self.needs(path, scope, "SlowCallbacks", "an event loop", has_loop);
                self.bounds(path, *is, *at_least, *at_most);
            }
            Expect::GilSwitches { is, at_least, at_most } => {
                self.gil(path, scope, "GilSwitches");
                self.numbers(path, *is, *at_least, *at_most);
            }
            Expect::Final { var, is, at_least, at_most } => {
                self.variable(path, var);
                self.bounds(path, *is, *at_least, *at_most);
            }
            Expect::Always(asked)
            | Expect::Never(asked)
            | Expect::Eventually(asked)
            | Expect::Possible(asked)
            | Expect::AtEnd(asked) => questions::check(self.subject, &path.index(0), asked, self.found),
            Expect::Speedup { of, over, is, at_least, at_most } => {
                self.speedup(path, of, over, scope);
                self.numbers(path, *is, *at_least, *at_most);
            }
            Expect::Deadlock => {}
            Expect::Leaked(object) | Expect::UsedAfterFree(object) => self.object(path, object),
            Expect::Sometimes(inner) => {
                self.sometimes(path);
                if let Expect::Bypass { .. } = **inner {
                    let title = "how often threads are passed over is asked of all schedules";
                    self.wrong(title, path.index(0), "leave `Sometimes` out");
                }
                if let Expect::Always(_) | Expect::Never(_) = **inner {
                    let title = "what holds at every moment of one run proves nothing about others";
                    let finding = Finding::error("E13", title, path.index(0), "of all runs, or at one moment");
                    self.found
                        .push(finding.help("leave `Sometimes` out, or write `Possible(..)` or `Sometimes(AtEnd(..))`"));
                }
                self.expect(&path.index(0), inner, scope);
            }
            Expect::In(model, inner) => {
                self.run(&path.index(0), model);
                self.not_empty(path, inner);
                let scope = Scope { models: &[model], inside: Some(model) };
                for (index, expect) in inner.iter().enumerate() {
                    self.expect(&path.index(1).index(index), expect, &scope);
                }
            }
            Expect::At(_, inner) => {
                self.not_empty(path, inner);
                for (index, expect) in inner.iter().enumerate() {
                    self.expect(&path.index(1).index(index), expect, scope);
                }
            }
        }
    }

    fn wrong(&mut self, title: impl Into<String>, spot: impl Into<super::Spot>, text: impl Into<String>) {
        self.found.push(Finding::error("E13", title, spot, text));
    }

    fn bounds<T: PartialOrd + Copy>(&mut self, path: &Path, is: Option<T>, at_least: Option<T>, at_most: Option<T>) {
        match (is, at_least, at_most) {
            (None, None, None) => self.wrong("nothing is asked", head(path), "add `is`, `at_least` or `at_most`"),
            (Some(_), None, None) => {}
            (Some(_), ..) => self.wrong("`is` leaves no room for bounds", path.name("is"), "either `is` or bounds"),
            (None, Some(least), Some(most)) if least > most => {
                let title = "`at_least` is above `at_most`: nothing can be both";
                let finding = Finding::error("E13", title, path.name("at_least"), "at least this");
                self.found.push(finding.and(path.name("at_most"), "and at most this"));
            }
            _ => {}
        }
    }

    fn numbers(&mut self, path: &Path, is: Option<f64>, at_least: Option<f64>, at_most: Option<f64>) {
        for (name, value) in [("is", is), ("at_least", at_least), ("at_most", at_most)] {
            if value.is_some_and(|value| !value.is_finite()) {
                return self.wrong("a bound is an ordinary number", path.name(name), "not a number to compare with");
            }
        }
        self.bounds(path, is, at_least, at_most);
    }

    /// What has a capacity is between idle and busy; the use of a device without slots counts requests.
    fn shares(&mut self, path: &Path, of: &str, at_least: Option<f64>, at_most: Option<f64>) {
        if self.subject.scenario.devices.get(of).is_some_and(|device| device.slots.is_none()) {
            return;
        }
        let bounds = [("at_least", at_least), ("at_most", at_most)];
        let finite = bounds.into_iter().filter_map(|(name, value)| Some((name, value.filter(|v| v.is_finite())?)));
        for (name, value) in finite.filter(|(_, value)| !(0.0..=1.0).contains(value)) {
            let text = match (1.0..=100.0).contains(&value) {
                true => format!("{value} percent is {}", value / 100.0),
                false => "between 0 and 1".to_owned(),
            };
            self.wrong(format!("the use of \"{of}\" is a share from 0 to 1, not {value}"), path.name(name), text);
        }
    }

    /// Threads can starve; of coroutines it is the loop that is late.
    fn threads(&mut self, path: &Path, scope: &Scope<'_>) {
        let Some(model) = scope.models.iter().find(|model| has_loop(model)) else { return };
        let title = format!("Starvation is about threads, and the jobs of {} are coroutines", execution(model));
        let finding = Finding::error("E13", title, head(path), "asked of every model here");
        self.found.push(finding.help("ask LoopLag(p: 100, ..) of it, or only models with threads: In(Model, [..])"));
    }

    /// Only a search of all schedules asks this.
    fn searched(&mut self, path: &Path) {
        let scenario = self.subject.scenario;
        let mut exits = false;
        self.subject
            .code
            .bodies()
            .iter()
            .for_each(|body| body.each(&mut |_, step| exits |= matches!(step, Step::Exit)));
        let endless =
            |task: &Task| task.count.is_none() && !matches!(task.arrive, Arrive::AtOnce | Arrive::Recorded(_));
        let why = if !scenario.network.is_empty() {
            "they do not look at connections".to_owned()
        } else if exits {
            "they do not look at workers that exit".to_owned()
        } else if let Some((name, _)) = scenario.tasks.iter().find(|(_, task)| endless(task)) {
            format!("the jobs of \"{name}\" have no end: give it a `count`")
        } else {
            return;
        };
        let finding = Finding::error("E13", "nothing can ever evaluate this", head(path), "asked of all schedules");
        self.found.push(finding.help(format!("`gilsim test` looks at all schedules, but {why}")));
    }

    fn chain(&mut self, path: &Path) {
        let subject = self.subject;
        if subject.is_whole("tasks") && subject.scenario.tasks.values().all(|task| task.after.is_empty()) {
            let title = "there is no critical path: no task waits for another";
            let finding = Finding::error("E13", title, head(path), "no `after` in any task");
            self.found.push(finding.help("write `after: [..]` in a task, or ask Elapsed"));
        }
    }

    fn percentile(&mut self, path: &Path, p: f64) {
        if !(p > 0.0 && p <= 100.0) {
            let title = format!("a percentile is above 0 and at most 100, not {p}");
            self.found.push(Finding::error("E05", title, path.name("p"), "such as 50 or 99"));
        }
    }

    fn peer(&mut self, path: &Path, peer: &str) {
        if self.subject.is_whole("network") && !self.subject.scenario.network.contains_key(peer) {
            self.found.push(unknown("E13", self.subject.scenario, "network", peer, &path.name("of")));
        }
    }

    fn task(&mut self, path: &Path, task: Option<&str>) {
        let Some(task) = task else { return };
        if self.subject.is_whole("tasks") && !self.subject.scenario.tasks.contains_key(task) {
            self.found.push(unknown("E13", self.subject.scenario, "tasks", task, &path.name("task")));
        }
    }

    /// Something must be able to miss a deadline.
    fn deadline(&mut self, path: &Path, task: Option<&str>) {
        let scenario = self.subject.scenario;
        self.able(path, task, ("a deadline to miss", "deadline: \"10ms\""), |task| deadlines::is_due(scenario, task));
    }

    /// Something must be able to refuse jobs.
    /// Some step can raise an exception.
    fn exceptions(&mut self, path: &Path) {
        let mut raises = false;
        for body in self.subject.code.bodies() {
            body.each(&mut |_, step| {
                raises |= matches!(
                    step,
                    Step::Raise
                        | Step::Exit
                        | Step::Gather(..)
                        | Step::TaskGroup(..)
                        | Step::Shield(_)
                        | Step::Timeout(..)
                        | Step::Cancel(_)
                );
            });
        }
        if !raises && self.subject.is_whole("tasks") && self.subject.is_whole("programs") {
            let finding = Finding::error("E13", "no step raises an exception", path, "nothing to count");
            self.found.push(finding.help("a Timeout does, and Raise: Choose({ 0.01: [Raise] })"));
        }
    }

    fn capacity(&mut self, path: &Path, task: Option<&str>) {
        self.able(path, task, ("a capacity to exceed", "capacity: 100"), |task| task.capacity.is_some());
    }

    /// The task, or any, has what is asked about.
    fn able(&mut self, path: &Path, task: Option<&str>, (thing, field): (&str, &str), has: impl Fn(&Task) -> bool) {
        let tasks = &self.subject.scenario.tasks;
        match task.map(|name| (name, tasks.get(name))) {
            Some((name, Some(task))) if !has(task) => {
                let title = format!("task \"{name}\" does not have {thing}");
                let finding = Finding::error("E13", title, path.name("task"), "nothing to count");
                let finding = finding.and(key(&entry("tasks", name)), "add it here");
                self.found.push(finding.help(format!("write for instance `{field}` in the task")));
            }
            None if self.subject.is_whole("tasks") && !tasks.values().any(has) => {
                let finding = Finding::error("E13", format!("no task has {thing}"), head(path), "nothing to count");
                self.found.push(finding.help(format!("write for instance `{field}` in a task")));
            }
            _ => {}
        }
    }

    fn variable(&mut self, path: &Path, var: &str) {
        let path = path.name("var");
        match self.subject.scenario.shared.get(var) {
            Some(shared) if !matches!(Kind::of(shared), Kind::Int | Kind::Object) => {
                let finding = Finding::error("E13", Kind::of(shared).without_value(var), path, "a variable");
                self.found.push(finding.and(key(&entry("shared", var)), "declared here"));
            }
            None if self.subject.is_whole("shared") => {
                self.found.push(unknown("E13", self.subject.scenario, "shared", var, &path));
            }
            _ => {}
        }
    }

    fn object(&mut self, path: &Path, object: &str) {
        let path = path.index(0);
        match self.subject.scenario.shared.get(object) {
            Some(shared) if Kind::of(shared) != Kind::Object => {
                let is = Kind::of(shared).words().0;
                let title = format!("\"{object}\" is {is}, which nobody frees");
                let finding = Finding::error("E13", title, path, Kind::Object.words().1);
                self.found.push(finding.and(key(&entry("shared", object)), "declared here"));
            }
            None if self.subject.is_whole("shared") => {
                self.found.push(unknown("E13", self.subject.scenario, "shared", object, &path));
            }
            _ => {}
        }
    }

    fn resource(&mut self, path: &Path, of: &str, scope: &Scope<'_>) {
        let devices = &self.subject.scenario.devices;
        match of {
            "cpu" => {}
            "gil" => self.gil(path, scope, "Utilization of the GIL"),
            device if devices.contains_key(device) || !self.subject.is_whole("devices") => {}
            other => {
                let known: Vec<&str> = ["cpu", "gil"].into_iter().chain(devices.keys().map(String::as_str)).collect();
                let path = path.name("of");
                let title = format!("nothing named \"{other}\" that could be busy");
                let help = format!(
                    "one of: {}",
                    known.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
                );
                self.found.push(match nearest(other, &known) {
                    Some(nearest) => Finding::error("E13", title, &path, format!("did you mean \"{nearest}\"?"))
                        .fix(&path, format!("\"{nearest}\"")),
                    None => Finding::error("E13", title, path, "not known").help(help),
                });
            }
        }
    }

    fn gil(&mut self, path: &Path, scope: &Scope<'_>, what: &str) {
        let written = &self.subject.scenario.interpreter;
        if !interpreter::has_gil(written, &ModelName::Serial) {
            let title = format!("{what} needs a GIL, and {} has none", interpreter::name(written));
            return self.wrong(title, head(path), "no GIL");
        }
        self.needs(path, scope, what, "a GIL", |model| interpreter::has_gil(written, model));
    }

    /// All models that are asked must have something.
    fn needs(&mut self, path: &Path, scope: &Scope<'_>, what: &str, thing: &str, has: impl Fn(&ModelName) -> bool) {
        // The models that were meant may be what could not be read.
        if scope.inside.is_none() && !self.subject.is_whole("models") {
            return;
        }
        let Some(without) = scope.models.iter().find(|model| !has(model)) else { return };
        let title = format!("{what} needs {thing}, and {} has none", execution(without));
        let finding = Finding::error("E13", title, head(path), "asked of every model here");
        self.found.push(finding.help("ask it only of a model that has one: In(Model, [..])"));
    }

    fn speedup(&mut self, path: &Path, of: &ModelName, over: &ModelName, scope: &Scope<'_>) {
        if let Some(model) = scope.inside {
            let title =
                format!("Speedup names its two models itself: it does not belong into In({}, ..)", execution(model));
            self.wrong(title, head(path), "move it out");
        }
        self.run(&path.name("of"), of);
        self.run(&path.name("over"), over);
        if of == over {
            self.wrong("a model is always exactly as fast as itself", path.name("over"), "the same model");
        }
    }

    /// The model must be one of those that are run.
    fn run(&mut self, path: &Path, model: &ModelName) {
        let models = self.subject.models;
        if models.contains(model) || !self.subject.is_whole("models") {
            return;
        }
        let title = format!("model {} is not run in this scenario", execution(model));
        let here: Vec<String> = models.iter().map(execution).map(|model: Execution| model.to_string()).collect();
        let finding = Finding::error("E13", title, path, "not in `models`");
        let finding = finding.and(key(&Path::root().name("models")), "add it here");
        self.found.push(finding.help(format!("models here: {}", here.join(", "))));
    }

    fn sometimes(&mut self, path: &Path) {
        if self.subject.scenario.runs == 1 {
            let title = "something is expected in at least one of several runs, and there is one";
            let finding = Finding::warning("one-run", title, head(path), "in one run this is the same as always");
            self.found.push(finding.help("write for instance `runs: 20` at the top level"));
        }
    }

    fn not_empty(&mut self, path: &Path, inner: &[Expect]) {
        if inner.is_empty() {
            self.wrong("nothing is asked", head(path), "no expectations inside");
        }
    }
}
