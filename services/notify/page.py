"""The team lead's page: files that were built from `web/`, with the headers that keep it safe."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, HTMLResponse, Response

from services.notify.problems import ProblemRoute, Refusal

DIST = Path(__file__).parent / "web" / "dist"

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; connect-src 'self'; img-src 'self' data:; style-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Strainwatch</title></head>
<body><h1>Strainwatch</h1>
<p>The page is not built yet. Run <code>make web</code> and load this address again.</p>
<p>The interfaces are described at <a href="/docs">/docs</a>.</p></body></html>
"""


def routes(dist: Path = DIST) -> APIRouter:
    """`/`, `/favicon.svg` and `/assets/*`. Files are looked up at each request, so a new build is served at once."""
    router = APIRouter(route_class=ProblemRoute, include_in_schema=False)

    @router.get("/")
    async def index() -> Response:
        headers = {**_HEADERS, "Cache-Control": "no-store"}
        file = dist / "index.html"
        return FileResponse(file, headers=headers) if file.is_file() else HTMLResponse(_NOT_BUILT, headers=headers)

    @router.get("/favicon.svg")
    async def favicon() -> Response:
        return _file(dist / "favicon.svg", "max-age=3600")

    @router.get("/assets/{name}")
    async def asset(name: str) -> Response:
        # The name holds a hash of the content, so what was loaded once never changes.
        return _file(dist / "assets" / name, "public, max-age=31536000, immutable")

    return router


def _file(file: Path, cache: str) -> Response:
    try:
        there = file.is_file()
    except OSError:  # a name that no file can have
        there = False
    if not there:
        raise Refusal(404, "There is no such file.")
    return FileResponse(file, headers={**_HEADERS, "Cache-Control": cache})
