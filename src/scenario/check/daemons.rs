//! E10: daemons where they cannot be.

use super::{Finding, Findings, Subject, head};
use crate::scenario::ast::{SpawnWhat, Step};

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let code = &subject.code;
    let spawned = |what: SpawnWhat| -> Vec<usize> {
        code.references().iter().filter(|r| r.spawn == Some(what)).map(|r| r.to).collect()
    };
    let same_process = |spawn: Option<SpawnWhat>| !spawn.is_some_and(SpawnWhat::is_process);
    let in_process = code.reach(spawned(SpawnWhat::Process), |r| same_process(r.spawn));
    let in_daemon = code.reach(spawned(SpawnWhat::DaemonProcess), |r| same_process(r.spawn));
    for (index, body) in code.bodies().iter().enumerate() {
        body.each(&mut |path, step| match step {
            Step::Spawn(SpawnWhat::DaemonThread, ..) if in_process[index] => {
                let title =
                    "a daemon thread ends with its process: what becomes of that in a child process is not modelled";
                let finding = Finding::error("E10", title, head(path), "in a child process");
                found.push(finding.help("spawn it in the process of a task, or make the child a DaemonProcess"));
            }
            Step::Spawn(what, ..) if what.is_process() && in_daemon[index] => {
                let title = "a daemonic process cannot have children";
                let finding = Finding::error("E10", title, head(path), "in a daemonic process");
                found.push(finding.help("multiprocessing refuses it; make the parent a Process"));
            }
            _ => {}
        });
    }
}
