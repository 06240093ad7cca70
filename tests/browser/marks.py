"""What the tests of this folder begin with. One event loop and one browser serve all tests of a process."""

from __future__ import annotations

import pytest
from chromium import find_browser

IN_BROWSER = [
    pytest.mark.skipif(find_browser() is None, reason="no Chromium on this machine (Debian: apt-get install chromium)"),
    pytest.mark.asyncio(loop_scope="session"),
]
