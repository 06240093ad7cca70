"""Commands about who may do what: token, keys. What they change stands in the audit log."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from shared.contract.audit import AuditAction, AuditSubject
    from shared.log import Log


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    tokens = typer.Typer(invoke_without_command=True, help=token.__doc__)
    tokens.callback()(token)
    tokens.command("revoke")(revoke_tokens)
    app.add_typer(tokens, name="token")
    keys = typer.Typer(no_args_is_help=True, help="API keys of ACDs.")
    keys.command("create")(create)
    keys.command("list")(list_keys)
    keys.command("rotate")(rotate)
    keys.command("revoke")(revoke)
    app.add_typer(keys, name="keys")


def token(
    context: typer.Context,
    demo: Annotated[bool, typer.Option("--demo", help="For the demo's team lead.")] = False,
    tenant: Annotated[str | None, typer.Option(help="The organisation.")] = None,
    teams: Annotated[str | None, typer.Option(help="Teams, separated by commas; '*' for all.")] = None,
    role: Annotated[Literal["agent", "lead", "supervisor", "admin"] | None, typer.Option()] = None,
    sub: Annotated[str | None, typer.Option(help="Who the person is; stands in the history of alerts.")] = None,
    agent: Annotated[str | None, typer.Option(help="The person's own name as an agent.")] = None,
    ttl_s: Annotated[int, typer.Option(min=1, help="How long it holds.")] = 8 * 3600,
) -> None:
    """Print a token for the page, the feed and the API, alone on standard output.

    \b
    Examples:
      strainwatch token --demo
      strainwatch token --tenant acme --teams team-a,team-b --role lead --sub lead-1
      strainwatch token --tenant acme --role agent --agent agent-01 --sub agent-01
    """
    if context.invoked_subcommand is not None:
        return
    from shared.access import mint
    from shared.settings import BadSetup, Environment
    from tools.demo_token import demo_token
    from tools.serve_setup import secret

    given = {"--tenant": tenant, "--role": role, "--sub": sub}
    given["--agent" if role == "agent" else "--teams"] = agent if role == "agent" else teams
    if demo and any(value is not None for value in (tenant, teams, role, sub, agent)):
        raise BadSetup(["token: --demo says everything itself; leave the other options out"])
    if not demo and (missing := [name for name, value in given.items() if not value]):
        raise BadSetup([f"token: give {', '.join(missing)} (or only --demo)"])
    jwt_secret = secret(Environment.read(os.environ), "JWT_SECRET")
    if demo:
        print(demo_token(jwt_secret))
        return
    assert tenant is not None
    assert role is not None
    assert sub is not None
    names = [name for name in (part.strip() for part in (teams or "").split(",")) if name]
    now_s = int(time.time())
    exp_s = now_s + ttl_s
    print(mint(jwt_secret, tenant=tenant, teams=names, role=role, sub=sub, exp_s=exp_s, agent=agent, iat_s=now_s))


def revoke_tokens(
    tenant: Annotated[str, typer.Option(help="The organisation.")],
    sub: Annotated[str, typer.Option(help="Whose tokens: the claim `sub`.")],
) -> None:
    """Take back all tokens that a person has now, within 5 s: of `strainwatch token` and of an identity provider.

    Feeds that are open under them are closed. Tokens that are issued later are good, so stop whoever issues them, too.

    \b
    Example:
      strainwatch token revoke --tenant acme --sub lead-1
    """
    import msgspec

    from shared.contract.audit import AuditSubject
    from shared.revocations import Revocation
    from shared.settings import BadSetup

    if not tenant or not sub:
        raise BadSetup(["token revoke: --tenant and --sub may not be empty"])
    now_ms = time.time_ns() // 1_000_000
    record = Revocation(tenant=tenant, sub=sub, before_s=now_ms // 1000, made_at_ms=now_ms)

    async def store() -> None:
        async with _log() as log:
            await log.put_access_record("revocation", record.id, msgspec.json.encode(record))
            await _keep(log, tenant, "revoke_token", AuditSubject("person", sub))

    asyncio.run(store())
    print(f"the tokens of {sub} are taken back; new ones are good from the next second on", file=sys.stderr)


def create(
    tenant: Annotated[str, typer.Option(help="Whose events the key will bring.")],
    scopes: Annotated[str, typer.Option(help="Separated by commas.")] = "events:write",
    source: Annotated[str, typer.Option(help="What sends with it, such as acd-1. Default: the id of the key.")] = "",
) -> None:
    """Make a key and print it, alone on standard output. It is shown this once: only its hash is kept.

    \b
    Example:
      KEY=$(strainwatch keys create --tenant acme)
    """
    from shared.access import encode_api_key, new_api_key
    from shared.contract.audit import AuditSubject
    from shared.settings import BadSetup

    wanted = [scope for scope in (part.strip() for part in scopes.split(",")) if scope]
    if not tenant or not wanted:
        raise BadSetup(["keys create: --tenant and --scopes may not be empty"])
    try:
        text, record = new_api_key(
            tenant, wanted, random_bytes=secrets.token_bytes, now_ms=time.time_ns() // 1_000_000, source=source
        )
    except ValueError as fault:
        raise BadSetup([f"keys create: {fault}"]) from None

    async def store() -> None:
        async with _log() as log:
            await log.put_api_key(record.id, encode_api_key(record))
            await _keep(log, tenant, "create_key", AuditSubject("key", record.id))

    asyncio.run(store())
    print(text)
    print(f"key {record.id} of tenant {tenant}: good within 5 s, shown only now", file=sys.stderr)


def list_keys() -> None:
    """Print all keys: id, tenant, scopes, when made, whether in force, source, hour of the last use ("-": never)."""
    from shared.access import decode_api_key

    async def read() -> tuple[dict[str, bytes], dict[str, bytes]]:
        async with _log() as log:
            return await log.api_keys(), await log.access_records("key_use")

    found, uses = asyncio.run(read())
    now_ms = time.time_ns() // 1_000_000
    records = sorted(map(decode_api_key, found.values()), key=lambda record: record.created_at_ms)
    for record in records:
        state = "revoked" if record.revoked else "ended" if not record.live(now_ms) else "in force"
        if state == "in force" and record.expires_at_ms is not None:
            state = f"in force until {_time(record.expires_at_ms)}"
        used = _time(int(uses[record.id])) if record.id in uses else "-"
        scopes = ",".join(record.scopes)
        print(record.id, record.tenant, scopes, _time(record.created_at_ms), state, record.of, used, sep="\t")
    if not records:
        print("no keys yet: strainwatch keys create --tenant T", file=sys.stderr)


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rotate(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `keys list` shows it.")],
    overlap_s: Annotated[int, typer.Option(min=0, help="How long the old key stays good beside the new one.")] = 86_400,
) -> None:
    """Make a key that takes the place of another: same tenant, scopes and source. It is printed alone, this once.

    Both are good for a day, so that the sender can change over; then the old one ends by itself.

    \b
    Example:
      KEY=$(strainwatch keys rotate 5f2b8c0d91aa --overlap-s 3600)
    """
    import msgspec

    from shared.access import encode_api_key, new_api_key
    from shared.api_keys import LIVE_KEYS_MAX, ApiKey, decode_api_key
    from shared.contract.audit import AuditSubject
    from shared.settings import BadSetup

    async def replace() -> tuple[str, ApiKey]:
        async with _log() as log:
            records = {id: decode_api_key(data) for id, data in (await log.api_keys()).items()}
            old, now_ms = records.get(key_id), time.time_ns() // 1_000_000
            if old is None or not old.live(now_ms):
                raise BadSetup([f"keys rotate: there is no key {key_id!r} in force; see `strainwatch keys list`"])
            same = [r for r in records.values() if r.live(now_ms) and (r.tenant, r.of) == (old.tenant, old.of)]
            if len(same) >= LIVE_KEYS_MAX:
                ids = " and ".join(sorted(record.id for record in same))
                raise BadSetup([f"keys rotate: {old.of} has two keys in force already, {ids}; revoke one first"])
            text, new = new_api_key(
                old.tenant, old.scopes, random_bytes=secrets.token_bytes, now_ms=now_ms, source=old.of
            )
            ended = msgspec.structs.replace(old, expires_at_ms=now_ms + overlap_s * 1000, source=old.of)
            await log.put_api_key(new.id, encode_api_key(new))
            await log.put_api_key(old.id, encode_api_key(ended))
            await _keep(log, old.tenant, "rotate_key", AuditSubject("key", old.id))
            return text, new

    text, new = asyncio.run(replace())
    print(text)
    print(f"key {new.id} takes the place of {key_id}, which is good for {overlap_s} s more", file=sys.stderr)


def revoke(key_id: Annotated[str, typer.Argument(metavar="ID", help="As `keys list` shows it.")]) -> None:
    """Take a key out of force, within 5 s. The record stays, so that the list says what was."""
    import msgspec

    from shared.access import decode_api_key, encode_api_key
    from shared.contract.audit import AuditSubject
    from shared.settings import BadSetup

    async def take_out() -> None:
        async with _log() as log:
            data = (await log.api_keys()).get(key_id)
            if data is None:
                raise BadSetup([f"keys revoke: there is no key {key_id!r}; see `strainwatch keys list`"])
            record = msgspec.structs.replace(decode_api_key(data), revoked=True)
            await log.put_api_key(key_id, encode_api_key(record))
            await _keep(log, record.tenant, "revoke_key", AuditSubject("key", key_id))

    asyncio.run(take_out())
    print(f"key {key_id} is revoked", file=sys.stderr)


async def _keep(log: Log, tenant: str, action: AuditAction, subject: AuditSubject) -> None:
    """Write down in the audit log what an operator did; who that is, only the machine can say."""
    from getpass import getuser

    from shared.contract.audit import AuditRecord, encode_audit
    from shared.contract.events import rfc3339
    from shared.contract.keys import partition_of

    try:
        who = f"command line: {getuser()}"
    except (OSError, KeyError):  # a container's user without a name
        who = "command line"
    record = AuditRecord(
        at=rfc3339(time.time_ns() // 1_000_000),
        tenant=tenant,
        sub=who,
        role="operator",
        action=action,
        subject=subject,
        outcome=200,
        address=None,
    )
    await log.audit(partition_of(tenant, log.partitions), encode_audit(record))


@asynccontextmanager
async def _log() -> AsyncIterator[Log]:
    from shared.settings import Environment
    from tools.open_log import open_log

    async with open_log(Environment.read(os.environ)) as log:
        assert log is not None
        yield log
