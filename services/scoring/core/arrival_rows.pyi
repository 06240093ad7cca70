from typing import Any

HOURS: int
MEMORY_HOURS: float
ENOUGH_HOURS: float
FLOOR: float
MINUTES_ENOUGH: int
ABNORMAL_Z: float
WINSOR_Z: float
LASTING_DAYS: int

class ArrivalRows:
    version: int
    def __init__(self, streams: Any) -> None: ...
