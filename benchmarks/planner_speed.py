"""How long the joint planner takes, arrays in and arrays out, and how far its plan is from its own bound.

    python benchmarks/planner_speed.py [--most 100000]

Half of the jobs are interruptible, widths are 1, 2, 4 or 8, load is 60 %; processor time, best of three, compiled.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from scheduler.planning.decomposition.arrays import Jobs, Pieces
from scheduler.planning.decomposition.joint import Effort, Joint, solve
from scheduler.planning.decomposition.searching import Held, Queue, ends

CASES = ((1_000, 96, 60), (1_000, 672, 15), (10_000, 672, 15), (100_000, 672, 15))
"""Jobs, slots, minutes a slot."""
LOAD = 0.6
MINUTE = 60_000_000


def instance(
    count: int, slots: int, minutes: int, seed: int = 0, load: float = LOAD, rate: np.ndarray | None = None
) -> tuple[Pieces, Jobs, int]:  # fmt: skip
    """Jobs of about four hours (lognormal) with up to two days of slack, and as many GPUs as make the load.

    `rate`: intensity of each slot [g/kWh]; without it a daily wave with hourly noise.
    """
    draw = np.random.default_rng(seed)
    width = draw.choice([1, 2, 4, 8], count)
    length = np.round(draw.lognormal(np.log(240 / minutes), 0.8, count)).astype(np.int64)
    length = np.clip(length, 1, slots // 2)
    gpus = int(np.ceil((length * width).sum() / (slots * load)))
    begin = draw.integers(0, np.maximum(1, slots - 2 * length))
    end = begin + length + np.minimum(slots - begin - length, draw.integers(0, 2880 // minutes, count))
    hours = np.arange(slots) * minutes / 60
    noise = np.repeat(draw.normal(0, 15, slots), 60 // minutes)[:slots]
    if rate is None:
        rate = 300 + 120 * np.sin(hours / 24 * 2 * np.pi) + noise
    unit, none = minutes * MINUTE, np.zeros(0, dtype=np.int64)
    links = np.zeros(count + 1, dtype=np.int64)
    jobs = Jobs(
        begin * unit, end * unit, length * unit, width.astype(np.int64), 500.0 * width / 3.6e6,
        np.zeros(count, dtype=np.int64), draw.random(count) < 0.5, np.full(count, 2 * MINUTE), np.zeros(count),
        np.full(count, 5 * MINUTE), np.zeros(count, dtype=np.bool_), np.zeros(count), none, links, none, links,
    )  # fmt: skip
    places = np.vstack((np.full(slots, float(gpus)), np.zeros(slots)))
    return Pieces(np.arange(slots + 1, dtype=np.int64) * unit, rate, places), jobs, gpus


def queue_of(pieces: Pieces, jobs: Jobs, gpus: int) -> Queue:
    """With nobody else on the GPUs; those with the least room choose first."""
    none = np.zeros(0, dtype=np.int64)
    ease = (jobs.hi - jobs.lo - jobs.work) / jobs.work * (1 + jobs.divisible)
    order = np.argsort(ease, kind="stable")
    return Queue(pieces, jobs, np.array([gpus, 0]), Held(none, none, none, none), order)


def late_jobs(queue: Queue, planned: Joint) -> int:
    return int((ends(planned.placed) > queue.jobs.hi).sum())


def emitted_g(pieces: Pieces, jobs: Jobs, planned: Joint) -> float:
    """Of all placements [g]."""
    sums = np.concatenate(([0.0], np.cumsum(pieces.rate * np.diff(pieces.edges) * 1e-6)))
    total = 0.0
    for j, number in enumerate(planned.placed.number):
        at = np.interp(planned.placed.segments[j, :number].ravel(), pieces.edges, sums).reshape(-1, 2)
        total += float(jobs.grams[j] * (at[:, 1] - at[:, 0]).sum())
    return total


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--most", type=int, default=10_000, help="jobs of the longest queue")
    most = options.parse_args().most
    print("   jobs  slots  what                 time        gap to the bound  late")
    for count, slots, minutes in CASES:
        if count > most:
            continue
        queue = queue_of(*instance(count, slots, minutes))
        planned = timed(queue, "from nothing", 1 if count > 10_000 else 3)
        if count == 10_000:
            known = planned.placed.number.copy()
            known[count // 2] = 0
            announced = planned.placed._replace(number=known)
            timed(queue._replace(announced=announced, prices=planned.prices), "one job new", 3)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def timed(queue: Queue, what: str, times: int) -> Joint:
    """The best of several runs, in processor time; what is compiled is compiled before."""
    took = []
    for _ in range(times):
        began = time.process_time()
        planned = solve(queue, Effort(0.01))
        took.append(time.process_time() - began)
    count, slots = queue.order.size, queue.pieces.rate.size
    gap = emitted_g(queue.pieces, queue.jobs, planned) / planned.bound_g - 1
    late = late_jobs(queue, planned)
    print(f"{count:7} {slots:6}  {what:16} {min(took) * 1000:8.0f} ms  {gap:14.2%}  {late:8}", flush=True)
    return planned


if __name__ == "__main__":
    main()
