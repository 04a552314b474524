//! Objects with reference counts: what a change of a count costs, which updates are lost, and what comes of that.
//!
//! The count itself is a variable, which ops read and write like any other. Here stands what the count should be, and
//! whether the object still exists. A cache line belongs to the core that changed a count last; another one has to fetch
//! it, one after the other.

use super::world::Phase;
use super::{Chooser, Outcome, Sim};
use crate::id::{ContextId, CoreId, DistId, ObjectId, ProcessId, ThreadId};
use crate::model::{self, Counting, Model};
use crate::time::{Duration, Time};
use crate::trace::{CpuKind, Handled, Role, Sink, What};

/// What is true of an object, whatever its count says.
#[derive(Clone, Debug, Hash)]
pub(super) struct Object {
    /// References that have been taken and not dropped.
    references: i64,
    freed: Option<Change>,
    /// The thread, by its own context, that uses plain arithmetic on a biased count.
    owner: Option<(ContextId, u32)>,
    /// The core that has the cache line of the count, from when on.
    line: Option<(CoreId, Time)>,
    /// How often the count was written.
    writes: u64,
    last: Option<Change>,
    /// Who has read the count and not written it yet: when, and after how many writes.
    reads: Vec<(ContextId, Time, u64)>,
    /// The last reference that was taken and not counted, and the last one that was dropped and is still counted.
    lost: [Option<Lost>; 2],
}

/// A count was written.
#[derive(Clone, Copy, Debug, Hash)]
struct Change {
    who: Role,
    at: Time,
    count: i64,
    by: i8,
}

/// An update of a count that another one wiped out.
#[derive(Clone, Copy, Debug, Hash)]
struct Lost {
    update: Change,
    /// Who wiped it out, and when that one had read the count.
    over: Change,
    read: Time,
}

/// Nobody has used the objects yet.
pub(super) fn fresh(model: &Model) -> Vec<Object> {
    let fresh = |object: &model::Object| Object {
        references: object.references.into(),
        freed: None,
        owner: None,
        line: None,
        writes: 0,
        last: None,
        reads: Vec::new(),
        lost: [None; 2],
    };
    model.objects.iter().map(fresh).collect()
}

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// Takes the time to change the count. As with `Spawn`, the op is executed again when it is over.
    #[inline(never)]
    pub(super) fn touch(
        &mut self,
        thread: ThreadId,
        context: ContextId,
        object: ObjectId,
        by: i8,
        kind: CpuKind,
    ) -> bool {
        if self.is_freed(context, object) {
            return self.used_after_free(context, object, by);
        }
        let paid = std::mem::take(&mut self.world.contexts[context].paid);
        if paid {
            return true;
        }
        let cost = self.count_time(thread, context, object);
        let now = self.world.now;
        if self.counts_plainly(object) {
            let state = self.object(context, object);
            state.reads.retain(|(reader, ..)| *reader != context);
            state.reads.push((context, now, state.writes));
        }
        if cost > Duration::ZERO {
            let state = &mut self.world.contexts[context];
            state.paid = true;
            state.pc -= 1;
            self.start_burst(thread, context, kind, cost, Phase::Step);
        }
        true
    }

    /// The count of the object has been changed, or it is used.
    pub(super) fn refer(&mut self, context: ContextId, object: ObjectId, by: i8) -> bool {
        if self.is_freed(context, object) {
            return self.used_after_free(context, object, by);
        }
        let home = self.home_of_object(context, object);
        let count = self.model.objects[object.index()].count;
        let count = self.world.processes[home.index()].vars[count.index()];
        let handled = match by {
            0 => Handled::Use,
            1 => Handled::Take,
            _ => Handled::Drop,
        };
        self.note(What::Object { object, process: home, context, handled });
        if by == 0 {
            return true;
        }
        let change = Change { who: self.role_of(context), at: self.world.now, count, by };
        let state = self.object(context, object);
        state.change(context, change);
        if by < 0 && count == 0 {
            state.freed = Some(change);
            self.note(What::Object { object, process: home, context, handled: Handled::Free });
        }
        true
    }

    /// The context stops where it stands.
    #[cold]
    pub(super) fn forget_counts(&mut self, context: ContextId) {
        let objects = self.world.processes.iter_mut().flat_map(|process| &mut process.objects);
        objects.for_each(|object| object.reads.retain(|(reader, ..)| *reader != context));
    }

    /// Changes the object in place. With a GIL that is a call of C code like any other. Without one it is done under the lock
    /// of the object, for which others wait on their cores.
    pub(super) fn mutate(&mut self, thread: ThreadId, context: ContextId, object: ObjectId, time: DistId) -> bool {
        if self.is_freed(context, object) {
            return self.used_after_free(context, object, 0);
        }
        let home = self.home_of_object(context, object);
        self.note(What::Object { object, process: home, context, handled: Handled::Use });
        let mut demand = self.sample(context, time);
        if !self.has_gil {
            demand = demand + self.lock_time(thread, context, object, demand);
        }
        self.start_burst(thread, context, CpuKind::HoldGil, demand, Phase::Step);
        true
    }

    /// What it takes to get the lock of an object that is then kept for `held`.
    fn lock_time(&mut self, thread: ThreadId, context: ContextId, object: ObjectId, held: Duration) -> Duration {
        let (now, times) = (self.world.now, self.model.interpreter.counts);
        let core = self.world.threads[thread].core.expect("a thread that takes steps is on a core");
        let state = self.object(context, object);
        let time = state.fetch(core, now, times.atomic, times.moved);
        state.line = Some((core, now + time + held));
        time
    }

    fn home_of_object(&self, context: ContextId, object: ObjectId) -> ProcessId {
        self.home_of_var(context, self.model.objects[object.index()].count)
    }

    fn object(&mut self, context: ContextId, object: ObjectId) -> &mut Object {
        let home = self.home_of_object(context, object);
        &mut self.world.processes[home.index()].objects[object.index()]
    }

    fn is_freed(&self, context: ContextId, object: ObjectId) -> bool {
        let home = self.home_of_object(context, object);
        self.world.processes[home.index()].objects[object.index()].freed.is_some()
    }

    /// Whether somebody can come in between the load of the count and its store.
    fn counts_plainly(&self, object: ObjectId) -> bool {
        !self.has_gil && self.model.objects[object.index()].counting == Counting::Plain
    }

    /// How long the change of the count takes. The thread that first does so owns the object.
    fn count_time(&mut self, thread: ThreadId, context: ContextId, object: ObjectId) -> Duration {
        let (now, times, has_gil) = (self.world.now, self.model.interpreter.counts, self.has_gil);
        let state = &self.world.threads[thread];
        let core = state.core.expect("a thread that takes steps is on a core");
        let own = (state.own, self.world.contexts[state.own].generation);
        let counting = self.model.objects[object.index()].counting;
        let state = self.object(context, object);
        let owner = *state.owner.get_or_insert(own) == own;
        let alone = match counting {
            Counting::Plain => times.plain,
            Counting::Biased if owner || has_gil => times.plain,
            Counting::Biased | Counting::Atomic => times.atomic,
        };
        let time = state.fetch(core, now, alone, times.moved);
        state.line = Some((core, now + time));
        time
    }

    #[cold]
    fn used_after_free(&mut self, context: ContextId, object: ObjectId, by: i8) -> bool {
        let name = self.object_name(object).to_owned();
        let (who, now) = (self.who(context), Duration(self.world.now.0));
        let does = match by {
            0 => "uses",
            1 => "takes a reference to",
            _ => "drops a reference to",
        };
        let state = self.object(context, object).clone();
        let freed = state.freed.expect("only a freed object is used after it was freed");
        let mut lines = vec![format!("{who} {does} \"{name}\" at {now}, which is freed")];
        let left = state.references;
        let by = self.model.role_name(freed.who);
        lines.push(match left {
            0 => format!("{by} freed it at {}: it dropped the last reference", Duration(freed.at.0)),
            _ => {
                format!("{by} freed it at {}: its count came down to 0, with {left} still there", Duration(freed.at.0))
            }
        });
        lines.push(match state.lost[0] {
            Some(lost) => self.describe_lost(&lost, "was not counted"),
            None => "every change was counted: the steps drop more references than they take".to_owned(),
        });
        self.outcome = Some(Outcome::UsedAfterFree { object: name, lines });
        false
    }

    /// Objects that nobody refers to any more, and whose counts say otherwise.
    #[cold]
    pub(super) fn leaked(&self) -> Option<Outcome> {
        let (mut objects, mut lines) = (Vec::new(), Vec::new());
        for process in &self.world.processes {
            for (index, state) in process.objects.iter().enumerate() {
                if !state.is_leaked() {
                    continue;
                }
                let object = ObjectId::from(index);
                let count = process.vars[self.model.objects[index].count.index()];
                let name = self.object_name(object);
                let last = state.last.map_or(Time(0), |last| last.at);
                lines.push(format!(
                    "\"{name}\" is never freed: its last reference was dropped at {}, and its count is {count}",
                    Duration(last.0)
                ));
                let lost = state.lost[1].map(|lost| self.describe_lost(&lost, "is still counted"));
                lines.extend(lost);
                objects.push(name.to_owned());
            }
        }
        (!objects.is_empty()).then_some(Outcome::Leaked { objects, lines })
    }

    fn object_name(&self, object: ObjectId) -> &str {
        &self.model.vars[self.model.objects[object.index()].count.index()].name
    }

    /// Who read what when.
    fn describe_lost(&self, lost: &Lost, what: &str) -> String {
        let Lost { update, over, read } = lost;
        let (who, first) = (self.model.role_name(over.who), self.model.role_name(update.who));
        let did = if update.by > 0 { "took" } else { "dropped" };
        format!(
            "a reference that {first} {did} {what}: {who} read {} at {}, {first} wrote {} at {}, {who} wrote {} at {}",
            over.count - i64::from(over.by),
            Duration(read.0),
            update.count,
            Duration(update.at.0),
            over.count,
            Duration(over.at.0),
        )
    }
}

impl Object {
    /// What an access takes on a core that has the line, or from another one, once that is done with it.
    fn fetch(&self, core: CoreId, now: Time, alone: Duration, moved: Duration) -> Duration {
        match self.line {
            Some((last, since)) if last != core => Duration(since.0.saturating_sub(now.0)) + alone.max(moved),
            _ => alone,
        }
    }

    fn change(&mut self, context: ContextId, change: Change) {
        self.references += i64::from(change.by);
        if let Some(place) = self.reads.iter().position(|(reader, ..)| *reader == context) {
            let (_, read, writes) = self.reads.swap_remove(place);
            if let Some(update) = self.last.filter(|_| writes != self.writes) {
                self.lost[usize::from(update.by < 0)] = Some(Lost { update, over: change, read });
            }
        }
        self.writes += 1;
        self.last = Some(change);
    }

    fn is_leaked(&self) -> bool {
        self.references == 0 && self.freed.is_none() && self.reads.is_empty()
    }
}
