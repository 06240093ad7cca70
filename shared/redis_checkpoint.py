"""Checkpoints in the store: compressed chunks under a name of their own, and one small pointer to them."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from hashlib import blake2b

import msgspec

from shared.contract.entries import EntryId
from shared.contract.keys import PartitionKeys
from shared.log import Checkpoint, Fenced, LogUnavailable
from shared.log_rules import DIGEST_BYTES
from shared.redis_connection import Link
from shared.redis_scripts import CHECKPOINT, UPLOAD

CHUNK_BYTES = 512 << 10
"""The store is busy with one chunk for about a millisecond; appends of others slip in between."""
UPLOAD_TTL_MS = 600_000
"""Chunks that no pointer came to name (the scorer died in between) vanish by themselves."""
LOAD_ATTEMPTS = 3
"""The owner may replace the checkpoint while it is read; twice in a row within seconds does not happen."""


class _Pointer(msgspec.Struct, frozen=True):
    name: str
    chunks: int
    digest: str
    position: str
    meta: dict[str, str]


_decoder = msgspec.json.Decoder(_Pointer)


async def save(link: Link, keys: PartitionKeys, generation: int, checkpoint: Checkpoint, name: str) -> None:
    """Upload the state under `name` (new each time), then move the pointer. Raises Fenced, LogUnavailable."""
    packed, digest = await asyncio.to_thread(_pack, checkpoint.state)
    chunks = [packed[at : at + CHUNK_BYTES] for at in range(0, len(packed), CHUNK_BYTES)]
    old = await _pointer(link, keys)
    key = keys.checkpoint(name)
    for chunk in chunks:
        await UPLOAD.run(link, (key,), chunk, UPLOAD_TTL_MS)
    pointer = _Pointer(name, len(chunks), digest, str(checkpoint.position), dict(checkpoint.meta))
    old_key = key if old is None else keys.checkpoint(old.name)
    try:
        moved = await CHECKPOINT.run(
            link,
            (keys.state, key, old_key),
            generation,
            msgspec.json.encode(pointer),
            len(chunks),
            str(checkpoint.position),
        )
    except Fenced:
        with contextlib.suppress(LogUnavailable):  # then they vanish by themselves
            await link.call("UNLINK", key)
        raise
    if not moved:
        raise LogUnavailable("The log store lost chunks of a checkpoint while they were written. Save it again.")


async def load(link: Link, keys: PartitionKeys) -> Checkpoint | None:
    """The checkpoint that the pointer names; None when there is none or it is not whole."""
    pointer = await _pointer(link, keys)
    for _ in range(LOAD_ATTEMPTS):
        if pointer is None:
            return None
        chunks = [await link.call("LINDEX", keys.checkpoint(pointer.name), at) for at in range(pointer.chunks)]
        packed = b"".join(chunk or b"" for chunk in chunks)
        if _digest(packed) == pointer.digest:
            state = await asyncio.to_thread(zlib.decompress, packed)
            return Checkpoint(EntryId.parse(pointer.position), state, pointer.meta)
        replaced = await _pointer(link, keys)
        if replaced == pointer:
            return None
        pointer = replaced
    return None


async def _pointer(link: Link, keys: PartitionKeys) -> _Pointer | None:
    stored = await link.call("HGET", keys.state, "checkpoint")
    return None if stored is None else _decoder.decode(stored)


def _pack(state: bytes) -> tuple[bytes, str]:
    packed = zlib.compress(state, 1)  # level 1: a third of the size; higher levels cost seconds for a tenth more
    return packed, _digest(packed)


def _digest(packed: bytes) -> str:
    return blake2b(packed, digest_size=DIGEST_BYTES).hexdigest()
