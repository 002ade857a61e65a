"""Which part of the host's CPU time is one run's: what it used, and its reservation of what nobody used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workers.metering.run_usage import PROC, TICKS_PER_S


@dataclass(frozen=True, slots=True)
class HostCpuTime:
    """CPU time of all processors since boot."""

    busy_s: float
    idle_s: float


def host_cpu_time(proc: Path = PROC) -> HostCpuTime:
    """From the first line of /proc/stat; time stolen by a hypervisor is nobody's here."""
    fields = [int(field) / TICKS_PER_S for field in (proc / "stat").read_text().splitlines()[0].split()[1:]]
    user, nice, system, idle, iowait, irq, softirq = fields[:7]
    return HostCpuTime(busy_s=user + nice + system + irq + softirq, idle_s=idle + iowait)


class CpuShare:
    """share = (CPU time the run used + reservation x idle CPU time) / all CPU time.

    Runs whose reservations add up to one, and all that runs beside them, then share out the whole and no more.
    """

    def __init__(
        self,
        host: Callable[[], HostCpuTime],
        run_cpu_s: Callable[[], float],
        reserved: float,
    ) -> None:
        self._host, self._run_cpu_s, self._reserved = host, run_cpu_s, reserved
        self._last_host, self._last_run_s = host(), run_cpu_s()
        self._share = reserved

    def since_last(self) -> float:
        """The share since the last call, 0 to 1; the former one while the clocks have not ticked."""
        host, run_s = self._host(), self._run_cpu_s()
        # The kernel's idle time has been seen to run backwards.
        busy_s = max(0.0, host.busy_s - self._last_host.busy_s)
        idle_s = max(0.0, host.idle_s - self._last_host.idle_s)
        if busy_s + idle_s > 0:
            used_s = min(max(0.0, run_s - self._last_run_s), busy_s)
            self._share = min(1.0, (used_s + self._reserved * idle_s) / (busy_s + idle_s))
            self._last_host, self._last_run_s = host, run_s
        return self._share
