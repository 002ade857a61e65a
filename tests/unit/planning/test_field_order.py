"""The field's policies come out in the order that the field itself found (GAIA, ASPLOS 2024)."""

from __future__ import annotations

from pathlib import Path

import field_order as gaia
import numpy as np


def test_with_gpus_without_end_and_the_future_known_the_policies_save_in_gaias_order(shared_data: Path) -> None:
    """A twentieth of GAIA's jobs, in one week of each grid at hand; `benchmarks/field_order.py` takes all."""
    found = []
    for file in sorted((shared_data / "grids").glob(gaia.GRIDS)):
        series = gaia.grid(file)
        for start in gaia.starts(series, 1):
            found.append(gaia.saved_pct(series, gaia.pai_jobs(shared_data / gaia.LOG, start)[::20]))
    assert len(found) >= 4
    means = {name: float(np.mean([each[name] for each in found])) for name in found[0]}
    assert sorted(gaia.ORDER, key=means.__getitem__) == list(gaia.ORDER)
    assert means["carbon-time"] < means[gaia.WITH_THE_LENGTH] < means["exact-window"]
