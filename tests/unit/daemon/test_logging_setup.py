"""Log lines that a person and a machine can read."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator

import pytest

from scheduler.daemon.logging_setup import FactsFormatter, set_up_logging


def a_record(level: int = logging.INFO, error: bool = False, **facts: object) -> logging.LogRecord:
    try:
        if error:
            raise ValueError("the reason")
        exc_info = None
    except ValueError:
        exc_info = sys.exc_info()
    record = logging.LogRecord("scheduler.x", level, "x.py", 1, "run started", (), exc_info)
    vars(record).update(facts)
    return record


def test_an_event_is_followed_by_its_facts() -> None:
    line = FactsFormatter(under_systemd=False).format(a_record(job=12, gpus="GPU-0,GPU-1"))
    assert line.endswith("INFO    run started job=12 gpus=GPU-0,GPU-1")


def test_a_fact_with_spaces_is_quoted_and_one_with_line_breaks_stays_one_line() -> None:
    """A provider's words must not be able to forge a line."""
    line = FactsFormatter(under_systemd=True).format(a_record(reason="bad gateway\n<6>daemon ready"))
    assert line == '<6>run started reason="bad gateway\\n<6>daemon ready"'


@pytest.mark.parametrize(
    ("level", "priority"), [(logging.DEBUG, 7), (logging.INFO, 6), (logging.WARNING, 4), (logging.ERROR, 3)]
)
def test_under_systemd_a_line_begins_with_its_priority_and_has_no_time_of_its_own(level: int, priority: int) -> None:
    assert FactsFormatter(under_systemd=True).format(a_record(level)) == f"<{priority}>run started"


def test_the_facts_stand_on_the_first_line_before_a_traceback() -> None:
    lines = FactsFormatter(under_systemd=False).format(a_record(error=True, job=3)).split("\n")
    assert lines[0].endswith("run started job=3")
    assert lines[1].startswith("Traceback") and lines[-1] == "ValueError: the reason"


@pytest.fixture
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize(("verbose", "level"), [(False, logging.INFO), (True, logging.DEBUG)])
def test_libraries_are_quiet_even_when_we_are_not(verbose: bool, level: int) -> None:
    """httpx would log every query, and with it keys."""
    set_up_logging(verbose, under_systemd=False)
    assert logging.getLogger().level == level
    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
