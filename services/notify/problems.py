"""Errors as problem details (RFC 9457), for routes that raise `Refusal` and for what the framework refuses itself."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from shared.access import UnknownKey
from shared.contract.frames import ProblemDetails, encode

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1  # the store restarts or fails over within seconds; clients that wait longer lose nothing


class Refusal(Exception):
    """A request that ends with a problem."""

    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


_KNOWN = {
    401: ("no-valid-token", "No valid token"),
    403: ("not-allowed", "This may not be done by you or from there"),
    404: ("not-found", "There is no such thing here"),
    405: ("wrong-method", "This address takes another method"),
    409: ("too-late", "The alert is no longer what you saw"),
    413: ("too-large", "The request is too large"),
    422: ("does-not-fit", "A parameter or the body does not fit"),
    429: ("too-often", "This was done too often"),
    503: ("log-unavailable", "The log cannot be reached now"),
}


def problem_body(status: int, detail: str) -> bytes:
    """The JSON of a problem."""
    code, title = _KNOWN.get(status, ("refused", HTTPStatus(status).phrase))
    return encode(ProblemDetails(type=f"urn:strainwatch:problem:{code}", title=title, status=status, detail=detail))


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """A problem as a response."""
    return Response(problem_body(status, detail), status, {"Cache-Control": "no-store", **(headers or {})}, MEDIA_TYPE)


def _invalid(exc: RequestValidationError) -> Response:
    faults = "; ".join(f"{'.'.join(map(str, e['loc'][1:]))}: {e['msg']}" for e in exc.errors())
    return problem(422, faults)


class ProblemRoute(APIRoute):
    """A route whose errors are problems, whatever app it is mounted in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See APIRoute."""
        handler = super().get_route_handler()

        async def with_problems(request: Request, again: bool = False) -> Response:
            try:
                return await handler(request)
            except Refusal as exc:
                refusal = exc
            except RequestValidationError as exc:
                return _invalid(exc)
            if not again and isinstance(refusal.__cause__, UnknownKey) and await refusal.__cause__.renew():
                # The issuer has other keys now. Who asks is the first thing that a route looks at, so that nothing was
                # read or done yet: ask it again.
                return await with_problems(request, again=True)
            return problem(refusal.status, refusal.detail, refusal.headers)

        return with_problems


def install(app: FastAPI) -> None:
    """Make problems of what no route answers: unknown paths, wrong methods."""

    async def refused(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, HTTPException)
        return problem(exc.status_code, str(exc.detail), dict(exc.headers or {}))

    app.add_exception_handler(HTTPException, refused)
