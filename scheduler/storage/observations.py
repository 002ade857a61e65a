"""Published intensities: appended with every revision, the newest read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, Select, func, insert, select, update

from scheduler.domain.carbon import IntensityObservation, IntensityStatus, SeriesKey
from scheduler.domain.intervals import Interval
from scheduler.domain.revisions import newest_values, says_the_same
from scheduler.domain.series import StepSeries
from scheduler.ports import RecordedSeries
from scheduler.storage.records import Records
from scheduler.storage.series import key_from, series_number, series_row
from scheduler.storage.tables import FORECAST, OBSERVATION, SERIES
from scheduler.storage.times import length_us, moment, moment_or_none, moment_us, moment_us_or_none

US_PER_S = 1e6


class ObservationRecords(Records):
    def add_observations(self, observations: Iterable[IntensityObservation]) -> int:
        by_key = groupby(sorted(observations, key=lambda o: o.key), key=lambda o: o.key)
        with self._database.writing() as connection:
            return sum(_append(connection, key, list(of_key)) for key, of_key in by_key)

    def observations(
        self, key: SeriesKey, interval: Interval, as_of: datetime | None = None
    ) -> tuple[IntensityObservation, ...]:
        with self._database.reading() as connection:
            series = series_row(connection, key)
            if series is None:
                return ()
            # What covers the interval starts or ends at most one length outside; what cuts that, at most one more.
            from_us = moment_us(interval.start) - 2 * series.longest_us
            before_us = moment_us(interval.end) + series.longest_us
            values = _newest(connection, key, series.id, from_us, before_us, as_of)
        return tuple(o for o in newest_values(values) if o.interval.overlaps(interval))

    def intensity(self, key: SeriesKey, interval: Interval) -> StepSeries:
        with self._database.reading() as connection:
            series = series_row(connection, key)
            if series is None:
                return StepSeries.empty()
            around = moment_us(interval.start) - 2 * series.longest_us, moment_us(interval.end) + series.longest_us
            columns = OBSERVATION.c.start_us, OBSERVATION.c.end_us, OBSERVATION.c.g_per_kwh
            newest = _newest_numbers(series.id, *around)
            rows = connection.execute(select(*columns).where(OBSERVATION.c.id.in_(newest)).order_by(columns[0])).all()
        if not rows:
            return StepSeries.empty()
        # Column by column: numpy takes a second for a year of row objects.
        starts, ends, values = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
        if (starts[1:] < ends[:-1]).any():
            return StepSeries.of((o.interval, o.g_per_kwh) for o in self.observations(key, interval))
        inside = (ends > moment_us(interval.start)) & (starts < moment_us(interval.end))
        return StepSeries(starts[inside] / US_PER_S, ends[inside] / US_PER_S, values[inside])

    def revisions(self, key: SeriesKey, interval: Interval) -> tuple[IntensityObservation, ...]:
        start_us, end_us = OBSERVATION.c.start_us, OBSERVATION.c.end_us
        with self._database.reading() as connection:
            series = series_row(connection, key)
            if series is None:
                return ()
            # The first bound is implied by the second; the index has only starts.
            nearby = start_us > moment_us(interval.start) - series.longest_us, start_us < moment_us(interval.end)
            touching = end_us > moment_us(interval.start)
            found = select(OBSERVATION).where(OBSERVATION.c.series_id == series.id, *nearby, touching)
            rows = connection.execute(found.order_by(start_us, OBSERVATION.c.id)).all()
        return tuple(_observation_from(key, row) for row in rows)

    def recorded_series(self) -> tuple[RecordedSeries, ...]:
        with self._database.reading() as connection:
            every = connection.execute(select(SERIES)).all()
            found = [_recorded(connection, row) for row in every]
        return tuple(sorted((each for each in found if each.observed or each.issues), key=lambda each: each.key))


def _recorded(connection: Connection, series: Row[Any]) -> RecordedSeries:
    start_us, of_series = OBSERVATION.c.start_us, OBSERVATION.c.series_id == series.id
    first_us = connection.execute(select(func.min(start_us)).where(of_series)).scalar_one()
    observed = None
    if first_us is not None:
        last_us = connection.execute(select(func.max(start_us)).where(of_series)).scalar_one()
        of_last = select(OBSERVATION.c.end_us).where(of_series, start_us == last_us).order_by(OBSERVATION.c.id.desc())
        end_us = connection.execute(of_last.limit(1)).scalar_one()
        observed = Interval(moment(first_us), moment(end_us))
    issues = select(func.count()).select_from(FORECAST).where(FORECAST.c.series_id == series.id)
    return RecordedSeries(key_from(series), observed, connection.execute(issues).scalar_one())


def _append(connection: Connection, key: SeriesKey, observations: list[IntensityObservation]) -> int:
    series_id = series_number(connection, key)
    starts_us = [moment_us(o.interval.start) for o in observations]
    known = _newest(connection, key, series_id, min(starts_us), max(starts_us) + 1)
    newest = {o.interval.start: o for o in known}
    rows = []
    for observation in observations:
        before = newest.get(observation.interval.start)
        if before is None or not says_the_same(before, observation):
            newest[observation.interval.start] = observation
            rows.append(_values(series_id, observation))
    if rows:
        connection.execute(insert(OBSERVATION), rows)
        _remember_longest(connection, series_id, observations)
    return len(rows)


def _remember_longest(connection: Connection, series_id: int, observations: list[IntensityObservation]) -> None:
    longest_us = max(length_us(o.interval.length) for o in observations)
    shorter = SERIES.c.longest_us < longest_us
    connection.execute(update(SERIES).where(SERIES.c.id == series_id, shorter).values(longest_us=longest_us))


def _newest(
    connection: Connection, key: SeriesKey, series_id: int, from_us: int, before_us: int, as_of: datetime | None = None
) -> tuple[IntensityObservation, ...]:
    """The newest value, fetched by `as_of`, of every start in [from, before), in order of recording."""
    number, newest = OBSERVATION.c.id, _newest_numbers(series_id, from_us, before_us, as_of)
    rows = connection.execute(select(OBSERVATION).where(number.in_(newest)).order_by(number))
    return tuple(_observation_from(key, row) for row in rows)


def _newest_numbers(series_id: int, from_us: int, before_us: int, as_of: datetime | None = None) -> Select[Any]:
    start_us = OBSERVATION.c.start_us
    known = [] if as_of is None else [OBSERVATION.c.fetched_at_us <= moment_us(as_of)]
    return (
        select(func.max(OBSERVATION.c.id))
        .where(OBSERVATION.c.series_id == series_id, start_us >= from_us, start_us < before_us, *known)
        .group_by(start_us)
    )


def _values(series_id: int, observation: IntensityObservation) -> dict[str, Any]:
    return {
        "series_id": series_id,
        "start_us": moment_us(observation.interval.start),
        "end_us": moment_us(observation.interval.end),
        "g_per_kwh": observation.g_per_kwh,
        "status": observation.status.value,
        "fetched_at_us": moment_us(observation.fetched_at),
        "provider_updated_at_us": moment_us_or_none(observation.provider_updated_at),
        "raw_value": observation.raw_value,
        "raw_unit": observation.raw_unit,
    }


def _observation_from(key: SeriesKey, row: Row[Any]) -> IntensityObservation:
    return IntensityObservation(
        key,
        Interval(moment(row.start_us), moment(row.end_us)),
        row.g_per_kwh,
        IntensityStatus(row.status),
        fetched_at=moment(row.fetched_at_us),
        provider_updated_at=moment_or_none(row.provider_updated_at_us),
        raw_value=row.raw_value,
        raw_unit=row.raw_unit,
    )
