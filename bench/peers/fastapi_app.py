"""What a typical team writes for the same work: FastAPI, pydantic v2, redis-py with asyncio, one entry an event.

`/e` takes one event and `/b` a list of them, by one flat model. `/union/e` and `/union/b` take the same by a model per
event type. No authentication, no metrics, no look-up of repeat callers.
"""

import os
from typing import Annotated, Literal
from uuid import UUID

import redis.asyncio as aredis
from fastapi import FastAPI
from pydantic import BaseModel, Field

STREAM = "events"
KEPT = 200_000
store = aredis.Redis.from_url(os.environ.get("PEER_REDIS_URL", "redis://127.0.0.1:6379"))
app = FastAPI()

Name = Annotated[str, Field(min_length=1, max_length=512)]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
State = Literal["available", "reserved", "on_contact", "acw", "break", "meeting", "offline"]
Outcome = Literal["resolved", "unresolved", "transferred", "escalated", "callback"]
Direction = Literal["inbound", "outbound"]


class Event(BaseModel):
    """Any event."""

    type: Literal["contact.offered", "contact.answered", "contact.handled", "agent.state", "queue.observed"]
    id: UUID
    ts: int = Field(gt=0)
    queue: Name | None = None
    agent: Name | None = None
    contact: Name | None = None
    caller: Name | None = None
    issue: Name | None = None
    channel: Name | None = None
    direction: Direction | None = None
    wait_s: Seconds | None = None
    announced_wait_s: Seconds | None = None
    talk_s: Seconds | None = None
    hold_s: Seconds | None = None
    acw_s: Seconds | None = None
    outcome: Outcome | None = None
    complaint: bool | None = None
    state: State | None = None
    team: Name | None = None
    waiting: Count | None = None
    longest_wait_s: Seconds | None = None
    agents_staffed: Count | None = None
    agents_available: Count | None = None
    agents_busy: Count | None = None


@app.post("/e", status_code=202)
async def one(event: Event) -> dict[str, int]:
    """One event."""
    await store.xadd(STREAM, {"d": event.model_dump_json(exclude_none=True)}, maxlen=KEPT, approximate=True)
    return {"accepted": 1}


@app.post("/b", status_code=202)
async def batch(events: list[Event]) -> dict[str, int]:
    """Several events."""
    async with store.pipeline(transaction=False) as pipe:
        for event in events:
            pipe.xadd(STREAM, {"d": event.model_dump_json(exclude_none=True)}, maxlen=KEPT, approximate=True)
        await pipe.execute()
    return {"accepted": len(events)}


class _Base(BaseModel):
    id: UUID
    ts: int = Field(gt=0)


class Offered(_Base):
    """A contact joined the queue."""

    type: Literal["contact.offered"]
    contact: Name
    queue: Name
    caller: Name | None = None
    issue: Name | None = None
    channel: Name | None = None
    direction: Direction | None = None


class Answered(_Base):
    """A contact reached an agent."""

    type: Literal["contact.answered"]
    contact: Name
    queue: Name
    agent: Name
    wait_s: Seconds
    announced_wait_s: Seconds | None = None


class Handled(_Base):
    """A contact is finished."""

    type: Literal["contact.handled"]
    contact: Name
    queue: Name
    agent: Name
    talk_s: Seconds
    hold_s: Seconds | None = None
    acw_s: Seconds | None = None
    caller: Name | None = None
    issue: Name | None = None
    outcome: Outcome | None = None
    complaint: bool | None = None
    direction: Direction | None = None


class AgentState(_Base):
    """An agent changed state."""

    type: Literal["agent.state"]
    agent: Name
    state: State
    team: Name | None = None


class Observed(_Base):
    """Queue length now."""

    type: Literal["queue.observed"]
    queue: Name
    waiting: Count
    longest_wait_s: Seconds | None = None
    agents_staffed: Count | None = None
    agents_available: Count | None = None
    agents_busy: Count | None = None


AnyEvent = Annotated[Offered | Answered | Handled | AgentState | Observed, Field(discriminator="type")]


@app.post("/union/e", status_code=202)
async def one_of_union(event: AnyEvent) -> dict[str, int]:
    """One event."""
    await store.xadd(STREAM, {"d": event.model_dump_json(exclude_none=True)}, maxlen=KEPT, approximate=True)
    return {"accepted": 1}


@app.post("/union/b", status_code=202)
async def batch_of_union(events: list[AnyEvent]) -> dict[str, int]:
    """Several events."""
    async with store.pipeline(transaction=False) as pipe:
        for event in events:
            pipe.xadd(STREAM, {"d": event.model_dump_json(exclude_none=True)}, maxlen=KEPT, approximate=True)
        await pipe.execute()
    return {"accepted": len(events)}
