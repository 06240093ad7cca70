from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.contract.string_table import StringTable

ANY_KIND: int
NO_ROOM: int

class Names:
    text: list[str]
    tenant: list[int]
    of_tenant: dict[int, int]
    def __init__(self) -> None: ...
    def row(self, tenant: int, name: str) -> int: ...
    def find(self, tenant: int, name: str) -> int | None: ...
    def pack(self) -> dict[str, Any]: ...
    def unpack(self, packed: dict[str, Any]) -> None: ...
    def _add(self, tenant: int, name: str, data: bytes) -> int: ...

class Codes:
    refused: int
    named: NDArray[np.intp]
    def __init__(
        self, strings: StringTable, kind: NDArray[np.uint8], codes: NDArray[np.uint32], tenant: int
    ) -> None: ...
    def number(self, into: int, column: int, names: Names, of_kind: int, most: int, beyond: int) -> None: ...
