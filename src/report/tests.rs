//! Pictures of made-up runs. With `GILSIM_PICTURES` set to a folder, they are written there to be looked at.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::{Collector, ModelData, Picture, render};
use crate::id::{ContextId, CoreId, DeviceId, JobId, LockId, ProcessId, TaskId, ThreadId};
use crate::metrics::figures::{CriticalPath, Figures, StateTimes, Summary};
use crate::model::{Arrivals, Builder, Execution, Model};
use crate::time::{Duration, Time};
use crate::trace::{CpuKind, On, Record, Role, Sink, What};

/// A made-up run: threads that take one GIL in turn, wait for IO, and run native code.
struct Made {
    execution: Execution,
    cores: u32,
    threads: u32,
    bursts: u32,
    /// Length of a burst in nanoseconds, one of these in turn by chance.
    lengths: [u64; 2],
    name: &'static str,
    task: &'static str,
    warm_up: Duration,
}

const MADE: Made = Made {
    execution: Execution::Threads(4),
    cores: 3,
    threads: 4,
    bursts: 60,
    lengths: [4_000_000, 800_000],
    name: "Threads(4)",
    task: "fetch",
    warm_up: Duration(0),
};

fn model(made: &Made) -> Model {
    let mut builder = Builder::new(made.cores, made.execution);
    builder.task(made.task, None, Arrivals::Every(Duration::ms(1)), vec![], vec![]);
    builder.model_mut().warm_up = made.warm_up;
    builder.build()
}

/// A small generator, so that the pictures are the same every time.
struct Luck(u64);

impl Luck {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn run(made: &Made) -> ModelData {
    let model = model(made);
    let mut sink = Collector::new(&model);
    let mut now = 0;
    let mut say = |time: u64, what: What| sink.record(&Record { time: Time(time), what });
    let process = ProcessId(1);
    say(0, What::ProcessStart { process, parent: None });
    let mut luck = Luck(7);
    let mut waking: BTreeMap<(u64, u32), ()> = BTreeMap::new();
    let mut queue = std::collections::VecDeque::new();
    for n in 0..made.threads {
        let (thread, context) = (ThreadId(n), ContextId(n));
        let role = Role::Task { task: TaskId(0), index: n };
        say(0, What::ThreadStart { thread, process, context, role });
        say(0, What::Ready { thread });
        waking.insert((u64::from(n) * 10, n), ());
    }
    let spare = CoreId(made.cores - 1);
    for burst in 0..made.bursts {
        if queue.is_empty() {
            let Some(((at, n), ())) = waking.pop_first() else { break };
            now = now.max(at);
            say(now, What::Wake { thread: ThreadId(n) });
            say(now, What::JobArrive { job: JobId(n), task: TaskId(0), index: burst });
            queue.push_back(n);
        }
        let n = queue.pop_front().expect("somebody waits");
        let (thread, context) = (ThreadId(n), ContextId(n));
        let core = CoreId(burst % (made.cores - 1).max(1));
        let length = made.lengths[luck.below(2) as usize] * (50 + luck.below(100)) / 100;
        say(now, What::Run { core, thread });
        say(now, What::GilTake { process, thread });
        say(now, What::Compute { context, kind: CpuKind::Python, demand: Duration(length) });
        while let Some(((at, other), ())) = waking.first_key_value().map(|(key, ())| (*key, ())) {
            if at > now + length {
                break;
            }
            waking.pop_first();
            let at = at.max(now);
            say(at, What::JobArrive { job: JobId(other), task: TaskId(0), index: burst });
            say(at, What::Wake { thread: ThreadId(other) });
            say(at, What::Block { core: spare, thread: ThreadId(other), on: On::Gil });
            queue.push_back(other);
        }
        now += length;
        say(now, What::ComputeEnd { context });
        say(now, What::GilDrop { process, thread, forced: false });
        if luck.below(6) == 0 {
            say(now, What::Compute { context, kind: CpuKind::NoGil, demand: Duration(length / 2) });
            now += length / 2;
            say(now, What::ComputeEnd { context });
        }
        say(now, What::JobEnd { job: JobId(n), context });
        let on = match luck.below(9) {
            0 => On::Lock(LockId(0)),
            1 => On::Sleep,
            _ => On::Io(DeviceId(0)),
        };
        say(now, What::Block { core, thread, on });
        waking.insert((now + length / 2 + luck.below(1 + 2 * made.lengths[0]), n), ());
    }
    finish(sink, made.name, now)
}

fn finish(sink: Collector, name: &str, end: u64) -> ModelData {
    let mut sum = [0; 11];
    for lane in sink.timeline.lanes.iter().filter(|lane| super::timeline::kind_of(lane.group) == 2) {
        sum.iter_mut().zip(lane.totals).for_each(|(sum, more)| *sum += more);
    }
    let mut figures = figures();
    let times = sum.map(Duration);
    let [running, native, switching, ready, gil, lock, signal, io, sleeping, join, idle] = times;
    figures.threads = StateTimes { running, native, switching, ready, gil, lock, signal, io, sleeping, join, idle };
    figures.makespan = Duration(end);
    sink.finish(name, Time(end), figures)
}

pub(super) fn figures() -> Figures {
    Figures {
        seed: 7,
        outcome: "finished".to_owned(),
        explanation: Vec::new(),
        daemons: 0,
        objects: Vec::new(),
        digest: "0123456789abcdef".to_owned(),
        events: 0,
        makespan: Duration(0),
        window: Duration(0),
        arrived: 0,
        completed: 0,
        throughput: 0.0,
        response: Summary::default(),
        wait: Summary::default(),
        service: Summary::default(),
        tasks: Vec::new(),
        cores: Vec::new(),
        utilization: f64::NAN,
        threads: StateTimes::default(),
        coroutines: StateTimes::default(),
        voluntary: 0,
        involuntary: 0,
        migrations: 0,
        gils: Vec::new(),
        loop_lag: None,
        slow_callbacks: None,
        devices: Vec::new(),
        network: Vec::new(),
        finals: IndexMap::new(),
        prints: Vec::new(),
        prints_beyond: 0,
        critical_path: None,
        longest_wait: None,
        starved: None,
    }
}

/// Renders, checks what holds for every picture, and writes the files if asked.
fn check(case: &str, models: &[ModelData]) -> Vec<Picture> {
    let pictures = render(case, models, &[]);
    for picture in &pictures {
        let svg = &picture.svg;
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n") && !svg.contains("NaN"), "{}", picture.title);
        assert!(picture.png.starts_with(b"\x89PNG"), "{}", picture.title);
        assert!(svg.len() < 2_000_000, "{}: {} bytes", picture.title, svg.len());
        if let Some(folder) = std::env::var_os("GILSIM_PICTURES") {
            let path = std::path::Path::new(&folder).join(format!("{case}-{}", picture.file_stem));
            std::fs::write(path.with_extension("svg"), svg).unwrap();
            std::fs::write(path.with_extension("png"), &picture.png).unwrap();
        }
    }
    pictures
}

#[test]
fn a_short_run_is_drawn_segment_by_segment() {
    let picture = &check("short", &[run(&MADE)])[0];
    assert!(!picture.svg.contains("drawn as shares"));
}

#[test]
fn few_jobs_are_counted_up_and_shown_one_by_one() {
    let pictures =
        check("few", &[run(&Made { bursts: 20, ..MADE }), run(&Made { name: "Serial", bursts: 30, ..MADE })]);
    let named = |stem: &str| pictures.iter().find(|picture| picture.file_stem == stem).unwrap();
    let (throughput, latency) = (named("throughput"), named("latency"));
    assert_eq!(throughput.title, "Serial completes 30 jobs, Threads(4) only 20");
    assert!(throughput.svg.contains("completed jobs over time"));
    assert!(latency.svg.contains("each dot is a job") && latency.svg.contains("20 to 30 jobs per model"));
    let more = check("more", &[run(&Made { bursts: 31, ..MADE })]);
    assert!(more.iter().any(|picture| picture.svg.contains("percentile (%)")));
}

#[test]
fn a_deadlock_stands_in_the_title_and_idle_cores_are_counted() {
    let mut data = run(&Made { cores: 64, bursts: 6, ..MADE });
    data.figures.outcome = "deadlock".to_owned();
    let picture = &check("deadlock", &[data])[0];
    assert!(picture.title.starts_with("Threads(4): deadlock after "), "{}", picture.title);
    assert!(picture.svg.contains(">58 cores without work<") && !picture.svg.contains("the GIL is held"));
}

#[test]
fn two_threads_under_a_gil() {
    let lengths = [5_000_000, 50_000];
    check("two", &[run(&Made { threads: 2, cores: 2, bursts: 40, lengths, name: "Threads(2)", ..MADE })]);
}

#[test]
fn ten_segments() {
    check("ten", &[run(&Made { threads: 1, cores: 1, bursts: 5, name: "Serial", ..MADE })]);
}

#[test]
fn a_million_segments_are_drawn_as_shares() {
    let data = run(&Made { threads: 8, bursts: 250_000, ..MADE });
    let zoom = &data.timeline.zoom;
    let kept: usize = (0..data.timeline.lanes.len()).map(|lane| zoom.segments(lane).len()).sum();
    assert!((60..=150).contains(&kept), "{kept}");
    let pictures = check("million", &[data]);
    assert!(pictures[0].svg.contains("drawn as shares") && pictures[0].svg.contains("GIL held"));
    assert_eq!(pictures[1].file_stem, "timeline-threads-4-zoom");
    assert!(pictures[1].svg.contains("GIL owner, alternating") && !pictures[1].svg.contains("drawn as shares"));
}

#[test]
fn sixty_lanes_are_cut_and_counted() {
    let name = "ThreadPerTask";
    let picture = &check("sixty", &[run(&Made { threads: 60, bursts: 300, name, ..MADE })])[0];
    assert!(picture.svg.contains("more threads"));
}

#[test]
fn long_and_cyrillic_names() {
    let name = "Hybrid(processes: 4, each: Threads(16))";
    let task = "обработка_запросов_пользователей_магазина";
    check("names", &[run(&Made { name, task, bursts: 30, ..MADE })]);
}

#[test]
fn all_models_in_one_picture() {
    let warm_up = Duration::ms(400);
    let names = ["Serial", "Threads(4)", "Asyncio", "Processes(4)", "Hybrid(processes: 2, each: Asyncio)"];
    let models: Vec<ModelData> = names
        .into_iter()
        .enumerate()
        .map(|(index, name)| {
            let index = index as u64;
            let lengths = [1_000_000 + index * 300_000, 200_000 + 90_000 * index];
            run(&Made { name, warm_up, lengths, bursts: 4_000, threads: 3 + index as u32, ..MADE })
        })
        .collect();
    let pictures = check("all", &models);
    assert_eq!(pictures.len(), 2 * 5 + 3);
    let named = |stem: &str| pictures.iter().find(|picture| picture.file_stem == stem).unwrap();
    assert!(named("throughput").svg.contains("in windows of") && named("latency").svg.contains("percentile (%)"));
    assert!(named("timeline-asyncio-zoom").svg.contains("single segments after the warm-up, 400 ms to"));
}

#[test]
fn nothing_at_all() {
    let empty = |end| {
        let model = model(&MADE);
        finish(Collector::new(&model), "Threads(4)", end)
    };
    check("empty", &[empty(0)]);
    check("zero", &[empty(1_000_000_000), run(&MADE)]);
    check("idle", &[empty(1_000_000_000)]);
    assert!(render("none", &[], &[]).is_empty());
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let (one, two) = (render("same", &[run(&MADE)], &[]), render("same", &[run(&MADE)], &[]));
    for (one, two) in one.iter().zip(&two) {
        assert_eq!((&one.svg, &one.png), (&two.svg, &two.png));
    }
}

/// Event loops in two processes, with coroutines whose slots are used again, and context switches that cost time.
#[test]
fn event_loops_and_slots() {
    let execution = Execution::HybridAsyncio { processes: 2 };
    let model = model(&Made { execution, cores: 2, ..MADE });
    let mut sink = Collector::new(&model);
    let mut say = |time: u64, what: What| sink.record(&Record { time: Time(time * 1_000), what });
    for p in 0..2 {
        let (process, thread, context) = (ProcessId(p + 1), ThreadId(p), ContextId(p * 10));
        say(0, What::ProcessStart { process, parent: None });
        say(0, What::ThreadStart { thread, process, context, role: Role::Loop });
        say(0, What::Ready { thread });
        say(0, What::Switch { core: CoreId(p), thread });
    }
    for p in 0..2 {
        say(300, What::Run { core: CoreId(p), thread: ThreadId(p) });
        say(300, What::GilTake { process: ProcessId(p + 1), thread: ThreadId(p) });
    }
    let mut now = 300;
    for round in 0..24u32 {
        for p in 0..2u32 {
            let slot = 1 + round % 6;
            let (context, thread) = (ContextId(p * 10 + slot), ThreadId(p));
            if !(6..12).contains(&round) {
                if round >= 12 {
                    say(now, What::CoroutineEnd { context });
                }
                let role = Role::Task { task: TaskId(0), index: round };
                say(now, What::CoroutineStart { context, thread, role });
            }
            say(now, What::CoroutineReady { context });
        }
        let length = 400 + u64::from(round % 5) * 150;
        for p in 0..2u32 {
            let context = ContextId(p * 10 + 1 + round % 6);
            say(now + 50, What::Resume { context });
            say(now + 50, What::Compute { context, kind: CpuKind::Python, demand: Duration(length) });
        }
        now += length;
        for p in 0..2u32 {
            let context = ContextId(p * 10 + 1 + round % 6);
            say(now, What::ComputeEnd { context });
            let on = if round % 4 == 0 { On::Sleep } else { On::Io(DeviceId(0)) };
            say(now, What::Suspend { context, on });
        }
        if round % 6 == 5 {
            for p in 0..2 {
                let (core, thread, process) = (CoreId(p), ThreadId(p), ProcessId(p + 1));
                say(now, What::GilDrop { process, thread, forced: false });
                say(now, What::Block { core, thread, on: On::Poll });
                say(now + 700, What::Wake { thread });
                say(now + 800, What::Run { core, thread });
                say(now + 800, What::GilTake { process, thread });
            }
            now += 800;
        }
    }
    let mut data = finish(sink, "Hybrid(processes: 2, each: Asyncio)", now * 1_000);
    data.figures.coroutines.io = Duration(80_000);
    data.figures.coroutines.running = Duration(30_000);
    let picture = &check("loops", &[data])[0];
    assert!(picture.svg.contains(" (2)<") && picture.svg.contains("Coroutines of process 2"));
}

#[test]
fn one_thread_in_each_of_many_processes() {
    let model = model(&Made { execution: Execution::Processes(6), cores: 64, ..MADE });
    let mut sink = Collector::new(&model);
    for n in 0..6 {
        let (process, thread, core) = (ProcessId(n + 1), ThreadId(n), CoreId(n));
        let mut say = |time: u64, what: What| sink.record(&Record { time: Time(time), what });
        say(0, What::ProcessStart { process, parent: None });
        say(0, What::ThreadStart { thread, process, context: ContextId(n), role: Role::Worker(n) });
        say(0, What::Run { core, thread });
        say(0, What::GilTake { process, thread });
    }
    let picture = &check("processes", &[finish(sink, "Processes(6)", 2_500)])[0];
    assert!(picture.svg.contains("P6 worker 5") && picture.svg.contains("58 cores without work"));
}

/// Two workers: the first does two jobs of the graph without a pause, the second one that is on no path.
fn workers() -> ModelData {
    let mut builder = Builder::new(2, Execution::Threads(2));
    for task in ["compile", "test", "lint"] {
        builder.task(task, Some(1), Arrivals::AtOnce, vec![], vec![]);
    }
    let model = builder.build();
    let mut sink = Collector::new(&model);
    let mut say = |time: u64, what: What| sink.record(&Record { time: Time(time * 1_000_000), what });
    let process = ProcessId(0);
    for n in 0..3 {
        say(0, What::JobArrive { job: JobId(n), task: TaskId(n), index: 0 });
    }
    let [a, b] = [0, 1].map(|n| (CoreId(n), ThreadId(n), ContextId(n)));
    for (n, (core, thread, context)) in [a, b].into_iter().enumerate() {
        say(0, What::ThreadStart { thread, process, context, role: Role::Worker(n as u32) });
        say(0, What::Run { core, thread });
        say(0, What::JobStart { job: JobId(2 * n as u32), context });
    }
    say(50, What::JobEnd { job: JobId(0), context: a.2 });
    say(50, What::JobStart { job: JobId(1), context: a.2 });
    say(60, What::JobEnd { job: JobId(2), context: b.2 });
    say(60, What::Block { core: b.0, thread: b.1, on: On::Job });
    say(100, What::Block { core: a.0, thread: a.1, on: On::Lock(LockId(0)) });
    finish(sink, "Threads(2)", 100_000_000)
}

#[test]
fn segments_of_workers_name_their_jobs_and_the_critical_path_is_underlined() {
    let mut data = workers();
    let plain = check("workers", std::slice::from_ref(&data))[0].svg.clone();
    for name in ["compile", "test", "lint"] {
        // On the row of the core and on that of the worker.
        assert_eq!(plain.matches(&format!(">{name}<")).count(), 2, "{name}");
    }
    assert!(plain.contains(">worker 1<") && !plain.contains(">T1") && !plain.contains("critical"));
    assert!(plain.contains(">context switch: another thread comes<"));
    let tasks = ["compile", "test"].map(str::to_owned).to_vec();
    data.figures.critical_path = Some(CriticalPath { tasks, length: Duration::ms(100) });
    assert!(check("critical", &[data])[0].svg.contains(">task on the critical path<"));
}

#[test]
fn after_a_deadlock_everyone_waits_to_the_right_edge() {
    let mut data = workers();
    assert!(!check("stuck-not", std::slice::from_ref(&data))[0].svg.contains("waits for a lock"));
    data.figures.outcome = "deadlock".to_owned();
    data.figures.explanation = vec!["test waits for the lock \"a\", held by lint, since 100ms".to_owned()];
    let svg = &check("stuck", &[data])[0].svg;
    assert!(svg.contains(">deadlock<") && svg.contains("waits for a lock"));
    assert!(svg.contains(">waits for &quot;a&quot;, held by lint<") || svg.contains(">waits for \"a\", held by lint<"));
}

#[test]
fn many_threads_have_low_rows() {
    let height = |threads| {
        let svg = &check("low", &[run(&Made { threads, bursts: 40, ..MADE })])[0].svg;
        let (_, rest) = svg.split_once("height=\"").unwrap();
        rest.split_once('"').unwrap().0.parse::<f64>().unwrap()
    };
    assert!(height(28) < height(20) + 10.0, "{} {}", height(28), height(20));
}
