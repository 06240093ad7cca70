"""Markup that cannot be broken out of: whatever is text is escaped, whatever is a name stands in its own direction."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def text(value: str) -> Markup:
    """Plain text as markup; a control character becomes a sign that one sees."""
    return value if isinstance(value, Markup) else Markup(html.escape(_CONTROL.sub("\ufffd", value)))


def name(value: str) -> Markup:
    """A name that somebody chose: it may be written from right to left, and must not turn what is around it."""
    return element("bdi", value)


def element(tag: str, *content: str, **attributes: str) -> Markup:
    """An element; `class_` is `class`, and other underscores are hyphens."""
    given = "".join(f' {key.rstrip("_").replace("_", "-")}="{text(value)}"' for key, value in attributes.items())
    return Markup(f"<{tag}{given}>{''.join(map(text, content))}</{tag}>")


def joined(parts: Iterable[str], between: str = "") -> Markup:
    """Markup one after the other."""
    return Markup(text(between).join(map(text, parts)))


def bar(share: float) -> Markup:
    """A share as a bar. Drawn with attributes: a style would be refused by the page's content policy."""
    width = f"{100 * min(max(share, 0.0), 1.0):.1f}"
    return Markup(
        '<svg class="report-bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        '<rect class="report-bar-track" width="100" height="8"/>'
        f'<rect class="report-bar-part" width="{width}" height="8"/>'
        "</svg>"
    )


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], *, total: Sequence[str] = ()) -> Markup:
    """A table whose first column names the row; the others are numbers. Narrow pages show a row as a card, in which
    each number carries its heading."""
    head = joined(element("th", h, scope="col") for h in heads)
    body = [element("tr", *_cells(heads, row)) for row in rows]
    foot = element("tfoot", element("tr", *_cells(heads, total))) if total else Markup()
    parts = [element("caption", caption), element("thead", element("tr", head)), element("tbody", *body), foot]
    return element("table", *parts)


def _cells(heads: Sequence[str], row: Sequence[str]) -> Iterable[Markup]:
    yield element("th", row[0], scope="row")
    for head, cell in zip(heads[1:], row[1:], strict=True):
        yield element("td", cell, data_label=head)
