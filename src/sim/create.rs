//! How processes, threads and coroutines come to be, and how they end.

use super::world::{
    Body, Burst, Context, Draws, Phase, Process, Resume, Starter, State, Sync, TaskState, Thread, Work, World,
};
use super::{Chooser, Sim};
use crate::engine::Engine;
use crate::id::{ContextId, CoreId, ProcessId, ProgramId, TaskId, ThreadId};
use crate::io::Device;
use crate::kernel::Kernel;
use crate::load::Source;
use crate::model::{Arrivals, Execution, Model, SpawnKind};
use crate::rng::{Pages, Shelf, numbered, stream_id};
use crate::runtime::gil::{Gil, Why};
use crate::slab::Slab;
use crate::sync::Lock;
use crate::time::{Duration, Time};
use crate::trace::{CpuKind, On, Raised, Role, Sink, What};

impl World {
    /// An empty machine, and the work before it begins.
    pub(super) fn new(model: &Model, seed: u64) -> World {
        let mut affinities = 0;
        let tasks = model.tasks.iter().map(|task| TaskState {
            source: Source::new(&task.arrivals, task.count, seed, &task.name),
            key: stream_id(&format!("tasks/{}#job", task.name)),
            pages: Pages::new(seed, stream_id(&format!("tasks/{}#steps", task.name))),
            ended: 0,
            inside: 0,
            blockers: task.after.len() as u32,
            // As `Model::kernel` counts them.
            affinity: if task.affinity.is_empty() {
                0
            } else {
                affinities += 1;
                affinities
            },
        });
        let tasks = tasks.collect();
        let users = model.tasks.iter().enumerate().flat_map(|(task, definition)| {
            let users = match definition.arrivals {
                Arrivals::Closed { users, .. } => users,
                _ => 0,
            };
            (0..users).map(move |user| (TaskId::from(task), user))
        });
        let work = Work {
            jobs: Slab::default(),
            tasks,
            queue: Default::default(),
            idle_workers: Default::default(),
            unstarted: Default::default(),
            loops: Vec::new(),
            next_loop: 0,
            spawned: vec![0; model.programs.len()],
            users: users.collect(),
            births: Vec::new(),
            expiries: Vec::new(),
            arrivals: 0,
            unfinished: 0,
            daemons: 0,
        };
        World {
            now: Time::ZERO,
            engine: Engine::default(),
            kernel: Kernel::new(&model.kernel(seed)),
            processes: Vec::new(),
            threads: Slab::default(),
            contexts: Slab::default(),
            devices: model.devices.iter().map(|device| Device::new(device.slots)).collect(),
            requests: Slab::default(),
            work,
            net: super::socket::Net::new(model, seed),
            shelf: Shelf::new(seed),
            locals: Vec::new(),
            held: Vec::new(),
            pool: None,
            executors: Vec::new(),
            loop_tasks: Vec::new(),
        }
    }
}

/// What a new context executes and for whom.
pub(super) struct Origin {
    pub role: Role,
    pub program: ProgramId,
    pub parent: Option<(ContextId, u32)>,
    pub key: u64,
}

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// The processes and threads that an execution model starts with.
    pub(super) fn populate(&mut self) {
        match self.model.execution {
            Execution::Serial => self.crew(1, 1),
            Execution::Threads(threads) | Execution::FreeThreaded(threads) => self.pool_of_threads(threads),
            Execution::ThreadPool => self.pool_of_threads(self.model.default_workers()),
            Execution::InterpreterPool(most) => self.pool_of_threads(most.unwrap_or(self.model.default_workers())),
            Execution::ProcessPool(pool) => self.process_pool(pool),
            Execution::Processes(processes) => self.crew(processes, 1),
            Execution::Subinterpreters(interpreters) => self.interpreters(interpreters),
            Execution::HybridThreads { processes, threads } => self.crew(processes, threads),
            Execution::ThreadPerTask => drop(self.process(None)),
            Execution::Asyncio | Execution::Polling => self.loops(1),
            Execution::HybridAsyncio { processes } => self.loops(processes),
        }
    }

    /// Worker threads. Simplification: the parent that starts them is not modelled; each is runnable after the time that
    /// starting all those before it takes.
    fn crew(&mut self, processes: u32, threads: u32) {
        for number in 0..processes {
            let process = self.process(None);
            let boot = self.boot_time(number, processes);
            for worker in 0..threads {
                let role = Role::Worker(number * threads + worker);
                let thread = self.thread(process, Body::Worker, self.unprogrammed(role));
                let thread_start = self.model.machine.costs.thread_start.0 * u64::from(worker);
                self.wake_after(thread, boot + Duration(thread_start));
            }
        }
    }

    /// A process with a pool of threads, of which none is started yet.
    fn pool_of_threads(&mut self, workers: u32) {
        self.process(None);
        self.world.work.unstarted.left = workers;
    }

    /// One more worker of a pool of threads, as `ThreadPoolExecutor.submit` starts one if none is idle. Simplification: the
    /// thread that submits is not modelled; it starts one worker after the other, and each is runnable when those before
    /// it are started.
    #[cold]
    pub(super) fn start_worker(&mut self) {
        let unstarted = &mut self.world.work.unstarted;
        let (number, ready) = (unstarted.next, unstarted.busy.max(self.world.now));
        unstarted.left -= 1;
        unstarted.next += 1;
        unstarted.busy = ready + self.model.machine.costs.thread_start;
        let own = matches!(self.model.execution, Execution::InterpreterPool(_));
        let (process, boot) = match own {
            true => (self.process(None), self.model.machine.costs.interpreter_boot),
            false => (ProcessId(0), Duration::ZERO),
        };
        let thread = self.thread(process, Body::Worker, self.unprogrammed(Role::Worker(number)));
        if self.handshake && !own {
            self.world.threads[thread].starter = Starter::Pool;
            self.world.work.unstarted.waits = true;
        }
        self.wake_after(thread, ready.since(self.world.now) + boot);
    }

    /// Worker threads of one process, each in an interpreter that it makes for itself: they do not wait for one another.
    fn interpreters(&mut self, interpreters: u32) {
        let costs = &self.model.machine.costs;
        let (start, boot) = (costs.thread_start, costs.interpreter_boot);
        for number in 0..interpreters {
            let process = self.process(None);
            let thread = self.thread(process, Body::Worker, self.unprogrammed(Role::Worker(number)));
            self.wake_after(thread, Duration(start.0 * u64::from(number)) + boot);
        }
    }

    fn loops(&mut self, processes: u32) {
        for number in 0..processes {
            let process = self.process(None);
            let body = Body::Loop(Box::default());
            let thread = self.thread(process, body, self.unprogrammed(Role::Loop));
            self.world.work.loops.push(thread);
            self.wake_after(thread, self.boot_time(number, processes));
        }
    }

    fn boot_time(&self, number: u32, processes: u32) -> Duration {
        let costs = &self.model.machine.costs;
        match processes {
            1 => Duration::ZERO,
            _ => Duration(costs.process_start.0 * u64::from(number + 1)) + costs.process_boot,
        }
    }

    fn unprogrammed(&self, role: Role) -> Origin {
        Origin { role, program: ProgramId(u32::MAX), parent: None, key: 0 }
    }

    /// A process without threads, with first values of everything it owns or copies of its parent's.
    pub(super) fn process(&mut self, parent: Option<ProcessId>) -> ProcessId {
        let gil = self.model.interpreter.gil.filter(|_| self.model.has_gil()).map(Gil::new);
        let (vars, objects) = match parent.map(|parent| &self.world.processes[parent.index()]) {
            Some(parent) => (parent.vars.clone(), parent.objects.clone()),
            None => (self.model.vars.iter().map(|var| var.initial).collect(), super::object::fresh(self.model)),
        };
        let locks = vec![Lock::default(); self.model.locks.len()];
        let fresh = |sync: &crate::model::Shared<crate::sync::Config>| Sync { state: sync.initial.build(), last: None };
        let syncs = self.model.syncs.iter().map(fresh).collect();
        self.world.processes.push(Process { gil, locks, syncs, vars, objects, stop: None, threads: 0, daemon: false });
        let process = ProcessId::from(self.world.processes.len() - 1);
        self.note(What::ProcessStart { process, parent });
        self.limit_crowd();
        process
    }

    /// A thread, new: somebody has to wake it.
    pub(super) fn thread(&mut self, process: ProcessId, body: Body, origin: Origin) -> ThreadId {
        let role = origin.role;
        let own = self.context(origin);
        let new = || Thread {
            process,
            own,
            current: own,
            body: Body::Program,
            state: State::Ended,
            phase: Phase::Gil,
            burst: Burst {
                kind: CpuKind::Python,
                context: own,
                left: Duration::ZERO,
                rest: 0,
                since: Time::ZERO,
                then: Phase::Step,
            },
            timer: 0,
            core: None,
            seen: 0,
            timed_out: false,
            offers_until: Time::ZERO,
            wakes: None,
            role,
            limit: Time::NEVER,
            expired: false,
            daemon: false,
            starter: Starter::Nobody,
        };
        let thread = self.world.threads.claim(new);
        let fresh = new();
        self.world.threads[thread] = Thread { body, state: State::Blocked(On::Nothing), ..fresh };
        self.world.contexts[own].thread = thread;
        self.world.processes[process.index()].threads += 1;
        self.carry_nothing(thread);
        self.first_values(thread);
        if matches!(self.world.threads[thread].body, Body::Program) {
            self.world.work.unfinished += 1;
        }
        self.note(What::ThreadStart { thread, process, context: own, role });
        self.limit_crowd();
        thread
    }

    /// A coroutine on the loop of the thread, suspended: somebody has to make it ready.
    pub(super) fn coroutine(&mut self, thread: ThreadId, origin: Origin) -> ContextId {
        let role = origin.role;
        let context = self.context(origin);
        self.world.contexts[context].thread = thread;
        self.world.contexts[context].coroutine = true;
        self.world.work.unfinished += 1;
        self.note(What::CoroutineStart { context, thread, role });
        self.limit_crowd();
        context
    }

    pub(super) fn context(&mut self, origin: Origin) -> ContextId {
        let context = self.world.contexts.claim(|| Context::new(origin.role, origin.program));
        if self.tracks {
            self.world.new_loop_task(context);
        }
        let state = &mut self.world.contexts[context];
        state.coroutine = false;
        state.role = origin.role;
        if origin.parent.is_some() || state.family.is_some() {
            let family = state.family();
            (family.parent, family.spawned) = (origin.parent, 0);
        }
        state.key = origin.key;
        state.resume = Resume::Step;
        state.waits = None;
        if origin.program.0 != u32::MAX {
            let draws = match self.model.programs[origin.program.index()].draws {
                Some(0) => Draws::None,
                _ => self.own_draws(),
            };
            self.load_program(context, origin.program, draws);
        }
        context
    }

    /// The context stands before the first op of the program.
    #[inline]
    pub(super) fn load_program(&mut self, context: ContextId, program: ProgramId, draws: Draws) {
        let definition = &self.model.programs[program.index()];
        let state = &mut self.world.contexts[context];
        state.program = program;
        // Children of what ran here before are no children of this.
        state.generation += 1;
        state.pc = definition.entry;
        state.stack.clear();
        if let Some(family) = &mut state.family {
            family.children.clear();
            family.starting = 0;
        }
        state.registers.clear();
        if definition.registers > 0 {
            state.registers.resize(definition.registers as usize, 0);
        }
        state.blocking = 0;
        state.paid = false;
        state.woken = false;
        state.draws = draws;
    }

    /// One more context for `Spawn`.
    pub(super) fn spawn(&mut self, parent: ContextId, kind: SpawnKind, program: ProgramId) -> ContextId {
        let index = self.world.work.spawned[program.index()];
        self.world.work.spawned[program.index()] += 1;
        let grouped = self.starts_group(parent);
        let state = &mut self.world.contexts[parent];
        let family = state.family();
        family.spawned += 1;
        let number = u64::from(family.spawned);
        let origin = Origin {
            role: Role::Spawned { program, index },
            program,
            parent: Some((parent, state.generation)),
            key: numbered(state.key ^ stream_id(&self.model.programs[program.index()].name), number),
        };
        match state.children(program) {
            _ if grouped => {}
            Some(live) => *live += 1,
            None => state.family().children.push((program, 1)),
        }
        let parent_thread = state.thread;
        let process = self.world.threads[parent_thread].process;
        match kind {
            SpawnKind::Coroutine => {
                let child = self.coroutine(parent_thread, origin);
                if self.tracks {
                    self.world.adopt(parent, child);
                }
                self.note(What::Spawn { context: parent, child });
                self.hand_sockets_over(parent, child);
                if self.eager {
                    self.start_eagerly(parent, child);
                } else {
                    self.make_ready(child);
                }
                child
            }
            SpawnKind::Thread | SpawnKind::DaemonThread => {
                let child = self.thread(process, Body::Program, origin);
                self.inherit(child, parent_thread);
                let own = self.world.threads[child].own;
                self.note(What::Spawn { context: parent, child: own });
                let inherits = self.world.threads[parent_thread].daemon || self.world.processes[process.index()].daemon;
                if kind.is_daemon() || inherits {
                    self.make_daemon(child);
                }
                self.hand_sockets_over(parent, own);
                self.wake_after(child, Duration::ZERO);
                own
            }
            SpawnKind::Process | SpawnKind::DaemonProcess => {
                let process = self.process(Some(process));
                let child = self.thread(process, Body::Program, origin);
                self.inherit(child, parent_thread);
                let own = self.world.threads[child].own;
                self.note(What::Spawn { context: parent, child: own });
                if kind.is_daemon() {
                    self.world.processes[process.index()].daemon = true;
                    self.make_daemon(child);
                }
                self.hand_sockets_over(parent, own);
                self.wake_after(child, self.model.machine.costs.process_boot);
                own
            }
        }
    }

    /// The new thread is none of those whose end the run waits for.
    fn make_daemon(&mut self, thread: ThreadId) {
        let state = &mut self.world.threads[thread];
        state.daemon = true;
        let context = state.own;
        self.world.work.unfinished -= 1;
        self.world.work.daemons += 1;
        self.note(What::Daemon { context });
    }

    fn hand_sockets_over(&mut self, parent: ContextId, child: ContextId) {
        if self.has_network() {
            self.give_accepted(parent, child);
        }
    }

    /// The context has executed its program to the end, or was left by an exception. What the thread it ran on does next.
    pub(super) fn finish(&mut self, core: CoreId, context: ContextId, raised: Option<Raised>) {
        if self.has_network() {
            self.close_all(context);
        }
        self.end_job(context, raised);
        let thread = self.world.contexts[context].thread;
        if self.world.contexts[context].coroutine {
            self.note(What::CoroutineEnd { context });
            if !self.tracks || self.leave_group(context, raised) {
                self.tell_parent(context);
            }
            self.free_context(context);
            self.world.work.unfinished -= 1;
            self.leave_coroutine(thread);
            return;
        }
        self.world.threads[thread].phase = match self.world.threads[thread].body {
            Body::Worker | Body::Pool(_) => Phase::Job,
            _ => Phase::End,
        };
        debug_assert!(self.world.threads[thread].core == Some(core));
    }

    /// The thread ends on its core.
    pub(super) fn end_thread(&mut self, core: CoreId, thread: ThreadId) {
        self.release_gil(thread, Why::Ends);
        if self.stops {
            self.detach(thread);
        }
        self.note(What::ThreadEnd { core, thread });
        self.world.kernel.end(core);
        self.inherit_no_more(thread);
        let state = &mut self.world.threads[thread];
        state.state = State::Ended;
        state.wakes = None;
        let (own, process) = (state.own, state.process);
        self.tell_parent(own);
        self.free_context(own);
        self.unsettled = true;
        self.world.kernel.leave_slice(core, self.world.now);
        self.world.kernel.vacate(core, self.world.now);
        self.world.kernel.forget(thread);
        if self.world.threads[thread].daemon {
            self.world.work.daemons -= 1;
        } else {
            self.world.work.unfinished -= 1;
        }
        self.world.threads.release(thread);
        let threads = &mut self.world.processes[process.index()].threads;
        *threads -= 1;
        // The main thread of the program, which starts a thread for each task, is not simulated.
        let is_main = process == ProcessId(0) && self.model.execution == Execution::ThreadPerTask;
        if *threads == 0 && !is_main {
            self.note(What::ProcessEnd { process });
        }
    }

    pub(super) fn free_context(&mut self, context: ContextId) {
        let state = &mut self.world.contexts[context];
        state.generation += 1;
        state.draws = Draws::None;
        state.program = ProgramId(u32::MAX);
        self.world.contexts.release(context);
    }

    fn tell_parent(&mut self, context: ContextId) {
        let state = &self.world.contexts[context];
        let (Some((parent, generation)), program) = (state.parent(), state.program) else { return };
        let parent_state = &mut self.world.contexts[parent];
        if parent_state.generation != generation {
            return; // It ended without waiting for its children.
        }
        let Some(live) = parent_state.children(program) else { return };
        *live -= 1;
        if *live == 0 && parent_state.waits.is_some_and(|(on, _)| on == On::Join(program)) {
            self.know_ended(parent, program);
            self.wake_context(parent);
        }
    }
}
