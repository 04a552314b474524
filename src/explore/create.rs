//! How threads and coroutines come to be, and how they end.

use super::machine::Machine;
use super::state::{Life, NOBODY, Origin, Owner, Pause, State, Task, Thread};
use crate::id::{ProgramId, TaskId};
use crate::model::SpawnKind;

impl Machine<'_> {
    pub(super) fn thread(&self, origin: Origin, process: u16) -> Thread {
        let coroutine = self.loops && matches!(origin, Origin::Job { .. });
        Thread {
            origin,
            process,
            pc: 0,
            stack: Vec::new(),
            registers: Vec::new(),
            life: Life::Waiting,
            pause: Pause::No,
            parent: NOBODY,
            blocking: 0,
            coroutine,
            daemon: false,
            deadlines: Vec::new(),
            task: self.new_task(coroutine),
        }
    }

    pub(super) fn new_task(&self, coroutine: bool) -> Option<Box<Task>> {
        (coroutine && self.tracks).then(Box::default)
    }

    /// Lets the thread begin a program.
    pub(super) fn enter(&self, thread: &mut Thread, program: ProgramId) {
        let program = &self.model.programs[program.index()];
        thread.pc = program.entry;
        thread.stack.clear();
        thread.registers.clear();
        thread.registers.resize(program.registers as usize, 0);
        thread.life = Life::Going;
        // Where every op that others notice is a point, what comes before the first of them is of no interest.
        if self.preemption != super::Preemption::EveryOp || thread.coroutine {
            thread.pause = Pause::Begin;
        }
    }

    /// Whether all tasks before this one have ended.
    pub(super) fn is_released(&self, state: &State, task: TaskId) -> bool {
        let ended = |before: &TaskId| Some(state.ended[before.index()]) == self.model.tasks[before.index()].count;
        self.model.tasks[task.index()].after.iter().all(ended)
    }

    /// Jobs that have a thread of their own begin, up to their first point.
    pub(super) fn release_jobs(&self, state: &mut State) {
        for number in 0..state.threads.len() {
            let Origin::Job { task, .. } = state.threads[number].origin else { continue };
            if state.threads[number].life == Life::Waiting && self.is_released(state, task) {
                self.enter(&mut state.threads[number], self.model.tasks[task.index()].program);
                self.run_to_point(state, number);
            }
        }
    }

    /// The first job that a worker could take.
    pub(super) fn next_job(&self, state: &State) -> Option<usize> {
        (0..self.jobs.len()).find(|job| !state.taken[*job] && self.is_released(state, self.jobs[*job].0))
    }

    pub(super) fn take_job(&self, state: &mut State, number: usize) {
        let job = self.next_job(state).expect("an idle worker is enabled if there is a job");
        state.taken[job] = true;
        // Children of its last job are none of this one.
        state.threads.iter_mut().filter(|child| child.parent == number as u16).for_each(|child| child.parent = NOBODY);
        let thread = &mut state.threads[number];
        if let Origin::Worker { job: own, .. } = &mut thread.origin {
            *own = Some(job as u32);
        }
        self.enter(thread, self.model.tasks[self.jobs[job].0.index()].program);
        thread.pause = Pause::No;
    }

    /// Whether nobody is left but daemons, and no job.
    pub(super) fn is_over(&self, state: &State) -> bool {
        let ends = |thread: &Thread| {
            thread.daemon || thread.life == Life::Over || matches!(thread.origin, Origin::Worker { job: None, .. })
        };
        state.threads.iter().all(ends) && self.next_job(state).is_none()
    }

    pub(super) fn has_children(&self, state: &State, number: usize, program: ProgramId) -> bool {
        state.threads.iter().any(|child| {
            let spawned = matches!(child.origin, Origin::Spawned { program: of, .. } if of == program);
            let named = child.task.as_ref().is_none_or(|task| task.named);
            spawned && named && child.parent == number as u16 && child.life != Life::Over
        })
    }

    /// Creates so many. One that begins eagerly may keep the loop; then its creator goes on with the rest later.
    pub(super) fn spawn_all(&self, state: &mut State, number: usize, kind: SpawnKind, program: ProgramId, count: u32) {
        if !self.eager || kind != SpawnKind::Coroutine {
            return (0..count).for_each(|_| _ = self.spawn(state, number, kind, program));
        }
        let process = state.threads[number].process as usize;
        let task = state.task(number);
        let mut left = if task.spawning > 0 { std::mem::take(&mut task.spawning) } else { count };
        while left > 0 {
            left -= 1;
            let child = self.spawn(state, number, kind, program);
            state.busy[process] = child as u16;
            state.threads[child].pause = Pause::No;
            self.run_to_point(state, child);
            if state.busy[process] == child as u16 {
                let task = state.task(number);
                (task.spawning, task.creates) = (left, child as u16);
                let thread = &mut state.threads[number];
                thread.pause = Pause::Creates;
                thread.pc -= u32::from(left > 0);
                return;
            }
            state.busy[process] = number as u16;
        }
    }

    fn spawn(&self, state: &mut State, number: usize, kind: SpawnKind, program: ProgramId) -> usize {
        let Thread { process: parent, daemon, .. } = state.threads[number];
        // A thread that a daemon starts is one; a process is not.
        let daemon = kind.is_daemon() || daemon && kind.is_thread();
        let process = match kind {
            SpawnKind::Thread | SpawnKind::DaemonThread | SpawnKind::Coroutine => parent,
            SpawnKind::Process | SpawnKind::DaemonProcess => {
                let (vars, from) = (self.model.vars.len(), parent as usize * self.model.vars.len());
                state.vars.extend_from_within(from..from + vars);
                state.owners.resize(state.owners.len() + self.model.locks.len(), Owner::NONE);
                state.things.extend(self.things());
                let (objects, from) = (self.model.objects.len(), parent as usize * self.model.objects.len());
                state.objects.extend_from_within(from..from + objects);
                state.busy.extend(self.loops.then_some(NOBODY));
                state.processes += 1;
                state.processes - 1
            }
        };
        let coroutine = kind == SpawnKind::Coroutine;
        let mut task = self.new_task(coroutine);
        if let Some(task) = &mut task {
            self.adopt(state, number, task);
        }
        self.bring_up(state, program, Thread { parent: number as u16, daemon, task, ..self.child(process, coroutine) })
    }

    /// The loop of the thread's process is to execute the program, which waits for nothing.
    pub(super) fn call_back(&self, state: &mut State, number: usize, program: ProgramId) {
        let child = self.child(state.threads[number].process, true);
        self.bring_up(state, program, child);
    }

    fn child(&self, process: u16, coroutine: bool) -> Thread {
        let thread = self.thread(Origin::Worker { number: 0, job: None }, process);
        Thread { coroutine, task: self.new_task(coroutine), ..thread }
    }

    fn bring_up(&self, state: &mut State, program: ProgramId, mut child: Thread) -> usize {
        let index = state.spawned[program.index()];
        state.spawned[program.index()] += 1;
        child.origin = Origin::Spawned { program, index };
        self.enter(&mut child, program);
        self.push(state, child);
        let child = state.threads.len() - 1;
        self.run_to_point(state, child);
        child
    }

    /// The program of the thread is over, or was left by an exception.
    pub(super) fn end(&self, state: &mut State, number: usize, raised: Option<u32>) {
        if self.tracks {
            self.leave_group(state, number, raised);
        }
        let thread = &mut state.threads[number];
        thread.deadlines.clear();
        // What it computed with is of no interest any more, and states that differ in nothing else are the same.
        thread.registers.clear();
        thread.pc = 0;
        thread.blocking = 0;
        thread.life = Life::Over;
        let task = match &mut thread.origin {
            Origin::Worker { job, .. } => {
                thread.life = Life::Waiting;
                job.take().map(|job| self.jobs[job as usize].0)
            }
            Origin::Job { task, .. } => Some(*task),
            Origin::Spawned { .. } | Origin::Steps { .. } => None,
        };
        if self.locals > 0 && state.threads[number].life == Life::Over {
            self.forget_own(state, number);
        }
        if let Some(task) = task {
            state.ended[task.index()] += 1;
            if Some(state.ended[task.index()]) == self.model.tasks[task.index()].count {
                self.release_jobs(state);
            }
        }
    }
}
