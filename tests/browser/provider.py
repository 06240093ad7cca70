"""An OpenID Connect provider for a browser: oidc-provider-mock, plus what a page needs of one and it leaves out.

That is: answers that a page of another origin may read (CORS), the check of the code verifier (RFC 7636), and an
identity token with each renewal, as the large providers give one.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import oidc_provider_mock  # type: ignore[import-untyped]
from oidc_provider_mock._app import storage  # type: ignore[import-untyped]
from werkzeug.serving import make_server

PERSON = "lena@example.org"
CLAIMS = {"tenant": "demo", "teams": ["*"], "role": "lead"}


class ForPages:
    """WSGI around the provider's."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self._challenges: dict[str, str] = {}
        self._people: dict[str, dict[str, Any]] = {}
        """Claims by refresh token."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        path, asked = environ["PATH_INFO"], parse_qs(environ.get("QUERY_STRING", ""))

        def started(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            if path == "/oauth2/authorize":
                self._remember(asked, dict(headers).get("Location", ""))
            return start_response(status, [*headers, ("Access-Control-Allow-Origin", "*")], exc_info)

        if path == "/oauth2/authorize" and asked.get("code_challenge_method") != ["S256"]:
            start_response("400 Bad Request", [("Content-Type", "text/plain")])
            return [b"this client has to use PKCE with S256"]
        if path == "/oauth2/token":
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            fields = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            if fields["grant_type"] == "authorization_code" and not self._proven(fields):
                started("400 Bad Request", [("Content-Type", "application/json")])
                return [b'{"error": "invalid_grant"}']
            environ["wsgi.input"] = io.BytesIO(body)
            # A public client has no secret; the inner provider takes any.
            secret = base64.b64encode(f"{fields['client_id']}:any".encode()).decode()
            environ["HTTP_AUTHORIZATION"] = f"Basic {secret}"
            return self._tokens(environ, started, fields)
        return self.inner(environ, started)

    def _tokens(self, environ: dict[str, Any], started: Any, fields: dict[str, str]) -> Any:
        head: list[Any] = []
        told = json.loads(b"".join(self.inner(environ, lambda *given: head.extend(given[:2]))))
        if "id_token" in told:
            self._people[told.get("refresh_token", "")] = jwt.decode(
                told["id_token"], options={"verify_signature": False}
            )
        elif "access_token" in told:
            claims = self._people[fields["refresh_token"]]
            now_s = int(time.time())
            claims = {**claims, "iat": now_s, "exp": now_s + claims["exp"] - claims["iat"]}
            claims.pop("nonce", None)  # OpenID Connect Core, 12.2: it should not be there
            with self.inner.test_request_context("/"):
                self.inner.preprocess_request()  # lays out the storage
                key = jwt.PyJWK(storage.jwk.as_dict(is_private=True), "RS256").key
            told["id_token"] = jwt.encode(claims, key, "RS256")
        body = json.dumps(told).encode()
        started(head[0], [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def _remember(self, asked: dict[str, list[str]], location: str) -> None:
        for code in parse_qs(urlsplit(location).query).get("code", []):
            self._challenges[code] = asked["code_challenge"][0]

    def _proven(self, fields: dict[str, str]) -> bool:
        digest = hashlib.sha256(fields.get("code_verifier", "").encode()).digest()
        wanted = self._challenges.pop(fields.get("code", ""), None)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == wanted


@contextmanager
def serving(token_age_s: int, refresh: bool = True) -> Iterator[str]:
    """The address of a provider that answers from a thread of its own, until the end of the block."""
    app = oidc_provider_mock.app(
        user_claims=[oidc_provider_mock.User(sub=PERSON, claims=CLAIMS)],
        require_nonce=True,
        issue_refresh_token=refresh,
        access_token_max_age=timedelta(seconds=token_age_s),
    )
    server = make_server("127.0.0.1", 0, ForPages(app), threaded=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
