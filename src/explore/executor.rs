//! Steps that threads of the default executor of a loop do for coroutines (`asyncio.to_thread`), as `src/sim/executor.rs`.

use super::machine::Machine;
use super::state::{Life, NOBODY, Origin, Pause, State, Thread};

impl Machine<'_> {
    /// Whether the executor of the process has, or may start, a thread for more steps.
    pub(super) fn has_thread(&self, state: &State, process: u16) -> bool {
        let does = |thread: &&Thread| {
            matches!(thread.origin, Origin::Steps { .. }) && thread.process == process && thread.life == Life::Going
        };
        (state.threads.iter().filter(does).count() as u32) < self.model.executor_threads()
    }

    /// The coroutine hands the steps from its program counter up to `end` over, and waits.
    pub(super) fn hand_over(&self, state: &mut State, number: usize, end: u32) {
        let own = |thread: &Thread| matches!(thread.origin, Origin::Steps { of, .. } if of == number as u16);
        let spare = state.threads.iter().position(|thread| own(thread) && thread.life == Life::Over);
        let at = spare.unwrap_or_else(|| {
            let nth = state.threads.iter().filter(|thread| own(thread)).count() as u16;
            let process = state.threads[number].process;
            let steps = self.thread(Origin::Steps { of: number as u16, nth }, process);
            self.push(state, steps);
            state.threads.len() - 1
        });
        let coroutine = &mut state.threads[number];
        let (pc, registers) = (coroutine.pc, coroutine.registers.clone());
        (coroutine.pc, coroutine.pause) = (end, Pause::Steps);
        let steps = &mut state.threads[at];
        steps.stack.clear();
        (steps.pc, steps.registers, steps.parent) = (pc, registers, number as u16);
        (steps.life, steps.pause) = (Life::Waiting, Pause::No);
    }

    /// The thread has done the steps, or an exception has left them.
    pub(super) fn hand_back(&self, state: &mut State, number: usize, raised: Option<u32>) {
        let steps = &mut state.threads[number];
        let (parent, registers) = (steps.parent, std::mem::take(&mut steps.registers));
        Machine::drop_steps(steps);
        if parent == NOBODY {
            return;
        }
        let coroutine = &mut state.threads[parent as usize];
        (coroutine.registers, coroutine.pause) = (registers, Pause::Resume);
        if let Some(task) = &mut coroutine.task {
            task.pending = task.pending.or(raised);
        }
    }

    /// The coroutine waits no more. Steps that no thread has begun are never done.
    pub(super) fn leave_steps(&self, state: &mut State, number: usize) {
        let done = |thread: &Thread| thread.parent == number as u16 && thread.life != Life::Over;
        let steps = state.threads.iter_mut().find(|t| matches!(t.origin, Origin::Steps { .. }) && done(t));
        match steps {
            Some(steps) if steps.life == Life::Waiting => Machine::drop_steps(steps),
            Some(steps) => steps.parent = NOBODY,
            None => {}
        }
    }

    fn drop_steps(steps: &mut Thread) {
        steps.stack.clear();
        steps.registers.clear();
        steps.deadlines.clear();
        (steps.pc, steps.life, steps.parent, steps.blocking) = (0, Life::Over, NOBODY, 0);
    }
}
