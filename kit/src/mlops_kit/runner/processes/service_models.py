"""Parse botocore's models of AWS services before a fork. Imported by path, by warm_server.py.

The first client of a service takes a function a tenth of a second, most of it to parse megabytes of JSON.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any


def preload(words: Collection[str]) -> None:
    """Create a client for each word that is a service's name, and keep what that parses for the clients of a fork.

    Each file is handed out once in a process: no two sessions of a job share an object.
    """
    if not words:
        return
    try:
        import boto3
        from botocore.loaders import JSONFileLoader, Loader
    except ImportError:
        return  # no script needs it, or the job that does reports the error
    parsed: dict[str, Any] = {}
    load_file = JSONFileLoader.load_file

    def record(self: JSONFileLoader, file_path: str) -> Any:
        content = load_file(self, file_path)
        if content is not None:
            parsed[file_path] = content
        return content

    def hand_out(self: JSONFileLoader, file_path: str) -> Any:
        content = parsed.pop(file_path, None)
        return load_file(self, file_path) if content is None else content

    JSONFileLoader.load_file = record
    session = boto3.Session("offline", "offline", region_name="us-east-1")
    for word in sorted(words):
        if re.fullmatch(r"[a-z\d-]+", word) and Path(Loader.BUILTIN_DATA_PATH, word).is_dir():
            with contextlib.suppress(Exception):  # a job that needs it reports the error
                session.client(word, endpoint_url="http://127.0.0.1").can_paginate("")
    JSONFileLoader.load_file = hand_out
