"""In which iteration of its loop each step of small asyncio programs runs: writes asyncio-order.json.

    python3.12 asyncio-order.py > asyncio-order.json        (3.12 or later; 3.12.1 and 3.13.0 write the same)

A program is a list of [iteration, text], counted from the first step of its main coroutine. tests/it/tasks.rs has the same
programs as steps.
"""

import asyncio
import json


class Loop(asyncio.SelectorEventLoop):
    iteration = 0

    def _run_once(self):
        self.iteration += 1
        super()._run_once()


class Group(asyncio.TaskGroup):
    """As of 3.12.9, 3.13.2 and 3.14: the callback of a task that is over already is scheduled, too (gh-128550)."""

    def create_task(self, coro):
        task = self._loop.create_task(coro)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)
        return task


def run(main, eager):
    loop, log = Loop(), []
    if eager:
        loop.set_task_factory(asyncio.eager_task_factory)
    start = 0

    def say(text):
        log.append([loop.iteration - start, text])

    async def first():
        nonlocal start
        start = loop.iteration
        await main(say)

    loop.run_until_complete(first())
    while rest := asyncio.all_tasks(loop):
        loop.run_until_complete(asyncio.wait(rest))
    loop.close()
    return log


async def yields(say, n):
    say(f"y{n} begins")
    for _ in range(n):
        await asyncio.sleep(0)
    say(f"y{n} ends")


async def bad(say, n):
    for _ in range(n):
        await asyncio.sleep(0)
    say(f"b{n} raises")
    raise ValueError


async def nested(say):
    say("n begins")
    task = asyncio.create_task(yields(say, 1))
    say("n has created")
    await task
    say("n ends")


def coroutines(say, names):
    kinds = {"y": yields, "b": bad}
    return [kinds[name[0]](say, int(name[1:])) for name in names.split()]


def waits(when, names, before=0):
    async def main(say):
        left = [asyncio.create_task(coro) for coro in coroutines(say, names)]
        for _ in range(before):
            await asyncio.sleep(0)
        say("waits")
        while left:
            done, left = await asyncio.wait(left, return_when=when)
            say("goes on")
            for task in done:
                task.exception()

    return main


def gathers(names):
    async def main(say):
        try:
            await asyncio.gather(*coroutines(say, names))
            say("goes on")
        except ValueError:
            say("caught")

    return main


def groups(names):
    async def main(say):
        try:
            async with Group() as group:
                for coro in coroutines(say, names):
                    group.create_task(coro)
            say("goes on")
        except ExceptionGroup:
            say("caught")

    return main


def shields(name):
    async def main(say):
        try:
            await asyncio.shield(coroutines(say, name)[0])
            say("goes on")
        except ValueError:
            say("caught")

    return main


async def cancelled_shield(say):
    async def waiter():
        try:
            await asyncio.shield(yields(say, 4))
        except asyncio.CancelledError:
            say("cancelled")
            raise

    task = asyncio.create_task(waiter())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    say("cancels")
    task.cancel()
    for _ in range(6):
        await asyncio.sleep(0)
    say("ends")


def joins(names):
    async def main(say):
        tasks = [asyncio.create_task(coro) for coro in coroutines(say, names)]
        say("has created")
        for task in tasks:
            await task
        say("goes on")

    return main


async def nests(say):
    await asyncio.gather(nested(say), yields(say, 2))
    say("goes on")


async def calls(say):
    loop = asyncio.get_running_loop()
    loop.call_soon(say, "a")
    loop.call_later(0, say, "later")
    task = asyncio.create_task(yields(say, 1))
    loop.call_soon(say, "b")
    loop.call_soon_threadsafe(say, "c")
    say("has asked")
    await task
    say("goes on")


async def calls_within(say):
    loop = asyncio.get_running_loop()

    def outer():
        say("outer")
        loop.call_soon(say, "inner")
        tasks.append(loop.create_task(yields(say, 0)))
        loop.call_later(0, say, "later")

    tasks = []
    loop.call_soon(outer)
    await asyncio.sleep(0)
    say("once")
    await asyncio.sleep(0)
    say("twice")


PROGRAMS = {
    "first completed": waits("FIRST_COMPLETED", "y0 y3 y8"),
    "first completed, all alike": waits("FIRST_COMPLETED", "y0 y1 y2 y3"),
    "first exception": waits("FIRST_EXCEPTION", "y0 b2 y6"),
    "first exception, none": waits("FIRST_EXCEPTION", "y0 y2"),
    "all completed": waits("ALL_COMPLETED", "y0 b2 y4"),
    "over before": waits("FIRST_COMPLETED", "y0 y5", before=3),
    "gather, all over at once": gathers("y0 y0"),
    "gather, one over at once": gathers("y0 y1"),
    "gather, one fails at once": gathers("y1 b0 y2"),
    "gather, one fails": gathers("y0 b1 y3"),
    "group, all over at once": groups("y0 y0"),
    "group, one fails at once": groups("y1 b0 y4"),
    "shield": shields("y1"),
    "shield, over at once": shields("y0"),
    "shield, fails": shields("b1"),
    "shield, fails at once": shields("b0"),
    "shield, cancelled": cancelled_shield,
    "join": joins("y0 y2 y1"),
    "nested": nests,
    "callbacks": calls,
    "callbacks in a callback": calls_within,
}

if __name__ == "__main__":
    ways = {"plain": False, "eager": True}
    runs = {way: {name: run(main, eager) for name, main in PROGRAMS.items()} for way, eager in ways.items()}
    lines = [f'  "{way}": {{\n' + ",\n".join(f"    {json.dumps(name)}: {json.dumps(log)}" for name, log in logs.items()) + "\n  }" for way, logs in runs.items()]
    print("{\n" + ",\n".join(lines) + "\n}")
