"""Import the SageMaker SDK: without a search for AWS credentials, and without work that nobody needs."""

from __future__ import annotations

import gc
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
    with offline_environment(), _without_collection(), _deferred_validators():
        yield


@contextmanager
def offline_environment(**variables: str) -> Iterator[None]:
    """No credentials, no profile and no default session in this context; `variables` are set in addition."""
    values = {**dict.fromkeys(UNSET), **SET, **variables}
    before = {name: os.environ.get(name) for name in values}
    session = boto3.DEFAULT_SESSION
    boto3.DEFAULT_SESSION = None
    _set(values)
    try:
        yield
    finally:
        _set(before)
        boto3.DEFAULT_SESSION = session


@contextmanager
def _without_collection() -> Iterator[None]:
    """Do not search the half million objects of the SDK, which all stay, for garbage again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def _deferred_validators() -> Iterator[None]:
    """Let Pydantic build the validator of a class at its first use: of the SDK's thousand classes few are used."""
    from pydantic import BaseModel  # not at the top: most commands do without it

    before = BaseModel.model_config
    BaseModel.model_config = {**before, "defer_build": True}
    try:
        yield
    finally:
        BaseModel.model_config = before


def _set(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
