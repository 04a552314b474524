//! Figures of whole runs, counted by hand.

use super::*;
use crate::dist::Dist;
use crate::metrics::figures::Figures;
use crate::model::{Arrivals, Builder, Execution, SpawnKind, Stmt};
use crate::time::Duration;
use crate::trace::{CpuKind, Digest};

fn ms(ms: u64) -> Dist {
    Dist::Const(Duration::ms(ms))
}

fn figures(builder: Builder) -> Figures {
    let model = builder.build();
    let mut sinks = (Meter::new(&model), Digest::default());
    let ended = crate::sim::run(&model, 1, &mut sinks);
    sinks.0.finish(1, &ended, &sinks.1)
}

#[test]
fn a_busy_server_completes_what_fits_into_the_window() {
    let mut builder = Builder::new(1, Execution::Asyncio).until(Duration::ms(100));
    let device = builder.device("d", ms(10), Some(1));
    builder.task("a", None, Arrivals::Every(Duration::ms(10)), vec![], vec![Stmt::Io(device, None)]);
    builder.model_mut().warm_up = Duration::ms(50);
    let figures = figures(builder);
    assert_eq!((figures.arrived, figures.completed, figures.throughput), (5, 5, 100.0));
    assert_eq!((figures.devices[0].completed, figures.devices[0].utilization), (5, 1.0));
}

#[test]
fn a_request_that_is_still_being_served_keeps_its_device_busy() {
    let mut builder = Builder::new(1, Execution::Serial).until(Duration::ms(100));
    let device = builder.device("d", ms(400), Some(2));
    builder.batch("a", 1, vec![Stmt::Io(device, None)]);
    assert_eq!(figures(builder).devices[0].utilization, 0.5);
}

#[test]
fn a_program_is_done_when_its_children_are() {
    let mut builder = Builder::new(1, Execution::Serial);
    let child = builder.program("child", vec![Stmt::Cpu(CpuKind::NoGil, ms(10))]);
    let spawn = Stmt::Spawn(SpawnKind::Thread, child, 3);
    builder.batch("a", 1, vec![spawn, Stmt::Cpu(CpuKind::NoGil, ms(1))]);
    let figures = figures(builder);
    assert_eq!((figures.makespan, figures.throughput), (Duration::ms(31), 1e3 / 31.0));
}

#[test]
fn more_life_than_the_clock_is_long_does_not_wrap() {
    let mut builder = Builder::new(4, Execution::Processes(4)).native();
    builder.batch("a", 2_000, vec![Stmt::Cpu(CpuKind::Python, Dist::Const(Duration::s(366 * 24 * 3_600)))]);
    let figures = figures(builder);
    assert_eq!((figures.threads.running, figures.utilization), (Duration(u64::MAX), 1.0));
}
