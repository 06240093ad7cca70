from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.batch import Batch, Facts
from services.scoring.core.intake import Registers
from services.scoring.core.tables import Table

KEPT: int

class Ring:
    version: int
    n: int

    def __init__(self, evidence: Evidence) -> None: ...

class Evidence(Table):
    columns: ClassVar[dict[str, tuple[str, Any, int]]]
    ids: NDArray[np.uint64]
    next: NDArray[np.int64]

    def ring(self, subjects: int) -> Ring: ...
    def take(self, ring: Ring, texts: dict[bytes, str]) -> None: ...
    def of(self, row: int) -> list[str]: ...

def note_facts(
    b: Batch,
    facts: Facts,
    of_queues: Evidence,
    of_agents: Evidence,
    of_arrivals: Evidence,
    of_mentions: Evidence,
    names: Registers,
) -> None: ...
def note_rests(b: Batch, rests: Evidence) -> None: ...
def note_over(b: Batch, over: NDArray[np.uint8], campaigns: Evidence) -> None: ...
