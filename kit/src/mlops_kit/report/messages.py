"""The messages that people would have received: time, recipient, text and subject."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

from mlops_kit.local_cloud.emails import Email
from mlops_kit.report.elements import Column, Html, code, html, join, row, table
from mlops_kit.report.statuses import badge
from mlops_kit.report.times import moment
from mlops_kit.text import count

ANCHOR, TITLE = "messages", "Messages"
COLUMNS = [Column("When"), Column("To"), Column("Message"), Column("Execution")]
NOBODY = "no subscriber yet"
EXECUTION = re.compile(r"/execution/(\w+)")


def messages(mails: Sequence[Email], unreadable: int, anchors: Mapping[str, str]) -> Html | None:
    """All messages in the order in which they would have been sent; None if there are none.

    Args:
        mails: the messages.
        unreadable: the number of unreadable lines in their file.
        anchors: the anchors of the executions on the page, by id.
    """
    if not mails and not unreadable:
        return None
    rows = [_row(mail, anchors) for mail in mails]
    problem = html("p", badge("warn", f"{count(unreadable, 'line')} of emails.jsonl cannot be read"), class_="verdict")
    return html(
        "section",
        html("h2", TITLE, id=ANCHOR),
        problem if unreadable else None,
        table("Messages in the order they would have been sent", COLUMNS, rows, "messages"),
        class_="entry",
        aria_labelledby=ANCHOR,
    )


def _row(mail: Email, anchors: Mapping[str, str]) -> Html:
    message = html("details", html("summary", mail.subject or "no subject"), html("pre", mail.text))
    to = mail.to if mail.to else html("span", NOBODY, class_="absent")
    ids = dict.fromkeys(EXECUTION.findall(mail.text))
    links = [html("p", html("a", code(id_), href=f"#{anchors[id_]}")) for id_ in ids if id_ in anchors]
    return row(COLUMNS, [_when(mail.time), to, message, join(links)])


def _when(time: str) -> Html | str:
    try:
        return moment(datetime.fromisoformat(time.replace("Z", "+00:00")).astimezone(timezone.utc), date=False) or ""
    except ValueError:
        return time
