//! What the verdicts of semaphores, events, conditions, barriers, queues and locks for readers and writers mean for those who
//! use them: threads release the GIL and block, coroutines are suspended.
//!
//! Each use is atomic: it has no check point inside, as the code of `threading` and `asyncio` holds a lock of its own.

use super::world::{Phase, Resume, Sync};
use super::{Chooser, Outcome, Sim};
use crate::id::{ContextId, LockId, ProcessId, SyncId, ThreadId};
use crate::model::Act;
use crate::sync::{Come, Config, Get, Mode, Primitive, Put, Released};
use crate::time::Time;
use crate::trace::{Deed, On, Role, Sink, What};

/// Who uses what.
#[derive(Clone, Copy)]
struct Use {
    thread: ThreadId,
    context: ContextId,
    sync: SyncId,
    /// Whose copy it is.
    process: ProcessId,
}

/// What a context does after its wait.
#[derive(Clone, Copy)]
enum After {
    /// The step again: somebody may have been faster.
    AskAgain,
    /// The next step.
    GoOn,
}

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// The context uses a shared thing. Whether the thread can go on at this instant.
    #[inline(never)]
    pub(super) fn share(&mut self, thread: ThreadId, context: ContextId, sync: SyncId, act: Act) -> bool {
        let process = self.home_of_sync(context, sync);
        let by = Use { thread, context, sync, process };
        match self.model.syncs[sync.index()].initial {
            Config::Semaphore { .. } => self.use_semaphore(by, act),
            Config::Event => self.use_event(by, act),
            Config::Condition { lock } => self.use_condition(by, lock, act),
            Config::Barrier { .. } => self.use_barrier(by),
            Config::Queue { .. } => self.use_queue(by, act),
            Config::RwLock(_) => self.use_rw_lock(by, act),
        }
    }

    /// The context takes a lock that it may have.
    pub(super) fn reenter(&mut self, thread: ThreadId, context: ContextId, lock: LockId) -> bool {
        let process = self.home_of_lock(context, lock);
        let state = &mut self.world.processes[process.index()].locks[lock.index()];
        if state.owner() != Some(context) {
            return self.acquire(thread, context, lock);
        }
        let times = state.reenter();
        self.note(What::LockDepth { lock, process, context, times });
        true
    }

    /// The context releases a lock once.
    pub(super) fn leave_once(&mut self, context: ContextId, lock: LockId) -> bool {
        let process = self.home_of_lock(context, lock);
        let state = &mut self.world.processes[process.index()].locks[lock.index()];
        match if state.owner() == Some(context) { state.leave_once() } else { None } {
            Some(times) => self.note(What::LockDepth { lock, process, context, times }),
            None => return self.release(context, lock),
        }
        true
    }

    fn use_semaphore(&mut self, by: Use, act: Act) -> bool {
        let awaits = self.awaits(by.context);
        let Primitive::Semaphore(state) = &mut self.shared(by).state else { unreachable!("built from its config") };
        if act == Act::Acquire {
            let taken = if awaits { state.acquire_fair(by.context) } else { state.acquire(by.context) };
            if !taken {
                return self.wait_for(by, Deed::Wait, if awaits { After::GoOn } else { After::AskAgain });
            }
            self.note_use(by, Deed::Take, 0);
            return true;
        }
        match state.release() {
            Released::Kept => self.note_use(by, Deed::Release, 0),
            Released::Woken(waiter) => {
                self.note_use(by, Deed::Release, 0);
                self.free(waiter);
            }
            Released::Given(waiter) => {
                self.note_use(by, Deed::Release, 0);
                self.note_use(Use { context: waiter, ..by }, Deed::Given, 0);
                self.free(waiter);
            }
            Released::TooMany => {
                let name = &self.model.syncs[by.sync.index()].name;
                let did = format!("released the semaphore \"{name}\", of which it has no permit");
                self.outcome = Some(Outcome::NotHeld { who: self.who(by.context), did });
                return false;
            }
        }
        true
    }

    fn use_event(&mut self, by: Use, act: Act) -> bool {
        let mut freed = std::mem::take(&mut self.freed);
        let Primitive::Event(state) = &mut self.shared(by).state else { unreachable!("built from its config") };
        let deed = match act {
            Act::Set => {
                state.set(&mut freed);
                Deed::Set
            }
            Act::Clear => {
                state.clear();
                Deed::Clear
            }
            _ => {
                let set = state.wait(by.context);
                self.freed = freed;
                return set || self.wait_for(by, Deed::Wait, After::GoOn);
            }
        };
        self.note_use(by, deed, 0);
        self.free_all(freed);
        true
    }

    fn use_condition(&mut self, by: Use, lock: LockId, act: Act) -> bool {
        if let Act::Notify(most) = act {
            let mut freed = std::mem::take(&mut self.freed);
            let Primitive::Condition(state) = &mut self.shared(by).state else { unreachable!("built from its config") };
            state.notify(most, &mut freed);
            self.note_use(by, Deed::Notify, most.into());
            self.free_all(freed);
            return true;
        }
        let home = self.home_of_lock(by.context, lock);
        if self.world.processes[home.index()].locks[lock.index()].owner() != Some(by.context) {
            let name = &self.model.syncs[by.sync.index()].name;
            let did = format!("waited for a notification of \"{name}\" without holding its lock");
            self.outcome = Some(Outcome::NotHeld { who: self.who(by.context), did });
            return false;
        }
        let Primitive::Condition(state) = &mut self.shared(by).state else { unreachable!("built from its config") };
        state.wait(by.context);
        self.note_use(by, Deed::Wait, 0);
        self.release(by.context, lock);
        self.stop_until_freed(by)
    }

    fn use_barrier(&mut self, by: Use) -> bool {
        let mut freed = std::mem::take(&mut self.freed);
        let Primitive::Barrier(state) = &mut self.shared(by).state else { unreachable!("built from its config") };
        let come = state.wait(by.context, &mut freed);
        self.note_use(
            by,
            match come {
                Come::Waits | Come::Last => Deed::Come,
                Come::Early => Deed::Wait,
                Come::Left => Deed::Leave,
            },
            0,
        );
        self.free_all(freed);
        if matches!(come, Come::Last | Come::Left) {
            return true;
        }
        self.ask_again(by);
        self.stop_until_freed(by)
    }

    fn use_queue(&mut self, by: Use, act: Act) -> bool {
        let value = if let Act::Put(value) = act { self.operand(by.context, value) } else { 0 };
        let Primitive::Queue(state) = &mut self.shared(by).state else { unreachable!("built from its config") };
        let woken = match act {
            Act::Get(register) => {
                let Get::Item { value, woken } = state.get(by.context) else {
                    return self.wait_for(by, Deed::Wait, After::AskAgain);
                };
                if let Some(register) = register {
                    self.world.contexts[by.context].registers[register as usize] = value;
                }
                self.note_use(by, Deed::Get, value);
                woken
            }
            _ => {
                let Put::Done { woken } = state.put(by.context, value) else {
                    return self.wait_for(by, Deed::WaitToPut, After::AskAgain);
                };
                let items = state.len();
                self.limit_items(items);
                self.note_use(by, Deed::Put, value);
                woken
            }
        };
        if let Some(waiter) = woken {
            self.free(waiter);
        }
        true
    }

    fn use_rw_lock(&mut self, by: Use, act: Act) -> bool {
        let Primitive::RwLock(state) = &mut self.shared(by).state else { unreachable!("built from its config") };
        let (mode, takes, waits) = match act {
            Act::Acquire => (Mode::Write, Deed::Take, Deed::Wait),
            Act::AcquireRead => (Mode::Read, Deed::TakeRead, Deed::WaitRead),
            _ => return self.release_rw_lock(by),
        };
        if !state.acquire(by.context, mode) {
            return self.wait_for(by, waits, After::GoOn);
        }
        self.note_use(by, takes, 0);
        true
    }

    /// A cancelled coroutine waits no more.
    #[cold]
    pub(super) fn leave_shared(&mut self, context: ContextId, sync: SyncId) {
        let thread = self.world.contexts[context].thread;
        let by = Use { thread, context, sync, process: self.home_of_sync(context, sync) };
        let mut given = Vec::new();
        match &mut self.shared(by).state {
            Primitive::Semaphore(state) => state.leave(context),
            Primitive::Event(state) => state.leave(context),
            Primitive::Condition(state) => state.leave(context),
            Primitive::Barrier(_) => return self.leave_barrier(by),
            Primitive::Queue(state) => state.leave(context),
            Primitive::RwLock(state) => state.leave(context, &mut given),
        }
        self.note_use(by, Deed::Withdraw, 0);
        self.hand_on(by, given);
    }

    /// A cancelled coroutine gives back what it was given, or lets somebody else have what it was woken for, as `asyncio` does.
    #[cold]
    pub(super) fn return_shared(&mut self, context: ContextId, sync: SyncId) {
        let thread = self.world.contexts[context].thread;
        let by = Use { thread, context, sync, process: self.home_of_sync(context, sync) };
        let puts = matches!(
            self.model.code.get(self.world.contexts[context].pc as usize),
            Some(crate::model::Op::Sync { act: Act::Put(_), .. })
        );
        let dropped = self.world.loop_task(context).pending.is_none();
        let passes = dropped && self.model.interpreter.passes_notifications_on;
        let woken = match &mut self.shared(by).state {
            Primitive::Semaphore(_) => {
                self.use_semaphore(by, Act::Release);
                return;
            }
            Primitive::RwLock(_) => {
                self.release_rw_lock(by);
                return;
            }
            Primitive::Event(_) => return,
            Primitive::Barrier(_) => return self.leave_round(by),
            // Steps that come after its wait pass the notification on, but not those of a dropped job.
            Primitive::Condition(state) if passes => {
                let mut woken = Vec::new();
                state.notify(1, &mut woken);
                woken.pop()
            }
            Primitive::Condition(_) => return,
            Primitive::Queue(state) => state.pass_on(puts),
        };
        self.note_use(by, Deed::Withdraw, puts.into());
        woken.into_iter().for_each(|waiter| self.free(waiter));
    }

    /// Who is cancelled leaves at its next step, others at once.
    #[cold]
    fn leave_barrier(&mut self, by: Use) {
        let task = self.world.loop_tasks.get_mut(by.context.index());
        let later = task.filter(|task| task.pending.is_some()).map(|task| task.freed = Some(by.sync)).is_some();
        let Primitive::Barrier(state) = &mut self.shared(by).state else { unreachable!("built from its config") };
        state.cancel(by.context);
        if !later {
            // The others of its round wait: nobody can go on because of this.
            state.leave(by.context, &mut Vec::new());
        }
        self.note_use(by, Deed::Withdraw, (!later).into());
    }

    /// It counts no more at the barrier, if it did.
    #[cold]
    fn leave_round(&mut self, by: Use) {
        let mut freed = std::mem::take(&mut self.freed);
        let Primitive::Barrier(state) = &mut self.shared(by).state else { unreachable!("built from its config") };
        if state.leave(by.context, &mut freed) {
            self.note_use(by, Deed::Leave, 0);
        }
        self.free_all(freed);
    }

    fn release_rw_lock(&mut self, by: Use) -> bool {
        let mut given = Vec::new();
        let Primitive::RwLock(state) = &mut self.shared(by).state else { unreachable!("built from its config") };
        if !state.release(by.context, &mut given) {
            let name = &self.model.syncs[by.sync.index()].name;
            let did = format!("released the lock \"{name}\", which it does not hold");
            self.outcome = Some(Outcome::NotHeld { who: self.who(by.context), did });
            return false;
        }
        self.note_use(by, Deed::Release, 0);
        self.hand_on(by, given);
        true
    }

    /// These have the lock now.
    fn hand_on(&mut self, by: Use, given: Vec<(ContextId, Mode)>) {
        for (waiter, mode) in given {
            let deed = if mode == Mode::Read { Deed::GivenRead } else { Deed::Given };
            self.note_use(Use { context: waiter, ..by }, deed, 0);
            self.free(waiter);
        }
    }

    fn shared(&mut self, by: Use) -> &mut Sync {
        &mut self.world.processes[by.process.index()].syncs[by.sync.index()]
    }

    /// The process whose copy of the thing the context uses.
    pub(super) fn home_of_sync(&self, context: ContextId, sync: SyncId) -> ProcessId {
        if self.model.syncs[sync.index()].is_interprocess() { ProcessId(0) } else { self.process_of(context) }
    }

    fn note_use(&mut self, by: Use, deed: Deed, amount: i64) {
        if matches!(deed, Deed::Release | Deed::Set | Deed::Notify | Deed::Put | Deed::Get) {
            self.shared(by).last = Some((self.role_of(by.context), self.world.now));
        }
        self.note(What::Sync { sync: by.sync, process: by.process, context: by.context, deed, amount });
    }

    /// What the context is at present: the job that it carries, or itself.
    pub(super) fn role_of(&self, context: ContextId) -> Role {
        let state = &self.world.contexts[context];
        match state.job() {
            Some(job) => {
                let job = &self.world.work.jobs[job];
                Role::Task { task: job.task, index: job.index }
            }
            None => state.role,
        }
    }

    /// The context stands among those who wait.
    fn wait_for(&mut self, by: Use, deed: Deed, after: After) -> bool {
        if self.is_out_of_time(by.thread, by.context) {
            self.note_use(by, deed, 0);
            let goes_on = self.give_up_at_once(by.thread, by.context);
            self.leave_shared(by.context, by.sync);
            return goes_on;
        }
        if let After::AskAgain = after {
            self.ask_again(by);
        }
        self.note_use(by, deed, 0);
        self.stop_until_freed(by)
    }

    /// After its wait the context does the same step.
    fn ask_again(&mut self, by: Use) {
        self.world.contexts[by.context].pc -= 1;
        if self.tracks {
            self.world.loop_task(by.context).again = true;
        }
    }

    fn stop_until_freed(&mut self, by: Use) -> bool {
        if self.awaits(by.context) {
            return self.suspend(by.thread, by.context, On::Sync(by.sync), Resume::Step);
        }
        self.leave_gil(by.thread, Phase::Sync(by.sync))
    }

    /// The thread has released the GIL, which can take a while.
    pub(super) fn wait_for_shared(&mut self, thread: ThreadId, sync: SyncId) -> bool {
        let context = self.world.threads[thread].current;
        if std::mem::take(&mut self.world.contexts[context].woken) {
            let state = &mut self.world.threads[thread];
            state.phase = Phase::Gil;
            if let Config::Condition { .. } = self.model.syncs[sync.index()].initial {
                state.limit = Time::NEVER;
            }
            return true;
        }
        self.block(thread, On::Sync(sync), Phase::Gil);
        self.limit_wait(thread);
        if let Config::Condition { .. } = self.model.syncs[sync.index()].initial {
            // It takes the lock again, however long that takes.
            self.world.threads[thread].limit = Time::NEVER;
        }
        false
    }

    /// What the context waits for has come about.
    fn free(&mut self, context: ContextId) {
        let state = &mut self.world.contexts[context];
        match state.waits {
            Some((On::Sync(sync), _)) => {
                if self.tracks {
                    self.world.loop_task(context).freed = Some(sync);
                }
                self.wake_context(context);
            }
            // It is still on its way to its wait.
            _ => state.woken = true,
        }
    }

    fn free_all(&mut self, mut freed: Vec<ContextId>) {
        for context in freed.drain(..) {
            self.free(context);
        }
        self.freed = freed;
    }
}
