"""HTML elements as functions; any other text is escaped."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Union
from urllib.parse import quote

MAX_UNBROKEN = 28  # letters
VOID = frozenset({"meta", "link", "img", "br", "col"})


class Html(str):
    """Text that is already HTML."""

    __slots__ = ()


Child = Union[str, Iterable[str], None]  # noqa: UP007 - evaluated at run time, where Python 3.10 has no `|` of str
Attribute = Union[str, float, bool, None]  # noqa: UP007


@dataclass(frozen=True)
class Section:
    """One result of a step.

    Attributes:
        title: its heading.
        headline: the result in a few words; may be empty.
        body: the details.
    """

    title: str
    headline: str
    body: Html


def html(tag: str, *children: Child, **attributes: Attribute) -> Html:
    """An element.

    Args:
        tag: its name.
        children: text, which is escaped, Html, which is not, lists of these, or None.
        attributes: `_` becomes `-`, a trailing `_` is dropped; None and False leave an attribute out.
    """
    start = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in VOID:
        return Html(f"<{tag}{start}>")
    return Html(f"<{tag}{start}>{join(*children)}</{tag}>")


def join(*children: Child) -> Html:
    """Concatenate children."""
    return Html("".join(_content(child) for child in children))


def _content(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child
    return escape(child, quote=False) if isinstance(child, str) else join(*child)


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    written = name.rstrip("_").replace("_", "-")
    if value is True:
        return f" {written}"
    text = value if isinstance(value, str) else f"{value:.10g}"
    return f' {written}="{escape(text)}"'


def link_to(path: str, label: str) -> Html:
    """A link to a file in the page's folder; every special character of its name is quoted."""
    return html("a", label, href=quote(os.fsencode(path)))


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str
    class_: str | None = None


def table(caption: Child, columns: Sequence[Column], rows: Iterable[Html], class_: str = "") -> Html:
    """A table that becomes a list of cards on a narrow screen.

    Cards are not laid out as a table, and browsers then drop the elements' implicit roles: hence the explicit ones.
    """
    heads = [html("th", column.title, scope="col", class_=column.class_, role="columnheader") for column in columns]
    return html(
        "table",
        html("caption", caption),
        html("thead", html("tr", heads, role="row"), role="rowgroup"),
        html("tbody", rows, role="rowgroup"),
        class_=f"cards {class_}".strip(),
        role="table",
    )


def row(columns: Sequence[Column], cells: Sequence[Child], class_: str | None = None, id_: str | None = None) -> Html:
    """A row of such a table; its first cell is its header."""
    parts = []
    for index, (column, cell) in enumerate(zip(columns, cells, strict=True)):
        content = join(cell)
        classes = " ".join(filter(None, (column.class_, None if content else "empty"))) or None
        if index == 0:
            parts.append(html("th", content, scope="row", class_=classes, role="rowheader"))
        else:
            label = html("span", column.title, class_="label", aria_hidden="true")
            parts.append(html("td", label, html("div", content), class_=classes, role="cell"))
    return html("tr", parts, role="row", class_=class_, id=id_)


def facts(pairs: Iterable[tuple[str, Child]], class_: str = "facts") -> Html:
    """Names and values; empty values are left out."""
    shown = [(name, join(value)) for name, value in pairs]
    return html(
        "dl",
        [html("div", html("dt", name), html("dd", value)) for name, value in shown if value],
        class_=class_,
    )


def code(text: str) -> Html:
    """An identifier, an address or a name; only a long one may wrap."""
    return html("code", text, class_="long" if len(text) > MAX_UNBROKEN else None)


def keyed(shape: str, text: str) -> Html:
    """A text with its key in a chart."""
    return html("span", html("i", class_=f"key {shape}", aria_hidden="true"), text)


def number(value: object) -> str:
    """A measured value, to four significant digits."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
