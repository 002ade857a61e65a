"""Energy slices as the journal writes them, turned into the nouns the store keeps."""

from __future__ import annotations

from collections.abc import Iterable

from scheduler.domain.intervals import Interval, from_epoch
from scheduler.domain.readings import Component, ComponentEnergy, EnergySlice, MeterMethod, ReadingFlag
from scheduler.domain.units import Energy
from scheduler.protocol import SlicePart, SliceRecord


def energy_slice(record: SliceRecord) -> EnergySlice:
    """ValueError where the record names an unknown meter or holds energy below zero."""
    interval = Interval(from_epoch(record.start_t), from_epoch(record.end_t))
    return EnergySlice(record.seq, interval, tuple(_component_energy(part) for part in record.parts))


def new_slices(records: Iterable[SliceRecord], stored_upto: int) -> tuple[EnergySlice, ...]:
    """What is not stored yet, by seq, each once."""
    by_seq = {record.seq: record for record in records if record.seq > stored_upto}
    return tuple(energy_slice(by_seq[seq]) for seq in sorted(by_seq))


def _component_energy(part: SlicePart) -> ComponentEnergy:
    return ComponentEnergy(
        Component(part.component),
        part.device,
        Energy(part.joules),
        MeterMethod(part.method),
        tuple(ReadingFlag(flag) for flag in part.flags),
    )
