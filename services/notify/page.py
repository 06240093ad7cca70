"""The team lead's page: files that were built from `web/`, with the headers that keep it safe."""

from __future__ import annotations

import gzip
import mimetypes
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from services.notify.problems import ProblemRoute, Refusal
from shared.contract.own import Oidc

DIST = Path(__file__).parent / "web" / "dist"

_NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Strainwatch</title></head>
<body><h1>Strainwatch</h1>
<p>The page is not built yet. Run <code>make web</code> and load this address again.</p>
<p>The interfaces are described at <a href="/docs">/docs</a>.</p></body></html>
"""


def origins(oidc: Oidc | None) -> tuple[str, ...]:
    """Whom the page talks to beside us: the issuer, which trades a code for a token."""
    if oidc is None:
        return ()
    issuer = urlsplit(oidc.issuer)
    return (f"{issuer.scheme}://{issuer.netloc}",)


def routes(dist: Path = DIST, connect: Sequence[str] = ()) -> APIRouter:
    """`/`, `/favicon.svg` and `/assets/*`. Files are looked up at each request, so a new build is served at once.

    The page may connect to us and to the origins of `connect`, and to nobody else.
    """
    router = APIRouter(route_class=ProblemRoute, include_in_schema=False)
    common = {"Content-Security-Policy": _policy(connect)}

    @router.get("/")
    async def index(request: Request) -> Response:
        headers = {**common, "Cache-Control": "no-store"}
        file = dist / "index.html"
        return _file(request, file, headers) if file.is_file() else HTMLResponse(_NOT_BUILT, headers=headers)

    @router.get("/favicon.svg")
    async def favicon(request: Request) -> Response:
        return _file(request, dist / "favicon.svg", {**common, "Cache-Control": "max-age=3600"})

    @router.get("/assets/{name}")
    async def asset(request: Request, name: str) -> Response:
        # The name holds a hash of the content, so what was loaded once never changes.
        cache = "public, max-age=31536000, immutable"
        return _file(request, dist / "assets" / name, {**common, "Cache-Control": cache})

    return router


def _policy(connect: Sequence[str]) -> str:
    others = "".join(f" {origin}" for origin in connect)
    return (
        f"default-src 'self'; connect-src 'self'{others}; img-src 'self' data:; style-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )


def _file(request: Request, file: Path, headers: Mapping[str, str]) -> Response:
    """A file of the build, packed for who takes that: text is then a third as long."""
    try:
        if not file.is_file():
            raise Refusal(404, "There is no such file.")
        plain, packed = _read(file, file.stat().st_mtime_ns)
    except OSError:  # a name that no file can have, or a build that went this moment
        raise Refusal(404, "There is no such file.") from None
    media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    headers = {**headers, "Vary": "Accept-Encoding"}
    if _takes_gzip(request.headers.get("accept-encoding", "")):
        return Response(packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=media_type)
    return Response(plain, headers=headers, media_type=media_type)


@lru_cache(maxsize=32)  # files of a build are ten; of an old one they are soon forgotten
def _read(file: Path, _changed_ns: int) -> tuple[bytes, bytes]:
    """As it is, and gzipped. Packed once for all, so it may take the while that the best packing takes."""
    plain = file.read_bytes()
    return plain, gzip.compress(plain, 9, mtime=0)


def _takes_gzip(accepted: str) -> bool:
    for each in accepted.split(","):
        name, _, quality = each.replace(" ", "").lower().partition(";q=")
        if name in ("gzip", "*"):
            return quality.strip("0.") != "" or not quality
    return False
