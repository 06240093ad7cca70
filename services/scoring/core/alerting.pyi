from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.alert_phases import P, T
from services.scoring.core.decay import Floats
from services.scoring.core.tables import Table

Rows = NDArray[np.intp]

NOTICE: int
WARNING: int
CRITICAL: int
BORNE_SHARE: float
SEVERITY_WORDS: tuple[str, str, str]

@dataclass(slots=True)
class Lines:
    open_line: Floats
    open_hold_s: Floats
    close_line: Floats
    close_hold_s: Floats
    critical_line: Floats
    escalate_after_s: Floats

class Watcher: ...

class Watch(Table):
    columns: ClassVar[dict[str, tuple[str, Any, int]]]
    phase: NDArray[np.uint8]
    severity: NDArray[np.uint8]
    since: NDArray[np.int64]
    below_since: NDArray[np.int64]
    snoozed_until: NDArray[np.int64]

    def cover(self, rows: int) -> None: ...
    def watcher(self, rule: Lines, running_ms: int) -> Watcher: ...
    def scan(self, r: Rows, value: Floats, running_ms: int, rule: Lines, borne: Floats) -> list[tuple[int, T]]: ...
    def hot(self, r: Rows, lowest: Floats, highest: Floats, running_ms: int, rule: Lines) -> NDArray[np.uint8]: ...
    def go(self, row: int, trigger: T, running_ms: int) -> P | None: ...
