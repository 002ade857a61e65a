"""Every issue of every forecast."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, select

from scheduler.domain.carbon import CarbonForecast, SeriesKey
from scheduler.domain.intervals import Interval
from scheduler.storage.packing import digest, pack, unpack
from scheduler.storage.records import Records, equal
from scheduler.storage.series import series_number, series_row
from scheduler.storage.tables import FORECAST
from scheduler.storage.times import length_us, moment, moment_us

BY_ISSUE = (FORECAST.c.issued_at_us, FORECAST.c.fetched_at_us, FORECAST.c.id)


class ForecastRecords(Records):
    def add_forecast(self, forecast: CarbonForecast) -> bool:
        packed = pack(forecast)
        with self._database.writing() as connection:
            issue = {
                "series_id": series_number(connection, forecast.key),
                "issued_at_us": moment_us(forecast.issued_at),
                "method": forecast.method,
                "digest": digest(packed),
            }
            same = select(FORECAST.c.id).where(equal(FORECAST, issue))
            if connection.execute(same).first() is not None:
                return False
            issue |= {"fetched_at_us": moment_us(forecast.fetched_at), "packed": packed}
            connection.execute(insert(FORECAST), issue)
        return True

    def latest_forecast(self, key: SeriesKey, as_of: datetime | None = None) -> CarbonForecast | None:
        known = [] if as_of is None else [FORECAST.c.fetched_at_us <= moment_us(as_of)]
        return next(iter(self._issues(key, known, newest_only=True)), None)

    def forecasts(
        self, key: SeriesKey, interval: Interval, one_in: timedelta | None = None
    ) -> tuple[CarbonForecast, ...]:
        issued_us = FORECAST.c.issued_at_us
        inside = [issued_us >= moment_us(interval.start), issued_us < moment_us(interval.end)]
        return self._issues(key, inside, one_in)

    def _issues(
        self,
        key: SeriesKey,
        conditions: list[ColumnElement[bool]],
        one_in: timedelta | None = None,
        newest_only: bool = False,
    ) -> tuple[CarbonForecast, ...]:
        with self._database.reading() as connection:
            series = series_row(connection, key)
            if series is None:
                return ()
            issues = select(FORECAST).where(FORECAST.c.series_id == series.id, *conditions)
            if one_in is not None:
                place = func.row_number().over(
                    partition_by=FORECAST.c.issued_at_us // length_us(one_in),
                    order_by=[column.desc() for column in BY_ISSUE],
                )
                placed = select(FORECAST.c.id, place.label("place")).where(issues.whereclause).subquery()  # type: ignore[arg-type]
                issues = issues.where(FORECAST.c.id.in_(select(placed.c.id).where(placed.c.place == 1)))
            newest = issues.order_by(*(column.desc() for column in BY_ISSUE)).limit(1)
            rows = connection.execute(newest if newest_only else issues.order_by(*BY_ISSUE)).all()
        return tuple(_forecast_from(key, row) for row in rows)


def _forecast_from(key: SeriesKey, row: Row[Any]) -> CarbonForecast:
    expected, p10, p90 = unpack(row.packed)
    return CarbonForecast(
        key, moment(row.issued_at_us), moment(row.fetched_at_us), expected, p10=p10, p90=p90, method=row.method
    )
