"""What small programs with threads print, and the same programs as scenarios: writes threading-prints.json.

    python3 threading-prints.py python3.11 python3.12 python3.13 > threading-prints.json  (CPython 3.11.7, 3.12.1 and 3.13.0)
    python3 threading-prints.py --random 300 7 python3.13 > random.json                   (300 random programs of seed 7)
    GILSIM_PRINTS=random.json cargo test --test it prints                                 (compares those)

Time is real: what happens should lie some 10 ms apart. Each program runs three times, and those that do not print the same each
time are left out. A step is a list: its name and what it takes.
"""

import json
import queue
import random
import subprocess
import sys
import threading
import time


class Program:
    """Runs the tasks of a scenario, a thread each. Times are ms."""

    def __init__(self, tasks, programs):
        self.printed, self.tasks, self.programs = [], tasks, programs
        lock = threading.Lock()
        self.things = {
            "m": lock,
            "r": threading.RLock(),
            "s": threading.Semaphore(2),
            "c": threading.Condition(lock),
            "e": threading.Event(),
            "q": queue.Queue(1),
        }

    def run(self):
        gate = threading.Event()

        def task(steps):
            gate.wait()
            self.steps(steps, {})

        threads = [threading.Thread(target=task, args=(steps,)) for steps in self.tasks]
        for thread in threads:
            thread.start()
        gate.set()
        for thread in threads:
            thread.join()
        return self.printed

    def steps(self, steps, own):
        for name, *rest in steps:
            getattr(self, name)(own, *rest)

    def Print(self, own, text):
        self.printed.append(text)

    def Sleep(self, own, ms):
        time.sleep(ms / 1000)

    def Raise(self, own):
        raise ValueError

    def Repeat(self, own, times, steps):
        for _ in range(times):
            self.steps(steps, own)

    def Try(self, own, steps, handler):
        try:
            self.steps(steps, own)
        except ValueError:
            self.steps(handler, own)

    def Finally(self, own, steps, handler):
        try:
            self.steps(steps, own)
        finally:
            self.steps(handler, own)

    def With(self, own, name, steps):
        with self.things["m" if name == "c" else name]:
            self.steps(steps, own)

    def Release(self, own, name):
        self.things[name].release()

    def SetEvent(self, own, name):
        self.things[name].set()

    def ClearEvent(self, own, name):
        self.things[name].clear()

    def Notify(self, own, name, number):
        self.things[name].notify(number)

    def NotifyAll(self, own, name):
        self.things[name].notify_all()

    def Spawn(self, own, name):
        thread = threading.Thread(target=lambda: self.steps(self.programs[name], {}))
        own.setdefault(name, []).append(thread)
        thread.start()

    def Join(self, own, name):
        for thread in own.pop(name, ()):
            thread.join()

    def Timeout(self, own, ms, steps, handler):
        """Around one wait."""
        ((name, thing, *_),) = steps
        seconds = ms / 1000
        if name == "Acquire":
            done = self.things[thing].acquire(timeout=seconds)
        elif name == "Wait":
            done = self.things[thing].wait(seconds)
        elif name == "Join":
            end = time.monotonic() + seconds
            for thread in own.get(thing, ()):
                thread.join(max(0, end - time.monotonic()))
            done = not any(thread.is_alive() for thread in own.get(thing, ()))
            if done:
                own.pop(thing)
        else:
            try:
                done = True
                self.things[thing].put(0, timeout=seconds) if name == "Put" else self.things[thing].get(timeout=seconds)
            except (queue.Full, queue.Empty):
                done = False
        if done:
            return
        if handler is None:
            raise ValueError
        self.steps(handler, own)


def printed(cases):
    """What each program prints, or nothing if that differs from run to run. All run at once, and mostly sleep."""

    def once(case, found):
        found.append(Program(case["tasks"], case["programs"]).run())

    runs = [[] for _ in cases]
    for first in range(0, len(cases), 20):
        for _ in range(3):
            some = range(first, min(first + 20, len(cases)))
            threads = [threading.Thread(target=once, args=(cases[at], runs[at])) for at in some]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    return [found[0] if found[0] == found[1] == found[2] else None for found in runs]


def step(step):
    """As text of a scenario."""
    name, *rest = step

    def word(value):
        if isinstance(value, int):
            return f'"{value}ms"' if name in ("Sleep", "Timeout") else str(value)
        return steps(value) if isinstance(value, list) else f'"{value}"'

    words = ["Thread"] * (name == "Spawn") + [word(value) for value in rest if value is not None]
    return f"{name}({', '.join(words)})" if words else name


def steps(these):
    return "[" + ", ".join(step(one) for one in these) + "]"


def scenario(case):
    shared = '"m": Lock, "r": RLock, "s": Semaphore(2), "c": Condition(lock: "m"), "e": Event, "q": Queue(capacity: 1)'
    programs = "".join(f'\n    "{name}": {steps(these)},' for name, these in case["programs"].items())
    tasks = "".join(f'\n    "t{number}": (steps: {steps(these)}),' for number, these in enumerate(case["tasks"]))
    return f"shared: {{ {shared} }},\nprograms: {{{programs}\n}},\ntasks: {{{tasks}\n}},"


class Dice:
    """Random programs. Each thread has times of its own, so that hardly ever two things happen at once."""

    def __init__(self, seed):
        self.random, self.count, self.programs, self.held, self.used = random.Random(seed), 0, {}, "", set()

    def print(self):
        self.count += 1
        return ["Print", f"p{self.count}"]

    def ms(self):
        while True:
            ms = self.random.randrange(20, 400, 3)
            if ms not in self.used:
                self.used.add(ms)
                return ms

    def handler(self):
        return [self.print()]

    def limited(self, step):
        return ["Timeout", self.ms(), [step], self.handler()]

    def inside(self, lock, depth):
        held, self.held = self.held, self.held + lock
        found = self.steps(depth + 1)
        self.held = held
        return found

    def locked(self, step):
        """With the lock. Who is notified comes while it is held, and nobody takes it at once after it was released."""
        steps = [step, ["Sleep", self.ms()]]
        return steps if "m" in self.held else [["With", "m", steps], ["Sleep", self.ms()]]

    def steps(self, depth):
        return [step for _ in range(self.random.randint(1, 3)) for step in self.step(depth)] + [self.print()]

    def step(self, depth):
        # In this order only, so that nobody waits in a circle.
        free = [lock for lock in "mrs" if all(lock > other for other in self.held) or lock == "r" and "s" not in self.held]
        kinds = ["Sleep"] * 4 + ["SetEvent", "ClearEvent", "Event", "Put", "Get"]
        if "m" in self.held + "".join(free):
            kinds += ["Notify", "NotifyAll"] + ["Wait"] * (self.held in ("", "m"))
        if depth < 3:
            kinds += ["With"] * 5 * bool(free) + ["Acquire"] * 2 * ("m" in free) + ["Try", "Finally", "Repeat"]
            kinds += ["Join"] * (depth < 2)
        kind = self.random.choice(kinds)
        if kind == "Sleep":
            return [[kind, self.ms()]]
        if kind in ("SetEvent", "ClearEvent"):
            return [[kind, "e"]]
        if kind == "Event":
            return [self.limited(["Wait", "e"])]
        if kind in ("Put", "Get"):
            return [self.limited([kind, "q"])]
        if kind == "Wait":
            return self.locked(self.limited([kind, "c"]))
        if kind == "Notify":
            return self.locked([kind, "c", self.random.randint(1, 2)])
        if kind == "NotifyAll":
            return self.locked([kind, "c"])
        if kind == "With":
            lock = self.random.choice(free)
            return [[kind, lock, self.inside(lock, depth)], ["Sleep", self.ms()]]
        if kind == "Acquire":
            inner = ["Finally", self.inside("m", depth), [["Release", "m"]]]
            return [["Try", [["Timeout", self.ms(), [[kind, "m"]], None], inner], self.handler()], ["Sleep", self.ms()]]
        if kind == "Try":
            raises = [["Raise"]] if self.random.random() < 0.5 else []
            return [[kind, self.steps(depth + 1) + raises, self.handler()]]
        if kind == "Finally":
            return [[kind, self.steps(depth + 1), self.handler()]]
        if kind == "Repeat":
            return [[kind, 2, self.steps(depth + 1)]]
        name = f"p{len(self.programs)}"
        held, self.held = self.held, ""
        self.programs[name] = []
        self.programs[name], self.held = [["Sleep", self.ms()], *self.steps(depth + 1)], held
        joins = ["Join", name] if not self.held and self.random.random() < 0.5 else self.limited(["Join", name])
        return [["Spawn", name], *[step for _ in range(self.random.randint(0, 1)) for step in self.step(depth + 1)], joins]

    def case(self):
        tasks = [[["Sleep", self.ms()]] + self.steps(0) + self.steps(0) for _ in range(self.random.randint(2, 3))]
        # Everything could come about, so that no wait is refused beforehand.
        last = [["Put", "q"], ["Get", "q"], ["Wait", "e"]]
        all_of_it = [["Sleep", 3_000], ["SetEvent", "e"], *map(self.limited, last), ["With", "m", [["NotifyAll", "c"]]]]
        return {"programs": self.programs, "tasks": [*tasks, all_of_it]}


def main(words):
    if words == ["--run"]:
        return json.dump(printed(json.load(sys.stdin)), sys.stdout)
    count, seed = 40, 1
    if words[0] == "--random":
        count, seed, words = int(words[1]), int(words[2]), words[3:]
    cases = {f"random {number} of {seed}": Dice(f"{seed} {number}").case() for number in range(count)}
    text, prints = json.dumps(list(cases.values())), {}
    for python in words:
        version = subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
        ran = subprocess.run([python, sys.argv[0], "--run"], input=text, capture_output=True, text=True, check=True)
        prints[version] = json.loads(ran.stdout)
    rows = []
    for number, (what, case) in enumerate(cases.items()):
        found = {version.rpartition(".")[0]: prints[version][number] for version in prints}
        if all(found.values()):
            own = {version: " ".join(printed) for version, printed in found.items()}
            rows.append({"what": what, "scenario": scenario(case), "prints": own})
    left_out = f"{count - len(rows)} of {count} did not print the same each time"
    json.dump({"model": "ThreadPerTask", "versions": list(prints), "left out": left_out, "cases": rows}, sys.stdout, indent=1)
    print()


main(sys.argv[1:])
