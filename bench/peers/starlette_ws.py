"""Starlette's own websocket example with a plain broadcast: `POST /publish` goes to everybody who is connected.

No sign-in, no metrics.
"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

clients: set[WebSocket] = set()


async def feed(websocket: WebSocket) -> None:
    """One client; what it says is not listened to."""
    await websocket.accept()
    clients.add(websocket)
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        pass
    finally:
        clients.discard(websocket)


async def publish(request: Request) -> Response:
    """To everybody."""
    text = (await request.body()).decode()
    for websocket in list(clients):
        await websocket.send_text(text)
    return Response(status_code=204)


app = Starlette(routes=[WebSocketRoute("/", feed), Route("/publish", publish, methods=["POST"])])
