//! Waits for coroutines that were spawned before and go on afterwards: `asyncio.wait`. Nobody is cancelled by them.

use super::world::Resume;
use super::{Chooser, Sim};
use crate::id::{ContextId, ProgramId, ThreadId, WaitId};
use crate::model::TaskWait;
use crate::runtime::event_loop::Call;
use crate::sim::loop_task::Group;
use crate::time::Duration;
use crate::trace::{On, Raised, Sink, Together, What};

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// The coroutine waits for those of its children that it does not know to be over. The callback of one that is over already
    /// is called soon.
    #[cold]
    pub(super) fn wait_tasks(&mut self, thread: ThreadId, context: ContextId, wait: WaitId) -> bool {
        let TaskWait { how, programs, time } = &self.model.task_waits[wait.index()];
        let time = time.map(|time| self.sample(context, time));
        let world = &self.world;
        let awaited = |child: &ContextId| {
            world.loop_tasks[child.index()].named && programs.contains(&world.contexts[*child].program)
        };
        let children: Vec<ContextId> = world.brood(context).filter(awaited).collect();
        let ended = world.loop_tasks[context.index()].ended.iter();
        let ended: Vec<Option<Raised>> =
            ended.filter(|(program, _)| programs.contains(program)).map(|(_, raised)| *raised).collect();
        let group = &mut self.world.loop_task(context).group;
        let (round, live) = (group.round + 1, (children.len() + ended.len()) as u32);
        *group = Group { how: Some(*how), round, live, ..Group::default() };
        if live == 0 {
            group.how = None;
            return true;
        }
        self.note(What::WaitTasks { context, wait, time: time.unwrap_or(Duration::FOREVER) });
        for child in children {
            self.world.loop_task(child).bond = Some(round);
        }
        for raised in ended {
            self.event_loop(thread).call(Call::Ended { parent: context, round, raised });
        }
        if let Some(time) = time {
            let at = self.world.now + time;
            let alarm = self.event_loop(thread).call_at(at, context);
            self.world.loop_task(context).alarm = alarm;
        }
        self.suspend(thread, context, On::Together, Resume::Step)
    }

    /// The coroutine goes on after such a wait, and now knows who is over.
    #[cold]
    pub(super) fn tasks_waited(&mut self, context: ContextId, wait: WaitId, to: u32) -> bool {
        let programs = &self.model.task_waits[wait.index()].programs;
        let task = self.world.loop_task(context);
        let late = task.group.how.is_some() && !task.group.over;
        if task.group.how.take().is_some() {
            task.alarm = 0;
            task.group.round += 1;
            task.ended.retain(|(program, _)| !programs.contains(program));
            self.note(What::TasksWaited { context, late });
        }
        if !late {
            self.world.contexts[context].pc = to;
        }
        true
    }

    /// What a wait is for may have come about.
    pub(super) fn end_wait(&mut self, context: ContextId, over: bool) {
        if over {
            let task = self.world.loop_task(context);
            (task.alarm, task.group.over) = (0, true);
            self.make_ready(context);
        }
    }

    /// The coroutine has joined all that it has spawned from the program.
    pub(super) fn know_ended(&mut self, context: ContextId, program: ProgramId) {
        if !self.waits_for_tasks {
            return;
        }
        let ended = &mut self.world.loop_task(context).ended;
        let before = ended.len();
        ended.retain(|(of, _)| *of != program);
        if ended.len() < before {
            self.note(What::TasksKnown { context, program });
        }
    }

    /// Whether those that the coroutine awaits are not cancelled with it.
    pub(super) fn awaits_apart(&self, context: ContextId) -> bool {
        self.world.loop_tasks[context.index()].group.how.is_some_and(Together::apart)
    }

    /// It is cancelled, and does not hear of the end of those any more.
    pub(super) fn stop_listening(&mut self, context: ContextId) {
        let task = self.world.loop_task(context);
        (task.alarm, task.group.round) = (0, task.group.round + 1);
        if task.group.how == Some(Together::Shield) {
            let thread = self.world.contexts[context].thread;
            self.event_loop(thread).call(Call::InVain);
        }
    }
}
