from collections.abc import Sequence

from shared.contract.block import Row

def encode_rows(rows: Sequence[Row]) -> bytes: ...
