"""The users of the log store that deployments have: each may do its service's work, and no more."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from conftest import Store

from shared.contract.entries import START, EntryId, tick_fields
from shared.log import Checkpoint, LogUnavailable, Lookup, Publication
from shared.log_redis import RedisLog, open_redis_log

USERS = Path(__file__).resolve().parents[2] / "deploy" / "valkey" / "users.acl"
PASSWORD = "a password of this test"


@pytest.fixture
def guarded(own_store: Store) -> Store:
    """A store with those users, all with one password."""
    own_store.run("HSET", "sw:meta", "partitions", "1")
    own_store.run("XADD", "sw:{0}:alerts", "1-0", "v", "a secret of others")
    for line in USERS.read_text().splitlines():
        if line.startswith("user ") and not line.startswith("user default"):
            name, *rules = line.split()[1:]
            digest = f"#{sha256(PASSWORD.encode()).hexdigest()}"
            own_store.run("ACL", "SETUSER", name, *[digest if rule == f"#{name.upper()}" else rule for rule in rules])
    return own_store


@asynccontextmanager
async def log_of(store: Store, user: str) -> AsyncIterator[RedisLog]:
    url = store.url.replace("unix://", f"unix://{user}:{PASSWORD.replace(' ', '%20')}@")
    log = await open_redis_log(url)
    try:
        yield log
    finally:
        await log.close()


@pytest.mark.asyncio
async def test_each_service_may_do_its_work(guarded: Store) -> None:
    async with log_of(guarded, "ingest") as log:
        await log.ping()
        assert await log.api_keys() == {}
        await log.put_access_record("key_use", "k1", b"7")
        assert await log.access_records("key_use") == {"k1": b"7"}
        assert await log.store()
        lookup = Lookup(os.urandom(8), 1, 1_000, os.urandom(8))
        await log.append(0, {b"b": b"block"}, [lookup])
        last = await log.append(0, {b"b": b"block"})
        # As ingest looks back after the way to the log broke.
        assert (await log.read(0, START, count=1))[0].id < last
        assert await log.digest(0, last)
        await log.reject(0, b"{}")
    async with log_of(guarded, "scoring") as log:
        generation = await log.claim(0, "token", ttl_ms=60_000)
        assert generation is not None
        assert await log.renew(0, "token", ttl_ms=60_000)
        last = await log.append(0, tick_fields(1))
        assert await log.digest(0, last)
        assert len(await log.read(0, START)) == 3
        await log.publish(0, generation, Publication(last, [(EntryId(last.ms, 1), b"{}")], [b"s"], [b"h"]))
        await log.save_checkpoint(0, generation, Checkpoint(last, b"state"))
        assert await log.load_checkpoint(0)
        await log.count_failure(0, generation, last)
        await log.failures(0)
        await log.trim(0, generation, now_ms=last.ms, keep_from=START)
        await log.new_epoch(0, generation)
        await log.state(0)
        assert await log.store()
        await log.release(0, "token")
    async with log_of(guarded, "notify") as log:
        await log.state(0)
        assert await log.access_records("revocation") == {}
        assert await log.store()
        assert await log.read_alerts(0, START)
        assert await log.read_signals(0, START)
        assert await log.read_history(0, START)
        await log.append(0, {b"a": b"{}"})
        await log.audit(0, b"{}")
        assert await log.read_audit(0, START)
        assert await log.last_audit(0, None)
        outbox = log.outbox(0, "chat")
        assert await outbox.hold("token", ttl_ms=60_000)
        await outbox.open(START)
        taken = await outbox.take(10)
        await outbox.settle([position for position, _ in taken], notes={"n": "1"}, aside=b"{}")
        assert await outbox.notes() == {"n": "1"}
        await outbox.waiting()
        await outbox.release("token")
        await log.read_aside(0, START)
        await log.ping()
    assert guarded.run("ACL", "LOG") == []


@pytest.mark.asyncio
async def test_no_service_may_do_another_ones_work(guarded: Store) -> None:
    async with log_of(guarded, "ingest") as log:
        for read in (log.read_alerts(0, START), log.read_signals(0, START), log.read_audit(0, START), log.state(0)):
            with pytest.raises(LogUnavailable, match="does not let this user"):
                await read
        with pytest.raises(LogUnavailable):
            await log.put_api_key("own", b"{}")
    async with log_of(guarded, "notify") as log:
        for read in (log.api_keys(), log.claim(0, "token", ttl_ms=1_000)):
            with pytest.raises(LogUnavailable):
                await read
    async with log_of(guarded, "scoring") as log:
        with pytest.raises(LogUnavailable):
            await log.api_keys()


@pytest.mark.parametrize("user", ["ingest", "scoring", "notify"])
@pytest.mark.parametrize(
    "command", ["FLUSHALL", "KEYS *", "CONFIG GET *", "ACL LIST", "DEBUG SLEEP 0", "SHUTDOWN NOSAVE"]
)
def test_nothing_dangerous_is_allowed(guarded: Store, user: str, command: str) -> None:
    assert b"no permissions" in guarded.run("ACL", "DRYRUN", user, *command.split())
