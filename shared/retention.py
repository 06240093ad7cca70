"""How long each stream is kept, as a person sets it: `events=26h,alerts=7d,audit=30d,events_bytes=4GiB`."""

from __future__ import annotations

import re
from dataclasses import replace

from shared.log import Retention

_UNITS_MS = {"h": 3_600_000, "d": 86_400_000}
_BYTES = {"MiB": 1 << 20, "GiB": 1 << 30}
_TIME = re.compile(r"([0-9]{1,5})([hd])")
_SIZE = re.compile(r"([0-9]{1,6})(MiB|GiB)")
LEAST_MS = {
    "events": 3_600_000,
    "alerts": 2 * 86_400_000,
    "history": 3_600_000,
    "rejects": 3_600_000,
    "audit": 3_600_000,
}
"""An hour is what a restart of everything may take. Live alerts are told again each day, so their log needs two."""
MOST_MS = 400 * 86_400_000
"""A year and a month: who needs longer exports the log, and looks after the file."""
BYTES_MIN = 64 << 20
"""Some minutes of a large centre."""


def retention_of(text: str) -> Retention:
    """The documented defaults with what the text says instead. Raises ValueError that says what to write."""
    found = Retention()
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = pair.partition("=")
        if name in LEAST_MS and (time := _TIME.fullmatch(value)):
            kept_ms = int(time[1]) * _UNITS_MS[time[2]]
            if not LEAST_MS[name] <= kept_ms <= MOST_MS:
                least_h, most_d = LEAST_MS[name] // _UNITS_MS["h"], MOST_MS // _UNITS_MS["d"]
                raise ValueError(f"{pair!r}: {name} are kept from {least_h}h to {most_d}d")
            found = replace(found, **{f"{name}_ms": kept_ms})
        elif name == "events_bytes" and (size := _SIZE.fullmatch(value)):
            size_bytes = int(size[1]) * _BYTES[size[2]]
            if size_bytes < BYTES_MIN:
                raise ValueError(f"{pair!r}: events need at least {BYTES_MIN >> 20}MiB")
            found = replace(found, events_bytes=size_bytes)
        else:
            raise ValueError(
                f"{pair!r}; write pairs such as events=26h or audit=30d, of {', '.join(LEAST_MS)}, or events_bytes=4GiB"
            )
    return found
