//! A run that has found its size allocates nothing any more. A binary of its own, because it counts all allocations.

#[path = "../benches/works/mod.rs"]
mod works;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use gilsim::choice::First;
use gilsim::metrics::Meter;
use gilsim::sim::Sim;
use gilsim::time::Time;
use gilsim::trace::Digest;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
/// Bytes that are allocated.
static LIVE: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        LIVE.fetch_add(layout.size() as u64, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        LIVE.fetch_add(size as u64, Ordering::Relaxed);
        LIVE.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// One test at a time: they count everything.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations between two points of simulated time, and the events until the second.
fn between(work: &str, events: u64, from: Time, to: Time) -> (u64, u64) {
    let model = works::model(work, events);
    let mut sinks = (Digest::default(), Meter::new(&model));
    let mut chooser = First;
    let mut sim = Sim::start(&model, 1, &mut sinks, &mut chooser);
    sim.advance_to(from);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    sim.advance_to(to);
    let allocated = ALLOCATIONS.load(Ordering::Relaxed) - before;
    (allocated, sim.end().events)
}

/// Bytes of the simulated world for each of so many coroutines that sleep for an hour, one by one from the loop's timers on.
fn bytes_per_coroutine(random: bool) -> f64 {
    // Just below a power of two: lists that grow by doubling are full.
    const MANY: u32 = (1 << 17) - 16;
    let model = works::waiting(MANY, random);
    let mut nothing = ();
    let mut chooser = First;
    let before = LIVE.load(Ordering::Relaxed);
    let mut sim = Sim::start(&model, 1, &mut nothing, &mut chooser);
    sim.advance_to(Time(1_000_000_000));
    let after = LIVE.load(Ordering::Relaxed);
    (after - before) as f64 / f64::from(MANY)
}

#[test]
fn an_idle_coroutine_is_small() {
    let _alone = ALONE.lock();
    let (plain, random) = (bytes_per_coroutine(false), bytes_per_coroutine(true));
    println!("{plain:.0} bytes for each idle coroutine, {random:.0} with a random stream of its own");
    assert!(plain <= 200.0, "{plain} bytes for each idle coroutine");
    assert!(random <= 200.0, "{random} bytes for each idle coroutine with a random stream of its own");
}

#[test]
fn a_run_that_has_found_its_size_allocates_nothing() {
    let _alone = ALONE.lock();
    for (work, seconds) in [("A", [100, 200]), ("B", [3, 20]), ("F", [60, 600]), ("G", [3, 20]), ("C", [6, 8])] {
        let [from, to] = seconds.map(|s| Time(s * 1_000_000_000));
        let (allocated, events) = between(work, 10_000_000, from, to);
        assert!(events > 40_000, "{work} has only {events} events");
        // Lists of checkpoints and queues may still find a new greatest length. One allocation for every hundredth event
        // would be hundreds.
        assert!(allocated < 64, "{work}: {allocated} allocations");
    }
}
