"""What a machine has to give: GPUs by UUID, or CPU slots where there is no GPU."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from scheduler.domain.units import Power


class Pool(StrEnum):
    """The two kinds of places a job can hold; a job holds places of one kind only."""

    GPU = "gpu"
    CPU = "cpu"


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU, addressed by UUID because NVML and CUDA number them differently."""

    uuid: str
    name: str
    memory_bytes: int | None = None
    power_limit: Power | None = None
    power: Power | None = None
    """What it drew when the inventory was taken."""
    busy_with: tuple[int, ...] = ()
    """PIDs of compute processes seen on it that no run of ours owns."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What one host's worker agent offers."""

    host: str
    boot_id: str
    gpus: tuple[Gpu, ...]
    cpu_slots: int
    cpu_model: str | None = None
    meters: tuple[str, ...] = ()
    """Names of the meters that answer here, e.g. `nvml-counter`, `rapl`, `host-model`."""
    degraded: str | None = None
    """Why GPUs that should be there are not, in a sentence."""

    def capacity(self, pool: Pool) -> int:
        return len(self.gpus) if pool is Pool.GPU else self.cpu_slots
