//! How much core time a thread is about to use: up to its next wait, known in advance because draws are. Conditions are
//! foreseen as if nobody else wrote what they read.

use super::world::{Body, Draws, Phase};
use super::{Chooser, Sim};
use crate::dist::Dist;
use crate::id::{ContextId, DistId, ThreadId, VarId};
use crate::model::{Act, Op, evaluate};
use crate::rng::Stream;
use crate::time::Duration;
use crate::trace::Sink;

/// Ops after which a burst is taken for endless.
const MOST_OPS: u32 = 10_000;

/// The draws that lie ahead of a context, read without taking them.
enum Ahead {
    Nothing,
    Paged { task: usize, next: u64 },
    Own { reader: ContextId, key: u64, next: u64 },
    User(Stream),
}

/// Variables and own copies as they will be.
struct Foreseen {
    registers: Vec<i64>,
    written: Vec<(VarId, i64)>,
}

impl Foreseen {
    fn write(&mut self, var: VarId, value: i64) {
        match self.written.iter_mut().find(|(of, _)| *of == var) {
            Some((_, known)) => *known = value,
            None => self.written.push((var, value)),
        }
    }
}

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// Tells the kernel how much core time the thread needs before it next waits for a device, the clock, a lock or an end.
    /// An event loop and a worker without a job need no time that anybody could know: they count as zero.
    #[cold]
    pub(super) fn estimate(&mut self, thread: ThreadId) {
        let remaining = self.demand(thread);
        let attributes = *self.world.kernel.attributes(thread);
        self.world.kernel.describe(thread, crate::kernel::attributes::Attributes { remaining, ..attributes });
    }

    fn demand(&mut self, thread: ThreadId) -> Duration {
        let state = &self.world.threads[thread];
        let (context, burst) = (state.current, state.burst);
        let (left, phase) = match state.phase {
            Phase::Burst => (burst.left, burst.then),
            phase => (Duration::ZERO, phase),
        };
        // The context of an idle worker still stands behind its last job; that of a loop stands nowhere.
        let carries = match state.body {
            Body::Worker | Body::Pool(_) => self.world.contexts[context].job().is_some(),
            Body::Program => true,
            Body::Executor => context != state.own,
            Body::Loop(_) => self.world.contexts[context].coroutine,
        };
        let ahead = match phase {
            Phase::Gil | Phase::Step | Phase::Lock(_) if carries => self.walk(context),
            Phase::Complete => self.model.machine.costs.completion + self.walk(context),
            _ => Duration::ZERO,
        };
        Duration(left.0.saturating_add(ahead.0))
    }

    /// Adds up the steps from the program counter to the next wait.
    fn walk(&mut self, context: ContextId) -> Duration {
        let state = &self.world.contexts[context];
        let (mut pc, mut stack) = (state.pc, state.stack.clone());
        let mut draws = match &state.draws {
            Draws::None => Ahead::Nothing,
            Draws::Paged { task, next } => Ahead::Paged { task: task.index(), next: *next },
            Draws::Own { next } => Ahead::Own { reader: context, key: state.key, next: *next },
            Draws::User { task, user } => {
                Ahead::User(self.world.work.tasks[task.index()].source.users[*user as usize].clone())
            }
        };
        let mut memory = Foreseen { registers: state.registers.clone(), written: Vec::new() };
        let (awaits, hands_back) = (self.awaits(context), self.is_in_executor(self.world.contexts[context].thread));
        let mut total = 0u64;
        for _ in 0..MOST_OPS {
            let op = self.model.code[pc as usize];
            pc += 1;
            match op {
                Op::Compute { kind, time } => {
                    let demand = self.sample_ahead(&mut draws, time);
                    total = total.saturating_add(self.model.stretched(kind, demand).0);
                }
                Op::Mutate { time, .. } => total = total.saturating_add(self.sample_ahead(&mut draws, time).0),
                Op::Repeat { times } => stack.push(times),
                Op::Again { start } => {
                    let rounds = stack.last_mut().expect("lowering pairs every loop end with a start");
                    *rounds -= 1;
                    if *rounds == 0 {
                        stack.pop();
                    } else {
                        pc = start;
                    }
                }
                Op::Jump { to } => pc = to,
                Op::Choose { table } => pc = self.branch_ahead(&mut draws, table),
                Op::Call { entry } => {
                    stack.push(pc);
                    pc = entry;
                }
                Op::Return => match stack.pop() {
                    Some(back) => pc = back,
                    None => return Duration(total),
                },
                Op::Socket { .. } | Op::Collect { .. } => return Duration(total),
                Op::Io { .. } | Op::Sleep { .. } | Op::Join { .. } | Op::Acquire { .. } | Op::Yield => {
                    return Duration(total);
                }
                Op::ToThread { .. } if awaits => return Duration(total),
                Op::EndThread if hands_back => return Duration(total),
                Op::Reenter { .. } | Op::Await | Op::Exit | Op::Raise | Op::Reraise => return Duration(total),
                Op::Sync { act: Act::Acquire | Act::AcquireRead | Act::Wait | Act::Put(_) | Act::Get(_), .. } => {
                    return Duration(total);
                }
                Op::Branch { left, comparison, right, to } => {
                    let value = |operand| evaluate(&self.model.operands, &memory.registers, operand);
                    if comparison.holds(value(left), value(right)) {
                        pc = to;
                    }
                }
                op => pc += u32::from(self.foresee(context, op, &mut memory)),
            }
        }
        Duration::FOREVER
    }

    /// What the op does to variables. Whether the op after it is left out.
    fn foresee(&self, context: ContextId, op: Op, memory: &mut Foreseen) -> bool {
        let value = |memory: &Foreseen, operand| evaluate(&self.model.operands, &memory.registers, operand);
        let set = |memory: &mut Foreseen, register: u16, value| memory.registers[register as usize] = value;
        match op {
            Op::Load { var, register } => set(memory, register, self.foreseen(context, var, memory)),
            Op::Store { var, register } => memory.write(var, memory.registers[register as usize]),
            Op::Set { register, value: to } => set(memory, register, value(memory, to)),
            Op::Add { register, by } => {
                let sum = memory.registers[register as usize].wrapping_add(value(memory, by));
                set(memory, register, sum);
            }
            Op::Swap { var, register, value: to } => {
                let (found, to) = (self.foreseen(context, var, memory), value(memory, to));
                set(memory, register, found);
                memory.write(var, to);
            }
            Op::FetchAdd { var, register, by } => {
                let (found, by) = (self.foreseen(context, var, memory), value(memory, by));
                set(memory, register, found);
                memory.write(var, found.wrapping_add(by));
            }
            Op::CompareAndSwap { var, register, from, to } => {
                let (from, to) = (value(memory, from), value(memory, to));
                let found = self.foreseen(context, var, memory);
                set(memory, register, found);
                if found == from {
                    memory.write(var, to);
                }
                return found == from;
            }
            _ => {}
        }
        false
    }

    fn foreseen(&self, context: ContextId, var: VarId, memory: &Foreseen) -> i64 {
        let written = memory.written.iter().find(|(of, _)| *of == var);
        written.map_or_else(|| self.value_of(context, var), |(_, value)| *value)
    }

    fn bits_ahead(&mut self, draws: &mut Ahead) -> u64 {
        match draws {
            Ahead::Nothing => unreachable!("draws are counted when a model is built"),
            Ahead::Paged { task, next } => {
                *next += 1;
                self.world.work.tasks[*task].pages.at(*next - 1)
            }
            Ahead::Own { reader, key, next } => {
                *next += 1;
                self.world.shelf.at(reader.index(), *key, *next - 1)
            }
            Ahead::User(stream) => stream.draw(),
        }
    }

    fn sample_ahead(&mut self, draws: &mut Ahead, dist: DistId) -> Duration {
        let model = self.model;
        match &model.dists[dist.index()] {
            Dist::Const(time) => *time,
            random => random.sample(self.bits_ahead(draws)),
        }
    }

    fn branch_ahead(&mut self, draws: &mut Ahead, table: u32) -> u32 {
        let bits = self.bits_ahead(draws);
        let choice = &self.model.choices[table as usize];
        let branch = choice.branches.iter().find(|(upto, _)| bits <= *upto);
        branch.map_or(choice.otherwise, |(_, to)| *to)
    }
}
