"""`/docs`: what `/openapi.json` says, as one page for people. No script and nothing from elsewhere, so that it works
without the internet and brings nobody's code into the origin of the page that leads use.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

_METHODS = ("get", "post", "put", "patch", "delete")
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1b1f24; background: #fff }
h2 { font-size: 1.05rem; margin: 2.2rem 0 0.3rem; border-top: 1px solid #ccd; padding-top: 1rem }
code, pre { font: 0.9rem/1.45 ui-monospace, monospace }
pre { background: #f3f4f7; padding: 0.8rem; overflow: auto }
p { white-space: pre-line; margin: 0.3rem 0 }
table { border-collapse: collapse; margin: 0.5rem 0 } td { padding: 0.1rem 1rem 0.1rem 0; vertical-align: top }
summary { cursor: pointer }
@media (prefers-color-scheme: dark) { body { color: #e6e8eb; background: #14171a } pre { background: #20252b }
  a { color: #9ec1ff } h2 { border-color: #333a42 } }
"""
_DIGEST = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
CONTENT_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {"Content-Security-Policy": CONTENT_POLICY, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


def describe_at_docs(app: FastAPI) -> FastAPI:
    """Serve the page. The app is made with `docs_url=None, redoc_url=None`, whose pages load scripts from elsewhere."""

    async def page(_: Request) -> Response:
        return HTMLResponse(page_of(app.openapi()), headers=_HEADERS)

    app.add_route("/docs", page, methods=["GET"], include_in_schema=False)
    return app


def page_of(document: Mapping[str, Any]) -> str:
    """HTML of an OpenAPI document."""
    info = document["info"]
    calls = "\n".join(
        "\n".join(_call(method, path, item[method]))
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n<body>'
        f"<h1>{escape(info['title'])}, version {escape(info['version'])}</h1>\n{_text(info.get('description'))}"
        '<p>For programs: <a href="openapi.json">openapi.json</a></p>\n'
        f"{calls}\n{_schemas(document.get('components', {}).get('schemas', {}))}</body></html>\n"
    )


def _call(method: str, path: str, call: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2><code>{method.upper()} {escape(path)}</code> {escape(call.get('summary', ''))}</h2>"
    yield _text(call.get("description"))
    if parameters := call.get("parameters"):
        rows = (
            f"<tr><td><code>{escape(p['name'])}</code></td><td>{escape(p['in'])}"
            f"{', required' if p.get('required') else ''}</td><td>{escape(p.get('description', ''))}</td></tr>"
            for p in parameters
        )
        yield f"<table>{''.join(rows)}</table>"
    if body := call.get("requestBody"):
        yield _folded("Body", body["content"])
    for status, answer in call.get("responses", {}).items():
        said = f"{status} {answer.get('description', '')}"
        yield _folded(said, answer["content"]) if "content" in answer else f"<p>{escape(said)}</p>"


def _schemas(schemas: Mapping[str, Any]) -> str:
    parts = "\n".join(_folded(name, schema) for name, schema in sorted(schemas.items()))
    return f"<h2>Schemas</h2>\n{parts}\n" if parts else ""


def _folded(title: str, content: object) -> str:
    text = escape(json.dumps(content, indent=1, ensure_ascii=False))
    return f"<details><summary>{escape(title)}</summary><pre>{text}</pre></details>"


def _text(text: str | None) -> str:
    return f"<p>{escape(text)}</p>\n" if text else ""
