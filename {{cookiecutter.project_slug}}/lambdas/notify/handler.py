"""Lambda, called by the notification rules: send an e-mail about a change, saying what happened, why and what to do.

Errors are raised: Lambda retries the event twice, then moves it to the dead-letter queue.

    changes.py      what an event reports, and what identifies it
    idempotency.py  one message per change
    messages.py     what happened, why, and what to do
    lookup.py       facts that only SageMaker has
    links.py        addresses in the AWS console
    mail.py         subject and text in the form that SNS accepts

Needs the IAM actions sns:Publish on the topic, dynamodb:PutItem, UpdateItem and DeleteItem on the table,
kms:GenerateDataKey and Decrypt on their key, sagemaker:DescribeModelPackage on the packages of the model package group,
sagemaker:DescribePipelineExecution and ListPipelineExecutionSteps on the pipelines' executions, and those of every
function's log.
"""

from __future__ import annotations

import gc
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

import mail
from changes import parse_event
from idempotency import IdempotencyStore
from lookup import Lookup
from messages import Writer

# The team's own texts, `notifications.texts` of config/events.yaml: infra/package_lambdas.py adds this file.
TEXTS = os.path.join(os.path.dirname(__file__), "texts.json")  # noqa: PTH118, PTH120 - as in team_texts
# In seconds. A request that hangs is better given up and retried by Lambda than waited for until the call times out.
TIMEOUTS = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})


@dataclass(frozen=True)
class Settings:
    """The function's configuration, set by Terraform.

    Attributes:
        texts: the team's own texts, from config/events.yaml.
    """

    project: str
    environment: str
    topic: str
    table: str
    texts: Sequence[Mapping[str, Any]]

    @classmethod
    def from_variables(cls, variables: Mapping[str, str], texts: Sequence[Mapping[str, Any]]) -> Settings:
        """Read the function's environment variables; raises KeyError if one is missing."""
        return cls(
            variables["PROJECT"],
            variables["ENVIRONMENT"],
            variables["TOPIC_ARN"],
            variables["TABLE"],
            texts,
        )


@cache
def team_texts(file: str) -> Sequence[Mapping[str, Any]]:
    """The team's own texts; none outside of a package, where there is no such file."""
    if not os.path.exists(file):  # noqa: PTH110 - importing pathlib would lengthen a cold start
        return []
    with open(file, encoding="utf-8") as opened:  # noqa: PTH123 - the same
        texts: Sequence[Mapping[str, Any]] = json.load(opened)
    return texts


@cache
def session() -> botocore.session.Session:
    """Botocore's session: importing boto3 would lengthen a cold start by a tenth, and is not needed for clients."""
    return botocore.session.get_session()


@cache
def client(service: str) -> Any:
    """The client of an AWS service, created on first use and kept for later calls.

    Creating one parses megabytes of JSON, all of which stays in use: collecting garbage meanwhile finds none, and
    freezing the result keeps later collections from scanning it.
    """
    gc.disable()
    try:
        return session().create_client(service, config=TIMEOUTS)
    finally:
        gc.freeze()
        gc.enable()


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """The entry point of AWS Lambda; see `notify`. Logs the answer."""
    settings = Settings.from_variables(os.environ, team_texts(TEXTS))
    answer = notify(event, settings, client, str(context.aws_request_id), int(time.time()))
    print(json.dumps(answer))
    return answer


def notify(
    event: Mapping[str, Any], settings: Settings, client: Callable[[str], Any], call: str, now: int
) -> dict[str, str]:
    """Publish a message about an event, unless one was sent for its change.

    Args:
        event: as delivered by EventBridge.
        settings: the function's configuration.
        client: returns the client of an AWS service.
        call: the id of the request to Lambda; a retry has the same id.
        now: seconds since 1970.

    Returns:
        outcome (sent, duplicate or ignored), the id of the change, and the subject of a message that was sent.

    Raises:
        ValueError: the event has an unknown type, belongs to another project or environment, or lacks a required field.
        ClientError, BotoCoreError: the table or the topic did not answer, or refused; the next call may try again.
    """
    change = parse_event(event, settings.project, settings.environment)
    own_text = mail.own_text(settings.texts, change) if change else ""
    if change is None or (change.event == "step_succeeded" and not own_text):
        return {"outcome": "ignored"}
    store = IdempotencyStore(client("dynamodb"), settings.table)
    if not store.claim(change.id, call, now):
        return {"outcome": "duplicate", "change": change.id}
    try:
        message = Writer(settings.environment, Lookup(partial(client, "sagemaker"))).write(change)
        subject = mail.subject(message, settings.project, settings.environment)
        text = mail.text(message, change, settings.project, settings.environment, own_text)
        client("sns").publish(TopicArn=settings.topic, Subject=subject, Message=text)
    except Exception:
        _log_failure(partial(store.release, change.id, call))
        raise
    _log_failure(partial(store.complete, change.id, now))
    return {"outcome": "sent", "change": change.id, "subject": subject}


def _log_failure(write: Callable[[], None]) -> None:
    """Write to the table, but only log a failure: it must not hide an earlier error, nor a message that was sent."""
    try:
        write()
    except (BotoCoreError, ClientError) as error:
        print(f"could not update the claim, which expires by itself: {error}")
