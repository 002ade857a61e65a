"""Messages between scheduler, worker agent and supervisor, and the files a run leaves on disk.

Wire: one JSON object a line over a Unix stream socket; a `StartOrder` carries the locked file descriptor of its segment
beside it (SCM_RIGHTS). Times are epoch seconds (float, UTC), energies joules. Unknown fields are ignored, so a newer
side may add some; a changed meaning needs a new PROTOCOL_VERSION.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

PROTOCOL_VERSION = 1

# --- files in a segment's directory, written by the supervisor, read by the agent -----------------------------------
SPEC_FILE = "spec.json"
RUN_FILE = "run.json"
EXIT_FILE = "exit.json"
STOP_FILE = "stop.json"
READINGS_FILE = "readings.jsonl"
LIVE_FILE = "live.json"
CONTROL_FIFO = "control"
STDOUT_FILE = "stdout.log"
STDERR_FILE = "stderr.log"

# --- the channel between supervisor and the job's own code (the training kit speaks it; a job need not) --------------
ENV_JOB_ID = "CARBONQ_JOB_ID"
ENV_ATTEMPT = "CARBONQ_ATTEMPT"
ENV_SEGMENT = "CARBONQ_SEGMENT"
ENV_RESUME = "CARBONQ_RESUME"
"""`1` when an earlier segment ran, so that a checkpoint may be there; else `0`."""
ENV_CHECKPOINT_DIR = "CARBONQ_CHECKPOINT_DIR"
"""Directory that every segment of a job shares."""
ENV_CHANNEL_DIR = "CARBONQ_CHANNEL_DIR"
"""Directory where the job may leave the three files below, each replaced whole (write aside, rename)."""
CHANNEL_ANNOUNCE = "announce.json"
CHANNEL_PROGRESS = "progress.json"
CHANNEL_CHECKPOINT = "checkpoint.json"
EXIT_SUSPENDED = 99
"""Exit code by which a job says: I wrote my checkpoint, run me again (OAR's convention)."""


StepCount = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""Up to what a reader that keeps all numbers as floats still holds exactly."""
JobMoment = Annotated[float, msgspec.Meta(ge=0, lt=32_503_680_000)]
"""As the job's own clock says it; a time after the year 3000 is no time."""


class Announcement(msgspec.Struct, frozen=True):
    """announce.json: the signal by which the job's main process can be asked for a checkpoint."""

    checkpoint_signal: str


class Progress(msgspec.Struct, frozen=True):
    """progress.json: how far the job says it is."""

    step: StepCount
    total: StepCount | None = None
    loss: float | None = None
    t: JobMoment | None = None


class CheckpointWritten(msgspec.Struct, frozen=True):
    """checkpoint.json: a checkpoint is complete on disk."""

    step: StepCount
    t: JobMoment


class RunSpec(msgspec.Struct, frozen=True):
    """spec.json (0600): all that the supervisor needs. The environment may hold secrets."""

    segment: str
    argv: list[str]
    env: dict[str, str]
    workdir: str
    gpu_uuids: list[str]
    checkpoint_dir: str
    resume: bool
    checkpoint_signal: str | None = None
    grace_s: float = 30.0
    time_limit_s: float | None = None
    """What is left of the job's limit for this segment."""
    sample_s: float = 1.0
    slice_s: float = 60.0
    """Length of an energy slice; at most 300."""
    log_limit_bytes: int = 64 * 1024 * 1024
    """Size at which a log file is rotated to `.1`."""
    cpu_share: float = 1.0
    """Share of the host's idle power that this run reserves, 0 to 1."""
    run_as_uid: int | None = None
    """The job's own account, set by an agent whose supervisors are root's; None where they are the job's user's."""


class RunRecord(msgspec.Struct, frozen=True):
    """run.json: written before the process can have any effect."""

    segment: str
    supervisor_pid: int
    boot_id: str
    host: str
    t: float
    unit: str | None = None
    """The transient systemd unit, where one holds the run."""


class ExitRecord(msgspec.Struct, frozen=True):
    """exit.json: the last word on a segment."""

    segment: str
    started_t: float
    ended_t: float
    code: int | None
    """Exit code, or -signal; None when the command could not be executed."""
    spawn_error: str | None = None
    stop_reason: str | None = None
    asked_by_machine: bool = False
    """Its supervisor was told to go by the machine, or by an operator, and told it to stop; `stop_reason` is None."""
    checkpoint_step: int | None = None
    finished: bool = False
    """Asked to suspend, it ended by itself before any signal reached it, or said that it was done."""
    last_seq: int = 0
    """Sequence number of the last energy slice in the journal."""
    cpu_s: float = 0.0
    max_rss_bytes: int = 0
    ran_s: float | None = None
    """How long it ran by the monotonic clock, which nobody sets and which stands still while the machine sleeps."""


class SlicePart(msgspec.Struct, frozen=True, array_like=True):
    component: str
    device: str
    joules: float
    method: str
    flags: list[str] = []


class SliceRecord(msgspec.Struct, frozen=True):
    """One line of readings.jsonl."""

    seq: int
    start_t: float
    end_t: float
    parts: list[SlicePart]


class StopRecord(msgspec.Struct, frozen=True):
    """stop.json: why the segment was asked to stop, written before the first signal."""

    reason: str | None
    """A StopReason; None when the machine or an operator ended the supervisor."""
    t: float


class LiveReading(msgspec.Struct, frozen=True):
    """live.json: the last sample, for people watching; replaced each time and never synced to disk."""

    t: float
    watts: float | None


# --- scheduler to agent -------------------------------------------------------------------------------------
class Hello(msgspec.Struct, frozen=True, tag="hello"):
    version: int = PROTOCOL_VERSION


class StartOrder(msgspec.Struct, frozen=True, tag="start"):
    """Start this segment once. The locked descriptor comes beside the message."""

    spec: RunSpec
    run_as_uid: int


class StopOrder(msgspec.Struct, frozen=True, tag="stop"):
    """Ask a segment to stop; asking again changes nothing but a suspend into a cancel."""

    segment: str
    reason: str


class ReportQuery(msgspec.Struct, frozen=True, tag="report"):
    """For each segment, the sequence number of the last slice already stored."""

    cursors: dict[str, int]
    limit: int = 2000
    """Slices a segment, at most, in one answer."""


class LogQuery(msgspec.Struct, frozen=True, tag="log"):
    segment: str
    stream: str
    offset: int
    limit: int = 65536


class InventoryQuery(msgspec.Struct, frozen=True, tag="inventory"):
    pass


class ForgetOrder(msgspec.Struct, frozen=True, tag="forget"):
    """Remove what nobody needs of an ended segment: its spec with the environment, its control. Logs stay."""

    segment: str


class CleanOrder(msgspec.Struct, frozen=True, tag="clean"):
    """Remove all that these segments, those of one ended job, have left, and the checkpoints that they shared."""

    segments: list[str]
    dry_run: bool = False
    """Only say how much it is."""


Request = Hello | StartOrder | StopOrder | ReportQuery | LogQuery | InventoryQuery | ForgetOrder | CleanOrder


# --- agent to scheduler -------------------------------------------------------------------------------------
class Welcome(msgspec.Struct, frozen=True, tag="welcome"):
    version: int
    pid: int
    host: str
    boot_id: str
    launcher: str
    """`fork`, `systemd-user` or `systemd-system`."""


class Accepted(msgspec.Struct, frozen=True, tag="accepted"):
    pass


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The order was understood and not carried out; nothing was started."""

    reason: str


class Cleaned(msgspec.Struct, frozen=True, tag="cleaned"):
    bytes: int
    """On disk, of what was removed (or would be)."""
    left: list[str] = []
    """Directories that are not the worker's to remove: of a job that belongs to another user."""


class SegmentReport(msgspec.Struct, frozen=True):
    """All that the disk says of one segment. `alive`: the supervisor still holds the lock, as the agent sees it."""

    segment: str
    run: RunRecord | None = None
    exit: ExitRecord | None = None
    slices: list[SliceRecord] = []
    progress: Progress | None = None
    stop_reason: str | None = None
    watts: float | None = None
    """Power over the last sample, for people watching."""


class Reports(msgspec.Struct, frozen=True, tag="reports"):
    t: float
    segments: list[SegmentReport]
    """Of those asked for, all that could be looked at: of one that is missing nothing is to be concluded."""


class LogChunk(msgspec.Struct, frozen=True, tag="log-chunk"):
    """`data` is base64; `next_offset` counts bytes since the segment began; `lost` were rotated away."""

    data: str
    next_offset: int
    lost: int = 0
    ended: bool = False


class GpuReport(msgspec.Struct, frozen=True):
    uuid: str
    name: str
    memory_bytes: int | None = None
    power_limit_w: float | None = None
    power_w: float | None = None
    busy_with: list[int] = []


class InventoryReport(msgspec.Struct, frozen=True, tag="inventory-report"):
    host: str
    boot_id: str
    gpus: list[GpuReport]
    cpu_slots: int
    cpu_model: str | None = None
    meters: list[str] = []
    degraded: str | None = None


Reply = Welcome | Accepted | Refused | Reports | LogChunk | InventoryReport | Cleaned


class Envelope(msgspec.Struct, frozen=True):
    """A request or reply with the number that ties them."""

    n: int
    body: msgspec.Raw


def encode(n: int, message: msgspec.Struct) -> bytes:
    """One line, newline included."""
    return msgspec.json.encode({"n": n, "body": message}) + b"\n"


def decode_request(line: bytes) -> tuple[int, Any]:
    """(number, request); msgspec.DecodeError where the line is not one."""
    envelope = msgspec.json.decode(line, type=Envelope)
    return envelope.n, msgspec.json.decode(envelope.body, type=Request)


def decode_reply(line: bytes) -> tuple[int, Any]:
    """(number, reply); msgspec.DecodeError where the line is not one."""
    envelope = msgspec.json.decode(line, type=Envelope)
    return envelope.n, msgspec.json.decode(envelope.body, type=Reply)
