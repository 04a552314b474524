//! The simulator: a model and a seed in, records and an outcome out.
//!
//! Mechanisms (`kernel`, `runtime`, `sync`, `io`, `load`) decide; this module alone turns their verdicts into events and
//! records. Everything at one instant is handled before free cores are given away.

mod burst;
mod callback;
mod cancel;
mod connection;
mod create;
mod crowd;
mod deadlock;
mod demand;
mod draw;
mod eager;
mod event_loop;
mod executor;
mod explain;
mod gil;
mod inheritance;
mod jobs;
mod late;
mod limit;
mod loop_task;
mod memory;
mod object;
mod outcome;
mod pool;
mod queues;
mod raise;
mod run_queue;
mod shared;
mod socket;
mod start;
mod step;
mod stop;
mod task_waits;
mod together;
mod urgency;
mod wait;
mod waiting;
mod wire;
mod world;

#[cfg(test)]
mod tests;

pub use outcome::{Ended, Outcome, Waiting};
pub use world::World;

use crate::choice::{Choice, Chooser, First};
use crate::engine::{Class, Due};
use crate::id::{ContextId, CoreId, JobId, PacketId, RequestId, ThreadId};
use crate::kernel::policy::Rank;
use crate::model::Model;
use crate::time::Time;
use crate::trace::{Record, Sink, What};

/// Steps without time passing after which a run is given up.
const STEPS_PER_INSTANT: u32 = 1_000_000;

/// Runs the model under the seed and hands every record to the sink.
pub fn run<S: Sink>(model: &Model, seed: u64, sink: &mut S) -> Ended {
    run_with(model, seed, sink, &mut First)
}

/// As [`run`], with the choices that reality leaves open made by `chooser`.
pub fn run_with<S: Sink, C: Chooser>(model: &Model, seed: u64, sink: &mut S, chooser: &mut C) -> Ended {
    let mut sim = Sim::start(model, seed, sink, chooser);
    sim.advance_to(Time::NEVER);
    sim.end()
}

/// A run under way. It can be stopped at any instant, and its [`World`] cloned, hashed, and continued.
pub struct Sim<'a, S, C> {
    model: &'a Model,
    seed: u64,
    sink: &'a mut S,
    chooser: &'a mut C,
    world: World,
    events: u64,
    /// Steps since time last passed.
    steps: u32,
    /// Whether threads need a GIL.
    has_gil: bool,
    /// Whether who starts a thread waits until that has come up.
    handshake: bool,
    /// Whether some core is not always as fast as its bursts are long.
    paced: bool,
    /// Whether somebody joined the run queue or left a core since cores were last given away.
    unsettled: bool,
    /// Whether running threads have timers for the ends of their slices.
    slicing: bool,
    outcome: Option<Outcome>,
    /// The thread whose steps are being executed.
    acting: Option<ThreadId>,
    /// Threads that joined the run queue at this instant, under a policy on which they may preempt.
    woken: Vec<ThreadId>,
    /// Whether coroutines can be cancelled, so that it is known what each awaits.
    tracks: bool,
    /// Whether coroutines begin inside of the steps that create them.
    eager: bool,
    /// Whether coroutines wait for some of those that they have spawned.
    waits_for_tasks: bool,
    /// Due timers of a loop, kept to save allocations.
    due: Vec<ContextId>,
    /// Who is woken by one step, kept to save allocations.
    freed: Vec<ContextId>,
    /// What threads inherit by the locks they hold; `None` if no lock has a protocol or the policy no such order.
    lends: Option<Rank>,
    /// Whether the world can stop.
    stops: bool,
    /// Whether jobs are dropped at their deadlines, and those whose deadline is now.
    aborts: bool,
    expired: Vec<(JobId, u64)>,
}

impl<'a, S: Sink, C: Chooser> Sim<'a, S, C> {
    /// The world at time 0, with what happens at once already recorded.
    pub fn start(model: &'a Model, seed: u64, sink: &'a mut S, chooser: &'a mut C) -> Sim<'a, S, C> {
        let mut sim = Sim::around(model, seed, sink, chooser, World::new(model, seed));
        sim.populate();
        sim.first_arrivals();
        sim
    }

    /// Goes on from a world that was cloned from a run of the same model and seed.
    pub fn resume(model: &'a Model, seed: u64, sink: &'a mut S, chooser: &'a mut C, world: World) -> Sim<'a, S, C> {
        // Setting slice timers again is harmless: they are computed from the state.
        let mut world = world;
        world.kernel.touch(None);
        Sim::around(model, seed, sink, chooser, world)
    }

    /// With nothing under way.
    fn around(model: &'a Model, seed: u64, sink: &'a mut S, chooser: &'a mut C, world: World) -> Sim<'a, S, C> {
        Sim {
            model,
            seed,
            sink,
            chooser,
            world,
            events: 0,
            steps: 0,
            has_gil: model.has_gil(),
            handshake: model.interpreter.start_handshake,
            paced: !model.machine.paces.is_even(),
            unsettled: true,
            slicing: false,
            outcome: None,
            acting: None,
            woken: Vec::new(),
            tracks: cancel::any(model),
            eager: model.starts_eagerly(),
            waits_for_tasks: model.waits_for_tasks(),
            due: Vec::new(),
            freed: Vec::new(),
            lends: inheritance::order(model),
            stops: stop::any(model),
            aborts: late::any(model),
            expired: Vec::new(),
        }
    }

    /// Events handled so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The present state.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Handles all events up to and including `limit`.
    pub fn advance_to(&mut self, limit: Time) {
        let horizon = self.model.until.map_or(Time::NEVER, |until| Time(until.0)).min(limit);
        while self.outcome.is_none() {
            let (core_time, core) = self.world.kernel.first_timer();
            let event_time = self.world.engine.next_time();
            let next = core_time.min(event_time);
            debug_assert!(next >= self.world.now, "nothing is planned for the past");
            if next > self.world.now {
                // Giving cores away can make something happen at this very instant.
                if std::mem::take(&mut self.unsettled) && self.settle() {
                    continue;
                }
                if self.world.work.daemons > 0 && self.world.work.unfinished == 0 && self.nobody_comes() {
                    self.outcome = Some(Outcome::Finished);
                    break;
                }
                if next > horizon || next == Time::NEVER {
                    if self.drop_cancelled() {
                        continue;
                    }
                    break;
                }
                self.steps = 0;
            }
            if event_time <= core_time {
                self.next_event();
            } else {
                self.world.now = core_time;
                self.events += 1;
                self.core_timer(core);
            }
            if self.events >= self.model.max_events {
                self.outcome.get_or_insert(Outcome::Limit { max_events: self.model.max_events });
            }
        }
    }

    /// How the run ended.
    pub fn end(mut self) -> Ended {
        let quiet = self.world.kernel.first_timer().0 == Time::NEVER && self.world.engine.next_time() == Time::NEVER;
        let outcome = self.outcome.take().unwrap_or_else(|| {
            if quiet && self.world.work.unfinished == 0 {
                Outcome::Finished
            } else if quiet && self.late() {
                Outcome::ClockEnd
            } else if quiet {
                Outcome::Deadlock(self.waiting())
            } else {
                Outcome::Until
            }
        });
        let at = match (&outcome, self.model.until) {
            (Outcome::Until, Some(until)) => Time(until.0),
            _ => self.world.now,
        };
        let leaked = if outcome.is_regular() { self.leaked() } else { None };
        let outcome = leaked.unwrap_or(outcome);
        let daemons = if outcome == Outcome::Finished { self.world.work.daemons } else { 0 };
        Ended { outcome, at, events: self.events, daemons }
    }

    /// Whether something still runs, or waits for a time that the clock does not reach.
    fn late(&self) -> bool {
        let kernel = &self.world.kernel;
        self.world.engine.peek().is_some() || (0..kernel.cores()).any(|core| kernel.occupant(CoreId(core)).is_some())
    }

    fn next_event(&mut self) {
        let due = if C::ALWAYS_FIRST { self.world.engine.pop() } else { self.choose_event() };
        let due = due.expect("the time of the next event is known");
        if self.is_cancelled(&due) {
            return; // Cancelled: nothing happens, and the clock does not move for it.
        }
        self.world.now = due.time;
        self.events += 1;
        match due.class {
            Class::Completion => self.served(RequestId(due.slot)),
            Class::Packet => self.arrived(PacketId(due.slot)),
            Class::Timer => self.timed_out(ThreadId(due.slot)),
            Class::Wakeup => self.ready(ThreadId(due.slot)),
            Class::Arrival => self.arrival(due.slot),
        }
    }

    #[inline(always)]
    fn is_cancelled(&self, due: &Due) -> bool {
        match due.class {
            Class::Timer => self.world.threads[ThreadId(due.slot)].timer != due.sequence,
            Class::Arrival => self.aborts && self.has_no_job(due.slot, due.sequence),
            Class::Packet => self.world.work.unfinished == 0 && self.nobody_comes(),
            Class::Completion | Class::Wakeup => false,
        }
    }

    /// Forgets the next event if it is a timer that nobody waits for.
    fn drop_cancelled(&mut self) -> bool {
        let cancelled = self.world.engine.peek().is_some_and(|due| self.is_cancelled(&due));
        if cancelled {
            self.world.engine.pop();
        }
        cancelled
    }

    fn choose_event(&mut self) -> Option<Due> {
        let ties = self.world.engine.ties();
        let chosen = if ties > 1 { self.chooser.choose(Choice::Event, ties) } else { 0 };
        self.world.engine.pop_tie(chosen)
    }

    fn choose(&mut self, choice: Choice, options: usize) -> usize {
        if C::ALWAYS_FIRST || options < 2 { 0 } else { self.chooser.choose(choice, options) }
    }

    #[inline(always)]
    fn note(&mut self, what: What) {
        self.sink.record(&Record { time: self.world.now, what });
    }
}
