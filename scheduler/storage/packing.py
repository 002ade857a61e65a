"""A forecast's arrays as one blob, exact to the last bit.

Most series are decimal numbers with few digits, and moments on a grid: each array is kept as differences of whole
multiples of 1, 1/10, ... 1/1,000,000 where that gives back the very same numbers, else as it is; then all is deflated.
What a provider says in pounds a megawatt-hour is decimal in its own unit: so it is kept, in a quarter of the room.
"""

from __future__ import annotations

import zlib
from hashlib import sha256

import msgspec
import numpy as np
from numpy.typing import NDArray

from scheduler.domain.carbon import CarbonForecast
from scheduler.domain.series import Floats, StepSeries
from scheduler.domain.units import G_PER_KWH_PER_LB_PER_MWH

SCALES = (1.0, 10.0, 100.0, 1_000.0, 1_000_000.0, -1.0, -10.0, -100.0, -1_000.0)
WIDTHS = ("<i1", "<i2", "<i4", "<i8")
LARGEST_WHOLE = 2.0**53
"""Up to here every whole number is a float64."""


class Packed(msgspec.Struct, array_like=True, frozen=True):
    """An array: float64 as it is (`scale` 0), or the first multiple of 1/`scale` and the differences that follow.

    A negative `scale` counts in pounds a megawatt-hour.
    """

    scale: float
    kind: str
    data: bytes
    first: int = 0


class PackedSeries(msgspec.Struct, array_like=True, frozen=True):
    """`edges` None: the same starts and ends as the expected values have."""

    edges: tuple[Packed, Packed] | None
    values: Packed


Bands = tuple[PackedSeries, PackedSeries | None, PackedSeries | None]
_bands = msgspec.msgpack.Decoder(Bands)


def pack(forecast: CarbonForecast) -> bytes:
    """The expected values and the bands; `digest` of it tells one issue from another."""
    expected = forecast.expected
    bands = (None if band is None else _pack_series(band, expected) for band in (forecast.p10, forecast.p90))
    return zlib.compress(msgspec.msgpack.encode((_pack_series(expected, None), *bands)))


def unpack(packed: bytes) -> tuple[StepSeries, StepSeries | None, StepSeries | None]:
    """Expected, 10 % and 90 % quantile."""
    first, *bands = _bands.decode(zlib.decompress(packed))
    expected = _unpack_series(first, None)
    low, high = (None if band is None else _unpack_series(band, expected) for band in bands)
    return expected, low, high


def digest(packed: bytes) -> bytes:
    return sha256(packed).digest()[:16]


def _pack_series(series: StepSeries, like: StepSeries | None) -> PackedSeries:
    same = like is not None and np.array_equal(series.starts, like.starts) and np.array_equal(series.ends, like.ends)
    edges = None if same else (_pack_array(series.starts), _pack_array(series.ends))
    return PackedSeries(edges, _pack_array(series.values))


def _unpack_series(packed: PackedSeries, like: StepSeries | None) -> StepSeries:
    values = _unpack_array(packed.values)
    if packed.edges is None:
        assert like is not None
        return StepSeries(like.starts, like.ends, values)
    starts, ends = packed.edges
    return StepSeries(_unpack_array(starts), _unpack_array(ends), values)


def _pack_array(array: Floats) -> Packed:
    for scale in SCALES if array.size else ():
        multiples = np.rint(_scaled(array, scale))
        if np.abs(multiples).max() < LARGEST_WHOLE and np.array_equal(_unscaled(multiples, scale), array):
            return _as_differences(multiples.astype(np.int64), scale)
    return Packed(0.0, "<f8", array.astype("<f8").tobytes())


def _scaled(array: Floats, scale: float) -> Floats:
    return array * scale if scale > 0 else array / G_PER_KWH_PER_LB_PER_MWH * -scale


def _unscaled(multiples: Floats, scale: float) -> Floats:
    """As the provider's client reckons: divided first, then turned into our unit."""
    return multiples / scale if scale > 0 else multiples / -scale * G_PER_KWH_PER_LB_PER_MWH


def _as_differences(whole: NDArray[np.int64], scale: float) -> Packed:
    steps = np.diff(whole)
    largest = int(np.abs(steps).max(initial=0))
    kind = next(kind for kind in WIDTHS if largest <= np.iinfo(kind).max)
    return Packed(scale, kind, steps.astype(kind).tobytes(), int(whole[0]))


def _unpack_array(packed: Packed) -> Floats:
    stored = np.frombuffer(packed.data, dtype=packed.kind)
    if not packed.scale:
        return stored
    steps = stored.astype(np.int64)
    multiples = np.concatenate(([packed.first], packed.first + np.cumsum(steps))).astype(np.float64)
    return _unscaled(multiples, packed.scale)
