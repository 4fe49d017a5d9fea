"""The e-mails that SNS would send: a line of emails.jsonl per recipient."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mlops_kit.runner.record import now

FILE = "emails.jsonl"


@dataclass(frozen=True)
class Email:
    """One e-mail.

    Attributes:
        time: when SNS would send it.
        topic: the topic's ARN.
        to: the address; None if the topic has no subscriber.
    """

    time: str
    topic: str
    to: str | None
    subject: str
    text: str


class EmailLog:
    """Appends e-mails to the file, in the order of publication.

    Args:
        work: the folder of emails.jsonl.
    """

    def __init__(self, work: Path) -> None:
        self._path = work / FILE
        self._lock = threading.Lock()

    def send(self, topic: str, to: Sequence[str], subject: str, text: str) -> None:
        """Record a message to each subscriber of a topic, or to nobody if there is none."""
        emails = [Email(now(), topic, address, subject, text) for address in (*to,) or (None,)]
        # the folder may have been removed, or the disk may be full: publishing succeeds all the same, as in AWS
        with self._lock, contextlib.suppress(OSError), self._path.open("a", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{json.dumps(asdict(email))}\n" for email in emails)


def read_emails(work: Path) -> tuple[list[Email], int]:
    """The e-mails so far, and the number of lines that cannot be read."""
    path = work / FILE
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    emails = [email for line in lines if (email := _parse(line))]
    return emails, len(lines) - len(emails)


def _parse(line: str) -> Email | None:
    try:
        content = json.loads(line)
        to = content["to"] if content["to"] is None else str(content["to"])
        return Email(str(content["time"]), str(content["topic"]), to, str(content["subject"]), str(content["text"]))
    except (KeyError, TypeError, ValueError):
        return None
