"""Objects in S3 and files in folders: how a job's inputs come down and its outputs go up."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_kit.runner.failures import client_error

KEPT_OBJECT = 1 << 20  # bytes; what is larger costs more to keep than to fetch again
KEPT_ALTOGETHER = 64 << 20


@dataclass(frozen=True)
class S3Object:
    """An object under an S3 URI.

    Attributes:
        name: its path below the URI's folder, with forward slashes.
        etag: changes when the content does.
        size: bytes.
    """

    bucket: str
    key: str
    name: str
    etag: str
    size: int


class Objects:
    """Reads and writes objects with boto3's S3 client; what was read or written lately is not fetched again.

    Somebody has to call `changed` when an object comes, changes or goes: until then a listing counts.
    """

    def __init__(self, s3: Any) -> None:
        self._s3 = s3
        self._contents = _Contents()
        self._listings: dict[tuple[str, str], list[S3Object]] = {}
        self._changes = 0
        self._lock = threading.Lock()

    def find(self, uri: str) -> list[S3Object]:
        """The objects whose keys begin with an S3 URI's, in order, as SageMaker's S3Prefix has it.

        That includes a neighbour like data-old/a.csv beside data, but not beside data/.
        """
        place = split_uri(uri)
        with self._lock:
            if place in self._listings:
                return self._listings[place]
            before = self._changes
        found = self._listed(*place)
        with self._lock:
            if before == self._changes:
                self._listings[place] = found
        return found

    def changed(self, bucket: str, key: str) -> None:
        """Take note that an object is not what it was; an empty key stands for any in the bucket."""
        with self._lock:
            self._changes += 1
            for listed, prefix in list(self._listings):
                if listed == bucket and (not key or key.startswith(prefix)):
                    del self._listings[listed, prefix]

    def inputs(self, uri: str) -> list[S3Object]:
        """The same, where a job cannot do without.

        Raises:
            StepFailedError: there is none.
        """
        found = self.find(uri)
        if not found:
            raise client_error(f"no S3 objects found under S3 URL {uri!r}")
        return found

    def exist(self, uri: str) -> bool:
        """Whether there is any object under an S3 URI."""
        return bool(self.find(uri))

    def fetch(self, objects: Iterable[S3Object], folder: Path) -> None:
        """Lay objects down in a folder under their names.

        Raises:
            StepFailedError: a name leads out of the folder.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for found in objects:
            path = folder / found.name
            if not path.resolve().is_relative_to(folder.resolve()):
                raise client_error(f"the name of s3://{found.bucket}/{found.key} leads out of its folder")
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fetch(found, path)

    def read_json(self, uri: str) -> Any:
        """A JSON document.

        Raises:
            StepFailedError: it is not there, or is no JSON.
        """
        bucket, key = split_uri(uri)
        try:
            return json.load(self._s3.get_object(Bucket=bucket, Key=key)["Body"])
        except self._s3.exceptions.NoSuchKey:
            raise client_error(f"there is no {uri}") from None
        except ValueError as error:
            raise client_error(f"{uri} is no JSON: {error}") from None

    def put(self, path: Path, uri: str) -> None:
        """Store a file as an object."""
        bucket, key = split_uri(uri)
        if path.stat().st_size > KEPT_OBJECT:
            with path.open("rb") as stream:
                self._s3.put_object(Bucket=bucket, Key=key, Body=stream)
            return
        content = path.read_bytes()
        answer = self._s3.put_object(Bucket=bucket, Key=key, Body=content)
        self._contents.keep(answer["ETag"], content)

    def put_folder(self, folder: Path, uri: str) -> None:
        """Store all files of a folder below an S3 URI."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(path, f"{uri.rstrip('/')}/{path.relative_to(folder).as_posix()}")

    def _listed(self, bucket: str, prefix: str) -> list[S3Object]:
        return [
            S3Object(bucket, entry["Key"], _name(entry["Key"], prefix), entry["ETag"], entry["Size"])
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            for entry in page.get("Contents", [])
            if not entry["Key"].endswith("/")  # a folder's marker
        ]

    def _fetch(self, found: S3Object, path: Path) -> None:
        content = self._contents.get(found.etag)
        if content is None:
            answer = self._s3.get_object(Bucket=found.bucket, Key=found.key)
            body = answer["Body"]
            if found.size > KEPT_OBJECT:
                with path.open("wb") as stream:
                    shutil.copyfileobj(body, stream, 1 << 20)
                return
            content = body.read()
            self._contents.keep(answer["ETag"], content)  # it may have changed since it was listed
        path.write_bytes(content)


class _Contents:
    """What objects held that were read or written lately, by ETag."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, etag: str) -> bytes | None:
        with self._lock:
            if etag in self._kept:
                self._kept.move_to_end(etag)
            return self._kept.get(etag)

    def keep(self, etag: str, content: bytes) -> None:
        with self._lock:
            self._bytes += len(content) - len(self._kept.pop(etag, b""))
            self._kept[etag] = content
            while self._bytes > KEPT_ALTOGETHER:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= len(dropped)


def _name(key: str, prefix: str) -> str:
    """Where an object lies below the folder that a prefix names, or below the folder that the prefix lies in."""
    folder = f"{prefix.rstrip('/')}/" if prefix else ""
    return key.removeprefix(folder) if key.startswith(folder) else key.removeprefix(f"{prefix.rpartition('/')[0]}/")


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI.

    Raises:
        StepFailedError: it is none.
    """
    match = re.fullmatch(r"s3://([^/]+)/?(.*)", uri)
    if not match:
        raise client_error(f"{uri!r} is no S3 URI like s3://bucket/folder")
    return match[1], match[2]


def deal(objects: Sequence[S3Object], hosts: int, distribution: str) -> list[Sequence[S3Object]]:
    """The objects that each of some hosts gets: all of them, or under ShardedByS3Key a share."""
    if distribution == "ShardedByS3Key":
        return [objects[host::hosts] for host in range(hosts)]
    return [objects] * hosts
