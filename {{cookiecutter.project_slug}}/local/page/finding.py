"""What a step found out that is worth looking at."""

from __future__ import annotations

from dataclasses import dataclass

from local.page.elements import Html


@dataclass(frozen=True)
class Finding:
    """One thing found.

    Attributes:
        title: what it is about.
        headline: what was found, in a few words; empty where there is nothing to say in short.
        body: all of it.
    """

    title: str
    headline: str
    body: Html
