//! What a scenario can be made of: names as they are written, and one line about each.

use crate::kernel::policy::POLICIES;
use crate::report::chart::CHARTS;
use crate::scenario::check::WARNINGS;

/// A kind of thing.
pub struct Topic {
    /// As `gilsim list` takes it.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Spellings and explanations, in reading order.
    pub entries: Vec<(String, &'static str)>,
}

/// All topics.
pub fn topics() -> Vec<Topic> {
    let charts = CHARTS.iter().map(|chart| (capital(chart.name), chart.about)).collect();
    let policies = POLICIES.iter().map(|policy| (policy.spelling.to_owned(), policy.line)).collect();
    let topic = |name, about, entries: &[(&str, &'static str)]| {
        let entries = entries.iter().map(|&(text, about)| (text.to_owned(), about)).collect();
        Topic { name, about, entries }
    };
    vec![
        topic("models", "models: how the tasks are carried", MODELS),
        topic("steps", "steps: what a program does", STEPS),
        topic("conditions", "what If, While and RepeatUntil ask", CONDITIONS),
        topic("numbers", "what steps compute with: 5, or a computed number", NUMBERS),
        topic("arrivals", "arrive: when the jobs of a task come", ARRIVALS),
        topic("distributions", "a text such as \"5ms\" is fixed; these are random", DISTRIBUTIONS),
        topic("devices", "devices: what Io talks to, by name", DEVICES),
        topic("network", "network: whom Connect, Accept, Send, Recv and Close talk to, by name", NETWORK),
        topic("selectors", "machine.selector: how event loops learn of ready sockets", SELECTORS),
        topic("shared", "shared: what programs share, by name", SHARED),
        Topic { name: "policies", about: "machine.scheduler: who runs next", entries: policies },
        topic("queues", "machine.queues: which cores share a run queue", QUEUES),
        topic("cores", "machine: what cores are like", CORES),
        topic("costs", "machine.costs: what the machine takes for itself", COSTS),
        topic("interpreters", "interpreter: what is under the threads", INTERPRETERS),
        topic("sweeps", "sweep: the same with other settings", SWEEPS),
        topic("expectations", "expect: what must hold", EXPECTATIONS),
        Topic { name: "charts", about: "charts: pictures", entries: charts },
        topic("warnings", "allow: warnings that are meant", WARNINGS),
    ]
}

/// The name of a chart as a scenario writes it: `Timeline`.
fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

const MODELS: &[(&str, &str)] = &[
    ("Serial", "one thread, one job after the other"),
    ("Threads(n)", "one process with n worker threads under one GIL"),
    ("ThreadPool", "as Threads, with as many workers as the interpreter takes if nobody says how many"),
    ("ThreadPerTask", "one process, a thread for every job"),
    ("Processes(n)", "n processes with one worker each, and a GIL each"),
    (
        "ProcessPool(workers: n, chunk: n, start: Fork)",
        "ProcessPoolExecutor: a parent hands jobs to processes, at a cost for each message",
    ),
    ("MultiprocessingPool(workers: n, chunk: n, start: Fork)", "the same by multiprocessing.Pool"),
    ("InterpreterPool(workers: n)", "InterpreterPoolExecutor: as ThreadPool, each worker in an interpreter of its own"),
    ("Subinterpreters(n)", "one process with n worker threads, a GIL and variables for each"),
    ("Asyncio", "one thread with an event loop, a coroutine for every job"),
    ("Polling", "one thread that asks the connections of all jobs again and again"),
    ("FreeThreaded(n)", "as Threads, in a build without a GIL"),
    ("Hybrid(processes: n, each: Asyncio)", "n processes with an event loop each; each: Threads(k) for workers"),
];

const STEPS: &[(&str, &str)] = &[
    ("Cpu(time)", "interpreted code: needs the GIL"),
    ("CpuNoGil(time)", "native code that releases the GIL"),
    ("CpuHoldGil(time)", "native code that keeps the GIL"),
    ("Io(device, [time])", "a request to a device, and the wait for it; the GIL is released"),
    ("Connect(peer, [[steps]])", "makes a connection; the steps are what is done if that fails"),
    ("Accept(listener, [[steps]])", "takes a connection that somebody has made, waits for one"),
    ("Send(peer, size, [[steps]])", "copies so many bytes into the send buffer, waits while it is full"),
    ("Recv(peer, size, [[steps]])", "takes so many bytes out of the receive buffer, waits while they have not come"),
    ("Close(peer)", "closes the connection; the end of a job closes all that it has"),
    ("Sleep(time)", "waits for the clock"),
    ("Yield", "gives way to others that are ready"),
    ("Acquire(lock)", "takes a lock or a permit of a semaphore, waits while there is none; an RwLock: to write"),
    ("AcquireRead(lock)", "takes an RwLock to read"),
    ("Release(lock)", "gives it back"),
    ("With(lock, [steps])", "takes a lock or a permit, does the steps, gives it back"),
    ("WithRead(lock, [steps])", "takes an RwLock to read, does the steps, gives it back"),
    ("Wait(what)", "waits for an event, a notification of a condition, or the others at a barrier"),
    ("SetEvent(event)", "lets all who wait for the event go on, and who comes later"),
    ("ClearEvent(event)", "who comes now waits for the next SetEvent"),
    ("Notify(condition, [n])", "lets one or n of those who wait for a notification go on, longest first"),
    ("NotifyAll(condition)", "lets all of them go on"),
    ("Put(queue, [number])", "puts a number into a queue, waits while it is full"),
    ("Get(queue, [variable])", "takes the oldest number out, into a copy of one's own; waits while there is none"),
    ("Load(variable)", "reads a variable into a copy of one's own"),
    ("Let(variable, number)", "changes that copy"),
    ("Add(variable, number)", "adds to that copy"),
    ("Store(variable, [number])", "writes that copy back, or a number"),
    (
        "Swap(variable, [number])",
        "the variable and that copy change places, in one atomic operation; or a number goes in",
    ),
    ("FetchAdd(variable, [number])", "reads and adds in one atomic operation"),
    ("Incr(variable, [n])", "Load, a little core time, Add, Store"),
    ("IncRef(object)", "takes a reference to an object"),
    ("DecRef(object)", "drops one; whoever drops the last frees the object"),
    ("Use(object)", "uses an object, which must be there"),
    ("Collect(time)", "the cyclic collector: everybody else in the interpreter stands still"),
    (
        "Mutate(object, time)",
        "changes an object in place; without a GIL one thread after the other, under its own lock",
    ),
    ("Repeat(n, [steps])", "the steps n times"),
    ("Forever([steps])", "the steps without end"),
    ("If(condition, [steps], [steps])", "the first steps if the condition holds, else the others"),
    ("While(condition, [steps])", "the steps as long as the condition holds"),
    ("RepeatUntil(condition, [steps])", "the steps, again and again until the condition holds"),
    ("Assert(condition)", "the condition must hold here: else the run ends, and the schedule is a bad one"),
    ("Choose({0.8: [steps], 0.2: [steps]})", "one of the branches, by probability"),
    ("Call(program)", "the steps of a program"),
    ("Spawn(Thread, program, [n])", "starts threads; also Process and Coroutine"),
    (
        "CallSoon(program)",
        "in a coroutine: the loop calls the program in its next iteration; a callback waits for nothing",
    ),
    ("CallLater(time, program)", "the same, after a time"),
    ("CallSoonThreadsafe(program)", "the same from any thread of the process, whose loop it wakes"),
    ("Join(program)", "waits for the end of what was spawned from the program"),
    ("Print(text)", "prints"),
    ("Blocking([steps])", "in a coroutine: waits without awaiting, which stops the loop"),
    ("ToThread([steps])", "in a coroutine: a thread of the default executor does them, and the coroutine awaits that"),
    ("Atomic([steps])", "the GIL does not change hands inside: one call of C code, or code without a check point"),
    ("Exit", "the process of a worker dies, as by a crash; only in pools of processes"),
    ("Raise", "raises an exception: a job that nobody catches it in fails"),
    ("Try([steps], [steps])", "the second steps after an exception in the first; a cancellation is not caught"),
    ("Finally([steps], [steps])", "the second steps after the first, however these have ended"),
    (
        "Gather([programs], [n], [Return])",
        "in a coroutine: runs n coroutines of each at once, awaits all, fails with the first that fails",
    ),
    ("TaskGroup([programs], [n])", "the same, but the first that fails cancels the others, and all are awaited"),
    (
        "Shield(program)",
        "in a coroutine: runs one of the program and awaits it; who is cancelled meanwhile does not cancel it",
    ),
    (
        "WaitTasks([programs], [AllCompleted | FirstCompleted | FirstException], [time], [[steps]])",
        "in a coroutine: waits for some of those that it has spawned, and leaves the others alone; the steps if the time was over first",
    ),
    (
        "Timeout(time, [steps], [[steps]])",
        "in a coroutine: cancels the first steps after this time; then the second, or an exception",
    ),
    ("Cancel(program)", "in a coroutine: cancels the coroutines that it spawned from the program"),
];

const CONDITIONS: &[(&str, &str)] = &[
    ("Is(variable, number)", "equal; on the left a variable, which is read into the own copy, or a computed number"),
    ("IsNot(variable, number)", "not equal"),
    ("Below(variable, number)", "less"),
    ("AtMost(variable, number)", "less or equal"),
    ("Above(variable, number)", "greater"),
    ("AtLeast(variable, number)", "greater or equal"),
    ("CompareAndSwap(variable, from, to)", "it was `from` and has become `to`, in one atomic operation"),
    ("All([conditions])", "each of them"),
    ("Any([conditions])", "at least one of them"),
];

const NUMBERS: &[(&str, &str)] = &[
    ("Own(variable)", "the own copy: what the last Load, Let, Add, Swap, FetchAdd or condition made it; at first 0"),
    ("Sum(a, b)", "a + b"),
    ("Difference(a, b)", "a - b"),
    ("Product(a, b)", "a * b"),
    ("Quotient(a, b)", "a / b rounded down; b is a number above zero"),
    ("Remainder(a, b)", "what is left of a / b"),
];

const ARRIVALS: &[(&str, &str)] = &[
    ("AtOnce", "all at the start, or when the tasks of `after` are over"),
    ("Every(time)", "one every so often"),
    ("Poisson(rate)", "at random with a mean rate, such as \"200/s\""),
    ("Closed(users: n, think: time)", "n users who think, ask, wait for the answer, and think again"),
    ("Recorded([times])", "at these times"),
];

const DISTRIBUTIONS: &[(&str, &str)] = &[
    ("Exp(mean)", "exponential"),
    ("Uniform(low, high)", "anything between the two"),
    ("Normal(mean: time, sd: time)", "the bell curve, cut at zero"),
    ("LogNormal(median: time, p99: time)", "a long tail, by what people know of it"),
    ("Pareto(min: time, alpha: number)", "a very long tail"),
    ("Empirical([times])", "one of these values, each as likely"),
];

const DEVICES: &[(&str, &str)] =
    &[("(latency: time, [slots: n])", "serves n requests at a time in order of arrival, or any number")];

const NETWORK: &[(&str, &str)] = &[
    (
        "Host(latency: time, [bandwidth: \"2MB/s\"], [reply: time], [size: \"1kB\"], [timeout: time], [buffers])",
        "somebody outside who answers each Send with so many bytes after a time",
    ),
    (
        "Listener([latency: time], [backlog: 128], [wake: One], [clients: (arrive: .., request: size)], ..)",
        "a socket that tasks accept connections from, of tasks and of clients outside",
    ),
];

const SELECTORS: &[(&str, &str)] = &[
    ("Select", "looks at every watched socket, at most 1024"),
    ("Poll", "looks at every watched socket"),
    ("Epoll", "the kernel keeps a list of ready sockets"),
    ("Kqueue", "the same on BSD and macOS"),
    ("Iocp", "the kernel does what was asked for and reports when it is done"),
];

const SHARED: &[(&str, &str)] = &[
    ("Int(n)", "a variable, one for each process"),
    ("ThreadLocal(n)", "a variable, one for each thread; its coroutines share it"),
    ("Lock", "a lock, one for each process"),
    ("Lock(protocol: Inherit)", "its holder is as urgent as the most urgent waiter"),
    ("Lock(protocol: Ceiling, [ceiling: n])", "its holder is at once as urgent as the most urgent task that uses it"),
    ("RLock", "a lock that its holder may take again"),
    ("Semaphore(n)", "n permits"),
    ("BoundedSemaphore(n)", "n permits, and an error if more come back"),
    ("Event", "a flag that any number wait for"),
    ("Condition([lock: name])", "a place to wait for notifications, with a lock of its own or a named one"),
    ("Barrier(n)", "n meet, then all go on"),
    ("Queue([capacity: n])", "numbers, first in, first out"),
    ("RwLock([prefer: FirstCome])", "many readers or one writer; prefer: Readers, FirstCome or Writers"),
    ("Object([references: 1], [counts: Plain])", "freed when nobody refers to it; counts: Plain, Atomic or Biased"),
    ("Interprocess(Lock)", "one for all processes; also Interprocess(Int(n))"),
];

const QUEUES: &[(&str, &str)] = &[
    ("Global", "one run queue for all cores"),
    ("PerCore([steal: true], [balance: time], [hot: time])", "one for each core; free cores take threads from others"),
];

const CORES: &[(&str, &str)] = &[
    ("speeds: [1.0, 0.5]", "how fast each core is"),
    ("smt: ([siblings: 2], [factor: 0.6])", "cores that share a physical core slow each other down"),
    (
        "caches: (size: n, warm: 2.0, [cold: 1.0], warm_up: time, [tick: time])",
        "a cache for each core, for tasks with a working_set",
    ),
    ("interrupt: time", "one timer for all cores instead of slices"),
    ("loses: LowestCore", "which of equal running threads loses its core to a more urgent one; or HighestCore"),
];

const COSTS: &[(&str, &str)] = &[
    ("Zero", "nothing: for lessons and theory"),
    ("Linux", "what Linux and CPython take on a current computer"),
    ("Uvloop", "as Linux, with uvloop for the loop of asyncio"),
    ("Set(context_switch: time, ..)", "as Linux, but for what is given"),
];

const INTERPRETERS: &[(&str, &str)] = &[
    (
        "CPython([version: \"3.14\"], [switch_interval: time], ..)",
        "Python with the GIL and the check points of the version",
    ),
    ("PyPy([check_interval: time], [poll: time])", "Python with a GIL that the longest waiter polls for"),
    ("Ruby([quantum: time])", "a lock that is handed over first come first served, after 100 ms"),
    ("OCaml4([tick: time])", "a master lock, with turns that end when a clock of 50 ms ticks"),
    ("Jython", "Python without a lock"),
    ("IronPython", "Python without a lock"),
    ("Native", "compiled code: no lock"),
];

const SWEEPS: &[(&str, &str)] = &[
    ("Grid({path: [values]})", "every combination of the values"),
    ("Zip({path: [values]})", "the first values together, the second values together, ..."),
];

const EXPECTATIONS: &[(&str, &str)] = &[
    ("Elapsed(at_most: time)", "the makespan; all bounds are is, at_least, at_most"),
    ("Throughput([task: name], at_least: n)", "completed jobs per second"),
    ("Latency([task: name], p: 99, at_most: time)", "a percentile of the response time"),
    ("Response([task: name], at_most: time)", "the mean response time"),
    ("Missed([task: name], at_most: n)", "jobs not complete at their deadlines"),
    ("Failed([task: name], at_most: n)", "jobs that ended with an exception"),
    ("Refused([task: name], at_most: n)", "jobs for which there was no room"),
    (
        "Sockets(of: peer, count: Refused, at_most: n)",
        "connections: Connected, Accepted, Refused, InVain, TimedOut, Served",
    ),
    ("LoopLag(p: 99, at_most: time)", "a percentile of the time from ready to running on an event loop"),
    ("Starvation(at_most: time)", "the longest time that a thread could run and was not let"),
    ("Bypass(at_most: n)", "how often a thread that could go on is passed over, in all schedules"),
    ("Utilization(of: \"cpu\", at_least: 0.9)", "the busy share of the cores, of \"gil\" or of a device"),
    ("SlowCallbacks(at_most: n)", "steps of coroutines that took 100 ms or longer"),
    ("GilSwitches(at_most: n)", "how often the GIL changed hands"),
    ("Final(var: name, is: n)", "the last value of a variable"),
    ("Always(condition)", "at every moment, about variables by name"),
    ("Never(condition)", "at no moment"),
    ("Eventually(condition)", "at some moment of every run and schedule"),
    ("Possible(condition)", "at some moment of at least one run or schedule"),
    ("AtEnd(condition)", "about variables by name, at the end: AtEnd(Is(\"paid\", \"received\"))"),
    ("Speedup(of: model, over: model, at_least: n)", "makespan of `over` divided by that of `of`, run by run"),
    ("CriticalPath(at_most: time)", "the longest chain of tasks"),
    ("Deadlock", "the run ends in a deadlock"),
    ("Leaked(object)", "all references to it were dropped and it was not freed"),
    ("UsedAfterFree(object)", "somebody touched it after it was freed, which ends the run"),
    ("Sometimes(expectation)", "holds in at least one run"),
    ("In(model, [expectations])", "holds in this model"),
    ("At({path: value}, [expectations])", "holds at this point of the sweep"),
];

#[cfg(test)]
mod tests {
    use std::fmt;

    use serde::de::{self, Deserialize, Deserializer, Visitor};

    use super::*;
    use crate::kernel::policy::PolicyConfig;
    use crate::scenario::ast;

    /// Asks a type for the names of its variants.
    struct Names;

    /// The answer, on its way as an error.
    #[derive(Debug)]
    struct Variants(Vec<&'static str>);

    impl fmt::Display for Variants {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{:?}", self.0)
        }
    }

    impl std::error::Error for Variants {}

    impl de::Error for Variants {
        fn custom<T: fmt::Display>(text: T) -> Variants {
            panic!("not an enum: {text}")
        }
    }

    impl<'de> Deserializer<'de> for Names {
        type Error = Variants;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Variants> {
            Err(de::Error::custom("something else"))
        }

        fn deserialize_enum<V: Visitor<'de>>(
            self,
            _: &'static str,
            variants: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Variants> {
            Err(Variants(variants.to_vec()))
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map struct identifier ignored_any
        }
    }

    fn check<'de, T: Deserialize<'de> + fmt::Debug>(topic: &str) {
        let expected = T::deserialize(Names).unwrap_err().0;
        let topics = topics();
        let topic = topics.iter().find(|known| known.name == topic).unwrap();
        let mut listed: Vec<&str> =
            topic.entries.iter().map(|(text, _)| text.split(['(', '{']).next().unwrap_or(text)).collect();
        // A word with values, and without.
        listed.dedup();
        assert_eq!(listed, expected, "{}", topic.name);
    }

    #[test]
    fn every_variant_of_the_language_is_listed() {
        check::<ast::ModelName>("models");
        check::<ast::Step>("steps");
        check::<ast::Condition>("conditions");
        check::<ast::Computed>("numbers");
        check::<ast::Arrive>("arrivals");
        check::<ast::Random>("distributions");
        check::<ast::Peer>("network");
        check::<crate::model::Selector>("selectors");
        check::<ast::Written>("shared");
        check::<PolicyConfig>("policies");
        check::<ast::CostsName>("costs");
        check::<ast::Interpreter>("interpreters");
        check::<ast::Sweep>("sweeps");
        check::<ast::Expect>("expectations");
    }

    #[test]
    fn every_chart_of_the_language_is_listed() {
        let mut variants = ast::ChartName::deserialize(Names).unwrap_err().0;
        let topics = topics();
        let charts = topics.iter().find(|topic| topic.name == "charts").unwrap();
        let mut listed: Vec<&str> = charts.entries.iter().map(|entry| entry.0.as_str()).collect();
        variants.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, variants);
    }
}
