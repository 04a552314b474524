//! Schedules per second of gilsim and of shuttle on the same small programs, one core each, one after the other.
//!
//! Both draw random walks that do not stop at what they find. gilsim executes models, shuttle real Rust: what is compared is
//! how fast each looks at schedules of the same bug. The programs are those of `examples/bugs/` without their last assertion in shuttle,
//! which would stop at it.

use std::hint::black_box;
use std::time::Duration;

use gilsim::explore::{Machine, Property, Sampler, Strategy};
use gilsim::scenario::compile;
use shuttle::sync::atomic::{AtomicI64, Ordering};
use shuttle::sync::{Arc, Condvar, Mutex, mpsc};
use shuttle::thread;

/// How long each is measured.
const TIME: Duration = Duration::from_secs(2);

/// Processor time of this process, in ticks of 10 ms: on a machine that others use, too, the clock on the wall says little.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("this is Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = [fields[11], fields[12]].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

fn of_gilsim(name: &str) -> (f64, f64) {
    let path = format!("{}/../../examples/bugs/{name}.ron", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the file is there");
    let scenario = compile(name, &text, &[]).expect("it is right").scenario;
    let model = &scenario.points[0].models[0];
    let property = Property::of(&scenario.expect, model, &|_| None);
    let machine = Machine::new(model, Machine::preemption_of(model)).expect("it can be searched").watching(&property);
    let mut sampler = Sampler::new(&machine, &property, 1);
    let (start, mut runs, mut steps) = (cpu(), 0u64, 0u64);
    while cpu() - start < TIME {
        for _ in 0..20_000 {
            black_box(sampler.run(Strategy::RandomWalk, runs));
            steps += sampler.steps().len() as u64;
            runs += 1;
        }
    }
    (runs as f64 / (cpu() - start).as_secs_f64(), steps as f64 / runs as f64)
}

/// Deadlocks end a schedule of shuttle as a panic, which is dear; so those programs have their repaired order there.
fn of_shuttle(program: fn()) -> f64 {
    let mut runs = 0u64;
    let start = cpu();
    while cpu() - start < TIME {
        shuttle::check_random(program, 2_000);
        runs += 2_000;
    }
    runs as f64 / (cpu() - start).as_secs_f64()
}

fn lost_update() {
    let x = Arc::new(AtomicI64::new(0));
    let add = |x: Arc<AtomicI64>| {
        move || {
            let read = x.load(Ordering::SeqCst);
            x.store(read + 1, Ordering::SeqCst);
        }
    };
    let other = thread::spawn(add(Arc::clone(&x)));
    add(x)();
    other.join().unwrap();
}

fn rare_minimum() {
    let x = Arc::new(AtomicI64::new(0));
    let add = |x: Arc<AtomicI64>| {
        move || {
            for _ in 0..10 {
                let read = x.load(Ordering::SeqCst);
                x.store(read + 1, Ordering::SeqCst);
            }
        }
    };
    let other = thread::spawn(add(Arc::clone(&x)));
    add(x)();
    other.join().unwrap();
}

fn check_then_act() {
    let balance = Arc::new(Mutex::new(100));
    let withdraw = |balance: Arc<Mutex<i32>>| {
        move || {
            let enough = *balance.lock().unwrap() >= 80;
            if enough {
                *balance.lock().unwrap() -= 80;
            }
        }
    };
    let other = thread::spawn(withdraw(Arc::clone(&balance)));
    withdraw(balance)();
    other.join().unwrap();
}

/// The last takes the other fork first.
fn philosophers_5() {
    let forks: Vec<Arc<Mutex<()>>> = (0..5).map(|_| Arc::new(Mutex::new(()))).collect();
    let eat = |n: usize| {
        let (first, second) = if n == 4 { (0, 4) } else { (n, n + 1) };
        let (first, second) = (Arc::clone(&forks[first]), Arc::clone(&forks[second]));
        move || {
            let _first = first.lock().unwrap();
            let _second = second.lock().unwrap();
        }
    };
    let others: Vec<_> = (1..5).map(|n| thread::spawn(eat(n))).collect();
    eat(0)();
    others.into_iter().for_each(|other| other.join().unwrap());
}

/// All are woken.
fn bounded_buffer() {
    let buffer = Arc::new((Mutex::new(0), Condvar::new()));
    let role = |wanted: i32, rounds: usize| {
        let buffer = Arc::clone(&buffer);
        move || {
            for _ in 0..rounds {
                let mut n = buffer.0.lock().unwrap();
                while *n != wanted {
                    n = buffer.1.wait(n).unwrap();
                }
                *n = 1 - wanted;
                buffer.1.notify_all();
            }
        }
    };
    let others = [thread::spawn(role(1, 2)), thread::spawn(role(1, 2))];
    role(0, 4)();
    others.into_iter().for_each(|other| other.join().unwrap());
}

fn message_order() {
    let (sender, receiver) = mpsc::channel();
    let send = |value: i32| {
        let sender = sender.clone();
        move || sender.send(value).unwrap()
    };
    let others = [thread::spawn(send(1)), thread::spawn(send(2))];
    black_box((receiver.recv().unwrap(), receiver.recv().unwrap()));
    others.into_iter().for_each(|other| other.join().unwrap());
}

fn main() {
    let programs: [(&str, fn()); 6] = [
        ("lost-update", lost_update),
        ("rare-minimum", rare_minimum),
        ("check-then-act", check_then_act),
        ("dining-philosophers-5-repaired", philosophers_5),
        ("bounded-buffer-repaired", bounded_buffer),
        ("message-order", message_order),
    ];
    println!("| program | steps | gilsim, schedules/s | shuttle, schedules/s | times |");
    println!("| --- | --- | --- | --- | --- |");
    for (name, program) in programs {
        let (ours, steps) = of_gilsim(name);
        let theirs = of_shuttle(program);
        println!("| {name} | {steps:.1} | {ours:.0} | {theirs:.0} | {:.1} |", ours / theirs);
    }
}
