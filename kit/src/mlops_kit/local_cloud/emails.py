"""The e-mails that SNS would have sent: one line of mails.jsonl for each recipient."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mlops_kit.runner.record import now

FILE = "mails.jsonl"


@dataclass(frozen=True)
class Mail:
    """One e-mail.

    Attributes:
        time: when it would have been sent.
        topic: the ARN of the topic.
        to: the address; None where nobody subscribes to the topic.
    """

    time: str
    topic: str
    to: str | None
    subject: str
    text: str


class Mails:
    """Keeps e-mails in the order in which they come.

    Args:
        work: the folder of mails.jsonl.
    """

    def __init__(self, work: Path) -> None:
        self._path = work / FILE
        self._writing = threading.Lock()

    def send(self, topic: str, to: Sequence[str], subject: str, text: str) -> None:
        """Send a message to everybody who subscribes to its topic by e-mail."""
        mails = [Mail(now(), topic, address, subject, text) for address in (*to,) or (None,)]
        # somebody may have removed the folder, or the disk is full: nobody would hear of that by mail
        with self._writing, contextlib.suppress(OSError), self._path.open("a", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{json.dumps(asdict(mail))}\n" for mail in mails)


def read_mails(work: Path) -> tuple[list[Mail], int]:
    """The e-mails so far, and how many lines of the file are none."""
    path = work / FILE
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    mails = [mail for line in lines if (mail := _read(line))]
    return mails, len(lines) - len(mails)


def _read(line: str) -> Mail | None:
    try:
        found = json.loads(line)
        to = found["to"] if found["to"] is None else str(found["to"])
        return Mail(str(found["time"]), str(found["topic"]), to, str(found["subject"]), str(found["text"]))
    except (KeyError, TypeError, ValueError):
        return None
