//! The words of the language: which one was meant, how things are called, and an example of each.

pub(super) use super::examples::EXAMPLES;
use crate::kernel::policy::POLICIES;

/// What a person may write, and what it is called here. Only words that fit the place are suggested.
const SYNONYMS: &[(&str, &str)] = &[
    ("quantum", "RoundRobin"),
    ("cpus", "cores"),
    ("cpu_count", "cores"),
    ("processors", "cores"),
    ("policy", "scheduler"),
    ("sched", "scheduler"),
    ("overheads", "costs"),
    ("run_queues", "queues"),
    ("runqueues", "queues"),
    ("per_cpu", "PerCore"),
    ("percpu", "PerCore"),
    ("work_stealing", "steal"),
    ("migration_cost", "migration"),
    ("hyperthreading", "smt"),
    ("hyperthreads", "smt"),
    ("cache", "caches"),
    ("speed", "speeds"),
    ("frequencies", "speeds"),
    ("pin", "affinity"),
    ("pinned", "affinity"),
    ("cpuset", "affinity"),
    ("taskset", "affinity"),
    ("footprint", "working_set"),
    ("python", "interpreter"),
    ("cpython", "interpreter"),
    ("runtime", "interpreter"),
    ("hosts", "network"),
    ("sockets", "network"),
    ("notify", "selector"),
    ("rtt", "latency"),
    ("server", "Listener"),
    ("listen", "Listener"),
    ("write", "Send"),
    ("sendall", "Send"),
    ("receive", "Recv"),
    ("settimeout", "timeout"),
    ("nonblocking", "Polling"),
    ("resources", "devices"),
    ("variables", "shared"),
    ("locks", "shared"),
    ("ProcessPoolExecutor", "ProcessPool"),
    ("InterpreterPoolExecutor", "InterpreterPool"),
    ("Pool", "MultiprocessingPool"),
    ("die", "Exit"),
    ("crash", "Exit"),
    ("run_in_executor", "ToThread"),
    ("max_workers", "executor"),
    ("functions", "programs"),
    ("procedures", "programs"),
    ("jobs", "tasks"),
    ("threads", "tasks"),
    ("work", "tasks"),
    ("execution", "models"),
    ("executors", "models"),
    ("strategies", "models"),
    ("vary", "sweep"),
    ("name", "title"),
    ("description", "title"),
    ("replications", "runs"),
    ("repeats", "runs"),
    ("duration", "until"),
    ("end", "until"),
    ("warmup", "warm_up"),
    ("plots", "charts"),
    ("assert", "expect"),
    ("checks", "expect"),
    ("ignore", "allow"),
    ("capacity", "slots"),
    ("servers", "slots"),
    ("channels", "slots"),
    ("time", "latency"),
    ("delay", "latency"),
    ("service", "latency"),
    ("depends_on", "after"),
    ("needs", "after"),
    ("requires", "after"),
    ("number", "count"),
    ("instances", "count"),
    ("n", "count"),
    ("arrivals", "arrive"),
    ("program", "steps"),
    ("ops", "steps"),
    ("run", "steps"),
    ("body", "steps"),
    ("workers", "processes"),
    ("procs", "processes"),
    ("run", "Cpu"),
    ("compute", "Cpu"),
    ("burst", "Cpu"),
    ("wait", "Sleep"),
    ("delay", "Sleep"),
    ("await", "Io"),
    ("read", "Io"),
    ("lock", "Acquire"),
    ("unlock", "Release"),
    ("loop", "Repeat"),
    ("for", "Repeat"),
    ("branch", "If"),
    ("when", "If"),
    ("switch", "If"),
    ("until", "RepeatUntil"),
    ("dowhile", "RepeatUntil"),
    ("assign", "Let"),
    ("write", "Store"),
    ("get", "Load"),
    ("exchange", "Swap"),
    ("xchg", "Swap"),
    ("testandset", "Swap"),
    ("fetchandadd", "FetchAdd"),
    ("faa", "FetchAdd"),
    ("cas", "CompareAndSwap"),
    ("compareexchange", "CompareAndSwap"),
    ("eq", "Is"),
    ("equal", "Is"),
    ("equals", "Is"),
    ("ne", "IsNot"),
    ("notequal", "IsNot"),
    ("not", "IsNot"),
    ("lt", "Below"),
    ("less", "Below"),
    ("le", "AtMost"),
    ("gt", "Above"),
    ("greater", "Above"),
    ("more", "Above"),
    ("ge", "AtLeast"),
    ("and", "All"),
    ("or", "Any"),
    ("copy", "Own"),
    ("register", "Own"),
    ("plus", "Sum"),
    ("minus", "Difference"),
    ("times", "Product"),
    ("div", "Quotient"),
    ("mod", "Remainder"),
    ("modulo", "Remainder"),
    ("start", "Spawn"),
    ("fork", "Spawn"),
    ("increment", "Incr"),
    ("log", "Print"),
    ("throw", "Raise"),
    ("except", "Try"),
    ("wait_for", "Timeout"),
    ("nursery", "TaskGroup"),
    ("kill", "Cancel"),
    ("mutex", "Lock"),
    ("recursivemutex", "RLock"),
    ("cond", "Condition"),
    ("condvar", "Condition"),
    ("channel", "Queue"),
    ("sem", "Semaphore"),
    ("sharedmutex", "RwLock"),
    ("readwritelock", "RwLock"),
    ("send", "Put"),
    ("recv", "Get"),
    ("receive", "Get"),
    ("signal", "Notify"),
    ("broadcast", "NotifyAll"),
    ("set", "SetEvent"),
    ("clear", "ClearEvent"),
    ("rdlock", "AcquireRead"),
    ("post", "Release"),
    ("counter", "Int"),
    ("sequential", "Serial"),
    ("threading", "Threads"),
    ("threadpoolexecutor", "ThreadPool"),
    ("processpool", "Processes"),
    ("processpoolexecutor", "Processes"),
    ("multiprocessing", "Processes"),
    ("interpreters", "Subinterpreters"),
    ("interpreterpool", "Subinterpreters"),
    ("interpreterpoolexecutor", "Subinterpreters"),
    ("async", "Asyncio"),
    ("coroutines", "Asyncio"),
    ("nogil", "FreeThreaded"),
    ("python", "CPython"),
    ("mri", "Ruby"),
    ("cruby", "Ruby"),
    ("ocaml", "OCaml4"),
    ("setswitchinterval", "switch_interval"),
    ("setcheckinterval", "check_interval"),
    ("rr", "RoundRobin"),
    ("fifo", "FirstCome"),
    ("fcfs", "FirstCome"),
    ("sjf", "ShortestJobFirst"),
    ("srtf", "ShortestRemainingTime"),
    ("srpt", "ShortestRemainingTime"),
    ("rm", "RateMonotonic"),
    ("dm", "DeadlineMonotonic"),
    ("prio", "priority"),
    ("weight", "nice"),
    ("shares", "tickets"),
    ("due", "deadline"),
    ("backlog", "capacity"),
    ("queue_limit", "capacity"),
    ("max_jobs", "capacity"),
    ("rejected", "Refused"),
    ("cancel", "Abort"),
    ("drop", "Abort"),
    ("kill", "Abort"),
    ("misses", "Missed"),
    ("cfs", "Fair"),
    ("eevdf", "Fair"),
    ("free", "Zero"),
    ("exponential", "Exp"),
    ("gaussian", "Normal"),
    ("gantt", "Timeline"),
    ("max", "at_most"),
    ("below", "at_most"),
    ("min", "at_least"),
    ("above", "at_least"),
    ("equals", "is"),
    ("percentile", "p"),
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("m", "min"),
    ("mins", "min"),
    ("minute", "min"),
    ("minutes", "min"),
    ("hour", "h"),
    ("hours", "h"),
    ("msec", "ms"),
    ("millis", "ms"),
    ("usec", "us"),
    ("micros", "us"),
    ("nsec", "ns"),
];

/// Units of time.
pub(super) const UNITS: &[&str] = &["ns", "us", "ms", "s", "min", "h"];

/// Words of other worlds, and what there is here.
const INSTEAD: &[(&str, &str)] = &[
    ("threadpool", "of n workers: `Threads(n)`"),
    ("gil", "without a GIL: the model `FreeThreaded(n)`, or `interpreter: Native`"),
    ("nogil", "without a GIL: the model `FreeThreaded(n)`, or `interpreter: Native`"),
    ("freethreaded", "without a GIL: the model `FreeThreaded(n)`, or `interpreter: Native`"),
];

/// What there is instead of something that this language does not have.
pub(super) fn instead(found: &str) -> Option<&'static str> {
    let found = found.to_lowercase().replace('_', "");
    INSTEAD.iter().find(|(word, _)| *word == found).map(|(_, advice)| *advice)
}

/// A right use of the variant.
pub(super) fn example(name: &str) -> Option<&'static str> {
    let policies =
        POLICIES.iter().map(|policy| policy.example).filter_map(|text| Some((text.split_once('(')?.0, text)));
    EXAMPLES.iter().copied().chain(policies).find(|(variant, _)| *variant == name).map(|(_, example)| example)
}

/// What a person calls a type: one of it, and many.
pub(super) fn noun(rust_type: &str) -> (&str, &str) {
    match rust_type {
        "Scenario" => ("scenario", "scenarios"),
        "Machine" => ("machine", "machines"),
        "Device" => ("device", "devices"),
        "Peer" => ("peer", "peers"),
        "Clients" => ("description of clients", "descriptions of clients"),
        "Wake" => ("rule for wake-ups", "rules for wake-ups"),
        "Selector" => ("selector", "selectors"),
        "Counted" => ("count", "counts"),
        "Task" => ("task", "tasks"),
        "PolicyConfig" => ("scheduler", "schedulers"),
        "Ties" => ("tie rule", "tie rules"),
        "Timer" => ("rule for the timer", "rules for the timer"),
        "Woken" => ("time to run", "times to run"),
        "SwitchCharged" => ("rule for switches", "rules for switches"),
        "Smt" => ("description of shared cores", "descriptions of shared cores"),
        "Caches" => ("description of caches", "descriptions of caches"),
        "Queues" => ("arrangement of run queues", "arrangements of run queues"),
        "CostsName" => ("set of costs", "sets of costs"),
        "Interpreter" => ("interpreter", "interpreters"),
        "Late" => ("rule for late jobs", "rules for late jobs"),
        "Protocol" => ("protocol", "protocols"),
        "CheckPoints" => ("set of check points", "sets of check points"),
        "Shared" => ("kind of shared object", "kinds of shared objects"),
        "Arrive" => ("kind of arrivals", "kinds of arrivals"),
        "Step" => ("step", "steps"),
        "Condition" => ("condition", "conditions"),
        "Computed" => ("computed number", "computed numbers"),
        "SpawnWhat" => ("kind of child", "kinds of children"),
        "StartMethod" => ("start method", "start methods"),
        "ModelName" | "Each" => ("execution model", "execution models"),
        "Sweep" => ("kind of sweep", "kinds of sweeps"),
        "ChartName" => ("chart", "charts"),
        "Expect" => ("expectation", "expectations"),
        "Random" => ("distribution", "distributions"),
        other => (other, "values"),
    }
}

/// `an` or `a`.
pub(super) fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

/// The known word that was probably meant; `None` if none is near or two are equally near.
pub fn nearest<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |word: &str| word.to_lowercase().replace(['_', '-'], "");
    let wanted = plain(found);
    let same = known.iter().find(|word| plain(word) == wanted);
    let synonym = || {
        let fitting = SYNONYMS.iter().filter(|(wrong, _)| plain(wrong) == wanted);
        fitting.filter_map(|(_, right)| known.iter().find(|word| *word == right)).next()
    };
    same.or_else(synonym).copied().or_else(|| typing_slip(&wanted, known)).or_else(|| beginning(&wanted, known))
}

fn typing_slip<'a>(wanted: &str, known: &[&'a str]) -> Option<&'a str> {
    let allowed = (wanted.chars().count() / 3).max(1);
    let distance = |word: &&str| strsim::damerau_levenshtein(wanted, &word.to_lowercase().replace('_', ""));
    // A word of one or two letters is one slip away from everything.
    let mut near: Vec<(usize, &str)> = known
        .iter()
        .map(|word| (distance(word), *word))
        .filter(|(distance, word)| *distance <= allowed && *distance < word.chars().count())
        .collect();
    near.sort();
    match near[..] {
        [(_, only)] => Some(only),
        [(first, nearest), (second, _), ..] if first < second => Some(nearest),
        _ => None,
    }
}

fn beginning<'a>(wanted: &str, known: &[&'a str]) -> Option<&'a str> {
    let shares = |word: &&&'a str| {
        let word = word.to_lowercase();
        wanted.len() >= 3 && word.len() >= 3 && (word.starts_with(wanted) || wanted.starts_with(&word))
    };
    let mut fitting = known.iter().filter(shares);
    fitting.next().filter(|_| fitting.next().is_none()).copied()
}

/// `` `a`, `b`, `c` ``.
pub(super) fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_was_meant() {
        let fields = ["cores", "scheduler", "costs"];
        for (found, meant) in [
            ("corse", Some("cores")),
            ("Cores", Some("cores")),
            ("cpus", Some("cores")),
            ("sched", Some("scheduler")),
            ("xyz", None),
        ] {
            assert_eq!(nearest(found, &fields), meant, "{found}");
        }
        // Two are equally near.
        assert_eq!(nearest("cat", &["bat", "hat"]), None);
        assert_eq!(nearest("sec", UNITS), Some("s"));
        assert_eq!(nearest("m", UNITS), Some("min"));
        assert_eq!(nearest("run", &["Cpu", "Io"]), Some("Cpu"));
        assert_eq!(nearest("run", &["count", "steps"]), Some("steps"));
    }
}
