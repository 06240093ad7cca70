import numpy as np
from numpy.typing import NDArray

def packed(
    shares: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float64], NDArray[np.float64]]:
    """From C-ordered shares and values [rows, driver], at most 255 drivers: how many shares above 0 each row has, and
    driver, share and value of each of them, row after row, in a row the largest share first (of equal ones the first).
    """
