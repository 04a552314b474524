//! The ready threads in the order of their numbers, and what a newcomer may take from its equals.

use std::collections::BTreeSet;

use super::super::laxity::Laxity;
use super::super::{Entry, Equals, Keeps, Known, Policy, Promises, Rivals, Why, pop_among};
use super::Rank;
use crate::id::ThreadId;
use crate::kernel::attributes::{Attributes, Needs};
use crate::time::{Duration, Time};

/// Number, whether it is no newcomer that takes the core of its equals, place among equals, order of joining.
type Place = (u64, bool, (u64, u64), u64);

/// Where a thread stands, if it is in the queue.
#[derive(Clone, Copy, Debug, Hash)]
struct Standing {
    place: Place,
    /// When it last became ready.
    came: Time,
}

/// The ready threads in their order.
#[derive(Clone, Debug, Hash)]
pub struct RankedQueue {
    rank: Rank,
    preemptive: bool,
    equals: Equals,
    keeps: Keeps,
    queue: BTreeSet<(Place, ThreadId)>,
    joined: u64,
    /// By thread number.
    standings: Vec<Standing>,
    /// Under [`Keeps::Newcomer`]: who joined at `now`.
    newcomers: Vec<ThreadId>,
    now: Time,
    /// If zero laxity goes before all deadlines.
    laxity: Option<Laxity>,
}

impl RankedQueue {
    /// An empty queue.
    pub fn new(rank: Rank, preemptive: bool, equals: Equals, keeps: Keeps) -> RankedQueue {
        RankedQueue {
            rank,
            preemptive,
            equals,
            keeps,
            queue: BTreeSet::new(),
            joined: 0,
            standings: Vec::new(),
            newcomers: Vec::new(),
            now: Time::ZERO,
            laxity: None,
        }
    }

    /// The same with threads of zero laxity before all others.
    pub(super) fn until_zero_laxity(self) -> RankedQueue {
        RankedQueue { laxity: Some(Laxity::default()), ..self }
    }

    /// Of the preemptive policies. An order that changes by the clock is in no record.
    pub(super) fn promises(&self) -> Promises {
        let deadlines = matches!(self.rank, Rank::Deadline | Rank::Period | Rank::RelativeDeadline);
        let order = Some(self.rank).filter(|_| self.laxity.is_none());
        Promises { preempts: true, order, deadlines, ..Promises::default() }
    }

    /// The number of a thread that has had `ran` of core time since it was last looked at.
    fn number(&self, known: Known<'_>, ran: Duration, now: Time) -> u64 {
        match &self.laxity {
            Some(laxity) => laxity.number(known, ran, now),
            None => self.rank.of(known.of, ran),
        }
    }

    /// Time has passed: newcomers wait like all others.
    fn pass(&mut self, now: Time) {
        if self.keeps == Keeps::Running || now <= self.now {
            return;
        }
        self.now = now;
        let mut newcomers = std::mem::take(&mut self.newcomers);
        for thread in newcomers.drain(..) {
            self.put(thread, |place| place.1 = true);
        }
        self.newcomers = newcomers;
    }

    /// Changes the place of a thread, if it is in the queue.
    fn put(&mut self, thread: ThreadId, change: impl FnOnce(&mut Place)) {
        let place = &mut self.standings[thread.index()].place;
        if self.queue.remove(&(*place, thread)) {
            change(place);
            self.queue.insert((*place, thread));
        }
    }

    /// Whether a ready thread takes the core of its equal.
    fn ousts(&self, ready: ThreadId, running: ThreadId, now: Time) -> bool {
        let of = |thread: ThreadId| self.standings[thread.index()];
        // Who came at this instant and had to go again is no newcomer any more.
        self.keeps == Keeps::Newcomer && of(ready).came == now && !of(ready).place.1 && of(running).came < now
    }

    /// Whether it stood in the queue as a newcomer that takes the core of its equals.
    fn comes_first(&self, thread: ThreadId) -> bool {
        !self.standings[thread.index()].place.1
    }

    fn left(&mut self, thread: ThreadId) -> ThreadId {
        if let Some(laxity) = &mut self.laxity {
            laxity.leave(thread);
        }
        thread
    }
}

impl Policy for RankedQueue {
    fn enqueue(&mut self, thread: ThreadId, entry: Entry<'_>) {
        self.pass(entry.now);
        self.joined += 1;
        if let Some(laxity) = &mut self.laxity {
            laxity.join(thread, entry.of, entry.now);
        }
        let number = self.number(Known { thread, of: entry.of }, Duration::ZERO, entry.now);
        let comes = matches!(entry.why, Why::New | Why::Woken);
        let takes = comes && self.keeps == Keeps::Newcomer;
        let place = (number, !takes, self.equals.key(entry.of), self.joined);
        if self.standings.len() <= thread.index() {
            self.standings.resize(thread.index() + 1, Standing { place, came: entry.now });
        }
        let standing = &mut self.standings[thread.index()];
        standing.place = place;
        if comes {
            standing.came = entry.now;
        }
        if takes {
            self.newcomers.push(thread);
        }
        self.queue.insert((place, thread));
    }

    fn pick(&mut self) -> Option<ThreadId> {
        let (_, thread) = self.queue.pop_first()?;
        Some(self.left(thread))
    }

    fn pick_among(&mut self, most: usize, may: &mut dyn FnMut(ThreadId) -> bool) -> Option<ThreadId> {
        let (_, thread) = pop_among(&mut self.queue, most, |key| may(key.1))?;
        Some(self.left(thread))
    }

    fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn slice(&self, _: ThreadId) -> Option<Duration> {
        None
    }

    fn honors_yield(&self) -> bool {
        false
    }

    fn needs(&self) -> Needs {
        match self.rank {
            Rank::Demand => Needs::Demand,
            _ if self.laxity.is_some() => Needs::Demand,
            _ => Needs::Attributes,
        }
    }

    fn ran(&mut self, thread: ThreadId, time: Duration, now: Time) {
        self.pass(now);
        if let Some(laxity) = &mut self.laxity {
            laxity.ran(thread, time);
        }
    }

    fn contender(&self) -> Option<ThreadId> {
        self.queue.first().filter(|_| self.preemptive).map(|first| first.1)
    }

    fn contender_among(&self, may: &dyn Fn(ThreadId) -> bool) -> Option<ThreadId> {
        self.queue.iter().filter(|_| self.preemptive).map(|key| key.1).find(|thread| may(*thread))
    }

    fn preempts(&self, ready: Known<'_>, running: Known<'_>, ran: Duration, now: Time) -> Option<u128> {
        let ousts = || self.ousts(ready.thread, running.thread, now);
        let by = self.number(running, ran, now).checked_sub(self.number(ready, Duration::ZERO, now))?;
        (by > 0 || ousts()).then_some(by.into())
    }

    fn update(&mut self, thread: ThreadId, of: &Attributes, queued: bool) {
        if queued {
            let number = self.number(Known { thread, of }, Duration::ZERO, self.now);
            self.put(thread, |place| place.0 = number);
        }
    }

    fn first(&self) -> Option<ThreadId> {
        self.queue.first().map(|first| first.1)
    }

    fn because(&self, rivals: Rivals<'_>) -> String {
        let number = |known: Known<'_>| self.number(known, rivals.ran(known.thread), rivals.now);
        let urgent = |number: u64| self.laxity.is_some() && number == 0;
        let value = |number: u64| if urgent(number) { "zero laxity".to_owned() } else { self.rank.value(number) };
        let inherited = if self.rank.is_inherited(rivals.chosen.of) { "inherited " } else { "" };
        let words = |number: u64| match urgent(number) {
            true => value(number),
            false => format!("{inherited}{}", self.rank.words(number)),
        };
        let own = number(rivals.chosen);
        let runs = rivals.executing.map(|(running, _)| running);
        match rivals.over.map(|over| (over.thread, number(over))) {
            None => format!("{} is the least", words(own)),
            Some((_, other)) if other != own => format!("{} goes before {}", words(own), value(other)),
            Some(_) if runs == Some(rivals.chosen.thread) => {
                format!("both have {}, and who runs keeps its core against equals", words(own))
            }
            Some((other, _)) if runs == Some(other) => {
                format!("both have {}, and a newcomer takes the core of its equal", words(own))
            }
            Some((other, _)) if self.comes_first(rivals.chosen.thread) && !self.comes_first(other) => {
                format!("both have {}, and a newcomer goes before its equals", words(own))
            }
            Some(_) => format!("both have {}, and {}", words(own), self.equals.words()),
        }
    }

    fn next_timer(&self) -> Time {
        self.laxity.as_ref().map_or(Time::NEVER, Laxity::next)
    }

    fn timer(&mut self, now: Time) {
        while let Some(thread) = self.laxity.as_mut().and_then(|laxity| laxity.due(now)) {
            self.put(thread, |place| place.0 = 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Settings, Site};
    use super::super::Edzl;
    use super::*;

    fn order(equals: Equals, entries: &[(u32, u64)]) -> Vec<u32> {
        let mut policy = RankedQueue::new(Rank::Priority, true, equals, Keeps::Running);
        for (number, (priority, release)) in entries.iter().enumerate() {
            let of = Attributes { priority: *priority, release: Time(*release), ..Attributes::DEFAULT };
            policy.enqueue(ThreadId(number as u32), Entry { why: Why::Woken, now: Time::ZERO, of: &of, carried: None });
        }
        std::iter::from_fn(|| policy.pick()).map(|thread| thread.0).collect()
    }

    #[test]
    fn the_smallest_number_goes_first_and_equals_by_their_arrival_or_their_place() {
        let entries = [(3, 0), (2, 9), (2, 5), (1, 7)];
        assert_eq!(order(Equals::ByArrival, &entries), [3, 2, 1, 0]);
        assert_eq!(order(Equals::ByQueue, &entries), [3, 1, 2, 0]);
    }

    #[test]
    fn a_thread_that_inherits_urgency_moves_up_and_back() {
        let mut policy = RankedQueue::new(Rank::Priority, true, Equals::ByArrival, Keeps::Running);
        let of = |priority, inherited| Attributes { priority, inherited, ..Attributes::DEFAULT };
        for (thread, priority) in [(0, 1), (1, 2), (2, 3)] {
            let of = of(priority, u64::MAX);
            let entry = Entry { why: Why::Woken, now: Time::ZERO, of: &of, carried: None };
            policy.enqueue(ThreadId(thread), entry);
        }
        policy.update(ThreadId(2), &of(3, 0), true);
        assert_eq!(policy.contender(), Some(ThreadId(2)));
        policy.update(ThreadId(2), &of(3, u64::MAX), true);
        assert_eq!([policy.pick(), policy.pick(), policy.pick()], [0, 1, 2].map(|n| Some(ThreadId(n))));
    }

    #[test]
    fn equals_do_not_preempt_and_what_has_run_counts() {
        let policy = RankedQueue::new(Rank::Demand, true, Equals::ByArrival, Keeps::Running);
        let left = |ms| Attributes { remaining: Duration::ms(ms), ..Attributes::DEFAULT };
        let (ready, running) = (left(3), left(5));
        let by = |ran| {
            let (ready, running) =
                (Known { thread: ThreadId(0), of: &ready }, Known { thread: ThreadId(1), of: &running });
            policy.preempts(ready, running, Duration::ms(ran), Time::ZERO)
        };
        assert_eq!([by(0), by(1), by(2), by(3)], [Some(2_000_000), Some(1_000_000), None, None]);
    }

    #[test]
    fn a_newcomer_takes_the_core_of_its_equal_once() {
        let mut policy = RankedQueue::new(Rank::Priority, true, Equals::ByArrival, Keeps::Newcomer);
        let enqueue = |policy: &mut RankedQueue, thread, why, now| {
            let entry = Entry { why, now: Time(now), of: &Attributes::DEFAULT, carried: None };
            policy.enqueue(ThreadId(thread), entry);
        };
        let takes = |policy: &RankedQueue, ready, running, now| {
            let known = |thread| Known { thread: ThreadId(thread), of: &Attributes::DEFAULT };
            policy.preempts(known(ready), known(running), Duration::ZERO, Time(now)).is_some()
        };
        enqueue(&mut policy, 0, Why::New, 1);
        assert_eq!(policy.pick(), Some(ThreadId(0)));
        enqueue(&mut policy, 1, Why::Woken, 5);
        assert!(takes(&policy, 1, 0, 5) && !takes(&policy, 1, 0, 6));
        enqueue(&mut policy, 0, Why::Preempted, 5);
        assert_eq!(policy.pick(), Some(ThreadId(1)), "before whoever ran");
        assert!(!takes(&policy, 0, 1, 5), "who was ousted does not come back");
        enqueue(&mut policy, 2, Why::Woken, 5);
        assert!(!takes(&policy, 2, 1, 5), "one newcomer does not oust another");
        enqueue(&mut policy, 4, Why::Woken, 5);
        enqueue(&mut policy, 4, Why::Preempted, 5);
        assert!(!takes(&policy, 4, 0, 5), "who had to go in the same instant is no newcomer");
        policy.pick_among(usize::MAX, &mut |thread| thread == ThreadId(4));
        enqueue(&mut policy, 3, Why::Woken, 7);
        assert_eq!([policy.pick(), policy.pick(), policy.pick()], [3, 0, 2].map(|thread| Some(ThreadId(thread))));
    }

    #[test]
    fn who_cannot_wait_any_longer_goes_before_earlier_deadlines() {
        let mut queue = Edzl::default().build(&Site { cores: 1, serves: 1, number: 0, seed: 0 });
        let due = |deadline, remaining| Attributes {
            deadline: Time(deadline),
            remaining: Duration(remaining),
            ..Attributes::DEFAULT
        };
        for (thread, of) in [(0, due(10, 1)), (1, due(20, 15)), (2, Attributes::DEFAULT)] {
            queue.enqueue(ThreadId(thread), Entry { why: Why::New, now: Time::ZERO, of: &of, carried: None });
        }
        assert_eq!((queue.first(), queue.next_timer()), (Some(ThreadId(0)), Time(5)));
        queue.timer(Time(5));
        assert_eq!((queue.first(), queue.next_timer()), (Some(ThreadId(1)), Time(9)));
        assert_eq!([queue.pick(), queue.pick(), queue.pick()], [1, 0, 2].map(|thread| Some(ThreadId(thread))));
    }
}
