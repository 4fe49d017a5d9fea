"""Messages to a topic become e-mails to its subscribers, in emails.jsonl."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from mlops_kit.local_cloud.emails import Email, read_emails
from pipeline_harness import Lab, open_lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(tmp_path_factory.mktemp("lab")) as opened:
        yield opened


def sent(lab: Lab, topic: str) -> list[Email]:
    return [email for email in read_emails(lab.cloud.work)[0] if email.topic == topic]


def test_each_email_subscriber_gets_one(lab: Lab) -> None:
    sns = lab.cloud.client("sns")
    topic = sns.create_topic(Name="two")["TopicArn"]
    for address in ("ada@example.com", "bob@example.com"):
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=address)
    sns.publish(TopicArn=topic, Subject="A subject", Message="line one\nline two: ü")
    emails = sent(lab, topic)
    assert [email.to for email in emails] == ["ada@example.com", "bob@example.com"]
    assert {(email.subject, email.text) for email in emails} == {("A subject", "line one\nline two: ü")}


def test_a_message_without_subscribers_is_recorded(lab: Lab) -> None:
    sns = lab.cloud.client("sns")
    topic = sns.create_topic(Name="none")["TopicArn"]
    sns.publish(TopicArn=topic, Message="to whom it may concern")
    (email,) = sent(lab, topic)
    assert (email.to, email.subject, email.text) == (None, "", "to whom it may concern")


def test_a_message_may_have_its_own_text_for_email(lab: Lab) -> None:
    sns = lab.cloud.client("sns")
    topic = sns.create_topic(Name="forms")["TopicArn"]
    texts = json.dumps({"default": "short", "email": "long"})
    sns.publish(TopicArn=topic, Message=texts, MessageStructure="json")
    assert sent(lab, topic)[0].text == "long"


def test_lines_that_cannot_be_read_are_counted(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> None:
    work = tmp_path_factory.mktemp("work")
    valid = {"time": "2026-11-21T10:00:00.000Z", "topic": "t", "to": None, "subject": "s", "text": "x"}
    (work / "emails.jsonl").write_text(f"{json.dumps(valid)}\n[]\nnull\n{{\n", encoding="utf-8")
    emails, unreadable = read_emails(work)
    assert (len(emails), unreadable) == (1, 3)
