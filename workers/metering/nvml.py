"""NVIDIA's management library; the only place that knows pynvml, its codes and its milli-units.

GPUs and MIG devices are addressed by UUID: NVML and CUDA number them differently, and NVML does not look at
CUDA_VISIBLE_DEVICES. Every failure that is not "this board has no such sensor" is a NvmlError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import pynvml

from scheduler.domain.errors import MeteringError
from workers.metering.board_energy import BoardReading

_T = TypeVar("_T")

_MILLI = 1e-3
_MICRO = 1e-6

_NO_SUCH_SENSOR = frozenset(
    {
        pynvml.NVML_ERROR_INVALID_ARGUMENT,
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_NO_PERMISSION,
        pynvml.NVML_ERROR_NOT_FOUND,
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        pynvml.NVML_ERROR_NO_DATA,
        pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
        pynvml.NVML_ERROR_DEPRECATED,
    }
)
_ENERGY_FIELDS = (pynvml.NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION, pynvml.NVML_FI_DEV_ENERGY)
# Scope GPU, said aloud: on Grace-Hopper parts the module's power would count the CPU a second time.
_AVERAGE_POWER = (pynvml.NVML_FI_DEV_POWER_AVERAGE, pynvml.NVML_POWER_SCOPE_GPU)
_VALUE_MEMBER = {
    pynvml.NVML_VALUE_TYPE_DOUBLE: "dVal",
    pynvml.NVML_VALUE_TYPE_UNSIGNED_INT: "uiVal",
    pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG: "ulVal",
    pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG: "ullVal",
    pynvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG: "sllVal",
}


class NvmlError(MeteringError):
    """NVML, or one board of it, does not answer."""


class NvmlAbsent(NvmlError):
    """There is no NVIDIA library on this machine, so no NVIDIA GPU is expected."""


@dataclass(frozen=True, slots=True)
class BoardFacts:
    """What stays the same of a board while the driver is loaded."""

    uuid: str
    name: str
    memory_bytes: int | None
    share: float
    """Part of the board's energy that is this device's: below 1 for a MIG device only."""


def open_nvml() -> None:
    """Load and initialise; NvmlAbsent without the library, NvmlError where it does not work."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        if error.value == pynvml.NVML_ERROR_LIBRARY_NOT_FOUND:
            raise NvmlAbsent("NVIDIA's library libnvidia-ml.so.1 is not installed") from error
        raise NvmlError(_why_not_open(error)) from error


def close_nvml() -> None:
    """Let go of NVML; a library that has already failed is left as it is."""
    try:
        pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        pass


class Board:
    """A GPU, or a MIG device, whose board is then its parent's."""

    def __init__(self, handle: Any) -> None:
        self._device = handle
        self._board = _parent_of(handle) or handle
        self._energy_field = self._answering_energy_field()

    @classmethod
    def of(cls, uuid: str) -> Board:
        """The board with this UUID; NvmlError when NVML does not know it (any more)."""
        return cls(_ask(pynvml.nvmlDeviceGetHandleByUUID, uuid))

    def facts(self) -> BoardFacts:
        memory = _ask_if_there(pynvml.nvmlDeviceGetMemoryInfo, self._device)
        return BoardFacts(
            uuid=_ask(pynvml.nvmlDeviceGetUUID, self._device),
            name=_ask(pynvml.nvmlDeviceGetName, self._device),
            memory_bytes=int(memory.total) if memory else None,
            share=self.share(),
        )

    def share(self) -> float:
        """A MIG device's compute slices among all of its board's; 1 for a whole GPU."""
        if self._board is self._device:
            return 1.0
        attributes = _ask_if_there(pynvml.nvmlDeviceGetAttributes_v2, self._device)
        slices = _ask_if_there(pynvml.nvmlDeviceGetMaxMigDeviceCount, self._board)
        if not attributes or not slices:
            return 1.0
        return min(1.0, int(attributes.computeInstanceSliceCount) / int(slices))

    def read(self) -> BoardReading:
        """Counter, power and limit of the board in one go; NvmlError when it is lost."""
        counter_j, counter_t, power_w = self._fields()
        limit_mw = _ask_if_there(pynvml.nvmlDeviceGetEnforcedPowerLimit, self._board)
        return BoardReading(
            counter_j=self._plain_counter_j() if counter_j is None else counter_j,
            counter_t=counter_t,
            power_w=self._plain_power_w() if power_w is None else power_w,
            limit_w=limit_mw * _MILLI if limit_mw else None,
        )

    def compute_pids(self) -> tuple[int, ...]:
        processes = _ask_if_there(pynvml.nvmlDeviceGetComputeRunningProcesses, self._device) or []
        return tuple(sorted(int(process.pid) for process in processes))

    def _fields(self) -> tuple[float | None, float | None, float | None]:
        """(counter [J], its time [s], average power [W]) from one call."""
        wanted = [_AVERAGE_POWER] if self._energy_field is None else [self._energy_field, _AVERAGE_POWER]
        values = {value.fieldId: value for value in _field_values(self._board, wanted)}
        energy, power = values.get(self._energy_field), values.get(_AVERAGE_POWER[0])
        return (
            _number(energy) * _MILLI if energy else None,
            energy.timestamp * _MICRO if energy and energy.timestamp else None,
            _number(power) * _MILLI if power else None,
        )

    def _answering_energy_field(self) -> int | None:
        # Chosen once: two counters of one board need not count from the same moment.
        answering = {value.fieldId for value in _field_values(self._board, list(_ENERGY_FIELDS))}
        return next((field for field in _ENERGY_FIELDS if field in answering), None)

    def _plain_counter_j(self) -> float | None:
        if self._energy_field is not None:
            return None
        millijoules = _ask_if_there(pynvml.nvmlDeviceGetTotalEnergyConsumption, self._board)
        return None if millijoules is None else millijoules * _MILLI

    def _plain_power_w(self) -> float | None:
        milliwatts = _ask_if_there(pynvml.nvmlDeviceGetPowerUsage, self._board)
        return None if milliwatts is None else milliwatts * _MILLI


def boards() -> Iterator[Board | NvmlError]:
    """Every GPU that can be given to a job, in NVML's order; where MIG is on, its MIG devices instead."""
    for index in range(_ask(pynvml.nvmlDeviceGetCount)):
        try:
            gpu = _ask(pynvml.nvmlDeviceGetHandleByIndex, index)
            found = [Board(handle) for handle in _mig_devices(gpu) or [gpu]]
        except NvmlError as error:
            yield NvmlError(f"GPU {index} does not answer ({error})")
        else:
            yield from found


def _mig_devices(gpu: Any) -> list[Any]:
    mode = _ask_if_there(pynvml.nvmlDeviceGetMigMode, gpu)
    if not mode or mode[0] != pynvml.NVML_DEVICE_MIG_ENABLE:
        return []
    places = range(_ask_if_there(pynvml.nvmlDeviceGetMaxMigDeviceCount, gpu) or 0)
    devices = [_ask_if_there(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, gpu, place) for place in places]
    return [device for device in devices if device is not None]


def _parent_of(handle: Any) -> Any | None:
    is_mig = _ask_if_there(pynvml.nvmlDeviceIsMigDeviceHandle, handle)
    if not is_mig or not is_mig.value:
        return None
    return _ask(pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle, handle)


def _field_values(handle: Any, fields: list[Any]) -> list[Any]:
    """The fields that this board has; NvmlError when one says that the board is lost."""
    answered = []
    for value in _ask_if_there(pynvml.nvmlDeviceGetFieldValues, handle, fields) or []:
        if value.nvmlReturn == pynvml.NVML_SUCCESS:
            answered.append(value)
        elif value.nvmlReturn not in _NO_SUCH_SENSOR:
            raise NvmlError(str(pynvml.NVMLError(value.nvmlReturn)))
    return answered


def _number(value: Any) -> float:
    return float(getattr(value.value, _VALUE_MEMBER.get(value.valueType, "ullVal")))


def _ask(call: Callable[..., _T], *arguments: Any) -> _T:
    try:
        return call(*arguments)
    except pynvml.NVMLError as error:
        raise NvmlError(str(error)) from error


def _ask_if_there(call: Callable[..., _T], *arguments: Any) -> _T | None:
    """The answer, or None where this board has no such thing."""
    try:
        return call(*arguments)
    except pynvml.NVMLError as error:
        if error.value in _NO_SUCH_SENSOR:
            return None
        raise NvmlError(str(error)) from error


def _why_not_open(error: Any) -> str:
    if error.value == pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH:
        return (
            "the NVIDIA driver was upgraded under a loaded library (driver/library version mismatch); "
            "restart the worker agent, or the machine where `nvidia-smi` says the same"
        )
    if error.value == pynvml.NVML_ERROR_DRIVER_NOT_LOADED:
        return "NVIDIA's library is installed but its driver is not loaded; load it with `modprobe nvidia`"
    return f"NVML cannot be opened ({error}); `nvidia-smi` and the kernel log say more"
