"""Messages between scheduler and worker: what is sent is what arrives."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler import protocol
from scheduler.protocol import decode_reply, decode_request, encode

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
seconds = st.floats(0, 4e9, allow_nan=False)
whole = st.integers(0, 2**53)
segment = st.tuples(*[st.integers(1, 10**6)] * 3).map(lambda numbers: "-".join(str(number) for number in numbers))
parts = st.builds(
    protocol.SlicePart, component=text, device=text, joules=st.floats(0, 1e12), method=text, flags=st.lists(text)
)
slices = st.builds(protocol.SliceRecord, seq=whole, start_t=seconds, end_t=seconds, parts=st.lists(parts, max_size=3))
specs = st.builds(
    protocol.RunSpec,
    segment=segment,
    argv=st.lists(text, min_size=1),
    env=st.dictionaries(text, text),
    workdir=text,
    gpu_uuids=st.lists(text),
    checkpoint_dir=text,
    resume=st.booleans(),
    checkpoint_signal=st.none() | text,
    time_limit_s=st.none() | seconds,
)
requests = st.one_of(
    st.builds(protocol.Hello),
    st.builds(protocol.StartOrder, spec=specs, run_as_uid=whole),
    st.builds(protocol.StopOrder, segment=segment, reason=text),
    st.builds(protocol.ReportQuery, cursors=st.dictionaries(segment, whole)),
    st.builds(protocol.LogQuery, segment=segment, stream=text, offset=whole),
    st.builds(protocol.InventoryQuery),
    st.builds(protocol.ForgetOrder, segment=segment),
    st.builds(protocol.CleanOrder, segments=st.lists(segment), dry_run=st.booleans()),
)
reports = st.builds(
    protocol.SegmentReport, segment=segment, slices=st.lists(slices, max_size=3), watts=st.none() | seconds
)
replies = st.one_of(
    st.builds(protocol.Accepted),
    st.builds(protocol.Refused, reason=text),
    st.builds(protocol.Reports, t=seconds, segments=st.lists(reports, max_size=2)),
    st.builds(protocol.LogChunk, data=text, next_offset=whole, lost=whole, ended=st.booleans()),
)


@given(whole, requests)
def test_a_request_arrives_as_it_was_sent_on_one_line(number: int, request: msgspec.Struct) -> None:
    """decode after encode is the identity, whatever the fields hold."""
    line = encode(number, request)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert decode_request(line) == (number, request)


@given(whole, replies)
def test_a_reply_arrives_as_it_was_sent(number: int, reply: msgspec.Struct) -> None:
    """The same for what comes back."""
    assert decode_reply(encode(number, reply)) == (number, reply)


@given(st.binary(max_size=200))
def test_what_is_no_message_is_refused_and_nothing_else(line: bytes) -> None:
    """Whatever a peer sends, there is one error to handle."""
    try:
        decode_request(line)
    except msgspec.DecodeError:
        return
    pytest.fail("random bytes were taken for a request")


def test_fields_of_a_newer_side_are_passed_over() -> None:
    """So that scheduler and worker can be upgraded one after the other."""
    line = b'{"n": 1, "body": {"type": "stop", "segment": "1-1-1", "reason": "cancel", "color": "blue"}}\n'
    assert decode_request(line) == (1, protocol.StopOrder("1-1-1", "cancel"))
