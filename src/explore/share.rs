//! Semaphores, events, conditions, barriers, queues and locks for readers and writers.
//!
//! Nobody stands in line: whoever can go on may, in every order. Where a lock for readers and writers prefers somebody, the
//! schedules in which it does not are looked at, too.

use super::machine::Machine;
use super::state::{NOBODY, Owner, Pause, State, Thing};
use crate::id::{LockId, SyncId};
use crate::model::{Act, Op, evaluate};
use crate::sync::Config;

impl Machine<'_> {
    /// Things before anybody has used them, of one process.
    pub(super) fn things(&self) -> Vec<Thing> {
        let thing = |config| match config {
            Config::Semaphore { permits, .. } => Thing::Permits(permits),
            Config::Event => Thing::Flag(false),
            Config::Condition { .. } => Thing::Waiting(Vec::new()),
            Config::Barrier { .. } => Thing::Meeting { come: Vec::new(), leaving: Vec::new() },
            Config::Queue { .. } => Thing::Items(Vec::new()),
            Config::RwLock(_) => Thing::Holders { readers: Vec::new(), writer: NOBODY },
        };
        self.model.syncs.iter().map(|sync| thing(sync.initial)).collect()
    }

    fn thing(&self, state: &State, number: usize, sync: SyncId) -> usize {
        let shared = self.model.syncs[sync.index()].is_interprocess();
        let process = if shared { 0 } else { state.threads[number].process as usize };
        process * self.model.syncs.len() + sync.index()
    }

    /// Whether the thread could do so now without waiting.
    pub(super) fn can_share(&self, state: &State, number: usize, sync: SyncId, act: Act) -> bool {
        let config = self.model.syncs[sync.index()].initial;
        match (&state.things[self.thing(state, number, sync)], act) {
            (Thing::Permits(permits), Act::Acquire) => *permits > 0,
            (Thing::Flag(set), Act::Wait) => *set,
            (Thing::Meeting { leaving, .. }, _) => leaving.is_empty(),
            (Thing::Items(items), Act::Get(_)) => !items.is_empty(),
            (Thing::Items(items), Act::Put(_)) => match config {
                Config::Queue { capacity: Some(capacity) } => items.len() < capacity as usize,
                _ => true,
            },
            (Thing::Holders { writer, .. }, Act::AcquireRead) => *writer == NOBODY,
            (Thing::Holders { readers, writer }, Act::Acquire) => *writer == NOBODY && readers.is_empty(),
            _ => true,
        }
    }

    /// Does it. Whether it is right to.
    pub(super) fn share(&self, state: &mut State, number: usize, sync: SyncId, act: Act) -> bool {
        let at = self.thing(state, number, sync);
        let config = self.model.syncs[sync.index()].initial;
        let own = number as u16;
        match (&mut state.things[at], act, config) {
            (Thing::Permits(permits), Act::Acquire, _) => *permits -= 1,
            (Thing::Permits(most), _, Config::Semaphore { permits, bounded: true }) if *most == permits => {
                return false;
            }
            (Thing::Permits(permits), _, _) => *permits += 1,
            (Thing::Flag(set), Act::Set, _) => *set = true,
            (Thing::Flag(set), Act::Clear, _) => *set = false,
            (Thing::Flag(_), _, _) => {}
            (Thing::Waiting(waiting), Act::Notify(most), _) => {
                // Its next op takes the lock again.
                for thread in waiting.drain(..waiting.len().min(most as usize)) {
                    state.threads[thread as usize].pause = Pause::No;
                }
            }
            (Thing::Waiting(waiting), _, Config::Condition { lock }) => {
                waiting.push(own);
                return self.lay_down(state, number, lock);
            }
            (Thing::Waiting(_), _, _) => unreachable!("only conditions are waited at"),
            (Thing::Meeting { come, .. }, _, Config::Barrier { parties }) if come.len() + 1 < parties as usize => {
                come.push(own);
                state.threads[number].pause = Pause::Until;
            }
            (Thing::Meeting { come, leaving }, _, _) => {
                let all = std::mem::take(come);
                // A thread can always leave before anybody else goes on, and nobody sees it.
                leaving.extend(all.iter().filter(|thread| state.threads[**thread as usize].coroutine));
                for thread in all {
                    let waits = &mut state.threads[thread as usize];
                    if waits.coroutine {
                        waits.pause = Pause::Resume;
                    } else {
                        waits.pause = Pause::No;
                        self.run_to_point(state, thread as usize);
                    }
                }
            }
            (Thing::Items(items), Act::Put(value), _) => {
                items.push(evaluate(&self.model.operands, &state.threads[number].registers, value));
            }
            (Thing::Items(items), Act::Get(register), _) => {
                let item = items.remove(0);
                if let Some(register) = register {
                    state.threads[number].registers[register as usize] = item;
                }
            }
            (Thing::Items(_), _, _) => unreachable!("queues are put to and got from"),
            (Thing::Holders { readers, .. }, Act::AcquireRead, _) => {
                let place = readers.partition_point(|reader| *reader < own);
                readers.insert(place, own);
            }
            (Thing::Holders { writer, .. }, Act::Acquire, _) => *writer = own,
            (Thing::Holders { readers, writer }, _, _) => {
                if *writer == own {
                    *writer = NOBODY;
                } else if let Some(place) = readers.iter().position(|reader| *reader == own) {
                    readers.remove(place);
                } else {
                    return false;
                }
            }
        }
        true
    }

    /// A coroutine goes on behind its wait at a barrier, or because it is cancelled there.
    pub(super) fn leave_meeting(&self, state: &mut State, number: usize) {
        let Op::Sync { sync, .. } = self.model.code[state.threads[number].pc as usize - 1] else { return };
        let at = self.thing(state, number, sync);
        if let Thing::Meeting { come, leaving } = &mut state.things[at] {
            come.retain(|thread| *thread as usize != number);
            leaving.retain(|thread| *thread as usize != number);
        }
    }

    /// Waits for a notification: the lock, which must be held, is free meanwhile.
    fn lay_down(&self, state: &mut State, number: usize, lock: LockId) -> bool {
        let at = self.lock(state, number, lock);
        let held = state.owners[at].thread == number as u16;
        if held {
            state.owners[at] = Owner::NONE;
        }
        state.threads[number].pause = Pause::Until;
        held
    }
}
