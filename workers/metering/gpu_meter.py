"""The energy of a run's GPUs, kept up through boards and drivers that go away and come back."""

from __future__ import annotations

from collections.abc import Sequence

from scheduler.domain.readings import Component, ComponentEnergy, ReadingFlag
from scheduler.domain.units import Energy
from workers.metering.board_energy import BoardEnergy, BoardReading
from workers.metering.nvml import Board, NvmlError, close_nvml, open_nvml

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0


def open_gpu_meter(gpu_uuids: Sequence[str]) -> GpuMeter:
    """A meter of these boards, its first readings taken. Boards that do not answer yet are flagged and retried."""
    meter = GpuMeter(gpu_uuids)
    meter.read(0.0)
    return meter


class GpuMeter:
    """An EnergyMeter. After a loss NVML is shut down and opened anew, at once and then with growing pauses."""

    def __init__(self, gpu_uuids: Sequence[str]) -> None:
        self._energy = {uuid: BoardEnergy() for uuid in gpu_uuids}
        self._boards: dict[str, Board] = {}
        self._shares = dict.fromkeys(gpu_uuids, 1.0)
        self._open = False
        self._pause_s = FIRST_PAUSE_S
        self._retry_in_s = 0.0

    def read(self, elapsed_s: float) -> tuple[ComponentEnergy, ...]:
        self._retry_in_s -= elapsed_s
        if len(self._boards) < len(self._energy) and self._retry_in_s <= 0:
            self._reopen()
        return tuple(self._read_board(uuid, elapsed_s) for uuid in self._energy)

    def close(self) -> None:
        if self._open:
            close_nvml()
        self._open = False
        self._boards.clear()

    def _read_board(self, uuid: str, elapsed_s: float) -> ComponentEnergy:
        amount = self._energy[uuid].advance(self._reading(uuid), elapsed_s)
        share = self._shares[uuid]
        flags = (*amount.flags, ReadingFlag.SHARED) if share < 1 else amount.flags
        return ComponentEnergy(Component.GPU, uuid, Energy(amount.joules * share), amount.method, flags)

    def _reading(self, uuid: str) -> BoardReading | None:
        board = self._boards.get(uuid)
        if board is None:
            return None
        try:
            reading = board.read()
        except NvmlError:
            reading = BoardReading()
        # A handle from before a driver reload answers "no such sensor" to everything.
        if reading.counter_j is None and reading.power_w is None:
            del self._boards[uuid]
            self._retry_in_s = 0.0
            return None
        return reading

    def _reopen(self) -> None:
        """All handles anew: after a driver reload the old ones of healthy boards are void, too."""
        self.close()
        try:
            open_nvml()
        except NvmlError:
            pass
        else:
            self._open = True
            self._find_boards()
        self._plan_retry()

    def _find_boards(self) -> None:
        for uuid in self._energy:
            try:
                board = Board.of(uuid)
                self._shares[uuid] = board.share()
            except NvmlError:
                continue
            self._boards[uuid] = board

    def _plan_retry(self) -> None:
        if len(self._boards) == len(self._energy):
            self._pause_s = FIRST_PAUSE_S
        else:
            self._retry_in_s = self._pause_s
            self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * 2)
