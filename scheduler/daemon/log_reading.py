"""One stream of a job as one text: the logs of its segments, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scheduler.domain.errors import RequestError
from scheduler.domain.lifecycle import SegmentState
from scheduler.domain.runs import Segment, SegmentId
from scheduler.ports import Executor
from scheduler.service_views.jobs import LogPart
from scheduler.service_views.requests import LogStream

CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a reader is: in which segment, at which byte of its stream."""

    segment: SegmentId
    offset: int

    def __str__(self) -> str:
        return f"{self.segment}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """RequestError where the text is no cursor that we gave out."""
        name, _, offset = text.partition(":")
        try:
            return cls(SegmentId.parse(name), int(offset))
        except ValueError:
            raise RequestError(f"'{text}' is not a log cursor; start again with an empty one") from None


async def read_log(
    executor: Executor, segments: Sequence[Segment], job_ended: bool, stream: LogStream, cursor: str
) -> LogPart:
    """The next piece after `cursor`; it moves on to the next segment where one has been read to its end."""
    ran = [segment for segment in segments if segment.state is not SegmentState.NEVER_STARTED]
    if not ran:
        return LogPart("", cursor, 0, ended=job_ended)
    at = Cursor.parse(cursor) if cursor else Cursor(ran[0].id, 0)
    index = next((n for n, segment in enumerate(ran) if segment.id == at.segment), None)
    if index is None:
        raise RequestError(f"'{cursor}' is not a log cursor of this job; start again with an empty one")
    chunk = await executor.read_log(at.segment, stream, at.offset, CHUNK_BYTES)
    last = index == len(ran) - 1
    if chunk.ended and not chunk.data and not last:
        at = Cursor(ran[index + 1].id, 0)
        chunk = await executor.read_log(at.segment, stream, 0, CHUNK_BYTES)
        last = index + 1 == len(ran) - 1
    ended = job_ended and last and chunk.ended and not chunk.data
    return LogPart(chunk.data, str(Cursor(at.segment, chunk.next_offset)), chunk.lost, ended)
