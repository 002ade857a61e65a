"""`carbonq grid serve-recorded`: a series served as every provider would, without a daemon."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from scheduler.cli import options, times
from scheduler.cli.failures import Failure
from scheduler.cli.output import flush, notice, say, say_json


def serve_recorded(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="start,carbon_intensity_g_per_kwh", show_default=False)
    ],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes any that is free.")] = 8017,
    begin: Annotated[str | None, typer.Option("--from", help="When the series begins; else half is past.")] = None,
    own_time: Annotated[bool, typer.Option("--own-time", help="Move nothing: the series is of today.")] = False,
    speed: Annotated[float, typer.Option("--speed", min=1e-6, max=1e6, help="Seconds of the series in one.")] = 1.0,
    lag: Annotated[str | None, typer.Option("--lag", help="How late values come, in the series' time.")] = None,
    forecast_error_pct: Annotated[
        float, typer.Option("--forecast-error", min=-100.0, max=1e6, help="Forecasts are off by so many %.")
    ] = 0.0,
    fault: Annotated[
        list[str] | None, typer.Option("--fault", help="Something that goes wrong; may be repeated.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Serve a series as every provider would, on this machine, to try carbonq without keys or network.

    Answers in each provider's own dialect, quirks included; the key is `loopback-key`, WattTime's user `loopback`.
    Ctrl-C stops it. With --json one value is printed when it serves.
    """
    from scheduler.daemon.clock import SystemClock
    from scheduler.domain.errors import CarbonDataError
    from scheduler.grid.loopback.serving import Served, how_to_use, open_server

    options.check_numbers({"--speed": speed, "--forecast-error": forecast_error_pct})
    anchor = times.moment(begin, "--from", times.now())[0] if begin else None
    late = times.length(lag, "--lag") if lag else timedelta(0)
    served = Served(file, port, anchor, own_time, speed, late, forecast_error_pct / 100, _faults(fault or []))
    try:
        server = open_server(served, SystemClock())
    except CarbonDataError as error:
        raise Failure(str(error)) from None
    except OverflowError:
        raise Failure(
            f"--speed: at {speed:g} the series reaches beyond the years 1 to 9999; give a larger one, or another --from"
        ) from None
    except OSError as error:
        raise Failure(f"--port: {port} cannot be used: {error.strerror}") from None
    if as_json:
        say_json({"base_urls": {name: server.url(name) for name in server.dialects}})
    else:
        say("\n".join(how_to_use(server)))
    # Into a pipe nothing would come before the end.
    flush()
    notice("serving; Ctrl-C stops it")
    server.serve_forever()


def _faults(names: list[str]) -> list[Any]:
    from scheduler.grid.loopback.faults import Fault

    known = {fault.value: fault for fault in Fault}
    for name in names:
        if name not in known:
            raise Failure(f"--fault: there is no '{name}'; known: {', '.join(known)}")
    return [known[name] for name in names]
