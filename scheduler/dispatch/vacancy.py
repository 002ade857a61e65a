"""Which GPUs and CPU slots are free to be given out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scheduler.domain.gpus import Inventory, Pool
from scheduler.domain.lifecycle import SegmentState
from scheduler.domain.runs import Segment

OPEN = frozenset({SegmentState.STARTING, SegmentState.RUNNING})


@dataclass(frozen=True, slots=True)
class Vacancy:
    """GPUs by UUID in the order of the machine, and CPU slots by number."""

    gpus: tuple[str, ...]
    cpu_slots: int

    def count(self, pool: Pool) -> int:
        return len(self.gpus) if pool is Pool.GPU else self.cpu_slots

    def take(self, pool: Pool, width: int) -> tuple[tuple[str, ...], Vacancy]:
        """UUIDs of the places taken (none for CPU slots), and what is left; ask `count` first."""
        if pool is Pool.CPU:
            return (), Vacancy(self.gpus, self.cpu_slots - width)
        return self.gpus[:width], Vacancy(self.gpus[width:], self.cpu_slots)


def vacancy_of(inventory: Inventory | None, segments: Iterable[Segment]) -> Vacancy:
    """What no open segment holds; a GPU with a foreign process is not free, and of an absent agent nothing is."""
    if inventory is None:
        return Vacancy((), 0)
    held = [segment for segment in segments if segment.state in OPEN]
    taken = {uuid for segment in held for uuid in segment.gpu_uuids}
    gpus = tuple(gpu.uuid for gpu in inventory.gpus if gpu.uuid not in taken and not gpu.busy_with)
    slots_taken = sum(not segment.gpu_uuids for segment in held)
    return Vacancy(gpus, max(0, inventory.cpu_slots - slots_taken))


def reachable_places(inventory: Inventory | None, pool: Pool) -> int:
    """Places that will be free once our own runs have ended."""
    if inventory is None:
        return 0
    if pool is Pool.CPU:
        return inventory.cpu_slots
    return sum(not gpu.busy_with for gpu in inventory.gpus)
