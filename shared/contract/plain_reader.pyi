from shared.contract.plain_events import PlainEvents

SAVES_TIME: bool

def read_plain(body: bytes, by_line: bool, ts_max_ms: int, rows_max: int) -> PlainEvents | None: ...
