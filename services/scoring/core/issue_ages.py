"""When each issue first came up in its tenant: what is new takes longer, and that is nobody's doing."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from services.scoring.core.tables import Table

NEW_FOR_MS = 7 * 86_400_000
"""An issue is new to a tenant for a week. Product choice."""
GETTING_STARTED_MS = 86_400_000
"""What a tenant's first day brings is not new: nothing was known before. Product choice."""


class IssueAges(Table):
    """A row an issue, in the numbers of the engine's register."""

    columns: ClassVar[dict[str, tuple[str, Any, int]]] = {"tenant": ("i4", 0, 0), "since_ms": ("i8", 0, 0)}
    tenant: NDArray[np.int32]
    since_ms: NDArray[np.int64]

    def __init__(self) -> None:
        super().__init__()
        self._began_ms: dict[int, int] = {}  # by tenant: its first issue

    def cover(self, tenants: list[int], now_ms: int) -> None:
        """Rows for the issues that came up now; `tenants` is by issue."""
        for tenant in tenants[self.n :]:
            row = self.add()
            self.tenant[row], self.since_ms[row] = tenant, now_ms
            self._began_ms.setdefault(tenant, now_ms)

    def is_new(self, issue: int, at_ms: int) -> bool:
        """Whether an issue came up in its tenant within the last week, and not on its first day."""
        since_ms = int(self.since_ms[issue])
        return (
            at_ms - since_ms < NEW_FOR_MS and since_ms - self._began_ms[int(self.tenant[issue])] >= GETTING_STARTED_MS
        )

    def learn(self, rows: NDArray[np.intp], since_ms: NDArray[np.int64]) -> None:
        """These issues came up by then, as is known from history."""
        self.since_ms[rows] = np.minimum(self.since_ms[rows], since_ms)
        self._find_beginnings()

    def unpack(self, packed: dict[str, Any]) -> None:
        """See Table."""
        super().unpack(packed)
        self._find_beginnings()

    def _find_beginnings(self) -> None:
        self._began_ms = {}
        for tenant, since_ms in zip(self.tenant[: self.n].tolist(), self.since_ms[: self.n].tolist(), strict=True):
            self._began_ms[tenant] = min(self._began_ms.get(tenant, since_ms), since_ms)
