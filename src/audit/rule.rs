//! The rules of a run, and how a breach of one is reported.

use std::fmt;

use crate::time::Time;

macro_rules! rules {
    ($($name:ident $number:expr, $statement:literal;)*) => {
        /// One thing that must hold in every run. `docs/audit.md` explains each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $(#[doc = $statement] $name,)*
        }

        impl Rule {
            /// All of them.
            pub const ALL: &[Rule] = &[$(Rule::$name,)*];

            /// The number in the list of invariants, where it stands there.
            pub fn number(self) -> Option<u8> {
                match self { $(Rule::$name => $number,)* }
            }

            /// What must hold, in one line.
            pub fn statement(self) -> &'static str {
                match self { $(Rule::$name => $statement,)* }
            }
        }
    };
}

rules! {
    TimeOrder Some(1), "time never runs back and never passes the end of the clock";
    ThreadStates Some(3), "a thread is new, waking, ready, running, blocked and gone in that order only";
    CoroutineStates Some(35), "a coroutine is ready, running, suspended and gone in that order only";
    Existence Some(3), "only what has started and not yet ended does anything, and it starts once";
    RunningOnly None, "only the context that its thread is executing on a core takes steps";
    Ending Some(4), "a run that finished leaves nothing undone";
    OneThreadPerCore Some(6), "a core has at most one thread, a thread at most one core";
    Demand Some(8), "a burst receives exactly the core time it demands";
    CoreTimeUsed Some(8), "a thread on a core executes a burst whenever time passes";
    CoreIdentity Some(9), "busy, switching and idle time of a core add up to the length of the run";
    WorkConserving Some(10), "no core is idle while a thread is ready that it could run";
    SliceBound Some(11), "no thread runs on at the end of its slice while another has been waiting";
    SliceEnd Some(11), "a preemption comes at the end of a slice, and only for somebody who waits unless the timer is inherited";
    Urgency Some(14), "under priorities and deadlines no thread is dispatched, or runs if it can be preempted, while a more urgent one is ready";
    NoPreemption Some(11), "a policy without slices never preempts";
    SwitchCharged Some(12), "a switch is charged exactly when the thread on a core changes, or the core of a thread, or at every dispatch if the machine says so";
    SwitchLength Some(12), "a switch takes exactly the cost of a context switch, of a migration, or of both";
    RunQueueOrder Some(13), "first into the run queue is first out, but for the bypasses that the tie rule allows";
    Placement None, "with a run queue for each core, a thread runs on the core it waits for: its last one, a free one, or the one with the fewest threads";
    Affinity None, "a thread runs only on cores that its task allows";
    Migration None, "a waiting thread goes to another core only if that is free or queues are compared, and not while its data is hot";
    WakeLatency None, "a woken thread is ready after its wake latency";
    GilExclusive Some(17), "a GIL has at most one holder, and only the holder drops it";
    GilHeld Some(18), "Python code executes only with the GIL";
    GilFreed Some(18), "a thread that blocks does not hold the GIL";
    GilAbsent Some(18), "without a GIL nobody takes one";
    GilPatience Some(19), "a request comes from a waiter that saw no switch for one interval";
    GilAsked Some(19), "a forced drop, or an offer, follows a request or the end of a turn";
    GilHandOver Some(19), "after a forced drop somebody else takes the GIL first, and one that was handed over goes to its heir";
    GilPrompt Some(19), "a holder honors a request, or the end of its turn, at its next check point, which is at once in Python code and at the end of a native call";
    GilQueue Some(23), "a wait for the GIL ends by a release or an offer, longest wait first, or when a whole interval is over";
    GilWakeUp Some(22), "a free GIL with waiters has one on the way or looking, an offer wakes one, and a switch wakes whoever waits for one";
    GilBound Some(40), "a process executes no more Python code than there is time";
    GilAtomic Some(19), "a section without check points has no forced drop";
    LockExclusive Some(21), "a lock has at most one owner, and only the owner releases it";
    LockWakeUp Some(22), "a free lock has no waiter unless one of them is being woken";
    LockParked None, "from CPython 3.14 on a thread asks for a lock with the GIL, and is given the lock if it has waited for longer than a millisecond";
    LockOrder None, "a lock with a protocol goes to the most urgent of those who wait for it";
    RwExclusive Some(24), "a lock for readers and writers has one writer or any number of readers, and only who has it releases it";
    RwOrder Some(24), "readers and writers get their lock in the order of its preference";
    SemaphorePermits Some(25), "a semaphore gives no permit that it does not have, and a bounded one takes back no more than it gave";
    BarrierRound Some(25), "who waits at a barrier goes on when the last of the round has come, and not before, and nobody comes before all of a round have left";
    ConditionMatched Some(26), "a wait for a notification ends by one that is for the longest waiters, and then with the lock; who is cancelled in it passes one on, from CPython 3.13 on";
    QueueOrder Some(27), "a queue gives its items in the order in which it got them, each once";
    QueueCapacity Some(27), "a queue has no more items than its capacity";
    SharedWaits None, "nobody waits for a permit, an event, an item or a place that is there, or goes on before it is";
    SharedWakeUp None, "a permit, event, notification, item or place wakes at once whoever has waited longest for it";
    DeadlockReal Some(28), "a deadlock has somebody who waits for a lock, another shared thing or an end";
    IoOnce Some(30), "a request is submitted, started and done once, in that order";
    IoLatency Some(30), "a request is done exactly its latency after its start";
    IoSlots Some(30), "a device serves at most as many requests as it has slots";
    IoOrder Some(30), "a device starts requests in the order of submission";
    IoWorkConserving Some(30), "no slot is free while a request queues";
    IoWaits Some(31), "who waits for a request goes on after it is done, and then does";
    SocketOwner None, "only whose end of a connection it is does anything with it";
    SocketBytes Some(30), "bytes leave after they were sent, come in order after they left, and are read once after they have come";
    SocketTime None, "what is on its way comes exactly its latency and its transfer after it left, behind what left before";
    SocketBuffers None, "no end keeps more bytes than its buffers take";
    SocketBacklog None, "a connection waits to be accepted if there is room and is refused if there is none; the first to come is accepted first";
    SocketReady Some(31), "who waits for a connection goes on when there is something to do, or its timeout is over, and then does";
    LoopAlone Some(33), "a loop runs one coroutine at a time, on its own thread, with the GIL";
    LoopSnapshot Some(34), "an iteration runs its snapshot: so many coroutines, ready before it, each once";
    LoopOrder Some(34), "a ready coroutine is resumed within three iterations, and after those whose like waits ended before";
    LoopPolls Some(34), "a loop does not wait in its selector while a coroutine is ready";
    SleepNotEarly Some(34), "a sleep is never short, and the sleeps of a loop end in the order of their deadlines";
    Cancelled None, "who is cancelled, and nobody else, gets that exception as the next thing it does";
    TimeoutDue None, "a timeout cancels once, when its time is over, and while its steps go on";
    TogetherEnds None, "who awaits several goes on when all have ended, or one of a gather with an exception, which cancels the rest of a task group";
    TaskWaits None, "who waits for some of the coroutines that it has spawned goes on when those are over or its time is, and is told which";
    CallBacks None, "a loop calls a callback once, not before its time or before a thread has written to its pipe for it, and it waits for nothing";
    EagerStart None, "a coroutine begins inside of the step that creates it if tasks are eager, and else never";
    JoinWaits Some(35), "a join ends after all it waits for has ended, and then does";
    StartWaits None, "who starts a thread does nothing before that has taken the GIL, or runs where there is none, and then goes on";
    Daemons None, "a run is over as soon as only daemons are left, and says how many";
    JobOnce Some(37), "a job arrives, starts and ends once, and who started it ends it";
    JobDropped None, "a job is dropped exactly at its deadline, if its task says so and it is not complete";
    JobRefused None, "a job is refused exactly when as many of its task are in the system as there can be";
    JobAfter None, "no job begins before all jobs of the tasks it comes after have ended";
    JobArrivals None, "the jobs of a task arrive in number and at the times that the model says";
    PoolStarts None, "a pool of threads starts a worker exactly when a job finds none idle, there are fewer than it may have, and no other is still to come up";
    ExecutorOrder None, "threads of an executor take what coroutines hand to them in order, each once, and none is idle meanwhile";
    ExecutorStarts None, "an executor starts a thread exactly when a submission finds none idle and there are fewer than it may have";
    ExecutorWaits None, "a coroutine goes on when a thread has done its steps and has called its loop";
    ProcessPoolOrder None, "chunks of a pool of processes go from queue to queue in order, each to one worker that has no other";
    ProcessPoolBound None, "a ProcessPoolExecutor has at most one chunk more than workers on the way to them";
    ProcessPoolWorkers None, "a pool of processes has no more workers than it may";
    ProcessPoolJobs None, "a worker does the jobs of its chunk in order, and each is over when the parent has the results, or when it cannot get them";
    ProcessPoolBroken None, "when a worker of a ProcessPoolExecutor has died and its manager knows, each of the others is terminated, does nothing more, and ends";
    Memory None, "a load sees the last store of its process, or of its thread";
    Atomic None, "an atomic operation writes right after it reads, with nothing in between";
    ReferenceCounted None, "who takes or drops a reference has changed the count by one, right before";
    ObjectFreed None, "an object is freed at once by whoever brings its count to zero, by nobody else, and nobody touches it afterwards";
    ObjectOutcome None, "a run reports a leak or a use after free exactly if there is one";
    AssertEnds None, "a run ends as broken with the record that says what was asserted and does not hold, and only then";
    WorldStopped None, "while a thread has stopped the world no other of its process executes interpreted code, and it lets them go on";
    JobService Some(38), "a job's response is its service and its waits: a thread runs as long as its steps demand";
    JobSpan Some(39), "a job takes at least as long as its steps, one after the other";
    Makespan Some(39), "a run takes at least as long as its work divided among the cores";
    LittlesLaw Some(36), "the integral of jobs or requests in the system is the sum of their times in it, kind by kind";
    BusyIsService Some(37), "cores are busy exactly as long as threads run";
    LifeOfThread Some(38), "the lives of threads are their times on cores, in the run queue, and in waits";
}

/// A breach of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub rule: Rule,
    /// When.
    pub time: Time,
    /// The number of the record that showed it, counted from 0; at the end of the run the number of records.
    pub record: u64,
    /// Who broke it and how.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {} at {} ns: {}", self.record, self.time.0, self.what)?;
        write!(f, " ({}", self.rule.statement())?;
        if let Some(number) = self.rule.number() {
            write!(f, "; invariant {number}")?;
        }
        write!(f, ")")
    }
}

/// How many violations are kept, and the first of every rule besides; the rest are only counted.
const KEPT: usize = 20;

/// Where the groups of rules report to.
#[derive(Debug, Default)]
pub(super) struct Reports {
    pub now: Time,
    pub index: u64,
    kept: Vec<Violation>,
    left_out: u64,
}

impl Reports {
    /// Requires `holds`, and says in `what` how it does not.
    pub fn require(&mut self, holds: bool, rule: Rule, what: impl FnOnce() -> String) {
        if !holds {
            self.add(rule, what());
        }
    }

    fn add(&mut self, rule: Rule, what: String) {
        if self.kept.len() < KEPT || self.kept.iter().all(|kept| kept.rule != rule) {
            self.kept.push(Violation { rule, time: self.now, record: self.index, what });
        } else {
            self.left_out += 1;
        }
    }

    /// What was found; the last one kept says how many were not.
    pub fn finish(mut self) -> Vec<Violation> {
        if self.left_out > 0 {
            let last = self.kept.last_mut().expect("violations are left out only when some are kept");
            last.what.push_str(&format!("; {} more violations follow", self.left_out));
        }
        self.kept
    }
}
