import numpy as np
from numpy.typing import NDArray

from shared.contract.string_table import StringTable

WIDE: tuple[str, ...]
NARROW: tuple[str, ...]

def read_block(
    data: bytes, first: int
) -> tuple[bytes, bytes, dict[int, str], StringTable, NDArray[np.uint64], NDArray[np.uint32]]: ...
def read_ids(raw: bytes, first: int, since_ms: int) -> tuple[str, NDArray[np.bytes_]] | None: ...
def put_answers(
    kinds: NDArray[np.uint8],
    callers: NDArray[np.uint64],
    answers: NDArray[np.int64],
    asking: tuple[int, int],
) -> tuple[NDArray[np.int64], int]: ...
