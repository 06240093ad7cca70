from typing import Any

BIN_MS: int
BINS: int
DAYS: int
REPEAT_DAYS: int
PLACES: int
DAY_MS: int

class IssueRows:
    version: int
    def __init__(self, issues: Any) -> None: ...
    def note_contact(self, r: int, at_ms: int, count: int) -> None: ...
    def note_repeat(self, r: int, at_ms: int, since_ms: int) -> None: ...
    def note_cost(self, r: int, at_ms: int, strain_minutes: float) -> None: ...
