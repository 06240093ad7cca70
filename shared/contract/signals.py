"""Signals: strain now, each second, from scoring to notify; and the rows of the board that a lead sees.

Signals are columns, little-endian, so that thousands of rows are written and read without a loop; `signal_columns`
makes them and reads them. Each entry stands for itself, the names and units of the drivers with it: a driver that the
reader never heard of passes through.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

VERSION = 1

BREAK_LONGEST_MIN = 120
"""Minutes of break are told up to here: longer is the end of the shift."""
NO_BREAK_MIN = 255
"""In a column of such minutes: none needed."""


class BadSignals(ValueError):
    """An entry of the signals log cannot be read. Of a newer version: upgrade notify. Else it is damaged."""


# --- rows, as clients read them. Thousands are made and dropped each second, and none of them can be in a cycle: the
# garbage collector need not know of them.


class DriverShare(Struct, frozen=True, gc=False):
    """A driver on the board; words come from its name."""

    name: str
    share: float
    value: float | None
    unit: str


class IssueShare(Struct, frozen=True, gc=False):
    """What contacts are about: an issue, and its part in percent of the last hour's contacts that named one."""

    issue: str
    percent: float


class QueueSignal(Struct, frozen=True, gc=False):
    """A queue now. `strain` is null until something is known about the queue."""

    id: str
    team: str | None
    strain: float
    drivers: list[DriverShare]
    waiting: int
    longest_wait_s: float | None
    predicted_wait_s: float | None = None
    agents: int | None = None
    service_level: float | None = None
    """Percent of the last contacts that were answered within the goal time."""
    issues: list[IssueShare] = []
    """The largest first, three at most."""


class AgentSignal(Struct, frozen=True, gc=False):
    """An agent now. `state` is null when the ACD never said one and no contact shows it."""

    id: str
    team: str | None
    strain: float
    drivers: list[DriverShare]
    state: str | None
    state_since_s: float | None = None
    since_break_s: float | None = None
    break_min: int | None = None
    """Minutes of break until the strain is below the line, 120 at most; null while it is not above it."""


class BreakCost(Struct, frozen=True, gc=False):
    """A queue that an agent serves: its predicted wait now, and with one agent less. Null where it is not known."""

    id: str
    predicted_wait_s: float | None
    with_one_less_s: float | None
    cost_s: float | None


class BreakDue(Struct, frozen=True, gc=False):
    """An agent who needs a break and could go now; those who need it most come first. Null: see AgentSignal."""

    agent: str
    team: str | None
    state: str | None
    strain: float
    since_break_s: float | None
    break_min: int | None
    suggested_min: int
    queues: list[BreakCost]
    """The dearest first."""


# --- columns, as they cross the log


class DriverColumns(Struct, frozen=True):
    """The drivers that have a share: those of the first row, the largest share first, then those of the next row."""

    names: list[str]
    units: list[str]
    counts: bytes
    """u1 [rows]: how many each row has."""
    codes: bytes
    """u1 [shares]: into `names`."""
    shares: bytes
    """f8 [shares]: parts of the row's strain; they add up to it."""
    values: bytes
    """f8 [shares]: the measure behind each in its unit, NaN where nothing was measured."""


class IssueColumns(Struct, frozen=True):
    """What the contacts of queues are about: the issues of the first row, the largest first, then those of the next."""

    names: list[str] = []
    counts: bytes = b""
    """u1 [rows]: how many each row has. Empty where none has any."""
    codes: bytes = b""
    """i4 [issues]: into `names`."""
    percent: bytes = b""
    """f4 [issues]."""


class QueueColumns(Struct, frozen=True):
    """Queues now."""

    ids: list[str]
    team: bytes
    """i4 [rows]: place in the tenant's `teams`, from 1; 0 for none."""
    strain: bytes
    """f8 [rows]."""
    drivers: DriverColumns
    waiting: bytes
    """i4 [rows]."""
    longest_wait_s: bytes
    """f8 [rows], NaN while nobody waits."""
    predicted_wait_s: bytes
    """f8 [rows], NaN while unknown."""
    agents: bytes
    """i4 [rows], -1 while unknown."""
    service_level: bytes = b""
    """f8 [rows], NaN while unknown. Empty in signals of before it was told."""
    issues: IssueColumns = IssueColumns()


class AgentColumns(Struct, frozen=True):
    """Agents now."""

    ids: list[str]
    team: bytes
    """i4 [rows], as of queues."""
    strain: bytes
    """f8 [rows]."""
    drivers: DriverColumns
    state: bytes
    """u1 [rows]: place in the tenant's `states`, from 1; 0 where none is known."""
    state_since_s: bytes
    """f8 [rows], NaN while no state is known."""
    since_break_s: bytes
    """f8 [rows], NaN where the ACD sends no states."""
    break_min: bytes = b""
    """u1 [rows], NO_BREAK_MIN where the strain is not above the line. Empty in signals of before it was told."""


class BreakColumns(Struct, frozen=True):
    """Who is due for a break, those who need it most first."""

    agent: bytes = b""
    """i4 [due]: place among the agents."""
    minutes: bytes = b""
    """u1 [due]: suggested."""
    counts: bytes = b""
    """u1 [due]: how many queues are told with each."""
    queue: bytes = b""
    """i4 [pairs]: place among the queues; those of the first, then of the next."""
    cost_s: bytes = b""
    """f8 [pairs]: how much longer the queue's predicted wait gets with one agent less, NaN while unknown."""


class TenantSignals(Struct):
    """All signals of one tenant at one moment (`at_ms`), before any entry of that millisecond or later."""

    tenant: str
    at_ms: int
    position: str
    teams: list[str]
    states: list[str]
    queues: QueueColumns
    agents: AgentColumns
    last_event_ms: int | None = None
    """Entry time of the newest event that took effect: how old the board's data is."""
    drivers_off: list[str] = []
    """Drivers without any source in this tenant, as `agent.<name>` or `queue.<name>`: shown as "no data"."""
    version: int = VERSION
    breaks: BreakColumns = BreakColumns()


class SignalsHead(Struct):
    """Whose signals, and of when; enough to file them without reading thousands of rows."""

    tenant: str
    at_ms: int
    version: int


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(TenantSignals)
_heads = msgspec.msgpack.Decoder(SignalsHead)


def encode_signals(signals: TenantSignals) -> bytes:
    """The bytes of one entry of the signals log."""
    return _encoder.encode(signals)


def read_head(data: bytes) -> SignalsHead:
    """Of an entry of the signals log. Raises BadSignals."""
    try:
        head = _heads.decode(data)
    except (msgspec.MsgspecError, UnicodeError) as fault:
        raise BadSignals(f"These signals are damaged: {fault}") from None
    if head.version > VERSION:
        raise BadSignals(f"These signals are of version {head.version}, this reader knows {VERSION}: upgrade notify.")
    return head


def decode_signals(data: bytes) -> TenantSignals:
    """From the signals log; that the columns fit together shows when they are read. Raises BadSignals."""
    read_head(data)
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError) as fault:
        raise BadSignals(f"These signals are damaged: {fault}") from None
