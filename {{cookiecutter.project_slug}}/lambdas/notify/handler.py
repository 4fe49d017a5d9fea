"""Lambda, called by the notification rules: tell a person what changed, why, and what to do about it, once a change.

What goes wrong is raised: Lambda tries again, twice, and then keeps the event in the dead-letter queue.

    news.py      what an event tells, and what identifies it
    claims.py    one message for each change
    messages.py  what happened, why, and what to do
    lookup.py    what only SageMaker knows
    links.py     addresses in the AWS console
    mail.py      the form that SNS takes

Needs the IAM actions sns:Publish on the topic, dynamodb:PutItem, UpdateItem and DeleteItem on the table,
kms:GenerateDataKey and Decrypt on their key, sagemaker:DescribeModelPackage on the packages of the model package group,
sagemaker:DescribePipelineExecution and ListPipelineExecutionSteps on the pipelines' executions, and those of every
function's log.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

import mail
from claims import Claims
from lookup import Lookup
from messages import Writer
from news import Reader

# Seconds. What hangs is better given up, and tried again by Lambda, than waited for until Lambda ends the call.
PATIENCE = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})


@dataclass(frozen=True)
class Settings:
    """What Terraform hands over.

    Attributes:
        texts: the team's own words, as in config/events.yaml.
    """

    project: str
    environment: str
    topic: str
    table: str
    texts: Sequence[Mapping[str, Any]]

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> Settings:
        """Read the function's environment variables; raises KeyError where one is missing."""
        return cls(
            variables["PROJECT"],
            variables["ENVIRONMENT"],
            variables["TOPIC_ARN"],
            variables["TABLE"],
            json.loads(variables["TEXTS"]),
        )


@cache
def client(service: str) -> Any:
    """boto3's client, made when it is first needed, and kept for the calls to come."""
    return boto3.client(service, config=PATIENCE)


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """What AWS Lambda calls; `tell` says what comes in and goes out. Each answer is a line of the log."""
    answer = tell(event, Settings.from_variables(os.environ), client, str(context.aws_request_id), int(time.time()))
    print(json.dumps(answer))
    return answer


def tell(
    event: Mapping[str, Any], settings: Settings, client: Callable[[str], Any], call: str, now: int
) -> dict[str, str]:
    """Publish a message about an event, unless its change was told of.

    Args:
        event: as EventBridge hands it on.
        settings: the project's.
        client: makes boto3's client of a service.
        call: the id of the request to Lambda; a retry has the same.
        now: seconds since 1970.

    Returns:
        outcome (told, duplicate or no news), and the subject of what was told.

    Raises:
        ValueError: the event is unknown, of something else, or not whole.
        ClientError, BotoCoreError: the table or the topic did not answer, or refused. The change is free to be told.
    """
    news = Reader(settings.project, settings.environment).read(event)
    if news is None:
        return {"outcome": "no news"}
    claims = Claims(client("dynamodb"), settings.table)
    if not claims.take(news.change, call, now):
        return {"outcome": "duplicate", "change": news.change}
    try:
        message = Writer(settings.environment, Lookup(partial(client, "sagemaker"))).write(news)
        subject = mail.subject(message, settings.project, settings.environment)
        words = mail.own_words(settings.texts, news)
        text = mail.text(message, news, settings.project, settings.environment, words)
        client("sns").publish(TopicArn=settings.topic, Subject=subject, Message=text)
    except Exception:
        _or_log(partial(claims.drop, news.change, call))
        raise
    _or_log(partial(claims.keep, news.change, now))
    return {"outcome": "told", "change": news.change, "subject": subject}


def _or_log(write: Callable[[], None]) -> None:
    """Write to the table, where failing must not hide what has happened before."""
    try:
        write()
    except (BotoCoreError, ClientError) as error:
        print(f"the claim stays as it is, and runs out by itself: {error}")
