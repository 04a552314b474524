//! Records to rows: what every core, GIL, thread and coroutine did when.
//!
//! The memory is bounded: up to [`SEGMENTS_MAX`] segments are kept one by one, after that every lane keeps time shares
//! in bins and only the segments of an early window, a [`Zoom`], remain. Lanes beyond [`LANES_MAX`] are only counted.

mod coroutines;
mod lane;
mod marks;
mod names;
mod rows;
mod state;
mod work;
mod zoom;
use std::collections::{BTreeMap, BTreeSet};

pub use lane::{Group, Lane, Segment, kind_of};
use marks::Marks;
pub use marks::{Mark, Marked};
use rows::{Key, Rows};
pub use state::{STATES, State};
pub use work::Span;
pub use zoom::Zoom;

use crate::id::{ContextId, CoreId, ProcessId, ThreadId};
use crate::model::Model;
use crate::time::Time;
use crate::trace::{Record, Role, Sink, What};

/// Most segments that are kept one by one.
pub const SEGMENTS_MAX: usize = 20_000;

/// Most spans of work that are kept.
const SPANS_MAX: usize = 20_000;

/// Most lanes that are kept: cores, GILs, threads, coroutines. Fewer are drawn.
pub const LANES_MAX: [usize; 4] = [64, 4, 28, 28];

/// Rebuilds the rows of a run from its records.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// The rows in order of first appearance.
    pub lanes: Vec<Lane>,
    /// Whether threads need a GIL to run Python.
    pub has_gil: bool,
    /// The model in words: policy and switch interval.
    pub about: String,
    /// Lanes that were only counted, by kind of group: cores, GILs, threads, coroutines.
    pub hidden: [usize; 4],
    /// The end of the run, in nanoseconds.
    pub end: u64,
    /// Threads and coroutines that were started.
    pub started: [usize; 2],
    /// Processes that were started.
    pub processes: usize,
    /// What is not counted at the start, in nanoseconds.
    pub warm_up: u64,
    /// An early window, segment by segment.
    pub zoom: Zoom,
    model: Model,
    signals: Vec<bool>,
    kept: usize,
    binned: bool,
    lane_of: BTreeMap<Key, Option<usize>>,
    named: BTreeMap<Key, Role>,
    rows: Rows,
    marks: Marks,
    roles: BTreeMap<ContextId, Role>,
    spans: usize,
    threads: BTreeMap<ThreadId, Thread>,
    contexts: BTreeMap<ContextId, ThreadId>,
    /// Inside of whose step a coroutine takes its first one.
    creators: BTreeMap<ContextId, ContextId>,
    seen: BTreeSet<ProcessId>,
}

#[derive(Clone, Copy, Debug)]
struct Thread {
    process: ProcessId,
    row: Key,
    core: Option<CoreId>,
    burst: State,
    role: Role,
    /// The job of a worker.
    job: Option<Role>,
    /// The coroutine that a loop runs, and what it is for.
    coroutine: Option<Key>,
    hosted: Option<Role>,
}

impl Thread {
    fn new(process: ProcessId, row: Key, role: Role) -> Thread {
        Thread { process, row, core: None, burst: State::Run, role, job: None, coroutine: None, hosted: None }
    }

    /// What it works on now.
    fn work(&self) -> Option<Role> {
        let own = Some(self.role).filter(|role| matches!(role, Role::Task { .. } | Role::Spawned { .. }));
        self.hosted.or(self.job).or(own)
    }
}

impl Timeline {
    /// Rows for a run of this model; its cores are there from the start.
    pub fn new(model: &Model) -> Timeline {
        let has_gil = model.has_gil();
        let interval = model.interpreter.turn().filter(|_| has_gil).map(|turn| format!(", {turn}"));
        let about = format!("{}{}", model.machine.policy, interval.unwrap_or_default());
        let mut timeline = Timeline {
            lanes: Vec::new(),
            has_gil,
            about,
            hidden: [0; 4],
            end: 0,
            started: [0; 2],
            processes: 0,
            warm_up: model.warm_up.0,
            zoom: Zoom::new(model.warm_up.0),
            model: Model { code: Vec::new(), ..model.clone() },
            signals: model.signals(),
            kept: 0,
            binned: false,
            lane_of: BTreeMap::new(),
            named: BTreeMap::new(),
            rows: Rows::default(),
            marks: Marks::new(model),
            roles: BTreeMap::new(),
            spans: 0,
            threads: BTreeMap::new(),
            contexts: BTreeMap::new(),
            creators: BTreeMap::new(),
            seen: BTreeSet::new(),
        };
        for core in 0..model.machine.cores.min(4_096) {
            timeline.lane(Key::Core(CoreId(core)));
        }
        timeline
    }

    /// Ends every open segment at the end of the run.
    pub fn finish(&mut self, end: Time) {
        self.end = end.0;
        self.started = self.rows.started(end.0);
        for (row, mark) in self.marks.finish(end.0) {
            self.mark(row, mark);
        }
        for lane in 0..self.lanes.len() {
            self.lanes[lane].left = self.lanes[lane].open().map(|open| open.state);
            if let Some(span) = self.lanes[lane].work.finish(end.0) {
                self.keep_span(lane, span);
            }
            if let Some(ended) = self.lanes[lane].close(end.0) {
                self.zoom_in(lane, ended);
            }
        }
    }

    /// Cores of the machine.
    pub fn cores(&self) -> u32 {
        self.model.machine.cores
    }

    /// Segments of all lanes, kept or not.
    pub fn count(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.count).sum()
    }

    /// The index of the lane, made when first asked for; `None` if there are too many.
    fn lane(&mut self, key: Key) -> Option<usize> {
        if let Some(lane) = self.lane_of.get(&key) {
            return *lane;
        }
        let (kind, group, name) = match key {
            Key::Core(core) => (0, Group::Core, format!("core {}", core.0)),
            Key::Gil(process) => (1, Group::Gil(process), "owner".to_owned()),
            Key::Thread(process, ..) => (2, Group::Thread(process), String::new()),
            Key::Coroutine(process, thread, ..) => (3, Group::Coroutine(process, thread), String::new()),
        };
        let there = self.lanes.iter().filter(|lane| kind_of(lane.group) == kind).count();
        let index = if there < LANES_MAX[kind] {
            self.lanes.push(Lane::new(group, name, self.binned));
            Some(self.lanes.len() - 1)
        } else {
            self.hidden[kind] += 1;
            None
        };
        self.lane_of.insert(key, index);
        index
    }

    fn set(&mut self, key: Key, now: Time, state: Option<State>, tag: u32) {
        let Some(lane) = self.lane(key) else { return };
        let Some(ended) = self.lanes[lane].set(now.0, state, tag) else { return };
        self.zoom_in(lane, ended);
        self.kept += 1;
        if self.kept > SEGMENTS_MAX && !self.binned {
            self.binned = true;
            self.lanes.iter_mut().for_each(Lane::fold);
            let zoom = &self.zoom;
            let kept = |lane: &mut Lane| lane.work.retain(|span| zoom.shows(span.start, span.end));
            self.spans = self.lanes.iter_mut().map(kept).sum();
        }
    }

    fn zoom_in(&mut self, lane: usize, ended: Segment) {
        if self.zoom.add(lane, ended) {
            for (index, lane) in self.lanes.iter().enumerate() {
                if let Some(open) = lane.open() {
                    self.zoom.cut(index, open);
                }
            }
        }
    }

    /// The thread comes to a core. If that is the first time for its row, the program is still starting up.
    fn enters(&mut self, core: CoreId, thread: ThreadId, now: Time) {
        let Some(entering) = self.threads.get_mut(&thread) else { return };
        entering.core = Some(core);
        let key = entering.row;
        if let Some(lane) = self.lane(key)
            && self.lanes[lane].visits[State::Run as usize] + self.lanes[lane].visits[State::Native as usize] == 0
        {
            self.zoom.restart(now.0);
        }
        self.runs(thread, now);
    }

    /// The thread comes to the core, perhaps from another one.
    fn moves(&mut self, core: CoreId, thread: ThreadId, now: Time) {
        if self.marks.comes(thread, core) {
            self.mark(Key::Core(core), Marked { at: now.0, what: Mark::Migrated });
        }
    }

    fn mark(&mut self, key: Key, mark: Marked) {
        if self.marks.keeps()
            && let Some(lane) = self.lane(key)
        {
            self.lanes[lane].marks.push(mark);
        }
    }

    /// The row works on this from now on.
    fn work(&mut self, key: Key, now: Time, role: Option<Role>) {
        let Some(lane) = self.lane(key) else { return };
        if let Some(span) = self.lanes[lane].work.set(now.0, role) {
            self.keep_span(lane, span);
        }
    }

    fn keep_span(&mut self, lane: usize, span: Span) {
        let seen = !self.binned || self.zoom.shows(span.start, span.end);
        if seen && self.spans < SPANS_MAX && self.lanes[lane].work.push(span) {
            self.spans += 1;
        }
    }

    /// The work of the thread may have changed: on its row and on that of its core.
    fn works(&mut self, thread: ThreadId, now: Time) {
        let Some(working) = self.threads.get(&thread).copied() else { return };
        let work = working.work();
        self.work(working.row, now, work);
        if let Some(core) = working.core {
            self.work(Key::Core(core), now, work.or(Some(working.role)));
        }
    }

    /// A worker begins a job, or ends it.
    fn job(&mut self, context: ContextId, now: Time, job: Option<Role>) {
        let Some(thread) = self.contexts.get(&context).copied() else { return };
        if self.rows.of(context).is_some() {
            return; // Its role is the job.
        }
        if let Some(worker) = self.threads.get_mut(&thread) {
            worker.job = job;
            self.works(thread, now);
        }
    }

    /// The thread is in this state, and so is the coroutine that it runs.
    fn thread(&mut self, thread: ThreadId, now: Time, state: Option<State>) {
        let Some(Thread { row, coroutine, .. }) = self.threads.get(&thread).copied() else { return };
        self.set(row, now, state, thread.0);
        if let Some(coroutine) = coroutine {
            self.set(coroutine, now, state, 0);
        }
    }

    /// The thread runs its present burst.
    fn runs(&mut self, thread: ThreadId, now: Time) {
        let Some(Thread { core: Some(core), burst, .. }) = self.threads.get(&thread).copied() else { return };
        self.set(Key::Core(core), now, Some(burst), thread.0);
        self.works(thread, now);
        self.thread(thread, now, Some(burst));
    }

    fn leaves(&mut self, core: CoreId, thread: ThreadId, now: Time, state: Option<State>) {
        self.set(Key::Core(core), now, None, 0);
        self.work(Key::Core(core), now, None);
        if let Some(thread) = self.threads.get_mut(&thread) {
            thread.core = None;
        }
        self.thread(thread, now, state);
    }

    fn burst(&mut self, context: ContextId, now: Time, state: State) {
        let Some(thread) = self.contexts.get(&context).copied() else { return };
        if let Some(thread) = self.threads.get_mut(&thread) {
            thread.burst = if self.has_gil { state } else { State::Run };
        }
        self.runs(thread, now);
    }

    /// The row of a coroutine, or of the thread with this context.
    fn row_of(&self, context: ContextId) -> Option<Key> {
        let thread = || self.threads.get(self.contexts.get(&context)?).map(|thread| thread.row);
        self.rows.of(context).or_else(thread)
    }
}

impl Sink for Timeline {
    fn record(&mut self, record: &Record) {
        let now = record.time;
        match record.what {
            What::ProcessStart { process, .. } => {
                self.seen.insert(process);
                self.processes = self.seen.len();
            }
            What::ThreadStart { thread, process, context, role } => {
                let row = self.rows.thread(process, role, now.0);
                self.marks.forget(thread);
                self.threads.insert(thread, Thread::new(process, row, role));
                self.contexts.insert(context, thread);
                self.rows.end(context);
                self.name(row, role);
                self.works(thread, now);
            }
            What::Wake { thread } | What::Ready { thread } => self.thread(thread, now, Some(State::Ready)),
            What::Switch { core, thread } => {
                self.moves(core, thread, now);
                self.set(Key::Core(core), now, Some(State::Switching), thread.0);
                self.thread(thread, now, Some(State::Ready));
            }
            What::Run { core, thread } => {
                self.moves(core, thread, now);
                self.enters(core, thread, now);
            }
            What::Preempt { core, thread } | What::Yield { core, thread } => {
                self.leaves(core, thread, now, Some(State::Ready));
            }
            What::Block { core, thread, on } => self.leaves(core, thread, now, Some(State::of_wait(on, &self.signals))),
            What::ThreadEnd { core, thread } => {
                self.leaves(core, thread, now, None);
                if let Some(Thread { row, .. }) = self.threads.get(&thread).copied() {
                    self.work(row, now, None);
                    self.rows.free(row);
                }
            }
            What::GilTake { process, thread } => {
                self.set(Key::Gil(process), now, Some(State::Run), thread.0);
                self.work(Key::Gil(process), now, self.threads.get(&thread).map(|owner| owner.role));
            }
            What::GilDrop { process, .. } => {
                self.set(Key::Gil(process), now, None, 0);
                self.work(Key::Gil(process), now, None);
            }
            What::Compute { context, kind, .. } => self.burst(context, now, State::of_burst(kind)),
            What::ComputeEnd { context } => self.burst(context, now, State::Run),
            What::CoroutineStart { context, thread, role } => {
                let Some(Thread { process, .. }) = self.threads.get(&thread).copied() else { return };
                let key = self.rows.coroutine((process, thread), context, role, now.0);
                self.contexts.insert(context, thread);
                self.roles.insert(context, role);
                self.name(key, role);
                self.work(key, now, Some(role));
            }
            What::CoroutineReady { context } => {
                if let Some(key) = self.rows.of(context) {
                    self.set(key, now, Some(State::Ready), 0);
                }
            }
            What::Resume { context } => self.resume(context, now),
            What::StartEagerly { context, child } => self.start_eagerly(context, child, now),
            What::Suspend { context, on } => {
                self.leave_coroutine(context, now, Some(State::of_wait(on, &self.signals)))
            }
            What::CoroutineEnd { context } => {
                self.leave_coroutine(context, now, None);
                if let Some(key) = self.rows.of(context) {
                    self.work(key, now, None);
                    self.rows.end(context);
                }
            }
            What::Submit { context, child } => {
                if let Some(role) = self.roles.get(&context).copied() {
                    self.roles.insert(child, role);
                }
            }
            What::TakeUp { thread, context } => {
                self.contexts.insert(context, thread);
                self.rows.end(context);
                self.job(context, now, self.roles.get(&context).copied());
            }
            What::HandBack { context, .. } => {
                self.job(context, now, None);
                self.contexts.remove(&context);
            }
            What::JobArrive { job, task, index } => self.marks.arrive(job, task, index, now.0),
            What::JobStart { job, context } => {
                let row = self.row_of(context);
                let role = self.marks.begin(job, row, now.0);
                self.job(context, now, role);
            }
            What::JobEnd { job, context } | What::JobFail { job, context } => {
                self.mark_end(job, now);
                self.job(context, now, None);
            }
            What::JobReturn { context, .. } | What::Kill { context } => self.job(context, now, None),
            What::JobLost { job } => self.mark_end(job, now),
            What::JobDrop { job, by } => {
                let mark = self.marks.drop(job, now.0);
                mark.into_iter().for_each(|(row, mark)| self.mark(row, mark));
                if let Some(context) = by.filter(|context| self.rows.of(*context).is_none()) {
                    self.burst(context, now, State::Run);
                    self.job(context, now, None);
                }
            }
            What::Migrate { .. }
            | What::JobRefuse { .. }
            | What::ProcessEnd { .. }
            | What::GilRequest { .. }
            | What::GilOffer { .. }
            | What::Sleep { .. }
            | What::IoSubmit { .. }
            | What::Socket { .. }
            | What::Wire { .. }
            | What::IoStart { .. }
            | What::IoDone { .. }
            | What::LockTake { .. }
            | What::LockRelease { .. }
            | What::LockDepth { .. }
            | What::Sync { .. }
            | What::Load { .. }
            | What::Store { .. }
            | What::Update { .. }
            | What::Iteration { .. }
            | What::Spawn { .. }
            | What::Daemon { .. }
            | What::Unsubmit { .. }
            | What::SelfPipe { .. }
            | What::Chunk { .. }
            | What::Pass { .. }
            | What::Exit { .. }
            | What::Cancel { .. }
            | What::Raise { .. }
            | What::Uncaught { .. }
            | What::Timeout { .. }
            | What::TimeoutEnd { .. }
            | What::Together { .. }
            | What::TogetherAlready { .. }
            | What::WaitTasks { .. }
            | What::TasksWaited { .. }
            | What::TasksKnown { .. }
            | What::CallBack { .. }
            | What::IoWithdraw { .. }
            | What::Object { .. }
            | What::Pause { .. }
            | What::Print { .. }
            | What::Fail { .. } => {}
        }
    }
}
