"""Import the SageMaker SDK without it looking for AWS."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import boto3

HIDDEN = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
SHOWN = {
    "AWS_ACCESS_KEY_ID": "offline",
    "AWS_SECRET_ACCESS_KEY": "offline",
    "AWS_DEFAULT_REGION": "us-east-1",  # the SDK cannot be imported without one; every client names its environment's
}


@contextmanager
def offline_import() -> Iterator[None]:
    """Import the SDK inside this.

    One of its classes makes a client while it is imported. That client would search for credentials wherever they may
    be, as far as the network, and leave behind a session that others then share.
    """
    before = {name: os.environ.get(name) for name in (*HIDDEN, *SHOWN)}
    session = boto3.DEFAULT_SESSION
    boto3.DEFAULT_SESSION = None
    _set({**dict.fromkeys(HIDDEN), **SHOWN})
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
