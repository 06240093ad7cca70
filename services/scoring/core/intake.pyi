from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.seen import Seen
from shared.contract.block import Block
from shared.contract.entries import Events

Rows = NDArray[np.intp]

AHEAD_FAULT_MS: int

class Names:
    text: list[str]
    tenant: list[int]
    def __init__(self) -> None: ...
    def row(self, tenant: int, name: str) -> int: ...
    def find(self, tenant: int, name: str) -> int | None: ...
    def pack(self) -> dict[str, Any]: ...
    def unpack(self, packed: dict[str, Any]) -> None: ...

@dataclass(slots=True)
class Batch:
    tenant: int
    kind: NDArray[np.uint8]
    at_ms: NDArray[np.int64]
    queue: Rows
    agent: Rows
    issue: Rows
    team: Rows
    contact: NDArray[np.uint64]
    flags: NDArray[np.uint32]
    n0: NDArray[np.float64]
    n1: NDArray[np.float64]
    n2: NDArray[np.float64]
    n3: NDArray[np.float64]
    n4: NDArray[np.float64]
    since_previous_ms: NDArray[np.int64]
    outbound: NDArray[np.int64] | None
    ids: NDArray[np.uint64]
    id_texts: dict[bytes, str]

@dataclass(slots=True)
class Screened:
    batch: Batch | None
    late: int = 0
    repeated: int = 0
    ahead: int = 0
    oldest_late_ms: int = 0

@dataclass(slots=True)
class Registers:
    tenants: Names = field(default_factory=Names)
    agents: Names = field(default_factory=Names)
    queues: Names = field(default_factory=Names)
    issues: Names = field(default_factory=Names)
    teams: Names = field(default_factory=Names)

def by_tenant(block: Block) -> list[tuple[str, Rows]]: ...
def screen(
    events: Events, rows: Rows, tenant: int, now_ms: int, late_before_ms: int, seen: Seen, registers: Registers
) -> Screened: ...
