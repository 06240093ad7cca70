import numpy as np
from numpy.typing import NDArray

from shared.contract.block import _Read

WIDE: tuple[str, ...]
NARROW: tuple[str, ...]

def read_cells(wire: _Read, strings: int, wide_cells: NDArray[np.uint64], narrow_cells: NDArray[np.uint32]) -> None: ...
