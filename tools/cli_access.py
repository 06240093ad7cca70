"""Commands about who may do what: token, keys."""

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
    from shared.log import Log


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(token)
    keys = typer.Typer(no_args_is_help=True, help="API keys of ACDs.")
    keys.command("create")(create)
    keys.command("list")(list_keys)
    keys.command("revoke")(revoke)
    app.add_typer(keys, name="keys")


def token(
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
    """
    from shared.access import mint
    from shared.settings import BadSetup, Environment
    from tools.demo_token import demo_token
    from tools.serve_setup import secret

    given = {"--tenant": tenant, "--teams": teams, "--role": role, "--sub": sub}
    if demo and any(value is not None for value in (*given.values(), agent)):
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
    exp_s = int(time.time()) + ttl_s
    print(mint(jwt_secret, tenant=tenant, teams=names, role=role, sub=sub, exp_s=exp_s, agent=agent))


def create(
    tenant: Annotated[str, typer.Option(help="Whose events the key will bring.")],
    scopes: Annotated[str, typer.Option(help="Separated by commas.")] = "events:write",
) -> None:
    """Make a key and print it, alone on standard output. It is shown this once: only its hash is kept.

    \b
    Example:
      KEY=$(strainwatch keys create --tenant acme)
    """
    from shared.access import encode_api_key, new_api_key
    from shared.settings import BadSetup

    wanted = [scope for scope in (part.strip() for part in scopes.split(",")) if scope]
    if not tenant or not wanted:
        raise BadSetup(["keys create: --tenant and --scopes may not be empty"])
    try:
        text, record = new_api_key(tenant, wanted, random_bytes=secrets.token_bytes, now_ms=time.time_ns() // 1_000_000)
    except ValueError as fault:
        raise BadSetup([f"keys create: {fault}"]) from None

    async def store() -> None:
        async with _log() as log:
            await log.put_api_key(record.id, encode_api_key(record))

    asyncio.run(store())
    print(text)
    print(f"key {record.id} of tenant {tenant}: good within 5 s, shown only now", file=sys.stderr)


def list_keys() -> None:
    """Print all keys: id, tenant, scopes, when it was made, whether it is in force."""
    from shared.access import decode_api_key

    async def read() -> dict[str, bytes]:
        async with _log() as log:
            return await log.api_keys()

    records = sorted(map(decode_api_key, asyncio.run(read()).values()), key=lambda record: record.created_at_ms)
    for record in records:
        made = datetime.fromtimestamp(record.created_at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        state = "revoked" if record.revoked else "in force"
        print(record.id, record.tenant, ",".join(record.scopes), made, state, sep="\t")
    if not records:
        print("no keys yet: strainwatch keys create --tenant T", file=sys.stderr)


def revoke(key_id: Annotated[str, typer.Argument(metavar="ID", help="As `keys list` shows it.")]) -> None:
    """Take a key out of force, within 5 s. The record stays, so that the list says what was."""
    import msgspec

    from shared.access import decode_api_key, encode_api_key
    from shared.settings import BadSetup

    async def take_out() -> None:
        async with _log() as log:
            data = (await log.api_keys()).get(key_id)
            if data is None:
                raise BadSetup([f"keys revoke: there is no key {key_id!r}; see `strainwatch keys list`"])
            record = msgspec.structs.replace(decode_api_key(data), revoked=True)
            await log.put_api_key(key_id, encode_api_key(record))

    asyncio.run(take_out())
    print(f"key {key_id} is revoked", file=sys.stderr)


@asynccontextmanager
async def _log() -> AsyncIterator[Log]:
    from shared.settings import Environment
    from tools.open_log import open_log

    async with open_log(Environment.read(os.environ)) as log:
        assert log is not None
        yield log
