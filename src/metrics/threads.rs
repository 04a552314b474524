//! Threads, coroutines and cores: time by state, context switches, loop lag.

use super::clock::{Doing, Kind, Times, clipped};
use super::figures::CoreFigures;
use super::sample::Sample;
use crate::id::{ContextId, CoreId, ThreadId};
use crate::time::{Duration, Time};
use crate::trace::{CpuKind, On};

/// Accounts of everything that executes.
#[derive(Clone, Debug)]
pub struct Threads {
    warm_up: u64,
    /// Without a GIL there is no code that has released it.
    gil: bool,
    threads: Vec<Thread>,
    contexts: Vec<Context>,
    cores: Vec<Core>,
    pub times: Times,
    pub coroutine_times: Times,
    pub voluntary: u64,
    pub involuntary: u64,
    pub lag: Option<Sample>,
}

#[derive(Clone, Copy, Debug)]
struct Thread {
    doing: Doing,
    /// Whether its present burst is native code.
    native: bool,
    live: bool,
}

#[derive(Clone, Copy, Debug)]
struct Context {
    thread: ThreadId,
    /// For a coroutine: what it does. Its running time is counted by the loop's thread, too.
    doing: Doing,
    coroutine: bool,
    live: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Core {
    busy: u64,
    switching: u64,
    /// What it does since when: 0 idle, 1 switching, 2 busy.
    state: u8,
    since: u64,
}

/// What a wait for `on` is.
fn waiting(on: On) -> Kind {
    match on {
        On::Nothing => Kind::Ready,
        On::Gil | On::GilSwitch => Kind::Gil,
        On::Lock(_) => Kind::Lock,
        On::Io(_) => Kind::Io,
        On::Sleep => Kind::Sleeping,
        On::Join(_) => Kind::Join,
        On::Job | On::Poll => Kind::Idle,
    }
}

impl Threads {
    pub fn new(cores: u32, gil: bool, warm_up: Duration) -> Threads {
        Threads {
            warm_up: warm_up.0,
            gil,
            threads: Vec::new(),
            contexts: Vec::new(),
            cores: vec![Core::default(); cores as usize],
            times: Times::default(),
            coroutine_times: Times::default(),
            voluntary: 0,
            involuntary: 0,
            lag: None,
        }
    }

    pub fn start(&mut self, thread: ThreadId, context: ContextId, now: Time) {
        let new = Thread { doing: Doing { kind: Kind::Ready, since: now.0 }, native: false, live: true };
        put(&mut self.threads, thread.index(), new);
        self.place(context, thread, now, false);
    }

    pub fn start_coroutine(&mut self, context: ContextId, thread: ThreadId, now: Time) {
        self.lag.get_or_insert_default();
        self.place(context, thread, now, true);
    }

    fn place(&mut self, context: ContextId, thread: ThreadId, now: Time, coroutine: bool) {
        let doing = Doing { kind: Kind::Ready, since: now.0 };
        put(&mut self.contexts, context.index(), Context { thread, doing, coroutine, live: true });
    }

    pub fn ready(&mut self, thread: ThreadId, now: Time) {
        self.change(thread, Kind::Ready, now);
    }

    pub fn switch(&mut self, core: CoreId, thread: ThreadId, now: Time) {
        self.core(core, 1, now);
        self.change(thread, Kind::Switching, now);
    }

    pub fn run(&mut self, core: CoreId, thread: ThreadId, now: Time) {
        self.core(core, 2, now);
        let kind = if self.threads[thread.index()].native { Kind::Native } else { Kind::Running };
        self.change(thread, kind, now);
    }

    pub fn preempt(&mut self, core: CoreId, thread: ThreadId, now: Time) {
        self.core(core, 0, now);
        self.change(thread, Kind::Ready, now);
        self.involuntary += u64::from(now.0 >= self.warm_up);
    }

    pub fn give_way(&mut self, core: CoreId, thread: ThreadId, now: Time) {
        self.core(core, 0, now);
        self.change(thread, Kind::Ready, now);
        self.voluntary += u64::from(now.0 >= self.warm_up);
    }

    pub fn block(&mut self, core: CoreId, thread: ThreadId, on: On, now: Time) {
        self.core(core, 0, now);
        self.change(thread, waiting(on), now);
        self.voluntary += u64::from(now.0 >= self.warm_up);
    }

    pub fn end(&mut self, core: CoreId, thread: ThreadId, now: Time) {
        self.give_way(core, thread, now);
        self.threads[thread.index()].live = false;
    }

    /// A burst of the context begins or ends.
    pub fn burst(&mut self, context: ContextId, kind: Option<CpuKind>, now: Time) {
        let native = self.gil && matches!(kind, Some(CpuKind::NoGil | CpuKind::System));
        let thread = self.contexts[context.index()].thread;
        let state = &mut self.threads[thread.index()];
        if state.native != native {
            state.native = native;
            if matches!(state.doing.kind, Kind::Running | Kind::Native) {
                self.change(thread, if native { Kind::Native } else { Kind::Running }, now);
            }
        }
    }

    pub fn coroutine_ready(&mut self, context: ContextId, now: Time) {
        self.change_coroutine(context, Kind::Ready, now);
    }

    pub fn resume(&mut self, context: ContextId, now: Time) {
        let since = self.contexts[context.index()].doing.since;
        if since >= self.warm_up
            && let Some(lag) = &mut self.lag
        {
            lag.add(now.0 - since);
        }
        self.change_coroutine(context, Kind::Running, now);
    }

    pub fn suspend(&mut self, context: ContextId, on: On, now: Time) {
        self.change_coroutine(context, waiting(on), now);
    }

    pub fn end_coroutine(&mut self, context: ContextId, now: Time) {
        self.change_coroutine(context, Kind::Ready, now);
        self.contexts[context.index()].live = false;
    }

    /// Everything that still lives has lived until `now`. The figures of the cores.
    pub fn finish(&mut self, now: Time) -> Vec<CoreFigures> {
        for thread in 0..self.threads.len() {
            if self.threads[thread].live {
                self.change(ThreadId::from(thread), Kind::Idle, now);
            }
        }
        for context in 0..self.contexts.len() {
            if self.contexts[context].live && self.contexts[context].coroutine {
                self.change_coroutine(ContextId::from(context), Kind::Idle, now);
            }
        }
        let window = now.0.saturating_sub(self.warm_up);
        for core in 0..self.cores.len() {
            self.core(CoreId::from(core), 0, now);
        }
        let figures = |core: &Core| CoreFigures {
            busy: Duration(core.busy),
            switching: Duration(core.switching),
            idle: Duration(window - core.busy - core.switching),
        };
        self.cores.iter().map(figures).collect()
    }

    fn change(&mut self, thread: ThreadId, kind: Kind, now: Time) {
        let (former, spent) = self.threads[thread.index()].doing.change(kind, now, self.warm_up);
        self.times.add(former, spent);
    }

    fn change_coroutine(&mut self, context: ContextId, kind: Kind, now: Time) {
        let (former, spent) = self.contexts[context.index()].doing.change(kind, now, self.warm_up);
        self.coroutine_times.add(former, spent);
    }

    fn core(&mut self, core: CoreId, state: u8, now: Time) {
        let core = &mut self.cores[core.index()];
        let spent = clipped(core.since, now.0, self.warm_up);
        match core.state {
            1 => core.switching += spent,
            2 => core.busy += spent,
            _ => {}
        }
        (core.state, core.since) = (state, now.0);
    }
}

/// Stores a value at an index, growing the list with copies of it.
pub fn put<T: Clone>(list: &mut Vec<T>, index: usize, value: T) {
    if list.len() <= index {
        list.resize(index + 1, value);
    } else {
        list[index] = value;
    }
}
