"""The Lua scripts that stand beside this file as `.lua`, and how one is run."""

from __future__ import annotations

from hashlib import sha1
from pathlib import Path
from typing import Any

from shared.redis_connection import Argument, Link
from shared.redis_faults import ScriptMissing

_FOLDER = Path(__file__).parent
_COMMON = (_FOLDER / "common.lua").read_text()


class Script:
    """One script: what it does in one step is done whole or not at all, and nobody sees it half done."""

    __slots__ = ("_digest", "_text")

    def __init__(self, name: str, *, common: bool = True) -> None:
        self._text = (_COMMON if common else "") + (_FOLDER / f"{name}.lua").read_text()
        self._digest = sha1(self._text.encode(), usedforsecurity=False).hexdigest()  # how the server names it

    async def run(self, link: Link, keys: tuple[Argument, ...], *arguments: Argument) -> Any:
        """Run it. All keys share the hash tag of one partition."""
        try:
            return await link.call("EVALSHA", self._digest, len(keys), *keys, *arguments)
        except ScriptMissing:
            # Nothing ran, so running it now is no repetition. With its text, as it may be another node by now.
            return await link.call("EVAL", self._text, len(keys), *keys, *arguments)


APPEND = Script("append", common=False)
STATE = Script("state")
EPOCH = Script("epoch")
CLAIM = Script("claim", common=False)
RENEW = Script("renew", common=False)
RELEASE = Script("release", common=False)
PUBLISH = Script("publish")
UPLOAD = Script("upload", common=False)
CHECKPOINT = Script("checkpoint")
FAILURE = Script("failure")
TRIM = Script("trim")
SETTLE = Script("settle", common=False)
