"""How one board's readings become joules."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.readings import MeterMethod, ReadingFlag
from workers.metering.board_energy import Amount, BoardEnergy, BoardReading

COUNTER, POWER = MeterMethod.NVML_COUNTER, MeterMethod.NVML_POWER


def counted(joules: float, power_w: float | None = 300.0, at_s: float | None = None) -> BoardReading:
    return BoardReading(counter_j=joules, counter_t=at_s, power_w=power_w, limit_w=700.0)


def opened(first: BoardReading) -> BoardEnergy:
    energy = BoardEnergy()
    energy.advance(first, 0.0)
    return energy


def test_the_counter_is_the_energy() -> None:
    """What the counter gained is what was drawn, whatever the power sensor says."""
    assert opened(counted(1000)).advance(counted(1250, power_w=999), 1.0) == Amount(250.0, COUNTER)


def test_a_driver_reload_is_bridged_by_power_and_flagged() -> None:
    """A smaller counter means that counting began anew; another meter books -999,226 J here."""
    energy = opened(counted(1_000_000))
    assert energy.advance(counted(774), 1.0) == Amount(300.0, POWER, (ReadingFlag.COUNTER_RESET,))
    assert energy.advance(counted(1074), 1.0) == Amount(300.0, COUNTER)


def test_more_than_the_board_can_draw_is_a_reset_too() -> None:
    """700 W for a second cannot be a megajoule."""
    assert opened(counted(0)).advance(counted(1e6), 1.0) == Amount(300.0, POWER, (ReadingFlag.COUNTER_RESET,))


def test_two_quick_readings_may_straddle_a_step_of_the_counter() -> None:
    """A counter that moves every 0.1 s gains 70 J within a millisecond; that is no reset."""
    assert opened(counted(0)).advance(counted(70), 0.001) == Amount(70.0, COUNTER)


def test_the_drivers_own_clock_decides_how_long_the_counter_counted() -> None:
    """A sampler held up for a minute sees a minute's energy, not a reset."""
    assert opened(counted(0, at_s=100)).advance(counted(40_000, at_s=160), 1.0) == Amount(40_000.0, COUNTER)


def test_a_reset_without_a_power_sensor_is_unknown_and_says_so() -> None:
    """There is nothing to bridge the gap with: zero joules, two flags."""
    amount = opened(counted(1000, power_w=None)).advance(counted(5, power_w=None), 1.0)
    assert amount.joules == 0
    assert set(amount.flags) == {ReadingFlag.COUNTER_RESET, ReadingFlag.METER_LOST}


def test_without_a_counter_power_is_integrated_by_trapezoids() -> None:
    """100 W rising to 300 W within a second is 200 J."""
    assert opened(BoardReading(power_w=100)).advance(BoardReading(power_w=300), 1.0) == Amount(200.0, POWER)


def test_a_gap_beyond_three_periods_holds_the_last_power_and_is_flagged() -> None:
    """Two readings ten seconds apart say nothing of what lay between them."""
    amount = opened(BoardReading(power_w=100)).advance(BoardReading(power_w=300), 10.0)
    assert amount == Amount(1000.0, POWER, (ReadingFlag.INTERPOLATED,))


def test_a_lost_board_is_estimated_and_set_off_when_its_counter_returns() -> None:
    """While it is away the last power is held; the counter then has the last word, and the total is its."""
    energy = opened(counted(0))
    away = [energy.advance(None, 1.0) for _ in range(3)]
    back = energy.advance(counted(1000), 1.0)
    assert away == [Amount(300.0, POWER, (ReadingFlag.METER_LOST,))] * 3
    assert back == Amount(100.0, COUNTER)


def test_an_estimate_that_was_too_high_is_paid_back_and_never_goes_negative() -> None:
    """900 J were estimated where 400 J were drawn: the next 500 J of the counter are booked already."""
    energy = opened(counted(0))
    booked = [energy.advance(None, 3.0), energy.advance(counted(400), 0.5)]
    booked += [energy.advance(counted(700), 1.0), energy.advance(counted(1000), 1.0)]
    assert [amount.joules for amount in booked] == [900.0, 0.0, 0.0, 100.0]


def test_a_board_never_seen_is_unknown_not_zero() -> None:
    """There is no power to hold, so the flag is the statement."""
    assert BoardEnergy().advance(None, 60.0).flags == (ReadingFlag.METER_LOST,)


def disagreements(power_w: float, counted_w: float, seconds: int) -> list[int]:
    """Seconds at which a disagreement is told."""
    energy = opened(counted(0, power_w=power_w))
    amounts = [energy.advance(counted(counted_w * s, power_w=power_w), 1.0) for s in range(1, seconds + 1)]
    return [s for s, amount in enumerate(amounts, 1) if ReadingFlag.COUNTER_DISAGREES in amount.flags]


def test_counter_and_power_that_differ_by_over_a_fifth_for_a_minute_are_flagged_once() -> None:
    """187 J against 327 J was seen in the field; one flag in a run is enough."""
    assert disagreements(power_w=327, counted_w=187, seconds=600) == [60]


@pytest.mark.parametrize("counted_w", [250.0, 300.0, 360.0])
def test_several_per_cent_between_sensors_are_no_disagreement(counted_w: float) -> None:
    """On-board sensors are that good and no better."""
    assert disagreements(power_w=300, counted_w=counted_w, seconds=300) == []


schedules = st.lists(st.floats(0.001, 200.0), min_size=1, max_size=30)


@given(schedules, st.floats(0, 1000))
def test_any_schedule_of_readings_adds_up_to_the_counters_difference(gaps: list[float], watts: float) -> None:
    """How often a board is read changes no total."""
    times = [0.0]
    for gap in gaps:
        times.append(times[-1] + gap)
    energy = opened(counted(0))
    total = sum(energy.advance(counted(watts * b), b - a).joules for a, b in pairwise(times))
    assert total == pytest.approx(watts * times[-1])


steps = st.tuples(
    st.floats(0, 400.0),
    st.one_of(
        st.none(),
        st.builds(
            BoardReading,
            counter_j=st.one_of(st.none(), st.floats(0, 1e9)),
            counter_t=st.one_of(st.none(), st.floats(0, 2e9)),
            power_w=st.one_of(st.none(), st.floats(0, 1500)),
            limit_w=st.one_of(st.none(), st.floats(1, 1500)),
        ),
    ),
)


@given(st.lists(steps, max_size=30))
def test_no_sequence_of_readings_whatever_yields_negative_energy(
    sequence: list[tuple[float, BoardReading | None]],
) -> None:
    """Resets, losses, sensors that come and go, clocks that jump: never less than nothing."""
    energy = BoardEnergy()
    assert all(energy.advance(reading, elapsed_s).joules >= 0 for elapsed_s, reading in sequence)


@given(st.lists(st.tuples(st.floats(0.1, 3.0), st.booleans()), min_size=1, max_size=40))
def test_losses_in_any_pattern_leave_the_total_with_the_counter(steps: list[tuple[float, bool]]) -> None:
    """Once the counter has caught up with what was estimated, the sum is its difference."""
    energy, at_s, total = opened(counted(0, power_w=300)), 0.0, 0.0
    for gap, there in [*steps, (100.0, True)]:
        at_s += gap
        total += energy.advance(counted(200 * at_s) if there else None, gap).joules
    assert total == pytest.approx(200 * at_s)
