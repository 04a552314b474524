use super::*;
use crate::kernel::attributes::Attributes;
use crate::kernel::policy::linux::UNIT;
use crate::rng::Stream;

/// A core that runs what the policy says, with ticks and at random moments of blocking and waking.
struct Core {
    queue: EevdfQueue,
    of: Vec<Attributes>,
    asleep: Vec<ThreadId>,
    running: Option<(ThreadId, Time)>,
    now: Time,
    /// Core time of each thread.
    had: Vec<u64>,
}

impl Core {
    fn new(settings: &Eevdf, of: Vec<Attributes>) -> Core {
        Core {
            queue: settings.build(&Site { cores: 1, serves: 1, number: 0, seed: 1 }),
            had: vec![0; of.len()],
            of,
            asleep: Vec::new(),
            running: None,
            now: Time::ZERO,
        }
    }

    /// All of them ready from the start.
    fn full(settings: &Eevdf, of: Vec<Attributes>) -> Core {
        let mut core = Core::new(settings, of);
        for thread in 0..core.of.len() {
            core.enqueue(ThreadId::from(thread), Why::New);
        }
        core
    }

    fn enqueue(&mut self, thread: ThreadId, why: Why) {
        let entry = Entry { why, now: self.now, of: &self.of[thread.index()], carried: None };
        self.queue.enqueue(thread, entry);
        let Some((running, since)) = self.running else { return };
        let known = |thread: ThreadId| Known { thread, of: &self.of[thread.index()] };
        let ran = self.now.since(since);
        let woken = matches!(why, Why::New | Why::Woken) && self.queue.preempts_on_wake();
        if woken && self.queue.preempts(known(thread), known(running), ran, self.now).is_some() {
            self.stop(Some(Why::Preempted));
        }
    }

    fn stop(&mut self, stays: Option<Why>) {
        let Some((thread, since)) = self.running.take() else { return };
        let ran = self.now.since(since);
        self.had[thread.index()] += ran.0;
        self.queue.ran(thread, ran, self.now);
        match stays {
            Some(why) => self.enqueue(thread, why),
            None => self.asleep.push(thread),
        }
    }

    /// Goes to `then`, by all ticks on the way.
    fn advance(&mut self, then: Time) {
        loop {
            if self.running.is_none()
                && let Some(thread) = self.queue.pick()
            {
                self.queue.began(thread, self.now);
                self.running = Some((thread, self.now));
            }
            let tick = match self.running {
                Some((thread, since)) if self.queue.waiting() > 0 => {
                    let ran = self.now.since(since);
                    self.queue.slice_end(thread, ran, self.now).map_or(Time::NEVER, |end| since + end)
                }
                _ => Time::NEVER,
            };
            self.now = tick.min(then);
            if let Some((thread, since)) = self.running
                && self.now == tick
            {
                let ran = self.now.since(since);
                if self.queue.renew(thread, ran, self.now) {
                    self.had[thread.index()] += ran.0;
                    self.running = Some((thread, self.now));
                } else {
                    self.stop(Some(Why::Preempted));
                }
            } else {
                return;
            }
        }
    }

    /// Owed core time of everyone who competes, in nanoseconds, and by whom.
    fn lags(&self) -> Vec<(ThreadId, i128)> {
        let average = i128::from(self.queue.sums.at(self.now));
        let competing = self.queue.threads.iter().enumerate().filter(|(_, of)| of.stand != Stand::Away);
        let lag = |(index, of): (usize, &Standing)| {
            let thread = ThreadId::from(index);
            let running = self.running.filter(|(running, _)| *running == thread);
            let ran = running.map_or(Duration::ZERO, |(_, since)| self.now.since(since));
            let time = i128::from(of.time) + i128::from(virtual_time(ran.0, of.weight));
            (thread, (average - time) * i128::from(of.weight) / i128::from(UNIT))
        };
        competing.map(lag).collect()
    }
}

fn attributes(nice: i8, slice: Option<u64>) -> Attributes {
    Attributes { nice, slice: slice.map(Duration::us), ..Attributes::DEFAULT }
}

const PLAIN: Eevdf = Eevdf { slice: None, wakeup_preemption: WakeupPreemption::On, tick: Duration::ms(4) };

/// Random threads that arrive, are interrupted and perhaps sleep at random times: the greatest lag of all, in units of the
/// longest slice and a tick.
fn greatest_lag(seed: u64, nices: u64, slices: &[u64], sleeps: bool) -> f64 {
    let mut stream = Stream::new(seed, 7);
    let mut below = |n: u64| stream.draw() % n;
    let threads = 2 + below(9) as usize;
    let kinds = (0..threads)
        .map(|_| attributes(below(nices) as i8 - nices as i8 / 2, Some(slices[below(slices.len() as u64) as usize])));
    let mut core = Core::new(&PLAIN, kinds.collect());
    let mut later: Vec<ThreadId> = (1..threads).map(ThreadId::from).collect();
    core.enqueue(ThreadId(0), Why::New);
    let mut greatest = 0;
    for _ in 0..600 {
        core.advance(core.now + Duration(below(6_000_000)));
        match below(4) {
            0 if !later.is_empty() => core.enqueue(later.swap_remove(0), Why::New),
            0 if sleeps => core.stop(None),
            1 => core.stop(Some(Why::Preempted)),
            2 if !core.asleep.is_empty() => {
                let thread = core.asleep.swap_remove(below(core.asleep.len() as u64) as usize);
                core.enqueue(thread, Why::Woken);
            }
            _ => {}
        }
        core.advance(core.now);
        let lags = core.lags();
        greatest = lags.iter().map(|(_, lag)| lag.abs()).max().unwrap_or(0).max(greatest);
        let sum: i128 = lags.iter().map(|(_, lag)| lag).sum();
        assert!(sum.abs() <= 400 * threads as i128, "seed {seed}: lags sum to {sum}");
    }
    let longest = slices.iter().max().map_or(0, |slice| slice * 1_000);
    greatest as f64 / (longest + 4_000_000) as f64
}

/// "-r_max < lag < max(r_max, q)" while the same threads compete, with ticks as the quantum q. It presumes that slices are no
/// shorter than the quantum or that weights are equal; else what runs on to the next tick is owed to the heavier ones.
/// Sleepers bring their lag along, which shifts that of the others.
#[test]
fn nobody_is_owed_more_than_a_slice_and_a_tick() {
    for (nices, slices, sleeps, bound) in [
        (1, &[700][..], false, 1.0),
        (1, &[100, 700, 9_000], false, 1.0),
        (20, &[4_000, 5_000, 9_000], false, 1.0),
        (12, &[100, 700], false, 2.0),
        (20, &[4_000, 5_000, 9_000], true, 2.0),
    ] {
        let greatest = (0..200).map(|seed| greatest_lag(seed, nices, slices, sleeps)).fold(0.0, f64::max);
        println!("nice of {nices}, slices {slices:?} us, sleepers {sleeps}: {greatest:.2}");
        assert!(greatest <= bound && greatest > bound / 3.0, "{slices:?}, sleepers {sleeps}: {greatest}");
    }
}

#[test]
fn shares_follow_weights() {
    for nices in [vec![0, 0, 0], vec![0, 5], vec![-10, 0, 10], vec![3, -2, 19, 1, 0]] {
        let mut core = Core::full(&PLAIN, nices.iter().map(|nice| attributes(*nice, None)).collect());
        core.advance(Time::ZERO + Duration::s(100));
        core.stop(Some(Why::Preempted));
        let all: u64 = nices.iter().map(|nice| weight(*nice)).sum();
        for (nice, had) in nices.iter().zip(&core.had) {
            let due = 100e9 * weight(*nice) as f64 / all as f64;
            assert!((*had as f64 - due).abs() < 5e6, "nice {nice} of {nices:?}: {had} ns of {due}");
        }
    }
}

#[test]
fn a_nap_does_not_erase_a_debt() {
    let mut core = Core::full(&PLAIN, vec![attributes(0, None); 3]);
    core.advance(Time::ZERO + Duration::ms(3));
    let (first, _) = core.running.expect("somebody runs");
    core.stop(None);
    core.advance(core.now);
    assert_eq!(core.queue.of(first).stand, Stand::Lingering, "it had all of 3 ms");
    let debt = core.lags()[first.index()].1;
    assert_eq!(debt, -2_000_000);
    core.asleep.clear();
    core.enqueue(first, Why::Woken);
    assert_eq!(core.lags()[first.index()].1, debt);
    // Who sleeps until the others have caught up owes nothing, but is owed nothing, either.
    core.advance(Time::ZERO + Duration::ms(50));
    assert!(core.lags().iter().all(|(_, lag)| lag.abs() < 4_700_000));
}

#[test]
fn a_shorter_slice_comes_first_and_a_longer_one_is_protected() {
    let beaten = |wakeup, slice| {
        let settings = Eevdf { wakeup_preemption: wakeup, ..PLAIN };
        let mut core = Core::full(&settings, vec![attributes(0, None), attributes(0, slice)]);
        core.advance(Time::ZERO + Duration::us(100));
        // The one that runs sleeps, the other one has 900 us, and then it wakes.
        core.stop(None);
        core.advance(Time::ZERO + Duration::ms(1));
        let sleeper = core.asleep.pop().expect("one sleeps");
        assert_eq!(sleeper, ThreadId(0));
        core.enqueue(sleeper, Why::Woken);
        core.advance(core.now);
        let now = core.running.map(|running| running.0) == Some(sleeper);
        core.advance(Time::ZERO + Duration::ms(4));
        (now, core.running.map(|running| running.0) == Some(sleeper))
    };
    assert_eq!(beaten(WakeupPreemption::On, None), (true, false), "its slice is over");
    assert_eq!(beaten(WakeupPreemption::On, Some(50_000)), (true, false), "it wakes with a shorter slice");
    assert_eq!(beaten(WakeupPreemption::Lazy, Some(50_000)), (false, true), "at the tick");
    assert_eq!(beaten(WakeupPreemption::Off, None), (false, true), "when the slice is over, at the tick");
}
