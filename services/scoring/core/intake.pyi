from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.batch import Batch
from services.scoring.core.names import Names
from services.scoring.core.seen import Seen
from shared.contract.block import Block
from shared.contract.entries import Events

Rows = NDArray[np.intp]

AHEAD_FAULT_MS: int
NAMES_MAX: dict[str, int]

@dataclass(slots=True)
class Screened:
    batch: Batch | None
    late: int = 0
    repeated: int = 0
    ahead: int = 0
    oldest_late_ms: int = 0
    unnamed: int = 0

@dataclass(slots=True)
class Registers:
    tenants: Names = field(default_factory=Names)
    agents: Names = field(default_factory=Names)
    queues: Names = field(default_factory=Names)
    issues: Names = field(default_factory=Names)
    teams: Names = field(default_factory=Names)
    departments: Names = field(default_factory=Names)

def by_tenant(block: Block) -> list[tuple[str, Rows]]: ...
def screen(
    events: Events, rows: Rows, tenant: int, now_ms: int, late_before_ms: int, seen: Seen, registers: Registers
) -> Screened: ...
