"""The models of AWS services: botocore parses megabytes of JSON for each session, and moto has sessions of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from botocore.loaders import JSONFileLoader, Loader
from moto.core import utils

from mlops_kit.local_cloud.patches.patch import patch

LoadFile = Callable[[JSONFileLoader, str], Any]


@contextmanager
def patch_service_models() -> Iterator[None]:
    """Within this block each file is parsed once in this process, and moto looks once which services there are.

    Nothing changes a model after botocore has merged it with its extras, which has the same result again.
    """
    with patch(JSONFileLoader, "load_file", _shared), patch(utils, "create_loader", _one):
        yield


def _shared(original: LoadFile) -> LoadFile:
    parsed: dict[str, Any] = {}

    def load_file(loader: JSONFileLoader, file_path: str) -> Any:
        if file_path not in parsed:
            parsed[file_path] = original(loader, file_path)
        return parsed[file_path]

    return load_file


def _one(original: Callable[[], Loader]) -> Callable[[], Loader]:
    return cache(original)
