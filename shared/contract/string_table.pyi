import numpy as np
from numpy.typing import NDArray

class StringTable:
    raw: bytes
    end: int
    spans: NDArray[np.int32]
    def __init__(self, raw: bytes, first: int = 0) -> None: ...
    def __len__(self) -> int: ...
    def __getitem__(self, code: int) -> str: ...
