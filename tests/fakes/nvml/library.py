"""A scripted libnvidia-ml: plain Python callables that the real pynvml module calls in the library's place.

`installed(FakeNvml(...))` puts one in place in this process; a subprocess gets one from a JSON script through
`site/sitecustomize.py` (see `environment_for`).
"""

# ruff: noqa: N802  (the names are NVML's)
from __future__ import annotations

import contextlib
import ctypes
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pynvml

SITE = Path(__file__).parent / "site"
SCRIPT_VARIABLE = "CARBONQ_FAKE_NVML"


@dataclass
class FakeGpu:
    """One board; a MIG device is one that has `parent` set."""

    uuid: str
    power_w: float = 300.0
    limit_w: float = 700.0
    counter_j: float | None = 1_000_000.0
    """None: a board without an energy counter."""
    name: str = "NVIDIA H100 80GB HBM3"
    memory_bytes: int = 80 << 30
    fields: frozenset[int] = frozenset({pynvml.NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION, pynvml.NVML_FI_DEV_POWER_AVERAGE})
    error: int | None = None
    """NVML's code for everything asked of it."""
    processes: list[int] = field(default_factory=list)
    parent: str | None = None
    slices: int = 7
    counted_share: float = 1.0
    """Part of its power that the counter sees; below 1 for a counter that disagrees."""

    def draw(self, seconds: float) -> None:
        if self.counter_j is not None:
            self.counter_j += self.power_w * seconds * self.counted_share

    def reset(self) -> None:
        """As after a driver reload: the counter begins at nothing."""
        self.counter_j = 0.0


class FakeNvml:
    """The library. `clock`, where given, lets power turn into energy by itself."""

    def __init__(
        self, gpus: list[FakeGpu], init_error: int | None = None, clock: Callable[[], float] | None = None
    ) -> None:
        self.gpus = {gpu.uuid: gpu for gpu in gpus}
        self.init_error = init_error
        self.initialisations = 0
        self.open = 0
        self._clock = clock
        self._last_t = clock() if clock else 0.0
        self._handles: dict[int, tuple[Any, FakeGpu, int]] = {}

    def advance(self, seconds: float) -> None:
        for gpu in self.gpus.values():
            gpu.draw(seconds)

    def reload_driver(self) -> None:
        """Every counter begins anew and every handle given out before is void."""
        for gpu in self.gpus.values():
            gpu.reset()
        self.open = 0

    def _catch_up(self) -> None:
        if self._clock is not None:
            now_t = self._clock()
            self.advance(now_t - self._last_t)
            self._last_t = now_t

    def _boards(self) -> list[FakeGpu]:
        return [gpu for gpu in self.gpus.values() if gpu.parent is None]

    def _migs(self, gpu: FakeGpu) -> list[FakeGpu]:
        return [other for other in self.gpus.values() if other.parent == gpu.uuid]

    def _hand_out(self, reference: Any, gpu: FakeGpu) -> int:
        if gpu.error is not None:
            return gpu.error
        device = pynvml.struct_c_nvmlDevice_t()
        device.keep = ctypes.create_string_buffer(8)
        pointer = ctypes.cast(device.keep, pynvml.c_nvmlDevice_t)
        ctypes.memmove(ctypes.byref(reference._obj), ctypes.byref(pointer), ctypes.sizeof(pointer))
        self._handles[ctypes.addressof(device.keep)] = (device, gpu, self.initialisations)
        return pynvml.NVML_SUCCESS

    def _of(self, handle: Any) -> tuple[FakeGpu | None, int]:
        """(the board behind a handle, the code to answer with instead)."""
        if not self.open:
            return None, pynvml.NVML_ERROR_UNINITIALIZED
        self._catch_up()
        _, gpu, made_in = self._handles[ctypes.cast(handle, ctypes.c_void_p).value]
        if made_in != self.initialisations:
            return None, pynvml.NVML_ERROR_INVALID_ARGUMENT
        return (None, gpu.error) if gpu.error is not None else (gpu, pynvml.NVML_SUCCESS)

    def __getattr__(self, name: str) -> Any:
        try:
            return getattr(_Calls, name).__get__(self)
        except AttributeError:
            raise AttributeError(f"this NVML has no {name}") from None


def _write(reference: Any, value: int) -> int:
    reference._obj.value = value
    return pynvml.NVML_SUCCESS


class _Calls:
    """The C functions, each with `self` a FakeNvml; answers are NVML's codes."""

    def nvmlInitWithFlags(self: FakeNvml, flags: Any) -> int:
        if self.init_error is not None:
            return self.init_error
        self.initialisations += 1
        self.open += 1
        return pynvml.NVML_SUCCESS

    def nvmlShutdown(self: FakeNvml) -> int:
        if not self.open:
            return pynvml.NVML_ERROR_UNINITIALIZED
        self.open -= 1
        return pynvml.NVML_SUCCESS

    def nvmlDeviceGetCount_v2(self: FakeNvml, count: Any) -> int:
        return _write(count, len(self._boards()))

    def nvmlDeviceGetHandleByIndex_v2(self: FakeNvml, index: Any, handle: Any) -> int:
        return self._hand_out(handle, self._boards()[index.value])

    def nvmlDeviceGetHandleByUUID(self: FakeNvml, uuid: Any, handle: Any) -> int:
        gpu = self.gpus.get(uuid.value.decode())
        return pynvml.NVML_ERROR_NOT_FOUND if gpu is None else self._hand_out(handle, gpu)

    def nvmlDeviceIsMigDeviceHandle(self: FakeNvml, handle: Any, answer: Any) -> int:
        gpu, code = self._of(handle)
        return code if gpu is None else _write(answer, int(gpu.parent is not None))

    def nvmlDeviceGetDeviceHandleFromMigDeviceHandle(self: FakeNvml, handle: Any, parent: Any) -> int:
        gpu, code = self._of(handle)
        return code if gpu is None or gpu.parent is None else self._hand_out(parent, self.gpus[gpu.parent])

    def nvmlDeviceGetMigMode(self: FakeNvml, handle: Any, current: Any, pending: Any) -> int:
        gpu, code = self._of(handle)
        return code if gpu is None else _write(current, int(bool(self._migs(gpu))))

    def nvmlDeviceGetMaxMigDeviceCount(self: FakeNvml, handle: Any, count: Any) -> int:
        gpu, code = self._of(handle)
        return code if gpu is None else _write(count, gpu.slices)

    def nvmlDeviceGetMigDeviceHandleByIndex(self: FakeNvml, handle: Any, index: Any, mig: Any) -> int:
        gpu, code = self._of(handle)
        if gpu is None:
            return code
        migs = self._migs(gpu)
        return self._hand_out(mig, migs[index.value]) if index.value < len(migs) else pynvml.NVML_ERROR_NOT_FOUND

    def nvmlDeviceGetAttributes_v2(self: FakeNvml, handle: Any, attributes: Any) -> int:
        gpu, code = self._of(handle)
        if gpu is None:
            return code
        attributes._obj.gpuInstanceSliceCount = attributes._obj.computeInstanceSliceCount = gpu.slices
        return pynvml.NVML_SUCCESS

    def nvmlDeviceGetUUID(self: FakeNvml, handle: Any, buffer: Any, length: Any) -> int:
        gpu, code = self._of(handle)
        if gpu is not None:
            buffer.value = gpu.uuid.encode()
        return code

    def nvmlDeviceGetName(self: FakeNvml, handle: Any, buffer: Any, length: Any) -> int:
        gpu, code = self._of(handle)
        if gpu is not None:
            buffer.value = gpu.name.encode()
        return code

    def nvmlDeviceGetMemoryInfo(self: FakeNvml, handle: Any, memory: Any) -> int:
        gpu, code = self._of(handle)
        if gpu is not None:
            memory._obj.total = gpu.memory_bytes
        return code

    def nvmlDeviceGetEnforcedPowerLimit(self: FakeNvml, handle: Any, limit: Any) -> int:
        gpu, code = self._of(handle)
        return code if gpu is None else _write(limit, round(gpu.limit_w * 1000))

    def nvmlDeviceGetPowerUsage(self: FakeNvml, handle: Any, power: Any) -> int:
        gpu, code = self._of(handle)
        return code if gpu is None else _write(power, round(gpu.power_w * 1000))

    def nvmlDeviceGetTotalEnergyConsumption(self: FakeNvml, handle: Any, energy: Any) -> int:
        gpu, code = self._of(handle)
        if gpu is None:
            return code
        if gpu.counter_j is None or gpu.parent is not None:
            return pynvml.NVML_ERROR_NOT_SUPPORTED
        return _write(energy, round(gpu.counter_j * 1000))

    def nvmlDeviceGetFieldValues(self: FakeNvml, handle: Any, count: Any, values: Any) -> int:
        gpu, code = self._of(handle)
        if gpu is None:
            return code
        for value in values._obj:
            value.nvmlReturn = pynvml.NVML_SUCCESS
            value.valueType = pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG
            if value.fieldId not in gpu.fields or gpu.parent is not None:
                value.nvmlReturn = pynvml.NVML_ERROR_NOT_SUPPORTED
            elif value.fieldId in (pynvml.NVML_FI_DEV_POWER_AVERAGE, pynvml.NVML_FI_DEV_POWER_INSTANT):
                value.value.ullVal = round(gpu.power_w * 1000)
            elif gpu.counter_j is None:
                value.nvmlReturn = pynvml.NVML_ERROR_NOT_SUPPORTED
            else:
                value.value.ullVal = round(gpu.counter_j * 1000)
        return pynvml.NVML_SUCCESS

    def nvmlDeviceGetComputeRunningProcesses_v3(self: FakeNvml, handle: Any, count: Any, processes: Any) -> int:
        gpu, code = self._of(handle)
        if gpu is None:
            return code
        room, count._obj.value = count._obj.value, len(gpu.processes)
        if room < len(gpu.processes):
            return pynvml.NVML_ERROR_INSUFFICIENT_SIZE
        for place, pid in enumerate(gpu.processes):
            processes[place].pid = pid
        return pynvml.NVML_SUCCESS


@contextlib.contextmanager
def installed(library: FakeNvml) -> Iterator[FakeNvml]:
    """`library` in the place of libnvidia-ml.so.1 for as long as the block lasts."""
    former = pynvml.nvmlLib
    install(library)
    try:
        yield library
    finally:
        install(former)


def install(library: Any) -> None:
    pynvml.nvmlLib = library
    # pynvml remembers the functions it has looked up.
    pynvml._nvmlGetFunctionPointer_cache.clear()


def environment_for(script: Path, gpus: list[dict[str, Any]], init_error: int | None = None) -> dict[str, str]:
    """Variables that give a Python subprocess this NVML; all processes that share them see the same counters.

    Each GPU is FakeGpu's fields. Write the script anew to change what is seen from then on. The subprocess must not run
    isolated (`python -I` ignores PYTHONPATH).
    """
    write_script(script, gpus, init_error)
    return {SCRIPT_VARIABLE: str(script), "PYTHONPATH": str(SITE)}


def write_script(script: Path, gpus: list[dict[str, Any]], init_error: int | None = None) -> None:
    aside = script.with_suffix(".new")
    aside.write_text(json.dumps({"begun_t": time.time(), "gpus": gpus, "init_error": init_error}))
    aside.replace(script)


class ScriptedNvml(FakeNvml):
    """Follows a script on disk: counters run from its `begun_t` on, by the wall clock that all processes share."""

    def __init__(self, script: Path) -> None:
        self._script = script
        self._read_mtime_ns = 0
        super().__init__([], clock=time.time)
        self._reread()

    def _catch_up(self) -> None:
        self._reread()
        super()._catch_up()

    def _reread(self) -> None:
        mtime_ns = self._script.stat().st_mtime_ns
        if mtime_ns == self._read_mtime_ns:
            return
        self._read_mtime_ns = mtime_ns
        said = json.loads(self._script.read_text())
        self.init_error, self._last_t = said["init_error"], said["begun_t"]
        fresh = {gpu["uuid"]: FakeGpu(**{**gpu, **_field_set(gpu)}) for gpu in said["gpus"]}
        for uuid, gpu in fresh.items():
            if uuid in self.gpus:
                self.gpus[uuid].__dict__.update(gpu.__dict__)
        self.gpus = {uuid: self.gpus.get(uuid, gpu) for uuid, gpu in fresh.items()}


def _field_set(gpu: dict[str, Any]) -> dict[str, Any]:
    return {"fields": frozenset(gpu["fields"])} if "fields" in gpu else {}
