"""Import the SageMaker SDK without a search for AWS credentials."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import boto3

UNSET = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
SET = {
    "AWS_ACCESS_KEY_ID": "offline",
    "AWS_SECRET_ACCESS_KEY": "offline",
    "AWS_DEFAULT_REGION": "us-east-1",  # the import requires one; each client has the region of its environment
}


@contextmanager
def offline_import() -> Iterator[None]:
    """Import the SDK in this context.

    The import creates a client, which would search for credentials, even over the network, and would set up boto3's
    default session, which other code would then share.
    """
    before = {name: os.environ.get(name) for name in (*UNSET, *SET)}
    session = boto3.DEFAULT_SESSION
    boto3.DEFAULT_SESSION = None
    _set({**dict.fromkeys(UNSET), **SET})
    try:
        yield
    finally:
        _set(before)
        boto3.DEFAULT_SESSION = session


def _set(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
