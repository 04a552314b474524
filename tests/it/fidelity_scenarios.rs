//! A scenario for each measured cell: its description in `tests/fidelity/cells.json` written in gilsim's language.
//!
//! Demands are those of the cell. What the programs around them cost (a queue's own code, a coroutine's round) is the
//! median of a microbenchmark of that interpreter; everything else is a default. `docs/validation.md` says
//! what was chosen with results in sight.

use std::fmt::Write;

use serde_json::Value;

/// Where a cell was measured.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// `3.13.0`, or `3.13.5t` for the build without a GIL.
    pub interpreter: &'a str,
    pub cores: u64,
}

/// Microbenchmarks of one interpreter on two cores, medians in microseconds.
struct Micro {
    /// `put` and `get` of a `queue.Queue`, and of an `asyncio.Queue`.
    queue_put_get: f64,
    asyncio_queue_put_get: f64,
    /// A thousand coroutines that sleep once, each.
    asyncio_sleeper: f64,
    /// A request of 8 bytes to the echo server and back, beyond its delay.
    echo: f64,
    /// `send` and `recv` of 64 bytes on the loopback in one thread: two system calls.
    send_recv: f64,
}

impl Place<'_> {
    /// Wake-ups as between two processes on two cores: `pipe_pingpong_one_way_cross_core`, and the tail of an eventfd.
    fn wake(self) -> String {
        let median = match self.interpreter {
            "3.9.18" | "3.11.7" => 28.5,
            "3.13.0" => 24.4,
            "3.13.5t" => 30.3,
            _ => 28.9,
        };
        format!("LogNormal(median: {}, p99: {})", us(median), us(2.2 * median))
    }

    fn version(self) -> String {
        let mut parts = self.interpreter.trim_end_matches('t').split('.');
        format!("{}.{}", parts.next().unwrap(), parts.next().unwrap())
    }

    pub fn free_threaded(self) -> bool {
        self.interpreter.ends_with('t')
    }

    fn micro(self) -> Micro {
        let [queue_put_get, asyncio_queue_put_get, asyncio_sleeper, echo, send_recv] = match self.interpreter {
            "3.9.18" | "3.11.7" => [1.76, 0.63, 9.95, 83.0, 9.2],
            "3.13.0" => [2.32, 0.85, 11.5, 79.0, 8.1],
            "3.13.5t" => [2.03, 1.31, 18.8, 70.4, 7.6],
            "3.14.10" => [0.72, 0.50, 8.1, 90.6, 7.6],
            other => panic!("no microbenchmarks of {other}"),
        };
        Micro { queue_put_get, asyncio_queue_put_get, asyncio_sleeper, echo, send_recv }
    }
}

/// A segment of less than a millisecond overshoots by so much: it asks the clock every 2 us.
const OVERSHOOT_US: f64 = 2.0;

fn ms(value: f64) -> String {
    format!("\"{}ns\"", (value * 1e6).round())
}

fn us(value: f64) -> String {
    ms(value / 1e3)
}

/// Core time of a segment.
fn segment(us: f64) -> String {
    let over = if us > 0.0 && us < 1_000.0 { OVERSHOOT_US } else { 0.0 };
    self::us(us + over)
}

fn number(spec: &Value, key: &str) -> f64 {
    spec[key].as_f64().unwrap_or_else(|| panic!("{key} of {spec}"))
}

/// The scheduler of the measured machine: Linux 6.18 with two cores, whose slice is 1.4 ms also for who is bound to one.
const AT_TICKS: &str = "Eevdf(slice: \"1.4ms\")";
/// The same for threads that ask for their core time all along: the kernel then notices the end of a slice at once.
const POLLING: &str = "Eevdf(slice: \"1.4ms\", tick: \"100us\")";

/// The pieces of a scenario.
struct Text {
    /// More than the wake latency.
    costs: String,
    scheduler: &'static str,
    interval_ms: f64,
    parts: String,
    tasks: String,
    model: String,
    until: String,
    /// Whether threads are started before the clock is: nobody waits for them to come up.
    warm: bool,
}

impl Text {
    fn new(model: impl Into<String>, tasks: impl Into<String>) -> Text {
        Text {
            costs: String::new(),
            scheduler: POLLING,
            interval_ms: 5.0,
            parts: String::new(),
            tasks: tasks.into(),
            model: model.into(),
            until: String::new(),
            warm: false,
        }
    }

    fn written(self, place: Place<'_>) -> String {
        let Text { costs, scheduler, interval_ms, parts, tasks, model, until, warm } = self;
        let interval = ms(interval_ms);
        let costs = format!("Set(wake_latency: {}{costs})", place.wake());
        // Demands are core time, whatever the build makes of them.
        let free_threading = if place.free_threaded() { ", free_threading: 1.0" } else { "" };
        let starts = if warm { ", start_handshake: false" } else { "" };
        let (version, cores) = (place.version(), place.cores);
        format!(
            "(\n    machine: (cores: {cores}, scheduler: {scheduler}, costs: {costs}),\n    \
             interpreter: CPython(version: \"{version}\", switch_interval: {interval}{free_threading}{starts}),\n{parts}    \
             tasks: {{ {tasks} }},\n    models: [{model}],\n{until}    \
             allow: [\"ignored\", \"unused\"],\n)\n"
        )
    }
}

/// The scenario of a cell; `None` if there is a reason not to have one.
pub fn scenario(kind: &str, spec: &Value, place: Place<'_>) -> Option<String> {
    let mut text = match kind {
        "a" | "b" | "c" | "i" | "j" => batch(spec, place)?,
        "d" => convoy(spec, place),
        "e" => stall(spec, place),
        "f" => queue(spec, place),
        "g" => lock(spec, place),
        "h" => lost(spec, place),
        "k" => open(spec, place)?,
        "l" => hogs(spec, place),
        _ => return None,
    };
    // Pools have done other work before, and other threads wait for an event that lets all of them begin. Those of `threads` and
    // of queues are started while the clock runs.
    text.warm = kind != "f" && spec["model"] != "threads";
    Some(text.written(place))
}

fn threads(n: u64, place: Place<'_>) -> String {
    if place.free_threaded() { format!("FreeThreaded({n})") } else { format!("Threads({n})") }
}

/// The model of a batch or of open arrivals.
fn model(spec: &Value, place: Place<'_>) -> Option<String> {
    let workers = spec["workers"].as_u64().unwrap_or(0);
    let tasks = spec["tasks"].as_u64().unwrap_or(0);
    Some(match spec["model"].as_str().unwrap() {
        "serial" => "Serial".to_owned(),
        "threads" => threads(tasks, place),
        "thread_pool" | "rie_thread" => threads(workers, place),
        "asyncio" => "Asyncio".to_owned(),
        "process_pool" | "rie_process" => format!("Processes({workers})"),
        "interp_pool" => format!("Subinterpreters({workers})"),
        "procs" => format!("Processes({tasks})"),
        // Start and end of the pool are measured there, and are no part of the model.
        "process_pool_cold" => return None,
        other => panic!("{other}"),
    })
}

fn steps(spec: &Value, place: Place<'_>, parts: &mut String) -> String {
    let mut text = String::new();
    for one in spec["segments"].as_array().unwrap() {
        let (times, seq) = match one["seq"].as_array() {
            Some(seq) => (one["times"].as_u64().unwrap_or(1), seq.clone()),
            None => (one["times"].as_u64().unwrap_or(1), vec![one.clone()]),
        };
        let mut inner = String::new();
        for step in &seq {
            for (what, value) in step.as_object().unwrap() {
                let value = value.as_f64().unwrap_or(0.0);
                match what.as_str() {
                    "cpu_ms" => write!(inner, "Cpu({}), ", segment(value * 1e3)).unwrap(),
                    "sleep_ms" => write!(inner, "Sleep({}), ", ms(value)).unwrap(),
                    "tcp_ms" => {
                        let latency = ms(value + place.micro().echo / 1e3);
                        *parts = format!("    devices: {{ \"server\": (latency: {latency}) }},\n");
                        inner.push_str("Io(\"server\"), ");
                    }
                    // Blocks of a megabyte take 0.75 ms each, and the last one ends late: half a block on average.
                    "sha256_cpu_ms" => {
                        let blocks = (value / 0.75).ceil();
                        let each = ms((value + 0.375) / blocks);
                        write!(inner, "Repeat({blocks}, [CpuNoGil({each})]), ").unwrap();
                    }
                    "times" | "seq" => {}
                    other => panic!("{other}"),
                }
            }
        }
        match times {
            1 => text.push_str(&inner),
            _ => write!(text, "Repeat({times}, [{inner}]), ").unwrap(),
        }
    }
    text
}

fn batch(spec: &Value, place: Place<'_>) -> Option<Text> {
    let mut parts = String::new();
    let mut steps = steps(spec, place, &mut parts);
    if let Some(permits) = spec["semaphore"].as_u64() {
        writeln!(parts, "    shared: {{ \"permit\": Semaphore({permits}) }},").unwrap();
        steps = format!("Acquire(\"permit\"), {steps} Release(\"permit\")");
    }
    let count = spec["tasks"].as_u64().unwrap();
    let mut text = Text::new(model(spec, place)?, format!("\"task\": (count: {count}, steps: [{steps}])"));
    text.parts = parts;
    if spec["model"] == "interp_pool" {
        // The interpreters are there before the clock starts; a task is one call into them.
        text.costs = ", interpreter_boot: \"30us\"".to_owned();
    }
    Some(text)
}

fn open(spec: &Value, place: Place<'_>) -> Option<Text> {
    let mut parts = String::new();
    let steps = steps(spec, place, &mut parts);
    let arrivals: Vec<String> =
        spec["arrivals_ms"].as_array().unwrap().iter().map(|at| ms(at.as_f64().unwrap())).collect();
    let arrivals = arrivals.join(", ");
    Some(Text::new(model(spec, place)?, format!("\"task\": (arrive: Recorded([{arrivals}]), steps: [{steps}])")))
}

/// What a request costs the talking thread in Python code, in nanoseconds; also how its rounds are found in the records.
pub const ROUND_NS: u64 = 2_001;

/// The echo server is a process of its own. A system call on a socket takes half of `send` and `recv` in one thread.
fn convoy(spec: &Value, place: Place<'_>) -> Text {
    let hogs = spec["cpu_threads"].as_u64().unwrap();
    let mut tasks = String::new();
    if hogs > 0 {
        write!(tasks, "\"hog\": (count: {hogs}, steps: [Forever([Cpu(\"1ms\")])]), ").unwrap();
    }
    let round = format!("Cpu(\"{ROUND_NS}ns\"), Send(\"echo\", \"8B\"), Recv(\"echo\", \"8B\")");
    write!(
        tasks,
        "\"talker\": (steps: [Spawn(Process, \"serve\"), Connect(\"echo\"), Sleep(\"10ms\"), Forever([{round}])])"
    )
    .unwrap();
    let mut text = Text::new(threads(hogs + 1, place), tasks);
    text.scheduler = AT_TICKS;
    text.costs = format!(", syscall: {}", us(place.micro().send_recv / 2.0));
    text.interval_ms = number(spec, "switchinterval_ms");
    text.until = "    until: \"4s\",\n".to_owned();
    text.parts =
        "    network: { \"echo\": Listener(latency: \"0ns\") },\n    programs: { \"serve\": [Accept(\"echo\"), \
                  Forever([Recv(\"echo\", \"8B\"), Cpu(\"500ns\"), Send(\"echo\", \"8B\")])] },\n"
            .to_owned();
    text
}

fn stall(spec: &Value, place: Place<'_>) -> Text {
    let (sleepers, sleep) = (spec["sleepers"].as_u64().unwrap(), ms(number(spec, "sleep_ms")));
    // Of the measured cost two handles are the loop's own.
    let round = us(place.micro().asyncio_sleeper - 2.0 * 0.4);
    let mut tasks = format!("\"sleeper\": (count: {sleepers}, steps: [Forever([Sleep({sleep}), Cpu({round})])])");
    let mode = spec["mode"].as_str().unwrap();
    if mode != "none" {
        let (block, period) = (number(spec, "block_ms"), number(spec, "period_ms"));
        let work = if mode.ends_with("sleep") { "Sleep" } else { "Cpu" };
        let work = format!("{work}({})", ms(block));
        let doing = if mode.starts_with("inline") { "Blocking" } else { "ToThread" };
        let (first, rest) = (ms(period / 2.0), ms(period - block));
        write!(tasks, ", \"blocker\": (steps: [Sleep({first}), Forever([{doing}([{work}]), Sleep({rest})])])").unwrap();
    }
    let mut text = Text::new("Asyncio", tasks);
    text.until = format!("    until: {},\n", ms(number(spec, "duration_s") * 1e3));
    text
}

/// Consumers stop at a sentinel that the main thread puts in when the producers are done.
fn queue(spec: &Value, place: Place<'_>) -> Text {
    let [producers, consumers, items, size] =
        ["producers", "consumers", "items", "maxsize"].map(|key| spec[key].as_u64().unwrap_or(0));
    let coroutines = spec["model"] == "asyncio";
    let micro = place.micro();
    let own = us(if coroutines { micro.asyncio_queue_put_get } else { micro.queue_put_get } / 2.0);
    let work = |key: &str| match number(spec, key) {
        0.0 => String::new(),
        time => format!("Cpu({}), ", segment(time)),
    };
    let produce = work("produce_us");
    let consume = match work("consume_us") {
        nothing if nothing.is_empty() => nothing,
        work => format!(", If(Is(Own(\"item\"), 1), [{work}])"),
    };
    let each = items / producers;
    let queue = if size > 0 { format!("Queue(capacity: {size})") } else { "Queue".to_owned() };
    let kind = if coroutines { "Coroutine" } else { "Thread" };
    let tasks = format!(
        "\"main\": (steps: [Spawn({kind}, \"consumer\", {consumers}), Spawn({kind}, \"producer\", {producers}), \
         Join(\"producer\"), Repeat({consumers}, [Put(\"queue\", -1)]), Join(\"consumer\")])"
    );
    let mut text = Text::new(if coroutines { "Asyncio".to_owned() } else { threads(1, place) }, tasks);
    text.parts = format!(
        "    shared: {{ \"queue\": {queue}, \"item\": Int(0) }},\n    programs: {{\n        \
         \"producer\": [Repeat({each}, [{produce}Cpu({own}), Put(\"queue\", 1)])],\n        \
         \"consumer\": [RepeatUntil(Is(Own(\"item\"), -1), [Get(\"queue\", \"item\"), Cpu({own})\
         {consume}])],\n    }},\n"
    );
    text
}

fn lock(spec: &Value, place: Place<'_>) -> Text {
    let [count, iterations] = ["threads", "iterations"].map(|key| spec[key].as_u64().unwrap());
    let (outside, inside) = (segment(number(spec, "outside_us")), segment(number(spec, "inside_us")));
    let tasks = format!(
        "\"thread\": (count: {count}, steps: [Repeat({iterations}, [Cpu({outside}), \
         With(\"lock\", [Cpu({inside})])])])"
    );
    let mut text = Text::new(threads(count, place), tasks);
    text.parts = "    shared: { \"lock\": Lock },\n".to_owned();
    text
}

/// A round of the plain loop takes 50 ns, of which half lies between load and store; a call takes 80 ns, likewise.
fn lost(spec: &Value, place: Place<'_>) -> Text {
    let [threads, iterations] = ["threads", "iterations"].map(|key| spec[key].as_u64().unwrap());
    let between = |inside: &str| format!("Load(\"c\"), {inside}, Add(\"c\", 1), Store(\"c\")");
    let round = match spec["variant"].as_str().unwrap() {
        "plain" | "attr" => "Incr(\"c\"), Cpu(\"25ns\")".to_owned(),
        "locked" => "With(\"lock\", [Incr(\"c\")]), Cpu(\"25ns\")".to_owned(),
        "call" => format!("{}, Cpu(\"40ns\")", between("Cpu(\"40ns\")")),
        "yield" => format!("{}, Cpu(\"40ns\")", between("Yield")),
        "work" => between(&format!("Cpu({})", segment(spec["work_us"].as_f64().unwrap_or(20.0)))),
        other => panic!("{other}"),
    };
    let tasks = format!("\"thread\": (count: {threads}, steps: [Repeat({iterations}, [{round}])])");
    let mut text = Text::new(self::threads(threads, place), tasks);
    text.interval_ms = spec["switchinterval_ms"].as_f64().unwrap_or(5.0);
    text.parts = "    shared: { \"c\": Int(0), \"lock\": Lock },\n".to_owned();
    text
}

fn hogs(spec: &Value, place: Place<'_>) -> Text {
    let count = spec["threads"].as_u64().unwrap();
    let tasks = format!("\"hog\": (count: {count}, steps: [Forever([Cpu(\"1ms\")])])");
    let mut text = Text::new(threads(count, place), tasks);
    text.scheduler = AT_TICKS;
    text.interval_ms = number(spec, "switchinterval_ms");
    text.until = format!("    until: {},\n", ms(number(spec, "window_s") * number(spec, "windows") * 1e3));
    text
}
