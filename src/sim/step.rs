//! What each op does. Ops that take time or wait set the thread's phase; the rest is done at once.

use super::world::{Phase, Resume, State};
use super::{Chooser, Outcome, Sim};
use crate::choice::Choice;
use crate::id::{ContextId, CoreId, LockId, ProcessId, ProgramId, ThreadId};
use crate::model::{Op, Protocol, SpawnKind};
use crate::time::Duration;
use crate::trace::{CpuKind, On, Sink, What};

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// Executes the op at the context's program counter. Whether the thread can go on at this instant.
    #[inline]
    pub(super) fn step(&mut self, core: CoreId, thread: ThreadId) -> bool {
        let context = self.world.threads[thread].current;
        if !C::ALWAYS_FIRST && self.interferes(core, thread) {
            return false;
        }
        let state = &mut self.world.contexts[context];
        let mut op = &self.model.code[state.pc as usize];
        if C::ALWAYS_FIRST
            && !self.has_gil
            && let Op::Jump { to } = *op
        {
            // Nothing can happen between a jump and the op it leads to.
            state.pc = to;
            op = &self.model.code[to as usize];
        }
        state.pc += 1;
        // The ops that are most of all are compiled into their callers.
        match *op {
            Op::Compute { kind, time } => self.compute(thread, context, kind, time),
            Op::Io { device, time } => self.io(thread, context, device, time),
            Op::Jump { to } => {
                state.pc = to;
                !self.has_gil || self.back_edge(core, thread)
            }
            op => self.step_otherwise(core, thread, context, op),
        }
    }

    #[inline(never)]
    fn step_otherwise(&mut self, core: CoreId, thread: ThreadId, context: ContextId, op: Op) -> bool {
        match op {
            Op::Compute { .. } | Op::Io { .. } | Op::Jump { .. } => unreachable!("compiled into the caller"),
            Op::Socket { call } => self.call_socket(thread, context, call),
            Op::Sleep { time } => self.begin_sleep(thread, context, time),
            Op::Yield => self.yield_now(thread, context),
            Op::Acquire { lock } => self.acquire(thread, context, lock),
            Op::Release { lock } => self.release(context, lock),
            Op::Reenter { lock } => self.reenter(thread, context, lock),
            Op::Leave { lock } => self.leave_once(context, lock),
            Op::Sync { sync, act } => self.share(thread, context, sync, act),
            Op::Load { var, register } => self.load(context, var, register),
            Op::Set { register, value } => self.set(context, register, value),
            Op::Add { register, by } => self.add(context, register, by),
            Op::Store { var, register } => self.store(context, var, register),
            Op::Swap { var, register, value } => self.swap(context, var, register, value),
            Op::FetchAdd { var, register, by } => self.fetch_add(context, var, register, by),
            Op::CompareAndSwap { var, register, from, to } => self.compare_and_swap(context, var, register, (from, to)),
            Op::Touch { object, by, kind } => self.touch(thread, context, object, by, kind),
            Op::Refer { object, by } => self.refer(context, object, by),
            Op::Mutate { object, time } => self.mutate(thread, context, object, time),
            Op::Collect { time } => self.collect_garbage(thread, context, time),
            Op::Repeat { times } => self.push(context, times),
            Op::Again { start } => self.again(context, start) && self.back_edge(core, thread),
            Op::Branch { left, comparison, right, to } => {
                !self.holds(context, left, comparison, right) || self.go_to(core, thread, context, to)
            }
            Op::Choose { table } => self.branch(context, table),
            Op::Call { entry } => self.call(context, entry),
            Op::Return => self.return_from(core, context),
            Op::Spawn { kind, program, count } => self.spawn_all(thread, context, kind, program, count),
            Op::Join { program } => self.join(thread, context, program),
            Op::CallBack { program, how, after } => self.call_loop(thread, context, (program, how, after)),
            Op::Print { text } => self.print(context, text),
            Op::Fail { text } => self.fail(context, text),
            Op::BeginBlocking => self.blocking(context, 1),
            Op::EndBlocking => self.blocking(context, -1),
            Op::Exit => self.exit(core, thread, context),
            Op::ToThread { end } => self.submit_steps(thread, context, end),
            Op::EndThread => !self.is_in_executor(thread) || self.hand_back(thread, context, None),
            Op::Raise => self.raise_here(context),
            Op::Reraise => self.raise_again(context),
            Op::Deliver => self.deliver(context),
            Op::Begin { how } => self.begin_group(context, how),
            Op::Await => self.await_group(thread, context),
            Op::WaitTasks { wait } => self.wait_tasks(thread, context, wait),
            Op::TasksWaited { wait, to } => self.tasks_waited(context, wait, to),
            Op::BeginTimeout { time } => self.begin_timeout(thread, context, time),
            Op::EndTimeout => self.end_timeout(thread, context),
            Op::Cancel { program } => self.cancel_all(context, program),
        }
    }

    /// The chooser may take the core away before any op, if somebody waits for it.
    fn interferes(&mut self, core: CoreId, thread: ThreadId) -> bool {
        if !self.world.kernel.is_wanted(core) || self.chooser.choose(Choice::Preempt, 2) == 0 {
            return false;
        }
        debug_assert!(self.world.threads[thread].state == State::Running);
        self.preempt(core, thread);
        true
    }

    #[inline]
    fn compute(&mut self, thread: ThreadId, context: ContextId, kind: CpuKind, time: crate::id::DistId) -> bool {
        let mut demand = self.sample(context, time);
        if kind == CpuKind::NoGil {
            self.start_burst(thread, context, kind, demand, Phase::Gil);
            if self.world.threads[thread].phase == Phase::Burst {
                return self.leave_gil(thread, Phase::Burst);
            }
            self.world.threads[thread].phase = Phase::Step;
            return true;
        }
        demand = self.model.stretched(kind, demand);
        if kind == CpuKind::Atomic && !self.has_gil {
            demand += self.contention(thread);
        }
        self.start_burst(thread, context, kind, demand, Phase::Step);
        true
    }

    /// What an access to a shared object takes longer because other threads of the process run at the same time.
    #[cold]
    fn contention(&self, thread: ThreadId) -> Duration {
        let each = self.model.interpreter.shared_access;
        let process = self.world.threads[thread].process;
        let running = |core: u32| {
            let other = self.world.kernel.occupant(CoreId(core)).filter(|other| *other != thread)?;
            let other = &self.world.threads[other];
            (other.process == process && other.state == State::Running).then_some(())
        };
        let others =
            if each == Duration::ZERO { 0 } else { (0..self.world.kernel.cores()).filter_map(running).count() };
        Duration(each.0.saturating_mul(others as u64))
    }

    /// The process whose copy of the lock the context uses.
    pub(super) fn home_of_lock(&self, context: ContextId, lock: LockId) -> ProcessId {
        if self.model.locks[lock.index()].is_interprocess() { ProcessId(0) } else { self.process_of(context) }
    }

    pub(super) fn process_of(&self, context: ContextId) -> ProcessId {
        self.world.threads[self.world.contexts[context].thread].process
    }

    fn push(&mut self, context: ContextId, times: u32) -> bool {
        self.world.contexts[context].stack.push(times);
        true
    }

    fn again(&mut self, context: ContextId, start: u32) -> bool {
        let state = &mut self.world.contexts[context];
        let rounds = state.stack.last_mut().expect("lowering pairs every loop end with a start");
        *rounds -= 1;
        if *rounds == 0 {
            state.stack.pop();
        } else {
            state.pc = start;
        }
        true
    }

    fn jump(&mut self, context: ContextId, to: u32) -> bool {
        self.world.contexts[context].pc = to;
        true
    }

    /// A jump of which nobody knows yet whether it ends a loop's round.
    fn go_to(&mut self, core: CoreId, thread: ThreadId, context: ContextId, to: u32) -> bool {
        let back = to < self.world.contexts[context].pc;
        self.jump(context, to);
        !back || self.back_edge(core, thread)
    }

    /// The end of a loop's round is a check point. Whether the thread can go on. Only sections without check points of
    /// their own need it: in others a request is honored before they end.
    fn back_edge(&mut self, core: CoreId, thread: ThreadId) -> bool {
        self.world.threads[thread].burst.kind != CpuKind::Atomic || !self.drop_at_check_point(core, thread)
    }

    fn branch(&mut self, context: ContextId, table: u32) -> bool {
        let bits = self.draw(context);
        let choice = &self.model.choices[table as usize];
        let branch = choice.branches.iter().find(|(upto, _)| bits <= *upto);
        self.jump(context, branch.map_or(choice.otherwise, |(_, to)| *to))
    }

    fn call(&mut self, context: ContextId, entry: u32) -> bool {
        let state = &mut self.world.contexts[context];
        state.stack.push(state.pc);
        state.pc = entry;
        true
    }

    fn return_from(&mut self, core: CoreId, context: ContextId) -> bool {
        match self.world.contexts[context].stack.pop() {
            Some(back) => self.jump(context, back),
            None => {
                self.finish(core, context, None);
                true
            }
        }
    }

    /// The cost comes first, as a burst before the op is executed again.
    fn spawn_all(
        &mut self,
        thread: ThreadId,
        context: ContextId,
        kind: SpawnKind,
        program: ProgramId,
        count: u32,
    ) -> bool {
        if self.eager && kind == SpawnKind::Coroutine {
            return self.spawn_eagerly(context, program, count);
        }
        if kind.is_thread() && self.handshake {
            return self.start_threads(thread, context, (kind, program), count);
        }
        let costs = &self.model.machine.costs;
        let each = match kind {
            SpawnKind::Thread | SpawnKind::DaemonThread => costs.thread_start,
            SpawnKind::Process | SpawnKind::DaemonProcess => costs.process_start,
            SpawnKind::Coroutine => Duration::ZERO,
        };
        let cost = Duration(each.0.saturating_mul(u64::from(count)));
        let state = &mut self.world.contexts[context];
        if cost > Duration::ZERO && !state.paid {
            state.paid = true;
            state.pc -= 1;
            self.start_burst(thread, context, CpuKind::HoldGil, cost, Phase::Step);
            return true;
        }
        state.paid = false;
        for _ in 0..count {
            self.spawn(context, kind, program);
        }
        true
    }

    fn print(&mut self, context: ContextId, text: crate::id::TextId) -> bool {
        self.note(What::Print { context, text });
        true
    }

    fn fail(&mut self, context: ContextId, text: crate::id::TextId) -> bool {
        self.note(What::Fail { context, text });
        let asserted = self.model.texts[text.index()].clone();
        self.outcome = Some(Outcome::Broken { who: self.who(context), asserted });
        false
    }

    fn blocking(&mut self, context: ContextId, change: i16) -> bool {
        let depth = &mut self.world.contexts[context].blocking;
        *depth = depth.wrapping_add_signed(change);
        true
    }

    pub(super) fn release(&mut self, context: ContextId, lock: LockId) -> bool {
        let process = self.home_of_lock(context, lock);
        let state = &self.world.processes[process.index()].locks[lock.index()];
        if state.owner() != Some(context) {
            let did = format!("released the lock \"{}\", which it does not hold", self.model.locks[lock.index()].name);
            self.outcome = Some(Outcome::NotHeld { who: self.who(context), did });
            return false;
        }
        self.let_go(context, lock, process);
        true
    }

    /// The owner gives up the lock.
    pub(super) fn let_go(&mut self, context: ContextId, lock: LockId, process: ProcessId) {
        if self.protocol(lock) != Protocol::None {
            return self.hand_over(context, lock, process);
        }
        if self.hand_to_patient(context, lock, process) {
            return;
        }
        self.world.processes[process.index()].locks[lock.index()].release(context);
        self.note(What::LockRelease { lock, process, context });
        self.wake_waiter(lock, process);
    }

    /// If the lock is free, one of those who wait for it competes for it.
    pub(super) fn wake_waiter(&mut self, lock: LockId, process: ProcessId) {
        let state = &self.world.processes[process.index()].locks[lock.index()];
        let waiters = state.waiters().len();
        if waiters == 0 || state.owner().is_some() {
            return;
        }
        let chosen = self.choose(Choice::LockWaiter, waiters);
        let contexts = &self.world.contexts;
        let in_loop = |waiter: ContextId| contexts[waiter].coroutine && contexts[waiter].blocking == 0;
        let state = &mut self.world.processes[process.index()].locks[lock.index()];
        let waiter = state.wake(chosen, in_loop).expect("there is a waiter");
        self.world.contexts[waiter].woken = true;
        self.wake_context(waiter);
    }

    /// Whether the context waits in its event loop rather than by blocking its thread.
    pub(super) fn awaits(&self, context: ContextId) -> bool {
        let state = &self.world.contexts[context];
        state.coroutine && state.blocking == 0
    }

    /// The coroutine stops until it is made ready, and then does `resume`.
    pub(super) fn suspend(&mut self, thread: ThreadId, context: ContextId, on: On, resume: Resume) -> bool {
        self.note(What::Suspend { context, on });
        let state = &mut self.world.contexts[context];
        state.resume = resume;
        state.waits = Some((on, self.world.now));
        self.leave_coroutine(thread);
        if matches!(on, On::Lock(_) | On::Sync(_)) {
            self.look_for_cycle(context);
        }
        if self.tracks && self.world.loop_tasks[context.index()].must_cancel {
            self.cancel_at_last(context);
        }
        true
    }
}
