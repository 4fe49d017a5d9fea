"""A message in the form that SNS takes and a person reads."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from messages import Message
from news import EXECUTION, STEP, News

MOST_SUBJECT = 99  # characters: SNS wants less than 100, of ASCII, on one line
MOST_PART = 4_000  # characters of each part: nobody reads more in a mail, and all are well below SNS's 256 KB
CUT = " [...]"

# What XML cannot hold, and halves of characters that were cut apart: a log may have brought them along.
_UNSENDABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def own_words(texts: Sequence[Mapping[str, Any]], told: News) -> str:
    """The team's words on a step or an execution, of the first entry of `notifications.texts` that fits; else none."""
    if told.type not in (STEP, EXECUTION):
        return ""
    found = {"pipeline": told.pipeline, "step": told.step, "status": told.status}
    for entry in texts:
        if all(entry.get(key) in (None, value) for key, value in found.items()):
            return str(entry["text"])
    return ""


def subject(message: Message, project: str, environment: str) -> str:
    """What stands in the list of mails."""
    plain = unicodedata.normalize("NFKD", f"{project} {environment}: {message.headline}")
    line = " ".join(plain.encode("ascii", "ignore").decode().split())
    return _cut("".join(filter(str.isprintable, line)), MOST_SUBJECT)


def text(message: Message, told: News, project: str, environment: str, words: str) -> str:
    """The mail itself."""
    facts = {"Project": project, "Environment": environment, "When": told.time, **message.facts}
    parts = [
        f"{message.headline[0].upper()}{message.headline[1:]}.",
        _quoted(message.reason),
        words,
        "\n".join(f"{name}: {' '.join(value.split())}" for name, value in facts.items()),
        message.advice,
        "\n".join(message.commands),
        "\n".join(f"{name}: {address}" for name, address in message.links.items() if address),
    ]
    whole = "\n\n".join(_cut(part.strip(), MOST_PART) for part in parts if part.strip())
    return _UNSENDABLE.sub("?", whole)


def _quoted(text: str) -> str:
    """What a job or another person said, so that no line of it can be taken for advice or for a command."""
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - len(CUT)] + CUT
