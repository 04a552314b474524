//! E05: calls inside calls inside calls. Whatever follows calls may recurse once this is checked.

use super::code::Code;
use super::{Finding, Findings, Subject};

/// So many programs may be entered at once.
pub const MOST_CALLS: usize = 64;

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let depths = depths(&subject.code);
    let calls = subject.code.references().iter().filter(|reference| reference.spawn.is_none());
    // The one place in each chain where it becomes too much, not all that lie above.
    for call in calls.filter(|call| depths[call.to] == MOST_CALLS) {
        let title = format!("calls nest too deep: at most {MOST_CALLS} programs inside each other");
        let finding = Finding::error("E05", title, &call.path, format!("leads {} calls deep", depths[call.to] + 1));
        found.push(finding.help("write the steps of some of these programs in place of their calls"));
    }
}

/// Whether everything that follows calls stays within the limit.
pub fn is_bounded(code: &Code<'_>) -> bool {
    depths(code).into_iter().all(|depth| depth <= MOST_CALLS)
}

/// For each body the calls on its longest way down; zeros if there is a circle.
fn depths(code: &Code<'_>) -> Vec<usize> {
    let mut depths = vec![0; code.bodies().len()];
    let mut calls: Vec<Vec<usize>> = vec![Vec::new(); depths.len()];
    for call in code.references().iter().filter(|reference| reference.spawn.is_none()) {
        calls[call.from].push(call.to);
    }
    for &body in code.order().into_iter().flatten() {
        depths[body] = calls[body].iter().map(|&to| depths[to] + 1).max().unwrap_or(0);
    }
    depths
}
