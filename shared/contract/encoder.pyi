from collections.abc import Sequence

from shared.contract.events import Event
from shared.contract.plain_events import PlainEvents
from shared.contract.rows import Asked, RowHashes

class EventsEncoder:
    def __init__(self) -> None: ...
    @property
    def rows(self) -> int: ...
    def add(
        self, tenant: str, hashes: RowHashes, events: Sequence[Event] | PlainEvents, ts_ms: Sequence[int]
    ) -> None: ...
    def finish(self) -> tuple[bytes, list[Asked]]: ...
