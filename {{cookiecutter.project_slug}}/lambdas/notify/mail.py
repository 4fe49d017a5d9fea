"""A message in the form that SNS accepts and a person reads."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from changes import EXECUTION, STEP, Change
from messages import Message

MAX_SUBJECT = 99  # characters: SNS accepts fewer than 100, all ASCII, on one line
MAX_PART = 4_000  # characters per part: nobody reads more in an e-mail, and all parts fit well into SNS's 256 KB
ELLIPSIS = " [...]"

# What XML cannot hold, and unpaired surrogates: either may come from a log.
_UNSENDABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def own_text(texts: Sequence[Mapping[str, Any]], change: Change) -> str:
    """The team's text for a change: the first match in `notifications.texts`; empty if none matches."""
    return next((str(entry["text"]) for entry in texts if _is_for(entry, change)), "")


def _is_for(entry: Mapping[str, Any], change: Change) -> bool:
    """Whether an entry is for a change.

    An entry without `event` is for steps and executions, and for a step's success only if it names step and status: a
    text sends this message, and one that has always been there must not start to.
    """
    actual = {"event": change.event, "pipeline": change.pipeline, "step": change.step, "status": change.status}
    if any(entry.get(key) not in (None, value) for key, value in actual.items()):
        return False
    if entry.get("event"):
        return True
    if change.event == "step_succeeded":
        return bool(entry.get("step") and entry.get("status"))
    return change.type in (STEP, EXECUTION)


def subject(message: Message, project: str, environment: str) -> str:
    """The subject line."""
    plain = unicodedata.normalize("NFKD", f"{project} {environment}: {message.headline}")
    line = " ".join(plain.encode("ascii", "ignore").decode().split())
    return _shorten("".join(filter(str.isprintable, line)), MAX_SUBJECT)


def text(message: Message, change: Change, project: str, environment: str, own_text: str) -> str:
    """The body of the e-mail."""
    facts = {"Project": project, "Environment": environment, "When": change.time, **message.facts}
    parts = [
        f"{message.headline[0].upper()}{message.headline[1:]}.",
        _quote(message.reason),
        own_text,
        "\n".join(f"{name}: {' '.join(value.split())}" for name, value in facts.items()),
        message.advice,
        "\n".join(message.commands),
        "\n".join(f"{name}: {address}" for name, address in message.links.items() if address),
    ]
    body = "\n\n".join(_shorten(part.strip(), MAX_PART) for part in parts if part.strip())
    return _UNSENDABLE.sub("?", body)


def _quote(text: str) -> str:
    """Quote what a job or another person wrote, so that no line of it can pass for advice or a command."""
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())


def _shorten(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - len(ELLIPSIS)] + ELLIPSIS
