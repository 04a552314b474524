//! Records to rows: what every core, GIL, thread and coroutine did when.
//!
//! The memory is bounded: up to [`SEGMENTS_MAX`] segments are kept one by one, after that every lane keeps time shares
//! in bins and only the segments of an early window, a [`Zoom`], remain. Lanes beyond [`LANES_MAX`] are only counted.

mod lane;
mod state;
mod zoom;

use std::collections::{BTreeMap, BTreeSet};

pub use lane::{Group, Lane, Segment};
pub use state::{STATES, State};
pub use zoom::Zoom;

use crate::id::{ContextId, CoreId, ProcessId, ThreadId};
use crate::model::{Execution, Model};
use crate::time::Time;
use crate::trace::{Record, Role, Sink, What};

/// Most segments that are kept one by one.
pub const SEGMENTS_MAX: usize = 20_000;

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
    /// Processes that were started.
    pub processes: usize,
    /// What is not counted at the start, in nanoseconds.
    pub warm_up: u64,
    /// An early window, segment by segment.
    pub zoom: Zoom,
    model: Model,
    kept: usize,
    binned: bool,
    lane_of: BTreeMap<Key, Option<usize>>,
    names: BTreeMap<Key, Role>,
    threads: BTreeMap<ThreadId, Thread>,
    contexts: BTreeMap<ContextId, ThreadId>,
    coroutines: BTreeMap<ContextId, Key>,
    seen: BTreeSet<ProcessId>,
}

/// What a lane belongs to: a slot, because numbers are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Core(CoreId),
    Gil(ProcessId),
    Thread(ProcessId, ThreadId),
    Coroutine(ProcessId, ThreadId, ContextId),
}

#[derive(Clone, Copy, Debug)]
struct Thread {
    process: ProcessId,
    core: Option<CoreId>,
    burst: State,
    coroutine: Option<Key>,
}

impl Timeline {
    /// Rows for a run of this model; its cores are there from the start.
    pub fn new(model: &Model) -> Timeline {
        let has_gil = model.interpreter.gil.is_some() && !matches!(model.execution, Execution::FreeThreaded(_));
        let interval = model.interpreter.gil.filter(|_| has_gil).map(|gil| format!(", switch interval {gil}"));
        let about = format!("{}{}", model.machine.policy, interval.unwrap_or_default());
        let mut timeline = Timeline {
            lanes: Vec::new(),
            has_gil,
            about,
            hidden: [0; 4],
            end: 0,
            processes: 0,
            warm_up: model.warm_up.0,
            zoom: Zoom::new(model.warm_up.0),
            model: Model { code: Vec::new(), ..model.clone() },
            kept: 0,
            binned: false,
            lane_of: BTreeMap::new(),
            names: BTreeMap::new(),
            threads: BTreeMap::new(),
            contexts: BTreeMap::new(),
            coroutines: BTreeMap::new(),
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
        for lane in 0..self.lanes.len() {
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
            Key::Thread(process, _) => (2, Group::Thread(process), String::new()),
            Key::Coroutine(process, thread, _) => (3, Group::Coroutine(process, thread), String::new()),
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
        let key = Key::Thread(entering.process, thread);
        if let Some(lane) = self.lane(key)
            && self.lanes[lane].visits[State::Run as usize] + self.lanes[lane].visits[State::Native as usize] == 0
        {
            self.zoom.restart(now.0);
        }
        self.runs(thread, now);
    }

    /// Names the lane after its first role; a slot that is used again is named after what its users have in common.
    fn name(&mut self, key: Key, role: Role) {
        let Some(lane) = self.lane(key) else { return };
        let slot = match key {
            Key::Thread(_, thread) => format!("T{} ", thread.0),
            Key::Core(_) | Key::Gil(_) | Key::Coroutine(..) => String::new(),
        };
        let number = match key {
            Key::Thread(_, thread) => thread.0,
            Key::Coroutine(_, _, context) => context.0,
            Key::Core(_) | Key::Gil(_) => 0,
        };
        self.lanes[lane].name = match self.names.get(&key) {
            None => format!("{slot}{}", self.model.role_name(role)),
            Some(first) if *first == role => return,
            Some(first) => match shared_name(&self.model, *first, role) {
                Some(name) => format!("{name} (slot {number})"),
                None => format!("several tasks (slot {number})"),
            },
        };
        self.names.entry(key).or_insert(role);
    }

    /// The thread is in this state, and so is the coroutine that it runs.
    fn thread(&mut self, thread: ThreadId, now: Time, state: Option<State>) {
        let Some(Thread { process, coroutine, .. }) = self.threads.get(&thread).copied() else { return };
        self.set(Key::Thread(process, thread), now, state, thread.0);
        if let Some(coroutine) = coroutine {
            self.set(coroutine, now, state, 0);
        }
    }

    /// The thread runs its present burst.
    fn runs(&mut self, thread: ThreadId, now: Time) {
        let Some(Thread { core: Some(core), burst, .. }) = self.threads.get(&thread).copied() else { return };
        self.set(Key::Core(core), now, Some(burst), thread.0);
        self.thread(thread, now, Some(burst));
    }

    fn leaves(&mut self, core: CoreId, thread: ThreadId, now: Time, state: Option<State>) {
        self.set(Key::Core(core), now, None, 0);
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

    fn resume(&mut self, context: ContextId, now: Time) {
        let Some(key) = self.coroutines.get(&context).copied() else { return };
        let Some(loop_thread) = self.contexts.get(&context).copied() else { return };
        self.set(key, now, Some(State::Run), 0);
        if let Some(thread) = self.threads.get_mut(&loop_thread) {
            thread.coroutine = Some(key);
        }
    }

    fn leave_coroutine(&mut self, context: ContextId, now: Time, state: Option<State>) {
        let Some(key) = self.coroutines.get(&context).copied() else { return };
        self.set(key, now, state, 0);
        let loop_thread = self.contexts.get(&context).copied();
        if let Some(thread) = loop_thread.and_then(|thread| self.threads.get_mut(&thread)) {
            thread.coroutine = thread.coroutine.filter(|current| *current != key);
        }
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
                self.threads.insert(thread, Thread { process, core: None, burst: State::Run, coroutine: None });
                self.contexts.insert(context, thread);
                self.coroutines.remove(&context);
                self.name(Key::Thread(process, thread), role);
            }
            What::Wake { thread } | What::Ready { thread } => self.thread(thread, now, Some(State::Ready)),
            What::Switch { core, thread } => {
                self.set(Key::Core(core), now, Some(State::Switching), thread.0);
                self.thread(thread, now, Some(State::Ready));
            }
            What::Run { core, thread } => self.enters(core, thread, now),
            What::Preempt { core, thread } | What::Yield { core, thread } => {
                self.leaves(core, thread, now, Some(State::Ready));
            }
            What::Block { core, thread, on } => self.leaves(core, thread, now, Some(State::of_wait(on))),
            What::ThreadEnd { core, thread } => self.leaves(core, thread, now, None),
            What::GilTake { process, thread } => self.set(Key::Gil(process), now, Some(State::Run), thread.0),
            What::GilDrop { process, .. } => self.set(Key::Gil(process), now, None, 0),
            What::Compute { context, kind, .. } => self.burst(context, now, State::of_burst(kind)),
            What::ComputeEnd { context } => self.burst(context, now, State::Run),
            What::CoroutineStart { context, thread, role } => {
                let Some(Thread { process, .. }) = self.threads.get(&thread).copied() else { return };
                let key = Key::Coroutine(process, thread, context);
                self.contexts.insert(context, thread);
                self.coroutines.insert(context, key);
                self.name(key, role);
            }
            What::CoroutineReady { context } => {
                if let Some(key) = self.coroutines.get(&context).copied() {
                    self.set(key, now, Some(State::Ready), 0);
                }
            }
            What::Resume { context } => self.resume(context, now),
            What::Suspend { context, on } => self.leave_coroutine(context, now, Some(State::of_wait(on))),
            What::CoroutineEnd { context } => self.leave_coroutine(context, now, None),
            What::ProcessEnd { .. }
            | What::GilRequest { .. }
            | What::Sleep { .. }
            | What::IoSubmit { .. }
            | What::IoStart { .. }
            | What::IoDone { .. }
            | What::LockTake { .. }
            | What::LockRelease { .. }
            | What::Load { .. }
            | What::Store { .. }
            | What::Iteration { .. }
            | What::JobArrive { .. }
            | What::JobStart { .. }
            | What::JobEnd { .. }
            | What::Spawn { .. }
            | What::Print { .. } => {}
        }
    }
}

/// The place of a group in [`LANES_MAX`].
pub fn kind_of(group: Group) -> usize {
    match group {
        Group::Core => 0,
        Group::Gil(_) => 1,
        Group::Thread(_) => 2,
        Group::Coroutine(..) => 3,
    }
}

/// What two users of a slot have in common.
fn shared_name(model: &Model, a: Role, b: Role) -> Option<String> {
    match (a, b) {
        (Role::Task { task, .. }, Role::Task { task: other, .. }) if task == other => {
            model.tasks.get(task.index()).map(|task| task.name.clone())
        }
        (Role::Spawned { program, .. }, Role::Spawned { program: other, .. }) if program == other => {
            model.programs.get(program.index()).map(|program| program.name.clone())
        }
        (Role::Worker(_), Role::Worker(_)) => Some("worker".to_owned()),
        (Role::Loop, Role::Loop) => Some("loop".to_owned()),
        _ => None,
    }
}
