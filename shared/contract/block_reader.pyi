import numpy as np
from numpy.typing import NDArray

from shared.contract.block_wire import Wire

WIDE: tuple[str, ...]
NARROW: tuple[str, ...]

def read_cells(wire: Wire, wide_cells: NDArray[np.uint64], narrow_cells: NDArray[np.uint32]) -> None: ...
