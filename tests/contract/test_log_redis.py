"""The Redis adapter when its server stops, dies, is full, or is not what the URL says."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
import pytest_asyncio
import uvloop

from shared.clock import ManualClock
from shared.contract.entries import START, EntryId, tick_fields
from shared.contract.keys import META_KEY, PartitionKeys
from shared.log import Checkpoint, Fenced, LogUnavailable, Lookup, Publication, WrongPartitions
from shared.log_callers import CallerIndex
from shared.log_redis import RedisLog, open_redis_log
from shared.log_rules import REPEAT_MS_MAX, WAIT_MS_MAX
from shared.redis_address import ClusterAddress, RedisAddress, SentinelAddress, parse_address
from shared.redis_checkpoint import CHUNK_BYTES
from shared.redis_confirm import Confirmation
from shared.redis_faults import RefusedCommand
from shared.redis_links import NodeLinks

if TYPE_CHECKING:
    from tests.contract.conftest import Store

pytestmark = pytest.mark.asyncio

TICK = tick_fields(1)
NOW_MS, HOUR_MS = 1_760_000_000_000, 3_600_000
LOOKUPS = [Lookup(b"caller-1", 1, NOW_MS)]
KEYS = PartitionKeys(0)
IMPATIENT_S = 1.0
T = TypeVar("T")


@pytest_asyncio.fixture
async def log(store: Store) -> AsyncIterator[RedisLog]:
    opened = await open_redis_log(store.url, partitions=2)
    yield opened
    await opened.close()


async def answered(call: Callable[[], Awaitable[T]]) -> T:
    """The result of the first call that the log answers, within a minute."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await call()
            except LogUnavailable:
                await asyncio.sleep(0.02)


# --- the server stops, dies, forgets


async def test_an_append_to_a_stopped_server_fails_in_time_and_is_never_sent_twice(own_store: Store) -> None:
    log = await open_redis_log(own_store.url, reply_timeout_s=IMPATIENT_S)
    process = own_store.process()
    process.suspend()
    try:
        for lookups in ([], LOOKUPS):
            with pytest.raises(LogUnavailable, match=r"may have been written|cannot be reached"):
                await log.append(0, TICK, lookups)
        with pytest.raises(LogUnavailable):  # long after the first answer was due
            await log.append(0, TICK)
    finally:
        process.resume()
    last = await answered(lambda: log.append(0, {b"t": b"2"}))
    entries = await log.read(0, START)
    # The first was in the server's socket when it went on; the others never left, as connecting had failed.
    assert [entry.fields[b"t"] for entry in entries] in ([b"1", b"2"], [b"2"])
    assert entries[-1].id == last
    await log.close()


async def test_on_the_loop_of_the_services_it_works_and_fails_alike(own_store: Store) -> None:
    async def scenario() -> None:
        log = await open_redis_log(own_store.url, reply_timeout_s=IMPATIENT_S)
        first = await log.append(0, TICK, LOOKUPS)
        assert await log.read(0, first, block_ms=500) == []
        process = own_store.process()
        process.suspend()
        with pytest.raises(LogUnavailable, match="did not answer in time"):
            await log.append(0, TICK)
        process.resume()
        last = await answered(lambda: log.append(0, TICK))
        ids = [entry.id for entry in await log.read(0, START)]
        assert len(ids) in (2, 3)
        assert (ids[0], ids[-1]) == (first, last)
        await log.close()

    await asyncio.to_thread(uvloop.run, scenario())


async def test_a_read_may_wait_longer_than_an_answer_may_take(store: Store) -> None:
    log = await open_redis_log(store.url, reply_timeout_s=IMPATIENT_S)
    assert await log.read(0, START, block_ms=WAIT_MS_MAX) == []
    await log.append(0, TICK)
    await log.close()


async def test_a_read_waits_at_most_two_seconds(log: RedisLog) -> None:
    async with asyncio.timeout(60):
        assert await log.read(0, START, block_ms=3_600_000) == []


async def test_after_a_kill_everything_confirmed_is_there_and_work_goes_on(own_store: Store) -> None:
    log = await open_redis_log(own_store.url, partitions=2)
    generation = await log.claim(0, "owner", ttl_ms=60_000)
    assert generation is not None
    ids = [await log.append(0, TICK, LOOKUPS) for _ in range(20)]
    await log.publish(0, generation, Publication(ids[-1], [(EntryId(ids[-1].ms, 1 << 20), b"change")]))
    await log.save_checkpoint(0, generation, Checkpoint(ids[-1], b"state"))
    before = await log.state(0)
    reading = asyncio.create_task(log.read(0, ids[-1], block_ms=2_000))
    await asyncio.sleep(0.05)
    await asyncio.to_thread(own_store.kill)
    with pytest.raises(LogUnavailable, match="closed the connection"):
        await reading
    with pytest.raises(LogUnavailable):
        await log.append(0, TICK)
    await asyncio.to_thread(own_store.start_again)
    assert await answered(lambda: log.state(0)) == before
    assert [entry.id for entry in await answered(lambda: log.read(0, START))] == ids
    assert await log.append(0, TICK, LOOKUPS) > ids[-1]
    assert await log.renew(0, "owner", ttl_ms=60_000)
    assert await log.load_checkpoint(0) == Checkpoint(ids[-1], b"state")
    await log.close()


async def test_scripts_that_the_server_forgot_are_loaded_again(store: Store, log: RedisLog) -> None:
    first = await log.append(0, TICK, LOOKUPS)
    store.run("SCRIPT", "FLUSH")
    many = await asyncio.gather(*(log.append(0, TICK, LOOKUPS) for _ in range(10)))
    assert [entry.id for entry in await log.read(0, START)] == [first, *sorted(many)]


async def test_a_store_that_was_emptied_begins_a_new_epoch_and_fences_the_owner(store: Store, log: RedisLog) -> None:
    generation = await log.claim(0, "owner", ttl_ms=60_000)
    assert generation is not None
    epoch = (await log.state(0)).epoch
    store.run("FLUSHALL")
    assert (await log.state(0)).epoch != epoch
    with pytest.raises(Fenced):
        await log.publish(0, generation, Publication(EntryId(1, 0), []))


async def test_a_cancelled_append_does_not_mix_up_the_answers_of_others(log: RedisLog) -> None:
    tasks = [asyncio.create_task(log.append(0, {b"t": b"%d" % n})) for n in range(50)]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    stored = {entry.id: entry.fields[b"t"] for entry in await log.read(0, START)}
    for n, result in enumerate(results):
        if isinstance(result, EntryId):
            assert stored[result] == b"%d" % n
    assert len(stored) == 50


# --- the server refuses


async def test_a_full_store_refuses_whole_writes_and_still_reads_and_trims(own_store: Store) -> None:
    log = await open_redis_log(own_store.url, partitions=2)
    generation = await log.claim(0, "owner", ttl_ms=60_000)
    assert generation is not None
    first = await log.append(0, TICK)
    before = await log.state(0)
    own_store.run("CONFIG", "SET", "maxmemory", "1mb")
    with pytest.raises(LogUnavailable, match="full"):
        await log.ping()
    publication = Publication(first, [(EntryId(first.ms, 1 << 20), b"a")], [b"s"], [b"h"])
    for write in (
        lambda: log.append(0, TICK),
        lambda: log.append(0, TICK, LOOKUPS),
        lambda: log.reject(0, b"record"),
        lambda: log.publish(0, generation, publication),
        lambda: log.save_checkpoint(0, generation, Checkpoint(first, b"state")),
    ):
        with pytest.raises(LogUnavailable, match="more memory"):
            await write()
    assert await log.state(0) == before
    assert own_store.run("KEYS", "*caller*") == []
    assert await log.renew(0, "owner", ttl_ms=60_000)
    await log.trim(0, generation, now_ms=first.ms + 100 * 3_600_000, keep_from=EntryId(first.ms + 1, 0))
    assert await log.read(0, START) == []
    own_store.run("CONFIG", "SET", "maxmemory", "0")
    await log.ping()
    assert (await log.publish(0, generation, publication)).appended == 1
    await log.close()


async def test_a_replica_refuses_until_it_is_the_primary(own_store: Store) -> None:
    log = await open_redis_log(own_store.url, partitions=2)
    own_store.run("REPLICAOF", "127.0.0.1", "1")
    for _ in range(2):
        with pytest.raises(LogUnavailable, match="primary"):
            await log.append(0, TICK)
    own_store.run("REPLICAOF", "NO", "ONE")
    await log.append(0, TICK)
    await log.close()


async def test_a_password_a_user_and_a_database_number_are_taken_from_the_url(own_store: Store) -> None:
    own_store.run("ACL", "SETUSER", "ingest", "on", ">p@ss/word", "~*", "&*", "+@all")
    path = RedisAddress.parse(own_store.url).socket_path
    log = await open_redis_log(f"unix://ingest:p%40ss%2Fword@{path}?db=3")
    await log.append(0, TICK)
    assert own_store.run("XLEN", KEYS.events) == 0  # this client is in database 0
    await log.close()
    with pytest.raises(LogUnavailable, match="Correct it in STRAINWATCH_REDIS_URL") as refused:
        await open_redis_log(f"unix://ingest:not-it@{path}")
    assert "not-it" not in str(refused.value)
    with pytest.raises(LogUnavailable, match="database number"):
        await open_redis_log(f"unix://{path}?db=999")


async def test_a_missing_password_is_named(own_store: Store) -> None:
    log = await open_redis_log(own_store.url)
    own_store.run("ACL", "SETUSER", "admin", "on", ">secret", "~*", "+@all")
    own_store.run("ACL", "SETUSER", "default", "off")
    with pytest.raises(LogUnavailable, match="wants a password"):
        await open_redis_log(own_store.url)
    await log.close()


async def test_keys_of_another_program_are_refused_loudly(store: Store, log: RedisLog) -> None:
    store.run("SET", KEYS.events, "not a stream")
    with pytest.raises(RefusedCommand, match="WRONGTYPE"):
        await log.append(0, TICK)


# --- opening


async def test_a_store_without_a_log_on_disk_cannot_confirm_on_disk(own_store: Store) -> None:
    own_store.run("CONFIG", "SET", "appendonly", "no")
    with pytest.raises(ValueError, match=r"STRAINWATCH_CONFIRM_ON=disk: needs .*appendonly yes"):
        await open_redis_log(own_store.url, confirm=Confirmation(1, on_disk=True))


async def test_a_store_without_replicas_keeps_what_it_cannot_confirm(store: Store) -> None:
    log = await open_redis_log(store.url, confirm=Confirmation(1, wait_ms=20))
    with pytest.raises(LogUnavailable, match="Only 0 of 1 replicas"):
        await log.append(0, TICK, LOOKUPS)
    assert len(await log.read(0, START)) == 1
    await log.append(0, TICK, promised=False)
    await log.close()


async def test_the_number_of_partitions_is_fixed_at_the_first_use(store: Store) -> None:
    for asked, found in ((None, 8), (8, 8), (None, 8)):
        log = await open_redis_log(store.url, partitions=asked)
        assert log.partitions == found
        await log.close()
    with pytest.raises(WrongPartitions, match=r"8 partitions, but 16 .*STRAINWATCH_PARTITIONS=8"):
        await open_redis_log(store.url, partitions=16)


async def test_a_server_that_is_not_there_is_named_and_dialled_once_in_each_backoff(store: Store) -> None:
    dialled = 0

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal dialled
        dialled += 1
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(LogUnavailable, match="closed the connection"):
        await open_redis_log(f"redis://:secret@127.0.0.1:{port}")
    dialled = 0
    clock = ManualClock()
    log = await open_redis_log(store.url, clock=clock)
    links = log._links
    assert isinstance(links, NodeLinks)

    async def elsewhere() -> RedisAddress:
        return RedisAddress("127.0.0.1", port)

    links.find = elsewhere
    links.of(META_KEY).hang_up("moved away")
    for turns in range(1, 4):
        for _ in range(20):
            with pytest.raises(LogUnavailable):
                await log.append(0, TICK)
        assert dialled == turns
        clock.advance(1.0)
    await log.close()
    server.close()
    await server.wait_closed()
    with pytest.raises(LogUnavailable, match=f"redis://127.0.0.1:{port}/0 cannot be reached") as refused:
        await open_redis_log(f"redis://:secret@127.0.0.1:{port}")
    assert "secret" not in str(refused.value)


async def test_what_does_not_speak_redis_is_named() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    with pytest.raises(LogUnavailable, match="does not speak Redis"):
        await open_redis_log(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    server.close()
    await server.wait_closed()


async def test_a_closed_log_stays_closed(store: Store) -> None:
    log = await open_redis_log(store.url)
    await log.close()
    for _ in range(2):
        with pytest.raises(LogUnavailable, match="closed by this program"):
            await log.append(0, TICK)
    with pytest.raises(LogUnavailable, match="closed by this program"):
        await log.read(0, START)


@asynccontextmanager
async def door_to(store: Store, tls: ssl.SSLContext | None) -> AsyncIterator[int]:
    """A TCP port that leads to the store's socket, over TLS if wanted."""
    path = RedisAddress.parse(store.url).socket_path
    assert path is not None
    copies: set[asyncio.Task[None]] = set()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(path)
        copies.add(asyncio.create_task(copy(reader, inner_writer)))
        copies.add(asyncio.create_task(copy(inner_reader, writer)))

    server = await asyncio.start_server(enter, "127.0.0.1", 0, ssl=tls)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await asyncio.gather(*copies, return_exceptions=True)
    await server.wait_closed()


async def test_tcp_works_as_the_socket_does(store: Store) -> None:
    async with door_to(store, None) as port:
        log = await open_redis_log(f"redis://127.0.0.1:{port}")
        entry_id = await log.append(0, TICK, LOOKUPS)
        assert [entry.id for entry in await log.read(0, START)] == [entry_id]
        await log.close()


async def test_tls_works_and_a_certificate_that_is_not_trusted_does_not(store: Store, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    async with door_to(store, context) as port:
        log = await open_redis_log(f"rediss://localhost:{port}?ssl_ca_certs={certificate}")
        entry_id = await log.append(0, {b"b": bytes(300_000)}, LOOKUPS)
        assert [entry.id for entry in await log.read(0, START)] == [entry_id]
        await log.close()
        log = await open_redis_log(f"rediss://127.0.0.1:{port}?ssl_cert_reqs=none")
        await log.close()
        with pytest.raises(LogUnavailable, match="certificate verify failed"):
            await open_redis_log(f"rediss://localhost:{port}")


def make_certificate(folder: Path) -> Path:
    """Key and self-signed certificate of `localhost` in one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://localhost", "redis://, rediss:// or unix://"),
        ("localhost:6379", "redis://, rediss:// or unix://"),
        ("redis+sentinel://a,b", "name under which the sentinels know"),
        ("redis+sentinel://a,,b/main", "names the host ''"),
        ("redis+sentinel://a:0/main", "names the host 'a:0'"),
        ("redis+sentinel://a/main?db=first", "database 'first'"),
        ("redis+sentinel://a/main?ssl_cert_reqs=none", "unknown options: ssl_cert_reqs"),
        ("redis+cluster://u:p@s@a", "cannot be understood"),
        ("redis+cluster://a,b/1", "a cluster has only one"),
        ("redis+cluster://a?sentinel_password=p", "unknown options: sentinel_password"),
        ("rediss+cluster://a?ssl_ca_certs=/not/there", "cannot be read"),
        ("redis://localhost/first", "database 'first'"),
        ("redis://localhost:99999", "from 1 to 65535"),
        ("redis://localhost?retry=5", "unknown options: retry"),
        ("unix://run/valkey.sock", "whole path"),
        ("rediss://localhost?ssl_ca_certs=/not/there", "cannot be read"),
    ],
)
async def test_a_url_that_cannot_be_used_says_what_to_change(url: str, text: str) -> None:
    with pytest.raises(ValueError, match="STRAINWATCH_REDIS_URL") as refused:
        await open_redis_log(url)
    assert text in str(refused.value)


async def test_an_address_is_printed_without_its_password() -> None:
    for url in (
        "redis://u:secret@[::1]:7000/2",
        "unix://:secret@/run/valkey.sock?db=1",
        "redis+sentinel://u:secret@a,[::1]:7000/main?db=2&sentinel_password=secret",
        "rediss+cluster://:secret@a:7000,b",
    ):
        address = parse_address(url)
        assert "secret" not in f"{address} {address!r}"
        assert str(parse_address(str(address))) == str(address)


@pytest.mark.parametrize("scheme", ["redis", "rediss", "redis+sentinel", "redis+cluster"])
@pytest.mark.parametrize(
    "password", ["S3cret/rest", "12/S3cret", "/S3cret", "S3cret?a=b", "S3cret#x", "Sec\N{FULLWIDTH COLON}ret"]
)
async def test_a_password_without_escapes_is_not_repeated(scheme: str, password: str) -> None:
    with pytest.raises(ValueError, match="STRAINWATCH_REDIS_URL") as refused:
        parse_address(f"{scheme}://:{password}@host:99999/0")
    assert "cret" not in f"{refused.value}"
    assert "rest" not in f"{refused.value}"


async def test_a_socket_has_a_password_or_nothing_before_its_path() -> None:
    with pytest.raises(ValueError, match="whole path of the socket"):
        parse_address("unix://:S3cret/rest@/run/valkey.sock")


async def test_sentinels_and_servers_have_passwords_of_their_own() -> None:
    url = "redis+sentinel://u:p%40ss@a,b:1234/main?db=2&sentinel_username=s&sentinel_password=t%26t"
    found = parse_address(url)
    assert found == SentinelAddress(
        (
            RedisAddress("a", 26379, username="s", password="t&t"),
            RedisAddress("b", 1234, username="s", password="t&t"),
        ),
        "main",
        RedisAddress(db=2, username="u", password="p@ss"),
    )
    assert parse_address("redis+cluster://u:p%2Fq@a,[::1]:7000") == ClusterAddress(
        (RedisAddress("a", username="u", password="p/q"), RedisAddress("::1", 7000, username="u", password="p/q"))
    )


# --- what is left in the store


async def test_every_key_of_a_partition_has_its_hash_tag(store: Store, log: RedisLog) -> None:
    generation = await log.claim(1, "owner", ttl_ms=60_000)
    assert generation is not None
    entry_id = await log.append(1, TICK, LOOKUPS)
    await log.publish(1, generation, Publication(entry_id, [(entry_id, b"a")], [b"s"], [b"h"]))
    await log.save_checkpoint(1, generation, Checkpoint(entry_id, b"state"))
    await log.count_failure(1, generation, entry_id)
    await log.reject(1, b"record")
    await log.state(1)
    keys = {key.decode() for key in store.run("KEYS", "*")} - {"sw:meta"}
    assert len(keys) == 10
    assert {key[:7] for key in keys} == {"sw:{1}:"}


async def test_the_repeat_caller_index_forgets_after_seven_days(store: Store, log: RedisLog) -> None:
    await log.append(0, TICK, LOOKUPS)
    left_ms = store.run("PTTL", KEYS.callers + LOOKUPS[0].key.hex())
    assert REPEAT_MS_MAX - 60_000 < left_ms <= REPEAT_MS_MAX


async def test_whom_somebody_contacted_is_forgotten_after_seven_days(store: Store, log: RedisLog) -> None:
    await log.append(0, TICK, [Lookup(b"caller-1", 1, NOW_MS, b"person-1")])
    left_ms = store.run("PTTL", KEYS.outbound + b"person-1".hex())
    assert REPEAT_MS_MAX - 60_000 < left_ms <= REPEAT_MS_MAX


async def test_the_index_of_the_store_answers_as_the_one_in_memory_does(log: RedisLog) -> None:
    chance = random.Random(7)
    memory = CallerIndex()
    for _ in range(300):
        lookups = [
            Lookup(
                bytes([chance.randrange(3)] * 8),
                chance.randrange(1, 9),
                NOW_MS + chance.randrange(200) * HOUR_MS,
                chance.choice((b"", b"person-1", b"person-2")),
            )
            for _ in range(chance.randrange(1, 8))
        ]
        entry_id = await log.append(0, TICK, lookups)
        entry = (await log.read(0, EntryId(entry_id.ms - 1, 2**63)))[-1]
        assert {name: entry.fields[name] for name in (b"r", b"o") if name in entry.fields} == memory.fields(
            lookups, entry_id.ms
        ), lookups


async def test_a_damaged_checkpoint_is_absent(store: Store, log: RedisLog) -> None:
    generation = await log.claim(0, "owner", ttl_ms=60_000)
    assert generation is not None
    await log.save_checkpoint(0, generation, Checkpoint(EntryId(1, 0), b"state"))
    (key,) = [key for key in store.run("KEYS", "*") if b":checkpoint:" in key]
    store.run("LSET", key, 0, b"damaged")
    assert await log.load_checkpoint(0) is None
    store.run("DEL", key)
    assert await log.load_checkpoint(0) is None
    await log.save_checkpoint(0, generation, Checkpoint(EntryId(2, 0), b"state"))
    assert await log.load_checkpoint(0) == Checkpoint(EntryId(2, 0), b"state")


async def test_a_store_that_forgot_everything_gives_no_generation_out_again(store: Store, log: RedisLog) -> None:
    old = await log.claim(0, "one", ttl_ms=60_000)
    assert old is not None
    store.run("FLUSHALL")
    assert await log.claim(0, "two", ttl_ms=60_000) is not None
    with pytest.raises(Fenced):  # its owner still lives, with a state that this log never gave
        await log.publish(0, old, Publication(EntryId(1, 0), []))


async def test_only_the_chunks_of_the_newest_checkpoint_stay(store: Store, log: RedisLog) -> None:
    old = await log.claim(0, "one", ttl_ms=60_000)
    assert old is not None
    for n in range(3):
        await log.save_checkpoint(0, old, Checkpoint(EntryId(n + 1, 0), b"state"))
    await log.release(0, "one")
    new = await log.claim(0, "two", ttl_ms=60_000)
    assert new is not None
    assert new > old
    with pytest.raises(Fenced):
        await log.save_checkpoint(0, old, Checkpoint(EntryId(9, 0), bytes(2 * CHUNK_BYTES)))
    (key,) = [key for key in store.run("KEYS", "*") if b":checkpoint:" in key]
    assert store.run("PTTL", key) == -1
    loaded = await log.load_checkpoint(0)
    assert loaded is not None
    assert loaded.position == EntryId(3, 0)
