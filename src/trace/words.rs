//! A record as numbers: what the digest reads.
//!
//! Codes are part of the digest. A new kind of record takes the next free code.

use super::{CpuKind, Deed, On, Role, What};

/// What happened, in words that differ whenever it differs: code, small fields and the first id; then, for kinds that
/// have more, two ids and an amount. Inlined where the kind is known, it decides nothing.
#[inline(always)]
pub(super) fn words(what: &What) -> (u64, Option<[u64; 2]>) {
    match *what {
        What::ProcessStart { process, parent } => {
            let parent = parent.map_or(0, |parent| u64::from(parent.0) + 1);
            (word(1, 0, process.0), Some([0, parent]))
        }
        What::ProcessEnd { process } => (word(2, 0, process.0), None),
        What::ThreadStart { thread, process, context, role } => {
            let (kind, number) = role_words(role);
            (word(3, kind, thread.0), Some([pair(process.0, context.0), number]))
        }
        What::Wake { thread } => (word(4, 0, thread.0), None),
        What::Ready { thread } => (word(5, 0, thread.0), None),
        What::Switch { core, thread } => (word(6, 0, thread.0), Some([pair(core.0, 0), 0])),
        What::Run { core, thread } => (word(7, 0, thread.0), Some([pair(core.0, 0), 0])),
        What::Preempt { core, thread } => (word(8, 0, thread.0), Some([pair(core.0, 0), 0])),
        What::Yield { core, thread } => (word(9, 0, thread.0), Some([pair(core.0, 0), 0])),
        What::Block { core, thread, on } => {
            let (kind, number) = on_words(on);
            (word(10, kind, thread.0), Some([pair(core.0, number), 0]))
        }
        What::ThreadEnd { core, thread } => (word(11, 0, thread.0), Some([pair(core.0, 0), 0])),
        What::GilRequest { process, thread } => (word(12, 0, thread.0), Some([pair(process.0, 0), 0])),
        What::GilTake { process, thread } => (word(13, 0, thread.0), Some([pair(process.0, 0), 0])),
        What::GilDrop { process, thread, forced } => (word(14, forced.into(), thread.0), Some([pair(process.0, 0), 0])),
        What::Pause { process, thread, pause } => (word(81, pause as u8, thread.0), Some([pair(process.0, 0), 0])),
        What::Compute { context, kind, demand } => (word(15, cpu_word(kind), context.0), Some([0, demand.0])),
        What::ComputeEnd { context } => (word(16, 0, context.0), None),
        What::Sleep { context, time } => (word(17, 0, context.0), Some([0, time.0])),
        What::IoSubmit { device, request, context } => (word(18, 0, context.0), Some([pair(device.0, request.0), 0])),
        What::IoStart { device, request, latency } => (word(19, 0, request.0), Some([pair(device.0, 0), latency.0])),
        What::IoDone { device, request } => (word(20, 0, request.0), Some([pair(device.0, 0), 0])),
        What::Socket { peer, socket, context, call, amount } => {
            (word(43, call as u8, context.0), Some([pair(peer.0, socket.0), amount]))
        }
        What::Wire { peer, socket, wire, amount } => (word(44, wire as u8, socket.0), Some([pair(peer.0, 0), amount])),
        What::LockTake { lock, process, context } => (word(21, 0, context.0), Some([pair(lock.0, process.0), 0])),
        What::LockRelease { lock, process, context } => (word(22, 0, context.0), Some([pair(lock.0, process.0), 0])),
        What::LockDepth { lock, process, context, times } => {
            (word(41, 0, context.0), Some([pair(lock.0, process.0), times.into()]))
        }
        What::Sync { sync, process, context, deed, amount } => {
            (word(40, deed_word(deed), context.0), Some([pair(sync.0, process.0), amount as u64]))
        }
        What::Load { var, process, context, value } => {
            (word(23, 0, context.0), Some([pair(var.0, process.0), value as u64]))
        }
        What::Store { var, process, context, value } => {
            (word(24, 0, context.0), Some([pair(var.0, process.0), value as u64]))
        }
        What::Object { object, process, context, handled } => {
            (word(80, handled as u8, context.0), Some([pair(object.0, process.0), 0]))
        }
        What::CoroutineStart { context, thread, role } => {
            let (kind, number) = role_words(role);
            (word(25, kind, context.0), Some([pair(thread.0, 0), number]))
        }
        What::CoroutineReady { context } => (word(26, 0, context.0), None),
        What::Resume { context } => (word(27, 0, context.0), None),
        What::Suspend { context, on } => {
            let (kind, number) = on_words(on);
            (word(28, kind, context.0), Some([pair(number, 0), 0]))
        }
        What::CoroutineEnd { context } => (word(29, 0, context.0), None),
        What::Iteration { thread, ready } => (word(30, 0, thread.0), Some([pair(ready, 0), 0])),
        What::JobArrive { job, task, index } => (word(31, 0, job.0), Some([pair(task.0, index), 0])),
        What::JobRefuse { task, index } => (word(42, 0, task.0), Some([pair(index, 0), 0])),
        What::JobStart { job, context } => (word(32, 0, job.0), Some([pair(context.0, 0), 0])),
        What::JobEnd { job, context } => (word(33, 0, job.0), Some([pair(context.0, 0), 0])),
        What::JobDrop { job, by } => {
            (word(41, by.is_some().into(), job.0), Some([pair(by.map_or(0, |by| by.0), 0), 0]))
        }
        What::JobFail { job, context } => (word(60, 0, job.0), Some([pair(context.0, 0), 0])),
        What::Cancel { context, why } => (word(61, why as u8, context.0), None),
        What::Raise { context, raised } => (word(62, raised as u8, context.0), None),
        What::Uncaught { context, raised } => (word(67, raised as u8, context.0), None),
        What::Timeout { context, time } => (word(63, 0, context.0), Some([0, time.0])),
        What::TimeoutEnd { context } => (word(64, 0, context.0), None),
        What::Together { context, how } => (word(65, how as u8, context.0), None),
        What::TogetherAlready { context } => (word(82, 0, context.0), None),
        What::WaitTasks { context, wait, time } => (word(83, 0, context.0), Some([pair(wait.0, 0), time.0])),
        What::TasksWaited { context, late } => (word(84, late.into(), context.0), None),
        What::TasksKnown { context, program } => (word(86, 0, context.0), Some([pair(program.0, 0), 0])),
        What::CallBack { context, child, how, after } => {
            (word(87, how as u8, context.0), Some([pair(child.0, 0), after.0]))
        }
        What::StartEagerly { context, child } => (word(85, 0, context.0), Some([pair(child.0, 0), 0])),
        What::IoWithdraw { device, request } => (word(66, 0, request.0), Some([pair(device.0, 0), 0])),
        What::Chunk { chunk, job } => (word(75, 0, chunk.0), Some([pair(job.0, 0), 0])),
        What::Pass { chunk, stage, thread } => (word(76, stage as u8, chunk.0), Some([pair(thread.0, 0), 0])),
        What::JobReturn { job, context } => (word(77, 0, job.0), Some([pair(context.0, 0), 0])),
        What::JobLost { job } => (word(78, 0, job.0), None),
        What::Exit { context } => (word(79, 0, context.0), None),
        What::Submit { context, child } => (word(70, 0, context.0), Some([pair(child.0, 0), 0])),
        What::TakeUp { thread, context } => (word(71, 0, context.0), Some([pair(thread.0, 0), 0])),
        What::HandBack { context, raised } => (word(72, raised.map_or(0, |raised| raised as u8 + 1), context.0), None),
        What::Unsubmit { context } => (word(73, 0, context.0), None),
        What::SelfPipe { thread } => (word(74, 0, thread.0), None),
        What::Spawn { context, child } => (word(34, 0, context.0), Some([pair(child.0, 0), 0])),
        What::Kill { context } => (word(91, 0, context.0), None),
        What::Daemon { context } => (word(90, 0, context.0), None),
        What::Migrate { core, thread } => (word(37, 0, thread.0), Some([pair(core.0, 0), 0])),
        What::GilOffer { process, thread, cost } => (word(40, 0, thread.0), Some([pair(process.0, 0), cost.0])),
        What::Print { context, text } => (word(35, 0, context.0), Some([pair(text.0, 0), 0])),
        What::Fail { context, text } => (word(92, 0, context.0), Some([pair(text.0, 0), 0])),
        What::Update { var, process, context, value } => {
            (word(36, 0, context.0), Some([pair(var.0, process.0), value as u64]))
        }
    }
}

#[inline(always)]
fn word(code: u8, detail: u8, id: u32) -> u64 {
    u64::from(code) | u64::from(detail) << 8 | pair(0, id)
}

#[inline(always)]
fn pair(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

#[inline(always)]
fn on_words(on: On) -> (u8, u32) {
    match on {
        On::Nothing => (0, 0),
        On::World => (32, 0),
        On::Gil => (1, 0),
        On::GilSwitch => (2, 0),
        On::Lock(lock) => (3, lock.0),
        On::Io(device) => (4, device.0),
        On::Sleep => (5, 0),
        On::Join(program) => (6, program.0),
        On::Job => (7, 0),
        On::Poll => (8, 0),
        On::Sync(sync) => (20, sync.0),
        On::Socket(peer) => (21, peer.0),
        On::Together => (30, 0),
        On::Executor(child) => (31, child.0),
        On::Start(child) => (33, child.0),
    }
}

#[inline(always)]
fn deed_word(deed: Deed) -> u8 {
    match deed {
        Deed::Take => 0,
        Deed::TakeRead => 1,
        Deed::Release => 2,
        Deed::Given => 3,
        Deed::GivenRead => 4,
        Deed::Wait => 5,
        Deed::WaitRead => 6,
        Deed::WaitToPut => 7,
        Deed::Come => 8,
        Deed::Set => 9,
        Deed::Clear => 10,
        Deed::Notify => 11,
        Deed::Put => 12,
        Deed::Get => 13,
        Deed::Leave => 14,
        Deed::Withdraw => 30,
    }
}

#[inline(always)]
fn cpu_word(kind: CpuKind) -> u8 {
    match kind {
        CpuKind::Python => 0,
        CpuKind::NoGil => 1,
        CpuKind::HoldGil => 2,
        CpuKind::Atomic => 3,
        CpuKind::System => 4,
        CpuKind::Loop => 5,
    }
}

#[inline(always)]
fn role_words(role: Role) -> (u8, u64) {
    match role {
        Role::Worker(number) => (0, number.into()),
        Role::Loop => (1, 0),
        Role::Pool(part) => (4, part.number()),
        Role::Task { task, index } => (2, pair(task.0, index)),
        Role::Spawned { program, index } => (3, pair(program.0, index)),
    }
}
