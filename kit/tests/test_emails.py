"""What is published to a topic goes, as far as anybody can see, to those who subscribe by e-mail."""

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
    return [mail for mail in read_emails(lab.cloud.work)[0] if mail.topic == topic]


def test_everybody_who_subscribes_by_mail_gets_one(lab: Lab) -> None:
    sns = lab.cloud.client("sns")
    topic = sns.create_topic(Name="two")["TopicArn"]
    for address in ("ada@example.com", "bob@example.com"):
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=address)
    sns.publish(TopicArn=topic, Subject="A subject", Message="line one\nline two: ü")
    mails = sent(lab, topic)
    assert [mail.to for mail in mails] == ["ada@example.com", "bob@example.com"]
    assert {(mail.subject, mail.text) for mail in mails} == {("A subject", "line one\nline two: ü")}


def test_what_nobody_gets_is_written_down_too(lab: Lab) -> None:
    sns = lab.cloud.client("sns")
    topic = sns.create_topic(Name="none")["TopicArn"]
    sns.publish(TopicArn=topic, Message="to whom it may concern")
    (mail,) = sent(lab, topic)
    assert (mail.to, mail.subject, mail.text) == (None, "", "to whom it may concern")


def test_a_message_of_several_forms_has_one_for_mail(lab: Lab) -> None:
    sns = lab.cloud.client("sns")
    topic = sns.create_topic(Name="forms")["TopicArn"]
    said = json.dumps({"default": "short", "email": "long"})
    sns.publish(TopicArn=topic, Message=said, MessageStructure="json")
    assert sent(lab, topic)[0].text == "long"


def test_lines_that_are_no_mails_are_counted(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> None:
    work = tmp_path_factory.mktemp("work")
    good = {"time": "2026-11-21T10:00:00.000Z", "topic": "t", "to": None, "subject": "s", "text": "x"}
    (work / "emails.jsonl").write_text(f"{json.dumps(good)}\n[]\nnull\n{{\n", encoding="utf-8")
    mails, unreadable = read_emails(work)
    assert (len(mails), unreadable) == (1, 3)
