"""Log lines a person and a machine can read: the event, then its facts as key=value; one line an event."""

from __future__ import annotations

import logging
import sys

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}


class FactsFormatter(logging.Formatter):
    """`run started job=12 gpus=1`; under systemd each line begins with its priority (sd-daemon(3))."""

    def __init__(self, under_systemd: bool) -> None:
        super().__init__("%(message)s" if under_systemd else "%(asctime)s %(levelname)-7s %(message)s")
        self._under_systemd = under_systemd

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        facts = " ".join(f"{k}={_fact(v)}" for k, v in vars(record).items() if k not in _STANDARD)
        first, *rest = line.split("\n")
        text = "\n".join([f"{first} {facts}".rstrip(), *rest])
        return f"<{_PRIORITY.get(record.levelno, 6)}>{text}" if self._under_systemd else text


def _fact(value: object) -> str:
    text = str(value).replace("\n", "\\n")
    return f'"{text}"' if " " in text else text


def set_up_logging(verbose: bool, under_systemd: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FactsFormatter(under_systemd))
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler], force=True)
    for chatty in ("httpx", "httpcore", "uvicorn", "alembic", "dbus_fast", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
