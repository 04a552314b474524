//! Threads, coroutines and cores: time by state, context switches, loop lag.

use super::clock::{Kind, Times};
use super::figures::CoreFigures;
use super::sample::Sample;
use crate::id::{ContextId, CoreId, ThreadId};
use crate::model::Model;
use crate::time::{Duration, Time};
use crate::trace::{CpuKind, On};

/// Accounts of everything that executes.
#[derive(Clone, Debug)]
pub struct Threads {
    warm_up: u64,
    /// Without a GIL there is no code that has released it.
    gil: bool,
    /// By shared thing: [`Model::signals`].
    signals: Vec<bool>,
    threads: Vec<Thread>,
    contexts: Vec<Context>,
    cores: Vec<Core>,
    pub times: Times,
    pub coroutine_times: Times,
    pub voluntary: u64,
    pub involuntary: u64,
    /// Times that a thread ran on another core than before.
    pub migrations: u64,
    pub lag: Option<Sample>,
    /// Steps of coroutines that took as long as [`SLOW`].
    pub slow: u64,
    /// The longest time that a thread could run and did not: length, beginning, thread.
    pub starved: Option<(u64, u64, ThreadId)>,
}

/// asyncio's `slow_callback_duration`.
const SLOW: Duration = Duration::ms(100);

#[derive(Clone, Copy, Debug)]
struct Thread {
    doing: Kind,
    /// Whether its present burst is native code.
    native: bool,
    live: bool,
    /// Where it ran last.
    core: CoreId,
    /// When it began to do what it does.
    since: u64,
    /// Since when it could run without having got on, while it can and does not.
    able: u64,
}

/// Of threads that have not run.
const NOWHERE: CoreId = CoreId(u32::MAX);

#[derive(Clone, Copy, Debug)]
struct Context {
    thread: ThreadId,
    /// For a coroutine: what it does, and since when. Its running time is counted by the loop's thread, too.
    doing: Kind,
    since: Time,
    coroutine: bool,
    live: bool,
    /// Inside of whose step it takes its first one.
    creator: Option<ContextId>,
}

#[derive(Clone, Copy, Debug)]
struct Core {
    state: Busy,
    /// Sums by state, as in [`Times`].
    times: [u64; 3],
}

/// What a core does.
#[derive(Clone, Copy, Debug)]
enum Busy {
    Idle,
    Switching,
    Running,
}

impl Threads {
    pub fn new(model: &Model) -> Threads {
        let (cores, warm_up) = (model.machine.cores, model.warm_up);
        Threads {
            warm_up: warm_up.0,
            gil: model.has_gil(),
            signals: model.signals(),
            threads: Vec::new(),
            contexts: Vec::new(),
            cores: vec![Core { state: Busy::Idle, times: [warm_up.0.wrapping_neg(), 0, 0] }; cores as usize],
            times: Times::default(),
            coroutine_times: Times::default(),
            voluntary: 0,
            involuntary: 0,
            migrations: 0,
            lag: None,
            slow: 0,
            starved: None,
        }
    }

    /// What a wait for `on` is.
    fn waiting(&self, on: On) -> Kind {
        match on {
            On::Nothing => Kind::Ready,
            On::Gil | On::GilSwitch => Kind::Gil,
            On::Sync(sync) if self.signals[sync.index()] => Kind::Signal,
            On::Lock(_) | On::Sync(_) | On::World => Kind::Lock,
            On::Io(_) | On::Socket(_) => Kind::Io,
            On::Sleep => Kind::Sleeping,
            On::Join(_) | On::Start(_) | On::Together | On::Executor(_) => Kind::Join,
            On::Job | On::Poll => Kind::Idle,
        }
    }

    pub fn start(&mut self, thread: ThreadId, context: ContextId, now: Time) {
        let clipped = self.clip(now);
        let new =
            Thread { doing: Kind::Ready, native: false, live: true, core: NOWHERE, since: clipped, able: clipped };
        put(&mut self.threads, thread.index(), new);
        self.times.begin(Kind::Ready, clipped);
        self.place(context, thread, now, false);
    }

    /// The job of the context is dropped: a thread stops its burst in the middle, a coroutine does not.
    pub fn cut(&mut self, context: ContextId, now: Time) {
        if !self.contexts[context.index()].coroutine {
            self.burst(context, None, now);
        }
    }

    pub fn start_coroutine(&mut self, context: ContextId, thread: ThreadId, now: Time) {
        self.lag.get_or_insert_default();
        self.coroutine_times.begin(Kind::Ready, self.clip(now));
        self.place(context, thread, now, true);
    }

    /// A thread of an executor does the steps of this context.
    pub fn take_up(&mut self, thread: ThreadId, context: ContextId, now: Time) {
        self.place(context, thread, now, false);
    }

    fn place(&mut self, context: ContextId, thread: ThreadId, now: Time, coroutine: bool) {
        let new = Context { thread, doing: Kind::Ready, since: now, coroutine, live: true, creator: None };
        put(&mut self.contexts, context.index(), new);
    }

    #[inline]
    pub fn ready(&mut self, thread: ThreadId, now: Time) {
        self.change(thread, Kind::Ready, now);
    }

    #[inline]
    pub fn switch(&mut self, core: CoreId, thread: ThreadId, now: Time) {
        self.core(core, Busy::Switching, now);
        self.change(thread, Kind::Switching, now);
    }

    #[inline]
    pub fn run(&mut self, core: CoreId, thread: ThreadId, now: Time) {
        self.core(core, Busy::Running, now);
        let state = &mut self.threads[thread.index()];
        let kind = if state.native { Kind::Native } else { Kind::Running };
        let last = std::mem::replace(&mut state.core, core);
        self.migrations += u64::from(last != core && last != NOWHERE && now.0 >= self.warm_up);
        self.change(thread, kind, now);
    }

    #[inline]
    pub fn preempt(&mut self, core: CoreId, thread: ThreadId, now: Time) {
        self.core(core, Busy::Idle, now);
        self.change(thread, Kind::Ready, now);
        self.involuntary += u64::from(now.0 >= self.warm_up);
    }

    #[inline]
    pub fn give_way(&mut self, core: CoreId, thread: ThreadId, now: Time) {
        self.core(core, Busy::Idle, now);
        self.change(thread, Kind::Ready, now);
        self.voluntary += u64::from(now.0 >= self.warm_up);
    }

    #[inline]
    pub fn block(&mut self, core: CoreId, thread: ThreadId, on: On, now: Time) {
        self.core(core, Busy::Idle, now);
        self.change(thread, self.waiting(on), now);
        self.voluntary += u64::from(now.0 >= self.warm_up);
    }

    pub fn end(&mut self, core: CoreId, thread: ThreadId, now: Time) {
        self.give_way(core, thread, now);
        self.times.end(Kind::Ready, self.clip(now));
        self.threads[thread.index()].live = false;
    }

    /// A burst of the context begins or ends.
    #[inline]
    pub fn burst(&mut self, context: ContextId, kind: Option<CpuKind>, now: Time) {
        if !self.gil {
            return;
        }
        let native = matches!(kind, Some(CpuKind::NoGil | CpuKind::System));
        let thread = self.contexts[context.index()].thread;
        let state = &mut self.threads[thread.index()];
        if state.native != native {
            state.native = native;
            if matches!(state.doing, Kind::Running | Kind::Native) {
                self.change(thread, if native { Kind::Native } else { Kind::Running }, now);
            }
        }
    }

    #[inline]
    pub fn coroutine_ready(&mut self, context: ContextId, now: Time) {
        self.change_coroutine(context, Kind::Ready, now);
    }

    #[inline]
    pub fn resume(&mut self, context: ContextId, now: Time) {
        let since = self.contexts[context.index()].since;
        if since.0 >= self.warm_up
            && let Some(lag) = &mut self.lag
        {
            lag.add(now.since(since).0);
        }
        self.change_coroutine(context, Kind::Running, now);
    }

    /// The new coroutine begins inside of the step of its creator, which stands still meanwhile.
    #[cold]
    pub fn start_eagerly(&mut self, creator: ContextId, child: ContextId, now: Time) {
        self.turn(creator, Kind::Ready, now);
        self.change_coroutine(child, Kind::Running, now);
        self.contexts[child.index()].creator = Some(creator);
    }

    #[inline]
    pub fn suspend(&mut self, context: ContextId, on: On, now: Time) -> Option<Duration> {
        let slow = self.slow_step(context, now);
        self.change_coroutine(context, self.waiting(on), now);
        slow
    }

    pub fn end_coroutine(&mut self, context: ContextId, now: Time) -> Option<Duration> {
        let slow = self.slow_step(context, now);
        let context = &mut self.contexts[context.index()];
        context.live = false;
        self.coroutine_times.end(context.doing, now.0.max(self.warm_up));
        slow
    }

    /// How long the step of the coroutine took that ends now, if that was long.
    #[inline]
    fn slow_step(&mut self, context: ContextId, now: Time) -> Option<Duration> {
        if let Some(creator) = self.contexts[context.index()].creator.take() {
            // A part of the step of its creator.
            self.turn(creator, Kind::Running, now);
            return None;
        }
        let took = now.since(self.contexts[context.index()].since);
        let slow = took >= SLOW && now.0 >= self.warm_up;
        self.slow += u64::from(slow);
        slow.then_some(took)
    }

    /// Everything that still lives has lived until `now`. The figures of the cores.
    pub fn finish(&mut self, now: Time) -> Vec<CoreFigures> {
        let end = self.clip(now);
        for index in (0..self.threads.len()).filter(|index| self.threads[*index].live).collect::<Vec<_>>() {
            let thread = self.threads[index];
            self.times.end(thread.doing, end);
            if waits_to_run(thread.doing) {
                self.waited(ThreadId::from(index), thread.able, end);
            }
        }
        for context in self.contexts.iter().filter(|context| context.live && context.coroutine) {
            self.coroutine_times.end(context.doing, end);
        }
        let window = now.0.saturating_sub(self.warm_up);
        for core in 0..self.cores.len() {
            self.core(CoreId::from(core), Busy::Idle, now);
        }
        let figures = |core: &Core| {
            let [_, switching, busy] = core.times;
            let idle = window - busy - switching;
            CoreFigures { busy: Duration(busy), switching: Duration(switching), idle: Duration(idle) }
        };
        self.cores.iter().map(figures).collect()
    }

    /// What happens before the end of the warm-up counts as happening there.
    #[inline]
    fn clip(&self, now: Time) -> u64 {
        now.0.max(self.warm_up)
    }

    #[inline]
    fn change(&mut self, thread: ThreadId, kind: Kind, now: Time) {
        let now = self.clip(now);
        let state = &mut self.threads[thread.index()];
        let (former, able) = (std::mem::replace(&mut state.doing, kind), state.able);
        // Who gets a core and has to wait for the GIL at once has not got on.
        if !waits_to_run(former) && (now > state.since || !matches!(former, Kind::Running | Kind::Native)) {
            state.able = now;
        }
        state.since = now;
        self.times.end(former, now);
        self.times.begin(kind, now);
        if waits_to_run(former) {
            self.waited(thread, able, now);
        }
    }

    #[inline]
    fn waited(&mut self, thread: ThreadId, able: u64, now: u64) {
        if self.starved.is_none_or(|(longest, ..)| now - able > longest) && now > able {
            self.starved = Some((now - able, able, thread));
        }
    }

    #[inline]
    fn change_coroutine(&mut self, context: ContextId, kind: Kind, now: Time) {
        self.turn(context, kind, now);
        self.contexts[context.index()].since = now;
    }

    /// What the coroutine does from now on; its step goes on.
    #[inline]
    fn turn(&mut self, context: ContextId, kind: Kind, now: Time) {
        let clipped = self.clip(now);
        let former = std::mem::replace(&mut self.contexts[context.index()].doing, kind);
        self.coroutine_times.end(former, clipped);
        self.coroutine_times.begin(kind, clipped);
    }

    #[inline]
    fn core(&mut self, core: CoreId, state: Busy, now: Time) {
        let now = self.clip(now);
        let core = &mut self.cores[core.index()];
        let former = std::mem::replace(&mut core.state, state) as usize;
        core.times[former] = core.times[former].wrapping_add(now);
        core.times[state as usize] = core.times[state as usize].wrapping_sub(now);
    }
}

/// Whether the thread could execute, and is not let.
fn waits_to_run(kind: Kind) -> bool {
    matches!(kind, Kind::Ready | Kind::Gil | Kind::Switching)
}

/// Stores a value at an index, growing the list with copies of it.
#[inline]
pub fn put<T: Clone>(list: &mut Vec<T>, index: usize, value: T) {
    if list.len() <= index {
        list.resize(index + 1, value);
    } else {
        list[index] = value;
    }
}
