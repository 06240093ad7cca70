"""Commands that serve the rights of agents: agent-data, forget."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

import typer

Agent = Annotated[str, typer.Option(help="The id that the ACD's events carry.")]
Tenant = Annotated[str, typer.Option(help="Whose agent it is.")]
WAIT_S = 10.0
"""How long `forget` waits for the scorer, which takes the order within a second when it runs."""


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("agent-data")(agent_data)
    app.command()(forget)


def agent_data(agent: Agent, tenant: Tenant = "demo") -> None:
    """Print as JSON all that is processed about one agent, by which formula, and how long each part is kept.

    \b
    Example:
      strainwatch agent-data --agent ann --tenant acme > ann.json

    \b
    It reads the log, not a running service. In it: the strain now with its drivers, the parameters in force and the
    formulas in words (English and Chinese); every number of the agent's row; minutes, alerts, events and audit records
    that name the agent, as far as they are still kept. Agents see the first part themselves: GET /v1/agents/me.
    """
    import msgspec

    from shared.settings import Environment
    from tools import agent_data as data
    from tools.open_log import open_log

    async def read() -> bytes:
        environment = Environment.read(os.environ)
        async with open_log(environment) as log:
            assert log is not None
            return msgspec.json.encode(await data.agent_data(log, tenant, agent, environment.keep))

    print(msgspec.json.format(asyncio.run(read()), indent=2).decode())


def forget(agent: Agent, tenant: Tenant = "demo") -> None:
    """Forget an agent: what the engine knows is cleared at once, and what the log holds goes with its retention.

    \b
    Example:
      strainwatch forget --agent ann --tenant acme

    \b
    Cleared as soon as the scorer has read the order (within a second when it runs): strain, baselines, queues served,
    the row of the board; live alerts end without the name. Checkpoints are without it from the next one on, 30 s later.
    Stop the ACD from sending events of the agent first: whoever is named again is a new agent.
    """
    from shared.settings import Environment
    from tools.forget import forget_agent
    from tools.open_log import open_log

    async def order() -> list[str]:
        environment = Environment.read(os.environ)
        async with open_log(environment) as log:
            assert log is not None
            return await forget_agent(log, tenant, agent, wait_s=WAIT_S, kept=environment.keep)

    print("\n".join(asyncio.run(order())))
