"""What small asyncio programs print, and the same programs as scenarios: writes asyncio-prints.json.

    python3 asyncio-prints.py python3.11 python3.12 python3.13 > asyncio-prints.json      (CPython 3.11.7, 3.12.1 and 3.13.0)
    python3 asyncio-prints.py --random 500 7 python3.13 > random.json                     (500 random programs of seed 7)
    python3 asyncio-prints.py --shared 500 7 python3.13 > random.json                     (the same with locks, queues, waits)
    GILSIM_PRINTS=random.json cargo test --test it prints                                 (compares those)

Time is virtual, so that every run prints the same. A step is a list: its name and what it takes. tests/it/prints.rs runs the
scenarios.
"""

import asyncio
import json
import random
import selectors
import subprocess
import sys


class Selector(selectors.SelectSelector):
    now = 0

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError("deadlock")
        Selector.now += max(timeout, 0)
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    def __init__(self):
        super().__init__(Selector())
        self._clock_resolution = 1e-9

    def time(self):
        return Selector.now


class Ordered(dict):
    """The tasks of a group in the order in which they began: a set of tasks has the order of their addresses."""

    def add(self, task):
        self[task] = None

    def discard(self, task):
        self.pop(task, None)


class Program:
    """Runs the steps of a scenario. A thing is `[kind, number]`, of a condition `[kind, lock]`; times are ms."""

    def __init__(self, things, programs):
        self.printed, self.programs, self.things, self.children = [], programs, {}, {}
        for name, (kind, number) in things.items():
            if kind == "Condition":
                self.things[name] = asyncio.Condition(self.things[number])
            elif kind in ("Lock", "Event"):
                self.things[name] = getattr(asyncio, kind)()
            else:
                self.things[name] = getattr(asyncio, kind)(number)

    async def steps(self, steps, own):
        for name, *rest in steps:
            await getattr(self, name)(own, *rest)

    async def run(self, name):
        await self.steps(self.programs[name], {})

    async def Print(self, own, text):
        self.printed.append(text)

    async def Yield(self, own):
        await asyncio.sleep(0)

    async def Sleep(self, own, ms):
        await asyncio.sleep(ms)

    async def Raise(self, own):
        raise ValueError

    async def Repeat(self, own, times, steps):
        for _ in range(times):
            await self.steps(steps, own)

    async def Try(self, own, steps, handler):
        try:
            await self.steps(steps, own)
        except Exception:
            await self.steps(handler, own)

    async def Finally(self, own, steps, handler):
        try:
            await self.steps(steps, own)
        finally:
            await self.steps(handler, own)

    async def Gather(self, own, programs):
        await asyncio.gather(*[self.run(name) for name in programs])

    async def TaskGroup(self, own, programs):
        async with asyncio.TaskGroup() as group:
            group._tasks = Ordered()
            for name in programs:
                group.create_task(self.run(name))

    async def Timeout(self, own, ms, steps, handler):
        inner = None
        try:
            async with asyncio.timeout(ms):
                try:
                    await self.steps(steps, own)
                except BaseException as error:
                    inner = error
                    raise
        except TimeoutError as error:
            if error is inner or handler is None:
                raise
            await self.steps(handler, own)

    async def Spawn(self, own, name):
        own.setdefault(name, []).append(asyncio.create_task(self.run(name)))

    async def Cancel(self, own, name):
        for task in own.get(name, ()):
            task.cancel()

    async def Join(self, own, name):
        for task in own.pop(name, ()):
            try:
                await task
            except (Exception, asyncio.CancelledError):
                if not task.done():
                    raise

    async def WaitTasks(self, own, programs, when):
        words = {"AllCompleted": "ALL_COMPLETED", "FirstCompleted": "FIRST_COMPLETED", "FirstException": "FIRST_EXCEPTION"}
        tasks = [task for name in programs for task in own.get(name, ())]
        done, _ = await asyncio.wait(tasks, return_when=getattr(asyncio, words[when]))
        for name in programs:
            own[name] = [task for task in own[name] if task not in done]

    async def Acquire(self, own, name):
        await self.things[name].acquire()

    async def Release(self, own, name):
        self.things[name].release()

    async def With(self, own, name, steps):
        async with self.things[name]:
            await self.steps(steps, own)

    async def Wait(self, own, name):
        await self.things[name].wait()

    async def Notify(self, own, name, number):
        self.things[name].notify(number)

    async def SetEvent(self, own, name):
        self.things[name].set()

    async def Put(self, own, name):
        await self.things[name].put(0)

    async def Get(self, own, name):
        await self.things[name].get()


def printed(case):
    """What the program `main` prints, and all others that outlive it; `raised` at its end for an exception that leaves it."""
    Selector.now, loop = 0, Loop()
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(lambda *_: None)
    program = Program(case["things"], case["programs"])

    async def main():
        try:
            await program.run("main")
        except Exception:
            program.printed.append("raised")
        except asyncio.CancelledError:
            pass

    try:
        loop.run_until_complete(main())
        while rest := asyncio.all_tasks(loop):
            loop.run_until_complete(asyncio.wait(rest))
    except RuntimeError as error:
        if str(error) != "deadlock":
            raise
        program.printed.append("deadlock")
    return program.printed


def step(step):
    """As text of a scenario."""
    name, *rest = step

    def word(value):
        if isinstance(value, int):
            return f'"{value}ms"' if name in ("Sleep", "Timeout") else str(value)
        if isinstance(value, list) and value and isinstance(value[0], str):
            return "[" + ", ".join(f'"{one}"' for one in value) + "]"
        if isinstance(value, list):
            return steps(value)
        return value if name == "WaitTasks" else f'"{value}"'

    words = ["Coroutine"] * (name == "Spawn") + [word(value) for value in rest if value is not None]
    return f"{name}({', '.join(words)})" if words else name


def steps(these):
    return "[" + ", ".join(step(one) for one in these) + "]"


def scenario(case):
    def thing(kind, number):
        if kind == "Condition":
            return f'Condition(lock: "{number}")'
        if kind == "Queue":
            return f"Queue(capacity: {number})"
        return kind if number is None else f"{kind}({number})"

    things = ", ".join(f'"{name}": {thing(*what)}' for name, what in case["things"].items())
    programs = [f'"{name}": {steps(these)}' for name, these in case["programs"].items() if name != "main"]
    main = f'[Try({steps(case["programs"]["main"])}, [Print("raised")])]'
    lines = [f"shared: {{ {things} }},"] * bool(things) + ["programs: {"] + [f"    {one}," for one in programs] + ["},"]
    return "\n".join(lines + [f'tasks: {{ "main": (steps: {main}) }},'])


PRINT, YIELD, RAISE = (lambda text: ["Print", str(text)]), ["Yield"], ["Raise"]


def numbered(names, body):
    """Programs that differ in what they print."""
    return {name: body(name) for name in names}


def barrier(parties, comers, rounds, main=None, **others):
    names = "abcdefgh"[:comers]
    comes = lambda name: [["Repeat", rounds, [["Wait", "x"], PRINT(name)]]]
    programs = {**numbered(names, comes), **others, "main": main or [["Gather", list(names)]]}
    return {"things": {"x": ["Barrier", parties]}, "programs": programs}


CASES = {
    "a barrier for two of four": barrier(2, 4, 2),
    "a barrier for two of six": barrier(2, 6, 3),
    "a barrier for three of six": barrier(3, 6, 2),
    "a barrier for four of eight": barrier(4, 8, 4),
    "a barrier for two, and one too many": barrier(2, 3, 2, [["Timeout", 5, [["Gather", list("abc")]], [PRINT("late")]]]),
    "who is cancelled at a barrier counts until its next step": barrier(
        2, 2, 1, [["Spawn", "a"], YIELD, ["Cancel", "a"], ["Wait", "x"], PRINT("met")]
    ),
    "who was cancelled at a barrier before does not count": barrier(
        2, 2, 1, [["Spawn", "a"], YIELD, ["Cancel", "a"], YIELD, ["Timeout", 5, [["Wait", "x"]], [PRINT("alone")]]]
    ),
    "who is cancelled while it leaves a barrier lets others come": barrier(
        2, 3, 1, [["Spawn", "a"], YIELD, ["Wait", "x"], ["Cancel", "a"], ["Spawn", "b"], ["Wait", "x"], PRINT("met")]
    ),
}


def condition(main, waiter=None, count=3):
    names = "abcd"[:count]
    waits = lambda name: [["With", "m", waiter or [["Wait", "x"]]], PRINT(name)]
    gives_up = [["Timeout", 5, [["With", "m", [["Wait", "x"]]]], [PRINT("late")]]]
    programs = {**numbered(names, waits), "holds": [["With", "m", [["Sleep", 8]]], PRINT("holds")], "t": gives_up, "main": main}
    return {"things": {"m": ["Lock", None], "x": ["Condition", "m"]}, "programs": programs}


NOTIFY = ["With", "m", [["Notify", "x", 1]]]
CASES |= {
    "a wait for a notification is cancelled": condition(
        [["Spawn", "a"], YIELD, ["Spawn", "b"], YIELD, ["Cancel", "a"], ["Sleep", 1], PRINT("all"), NOTIFY]
    ),
    "one is notified and cancelled": condition(
        [["Spawn", "a"], YIELD, ["Spawn", "b"], YIELD, NOTIFY, ["Cancel", "a"], ["Sleep", 1], PRINT("end")]
    ),
    "one is notified and cancelled while another has the lock": condition(
        [["Spawn", "a"], YIELD, ["Spawn", "b"], YIELD, NOTIFY, ["Spawn", "holds"], ["Sleep", 1], ["Cancel", "a"], ["Sleep", 9]]
    ),
    "one is cancelled on the way to its lock, others wait for that": condition(
        [["Spawn", "a"], YIELD, ["Spawn", "b"], YIELD, ["With", "m", [["Notify", "x", 2], ["Sleep", 1]]], ["Spawn", "holds"]]
        + [["Spawn", "c"], ["Sleep", 1], ["Cancel", "a"], ["Sleep", 9], ["Cancel", "c"]]
    ),
    "one is cancelled twice on the way to its lock, before another": condition(
        [["Spawn", "a"], ["Spawn", "b"], YIELD, ["With", "m", [["Notify", "x", 2], ["Sleep", 1], ["Cancel", "a"], ["Sleep", 1]]]]
        + [["Sleep", 1], ["Cancel", "a"], ["Sleep", 1], PRINT("end")]
    ),
    "a wait for a notification with a timeout": condition(
        [["Spawn", "t"], YIELD, ["Spawn", "b"], ["Spawn", "c"], ["Sleep", 6], PRINT("main"), NOTIFY]
    ),
    "a notification before the timeout is handled": condition(
        [["Spawn", "t"], YIELD, ["Spawn", "b"], ["Sleep", 1], ["With", "m", [["Sleep", 3], ["Notify", "x", 1], ["Sleep", 2]]]]
        + [["Sleep", 3], PRINT("end")]
    ),
}


TWICE = [["With", "m", [["Timeout", 5, [["With", "m", [PRINT("twice")]]], [PRINT("late")]], ["Sleep", 2]]]]
CASES["a lock is taken twice within a timeout"] = {
    "things": {"m": ["Lock", None]},
    "programs": {"a": [["With", "m", [PRINT("a")]]], "main": [["Spawn", "a"], *TWICE, YIELD, PRINT("end")]},
}


class Dice:
    """Random programs. Times are odd ones, so that hardly ever two timers are due at once."""

    THINGS = {
        "m": ["Lock", None],
        "c": ["Condition", "m"],
        "s": ["Semaphore", 2],
        "e": ["Event", None],
        "q": ["Queue", 1],
        "b": ["Barrier", 2],
    }

    def __init__(self, seed, shared):
        self.random, self.count, self.programs, self.shared = random.Random(seed), 0, {}, shared
        self.held = False

    def print(self):
        self.count += 1
        return PRINT(f"p{self.count}")

    def ms(self):
        return self.random.choice([3, 10, 30]) * 1_000 + self.random.randrange(1_000)

    def program(self, depth):
        name = f"{'abcdef'[depth]}{len(self.programs)}"
        self.programs[name], held, self.held = [], self.held, False
        self.programs[name], self.held = self.steps(depth), held
        return name

    def locked(self, steps):
        """With the lock, which nobody takes twice."""
        return steps if self.held else ["With", "m", [steps]]

    def steps(self, depth, least=1):
        steps = [self.step(depth) for _ in range(self.random.randint(least, 3))]
        return steps + [self.print()] * (self.random.random() < 0.6)

    def step(self, depth):
        leaf = ["Yield"] * 5 + ["Sleep"] * 3 + ["Print"] * 4 + ["Raise"]
        inner = ["Try"] * 2 + ["Finally"] * 2 + ["Timeout"] * 3
        if self.shared:
            leaf += ["SetEvent", "Put", "Get"] * 2 + ["Notify"] * 3 + ["Wait"] * 4
            inner += ["With"] * 6 + ["WaitTasks"] * 2
        kind = self.random.choice(leaf + (inner + ["Gather", "TaskGroup", "Cancel"] * 3 if depth < 3 else []))
        match kind:
            case "Yield" | "Raise":
                return [kind]
            case "Print":
                return self.print()
            case "Sleep":
                return [kind, self.ms()]
            case "Try" | "Finally":
                return [kind, self.steps(depth + 1), self.steps(depth + 1)]
            case "Timeout":
                return [kind, self.ms(), self.steps(depth + 1), self.random.choice([None, [self.print()]])]
            case "Cancel":
                name = self.program(depth + 1)
                return ["Repeat", 1, [["Spawn", name], *[self.step(depth + 1) for _ in range(2)], ["Cancel", name]]]
            case "SetEvent":
                return [kind, "e"]
            case "Put" | "Get":
                return self.limited([kind, "q"])
            case "Notify":
                return self.limited(self.locked([kind, "c", self.random.randint(1, 2)]))
            case "Wait":
                name = self.random.choice("ecb")
                return self.limited(self.locked([kind, name]) if name == "c" else [kind, name])
            case "With":
                name, held = self.random.choice("s" if self.held else "ms"), self.held
                self.held |= name == "m"
                steps, self.held = self.steps(depth + 1), held
                return self.limited([kind, name, steps])
            case "WaitTasks":
                names = [self.program(depth + 1) for _ in range(self.random.randint(1, 3))]
                spawns, between = [["Spawn", name] for name in names], [["Yield"]] * self.random.randint(0, 2)
                when = self.random.choice(["AllCompleted", "FirstCompleted", "FirstException"])
                return ["Repeat", 1, spawns + between + [[kind, names, when], self.print()]]
        return [kind, [self.program(depth + 1) for _ in range(self.random.randint(1, 3))]]

    def limited(self, step):
        """Nobody waits for ever."""
        return ["Timeout", self.ms(), [step], self.random.choice([None, [self.print()]])]

    def case(self):
        steps = self.steps(0, 2)
        if self.shared:
            # Everything could come about, so that no wait is refused beforehand.
            last = [["SetEvent", "e"], *map(self.limited, [["Put", "q"], ["Get", "q"], ["With", "m", [["Notify", "c", 9]]]])]
            self.programs["z"] = [["Sleep", 900_000], *last, self.limited(["Wait", "b"])]
            steps.insert(0, ["Spawn", "z"])
        return {"things": self.THINGS if self.shared else {}, "programs": {**self.programs, "main": steps}}


# Random ones that once differed, by seed and number, and some of the first ones.
KEPT = [(7, 151), (8, 2620), (9, 413), (9, 1256), (9, 2163), (9, 2414), (9, 3490), (9, 1254), (9, 3536), (8, 370), (8, 1642)]
KEPT += [(8, 3952), *((7, number) for number in range(12))]


def dice(seed, number, shared=False):
    return f"random {number} of {seed}" + ", shared" * shared, Dice(f"{seed} {number}", shared).case()


CASES |= dict(dice(*kept) for kept in KEPT)
CASES |= dict(dice(7, number, shared=True) for number in range(12))


def main(words):
    if words == ["--run"]:
        return json.dump([printed(case) for case in json.load(sys.stdin)], sys.stdout)
    cases = CASES
    if words[0] in ("--random", "--shared"):
        shared, count, seed, words = words[0] == "--shared", int(words[1]), int(words[2]), words[3:]
        cases = dict(dice(seed, number, shared) for number in range(count))
    prints = {}
    for python in words:
        version = subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
        text = json.dumps(list(cases.values()))
        ran = subprocess.run([python, sys.argv[0], "--run"], input=text, capture_output=True, text=True, check=True)
        prints[version] = json.loads(ran.stdout)
    rows = []
    for number, (what, case) in enumerate(cases.items()):
        own = {version.rpartition(".")[0]: " ".join(prints[version][number]) for version in prints}
        rows.append({"what": what, "scenario": scenario(case), "prints": own})
    json.dump({"model": "Asyncio", "versions": list(prints), "cases": rows}, sys.stdout, indent=1)
    print()


main(sys.argv[1:])
