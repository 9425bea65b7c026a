"""Classic programs, each broken and mended: `(setup, actors, check)`. The check and a deadlock are all that tells them apart."""

import asyncio
import collections
import concurrent.futures
import queue
import threading
import time


class State:
    """What a program's actors share."""

    def __init__(self, **parts):
        self.__dict__.update(parts)


def after(**made):
    """A setup that makes each part anew."""
    return lambda: State(**{name: make() for name, make in made.items()})


# Dining philosophers: two forks, each taken in the order of the seat.
def dine(first, second):
    def eat(state):
        with state.forks[first]:
            with state.forks[second]:
                state.eaten.append(first)

    return eat


forks = after(forks=lambda: [threading.Lock() for _ in range(3)], eaten=list)
PHILOSOPHERS_BUG = (forks, [dine(0, 1), dine(1, 2), dine(2, 0)], lambda it: len(it.eaten) == 3)
PHILOSOPHERS_FIX = (forks, [dine(0, 1), dine(1, 2), dine(0, 2)], lambda it: len(it.eaten) == 3)


# Bounded buffer with one condition for both sides, woken one at a time.
def put_all(state, notify):
    for item in range(2):
        with state.ready:
            while len(state.items) >= 1:
                state.ready.wait()
            state.items.append(item)
            notify(state.ready)


def take_one(state, notify):
    with state.ready:
        while not state.items:
            state.ready.wait()
        state.items.pop()
        notify(state.ready)


buffer = after(ready=threading.Condition, items=list)
one, every = threading.Condition.notify, threading.Condition.notify_all
BUFFER_BUG = (buffer, [lambda s: put_all(s, one), lambda s: take_one(s, one), lambda s: take_one(s, one)], None)
BUFFER_FIX = (buffer, [lambda s: put_all(s, every), lambda s: take_one(s, every), lambda s: take_one(s, every)], None)


# Peterson's algorithm without looking at whose turn it is.
def peterson(me, asks_turn):
    def enter(state):
        state.wants[me] = True
        state.turn = 1 - me
        while state.wants[1 - me] and (not asks_turn or state.turn == 1 - me):
            time.sleep(0)
        state.inside += 1
        state.most = max(state.most, state.inside)
        state.inside -= 1
        state.wants[me] = False

    return enter


# Dekker without turns: each looks first and says so afterwards.
def careless(me):
    def enter(state):
        while state.wants[1 - me]:
            time.sleep(0)
        state.wants[me] = True
        state.inside += 1
        state.most = max(state.most, state.inside)
        state.inside -= 1
        state.wants[me] = False

    return enter


mutex = after(wants=lambda: [False, False], turn=int, inside=int, most=int)
MUTEX_BUG = (mutex, [careless(0), careless(1)], lambda it: it.most == 1)
MUTEX_FIX = (mutex, [peterson(0, True), peterson(1, True)], lambda it: it.most == 1)


# A stack whose pop looks and takes in two steps (ABA in a language with garbage collection).
def pop_unguarded(state):
    top = state.top
    if top is not None:
        state.top = top[1]
        state.popped.append(top[0])


def pop_guarded(state):
    with state.lock:
        pop_unguarded(state)


stack = after(top=lambda: (1, (2, None)), popped=list, lock=threading.Lock)
STACK_BUG = (stack, [pop_unguarded, pop_unguarded], lambda it: sorted(it.popped) == [1, 2])
STACK_FIX = (stack, [pop_guarded, pop_guarded], lambda it: sorted(it.popped) == [1, 2])


# A transfer that locks whom it takes from first.
def transfer(source, target, in_order):
    def move(state):
        first, second = (sorted((source, target)) if in_order else (source, target))
        with state.locks[first], state.locks[second]:
            state.money[source] -= 1
            state.money[target] += 1

    return move


bank = after(locks=lambda: [threading.Lock(), threading.Lock()], money=lambda: [5, 5])
TRANSFER_BUG = (bank, [transfer(0, 1, False), transfer(1, 0, False)], lambda it: it.money == [5, 5])
TRANSFER_FIX = (bank, [transfer(0, 1, True), transfer(1, 0, True)], lambda it: it.money == [5, 5])


# Singleton: looked at without the lock, made under it, not looked at again.
def single(looks_again):
    def get(state):
        if state.it is None:
            with state.lock:
                if not looks_again or state.it is None:
                    state.it = object()
                    state.made += 1

    return get


lazy = after(it=lambda: None, made=int, lock=threading.Lock)
SINGLETON_BUG = (lazy, [single(False), single(False)], lambda it: it.made == 1)
SINGLETON_FIX = (lazy, [single(True), single(True)], lambda it: it.made == 1)


# Stop flag and queue: the worker may look at the flag before the last item is there.
def work_until_stopped(state):
    while not state.stopped.is_set() or not state.tasks.empty():
        try:
            state.done.append(state.tasks.get(timeout=1))
        except queue.Empty:
            pass


def stop_late(state):
    state.tasks.put(1)
    state.stopped.set()


def stop_early(state):
    state.stopped.set()
    state.tasks.put(1)


workers = after(tasks=queue.Queue, stopped=threading.Event, done=list)
STOP_BUG = (workers, [work_until_stopped, stop_early], lambda it: it.done == [1])
STOP_FIX = (workers, [work_until_stopped, stop_late], lambda it: it.done == [1])


# Readers and writers where the first reader's lock is counted without a lock.
def read_counted(guarded):
    def read(state):
        if guarded:
            state.count_lock.acquire()
        state.readers += 1
        if state.readers == 1:
            state.room.acquire()
        if guarded:
            state.count_lock.release()
        if guarded:
            state.count_lock.acquire()
        state.readers -= 1
        if state.readers == 0:
            state.room.release()
        if guarded:
            state.count_lock.release()

    return read


library = after(readers=int, room=threading.Lock, count_lock=threading.Lock)
READERS_BUG = (library, [read_counted(False), read_counted(False)], lambda it: it.readers == 0 and not it.room.locked())
READERS_FIX = (library, [read_counted(True), read_counted(True)], lambda it: it.readers == 0 and not it.room.locked())


# A barrier that is built of a counter and an event, and is used twice.
def meet_twice(state):
    for _ in range(2):
        with state.lock:
            state.arrived += 1
            if state.arrived == 2:
                state.arrived = 0
                state.open.set()
        state.open.wait()
        state.rounds.append(len(state.rounds))


def meet_well(state):
    for _ in range(2):
        state.barrier.wait()
        state.rounds.append(1)


meeting = after(lock=threading.Lock, arrived=int, open=threading.Event, rounds=list, barrier=lambda: threading.Barrier(2), seen=list)


def meet_and_note(state):
    for number in range(2):
        with state.lock:
            state.arrived += 1
            if state.arrived == 2:
                state.arrived = 0
                state.open.set()
        state.open.wait()
        with state.lock:
            state.seen.append(number)


def in_rounds(state):
    return sorted(state.seen[:2]) == [0, 0]


def meet_and_note_well(state):
    for number in range(2):
        state.barrier.wait()
        with state.lock:
            state.seen.append(number)
        state.barrier.wait()


BARRIER_BUG = (meeting, [meet_and_note, meet_and_note], in_rounds)
BARRIER_FIX = (meeting, [meet_and_note_well, meet_and_note_well], in_rounds)


# A pool whose only worker waits for a task of the same pool.
def nested_pool(size):
    def run(state):
        with concurrent.futures.ThreadPoolExecutor(size) as pool:
            state.result = pool.submit(lambda: pool.submit(lambda: 7).result()).result()

    return run


pools = after(result=int)
POOL_BUG = (pools, [nested_pool(1)], lambda it: it.result == 7)
POOL_FIX = (pools, [nested_pool(2)], lambda it: it.result == 7)


# A cache that is filled by whoever misses, and counted.
def cached(guarded):
    def get(state):
        if guarded:
            with state.lock:
                value = state.cache.get("k")
                if value is None:
                    value = state.cache["k"] = State()
        else:
            value = state.cache.get("k")
            if value is None:
                value = state.cache["k"] = State()
        state.seen.append(value)

    return get


caches = after(cache=dict, seen=list, lock=threading.Lock)
CACHE_BUG = (caches, [cached(False), cached(False)], lambda it: it.seen[0] is it.seen[1])
CACHE_FIX = (caches, [cached(True), cached(True)], lambda it: it.seen[0] is it.seen[1])


# A semaphore that is given back by those who never had it.
def limited(gives_back_always):
    def use(state):
        had = state.places.acquire(blocking=False)
        try:
            if had:
                state.inside += 1
                state.most = max(state.most, state.inside)
                state.inside -= 1
        finally:
            if had or gives_back_always:
                state.places.release()

    return use


places = after(places=lambda: threading.Semaphore(1), inside=int, most=int)
SEMAPHORE_BUG = (places, [limited(True)] * 3, lambda it: it.most <= 1 and it.places._value == 1)
SEMAPHORE_FIX = (places, [limited(False)] * 2, lambda it: it.places._value == 1)


# A dictionary that is gone through while another thread adds to it.
def sum_up(copies):
    def run(state):
        state.sum = sum(state.table[it] for it in (list(state.table) if copies else state.table))

    return run


def add_entry(state):
    state.table["new"] = 1


tables = after(table=lambda: {"a": 1, "b": 2}, sum=int)
ITERATION_BUG = (tables, [sum_up(False), add_entry], None)
ITERATION_FIX = (tables, [sum_up(True), add_entry], None)


# Tasks: a connection that is opened by whoever needs it first.
def connect(guarded):
    async def use(state):
        if guarded:
            async with state.lock:
                await opened(state)
        else:
            await opened(state)

    return use


async def opened(state):
    if state.connection is None:
        await asyncio.sleep(0)
        state.connection = object()
        state.opened += 1


connections = after(connection=lambda: None, opened=int, lock=asyncio.Lock)
CONNECTION_BUG = (connections, [connect(False), connect(False)], lambda it: it.opened == 1)
CONNECTION_FIX = (connections, [connect(True), connect(True)], lambda it: it.opened == 1)


# Tasks: an event that is cleared by whoever waits for it.
def signalled(clears):
    async def wait(state):
        await state.event.wait()
        if clears:
            state.event.clear()
        await asyncio.sleep(0)
        await state.event.wait()

    return wait


async def signal(state):
    state.event.set()


events = after(event=asyncio.Event)
EVENT_BUG = (events, [signalled(True), signal], None)
EVENT_FIX = (events, [signalled(False), signal], None)


# Tasks: a budget that is looked at before and taken from after an await.
def spend(looks_again):
    async def run(state):
        if state.money >= 1:
            await asyncio.sleep(0)
            if not looks_again or state.money >= 1:
                state.money -= 1

    return run


budgets = after(money=lambda: 1)
BUDGET_BUG = (budgets, [spend(False), spend(False)], lambda it: it.money >= 0)
BUDGET_FIX = (budgets, [spend(True), spend(True)], lambda it: it.money >= 0)


# Tasks: a queue that is joined though nobody says that the work is done.
def served(says_done):
    async def run(state):
        jobs = asyncio.Queue()

        async def serve():
            while True:
                state.got.append(await jobs.get())
                if says_done:
                    jobs.task_done()

        server = asyncio.create_task(serve())
        await jobs.put(1)
        await jobs.join()
        server.cancel()

    return run


served_jobs = after(got=list)
JOIN_BUG = (served_jobs, [served(False)], lambda it: it.got == [1])
JOIN_FIX = (served_jobs, [served(True)], lambda it: it.got == [1])


# Tasks: the first answer wins, and the loser is not cancelled.
def race(cancels):
    async def run(state):
        async def answer(name):
            await asyncio.sleep(0.001)
            state.answers.append(name)

        tasks = [asyncio.create_task(answer(it)) for it in "ab"]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if cancels:
            for it in tasks:
                it.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            del state.answers[1:]
        else:
            await asyncio.gather(*tasks)

    return run


answers = after(answers=list)
RACE_BUG = (answers, [race(False)], lambda it: len(it.answers) == 1)
RACE_FIX = (answers, [race(True)], lambda it: len(it.answers) == 1)


# A task and a thread: the loop's state is changed from outside of the loop.
def told(safely):
    def tell(state):
        state.ready.wait()
        if safely:
            state.loop.call_soon_threadsafe(state.future.set_result, 1)
        else:
            state.value = state.value + 1

    return tell


async def listens(state):
    state.loop = asyncio.get_running_loop()
    state.future = state.loop.create_future()
    state.ready.set()
    state.value = state.value + 1
    if state.safely:
        await state.future


outside = after(ready=threading.Event, value=int, safely=bool)
LOOP_BUG = (outside, [listens, told(False)], lambda it: it.value == 2)
LOOP_FIX = (after(ready=threading.Event, value=int, safely=lambda: True), [listens, told(True)], lambda it: it.value == 1)

# Work stealing: the owner and a thief both take the last one.
def steal(from_front, guarded):
    def take(state):
        if guarded:
            with state.lock:
                taken(state, from_front)
        else:
            taken(state, from_front)

    return take


def taken(state, from_front):
    if len(state.deque) > 0:
        state.got.append(state.deque.popleft() if from_front else state.deque.pop())


deques = after(deque=lambda: collections.deque([1]), got=list, lock=threading.Lock)
STEAL_BUG = (deques, [steal(True, False), steal(False, False)], lambda it: it.got == [1])
STEAL_FIX = (deques, [steal(True, True), steal(False, True)], lambda it: it.got == [1])
