//! Warning `unused`: something that nothing uses.

use super::objects::objects;
use super::{Finding, Findings, Subject, entry, key, questions};
use crate::scenario::ast::{Expect, Shared, Step};

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let scenario = subject.scenario;
    let (mut devices, mut shared): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut peers: Vec<&str> = Vec::new();
    for body in subject.code.bodies() {
        body.each(&mut |path, step| match step {
            Step::Io(name, _) => devices.push(name),
            Step::Connect(peer, _)
            | Step::Accept(peer, _)
            | Step::Send(peer, ..)
            | Step::Recv(peer, ..)
            | Step::Close(peer) => peers.push(peer),
            step => shared.extend(objects(path, step).iter().map(|named| named.name)),
        });
    }
    shared.extend(scenario.shared.values().filter_map(|it| match it.plain() {
        Shared::Condition { lock } => lock.as_deref(),
        _ => None,
    }));
    expected(&scenario.expect, &mut devices, &mut shared);
    devices.sort_unstable();
    shared.sort_unstable();
    let mut report = |section: &str, what: &str, name: &str| {
        let title = format!("{what} \"{name}\" is never used");
        found.push(Finding::warning("unused", title, key(&entry(section, name)), "nothing uses it"));
    };
    // What was lost to a slip elsewhere may have used it.
    if !subject.is_whole("tasks") || !subject.is_whole("programs") {
        return;
    }
    for name in scenario.devices.keys().filter(|name| devices.binary_search(&name.as_str()).is_err()) {
        report("devices", "device", name);
    }
    for name in scenario.network.keys().filter(|name| !peers.contains(&name.as_str())) {
        report("network", "peer", name);
    }
    for name in scenario.shared.keys().filter(|name| shared.binary_search(&name.as_str()).is_err()) {
        report("shared", "shared object", name);
    }
    for (name, _) in scenario.programs.keys().zip(subject.code.used()).filter(|(_, used)| !used) {
        report("programs", "program", name);
    }
}

fn expected<'a>(expects: &'a [Expect], devices: &mut Vec<&'a str>, shared: &mut Vec<&'a str>) {
    for expect in expects {
        match expect {
            Expect::Final { var, .. } => shared.push(var),
            Expect::Always(asked)
            | Expect::Never(asked)
            | Expect::Eventually(asked)
            | Expect::Possible(asked)
            | Expect::AtEnd(asked) => shared.extend(questions::variables(asked)),
            Expect::Utilization { of, .. } => devices.push(of),
            Expect::Sometimes(inner) => expected(std::slice::from_ref(inner), devices, shared),
            Expect::In(_, inner) | Expect::At(_, inner) => expected(inner, devices, shared),
            _ => {}
        }
    }
}
