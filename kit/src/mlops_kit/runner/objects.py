"""Objects in S3 and files in folders: how a job's inputs are downloaded and its outputs uploaded."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mlops_kit.runner.failures import client_error

MAX_CACHED_OBJECT = 1 << 20  # bytes; a larger object costs more to keep than to download again
MAX_CACHED_BYTES = 64 << 20


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


class Entry(NamedTuple):
    """An entry of a bucket's listing.

    Attributes:
        size: bytes.
    """

    key: str
    etag: str
    size: int


class Objects:
    """Reads and writes objects with boto3's S3 client, and caches contents.

    Args:
        s3: the client.
        listing: returns the objects of a bucket whose keys begin with a prefix, in order; None if there is no such
            bucket.
    """

    def __init__(self, s3: Any, listing: Callable[[str, str], list[Entry] | None]) -> None:
        self._s3 = s3
        self._listing = listing
        self._contents = _ContentCache()

    def find(self, uri: str) -> list[S3Object]:
        """The objects whose keys begin with an S3 URI's key, in order, as in SageMaker's S3Prefix.

        That includes a neighbour like data-old/a.csv for data, but not for data/.
        """
        bucket, prefix = split_uri(uri)
        entries = self._listing(bucket, prefix)
        if entries is None:
            self._s3.list_objects_v2(Bucket=bucket, MaxKeys=1)  # raises the error of AWS
        return [
            S3Object(bucket, key, _name(key, prefix), etag, size)
            for key, etag, size in entries or ()
            if not key.endswith("/")  # the marker of a folder
        ]

    def inputs(self, uri: str) -> list[S3Object]:
        """The objects of a job's input.

        Raises:
            StepFailedError: there are none.
        """
        objects = self.find(uri)
        if not objects:
            raise client_error(f"no S3 objects found under S3 URL {uri!r}")
        return objects

    def exist(self, uri: str) -> bool:
        """Whether there is any object under an S3 URI."""
        return bool(self.find(uri))

    def fetch(self, objects: Iterable[S3Object], folder: Path) -> None:
        """Download objects into a folder, under their names.

        Raises:
            StepFailedError: a name leads out of the folder.
        """
        folder.mkdir(parents=True, exist_ok=True)
        root = os.path.normpath(folder)
        created = {root}
        for listed in objects:
            path = _path_in(root, listed)
            parent = os.path.dirname(path)  # noqa: PTH120 # a Path takes longer than to write a small file
            if parent not in created:
                os.makedirs(parent, exist_ok=True)  # noqa: PTH103
                created.add(parent)
            self._download(listed, path)

    def read_json(self, uri: str) -> Any:
        """A JSON document.

        Raises:
            StepFailedError: it does not exist, or is not JSON.
        """
        bucket, key = split_uri(uri)
        try:
            return json.load(self._s3.get_object(Bucket=bucket, Key=key)["Body"])
        except self._s3.exceptions.NoSuchKey:
            raise client_error(f"there is no {uri}") from None
        except ValueError as error:
            raise client_error(f"{uri} is not JSON: {error}") from None

    def remember(self, contents: Iterable[bytes]) -> None:
        """Cache contents that another client has uploaded; an ETag here is the MD5 hash of the content."""
        for content in contents:
            self._contents.put(f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"', content)

    def put(self, path: Path, uri: str) -> None:
        """Upload a file as an object."""
        bucket, key = split_uri(uri)
        if path.stat().st_size > MAX_CACHED_OBJECT:
            with path.open("rb") as stream:
                self._s3.put_object(Bucket=bucket, Key=key, Body=stream)
            return
        content = path.read_bytes()
        answer = self._s3.put_object(Bucket=bucket, Key=key, Body=content)
        self._contents.put(answer["ETag"], content)

    def put_folder(self, folder: Path, uri: str) -> None:
        """Upload all files of a folder below an S3 URI."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(path, f"{uri.rstrip('/')}/{path.relative_to(folder).as_posix()}")

    def _download(self, listed: S3Object, path: str) -> None:
        content = self._contents.get(listed.etag)
        if content is None:
            answer = self._s3.get_object(Bucket=listed.bucket, Key=listed.key)
            if listed.size > MAX_CACHED_OBJECT:
                with open(path, "wb") as file:  # noqa: PTH123
                    shutil.copyfileobj(answer["Body"], file, 1 << 20)
                return
            content = answer["Body"].read()
            self._contents.put(answer["ETag"], content)  # not the listed ETag: the object may have changed since
        with open(path, "wb", buffering=0) as file:  # noqa: PTH123
            file.write(content)


class _ContentCache:
    """The contents of objects that were read or written recently, by ETag."""

    def __init__(self) -> None:
        self._contents: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, etag: str) -> bytes | None:
        with self._lock:
            if etag in self._contents:
                self._contents.move_to_end(etag)
            return self._contents.get(etag)

    def put(self, etag: str, content: bytes) -> None:
        with self._lock:
            self._bytes += len(content) - len(self._contents.pop(etag, b""))
            self._contents[etag] = content
            while self._bytes > MAX_CACHED_BYTES:
                _, dropped = self._contents.popitem(last=False)
                self._bytes -= len(dropped)


def _path_in(root: str, listed: S3Object) -> str:
    """Where an object belongs in a normalized folder, by its name.

    Raises:
        StepFailedError: outside of the folder.
    """
    path = os.path.normpath(f"{root}{os.sep}{listed.name}")
    if not path.startswith(f"{root}{os.sep}"):
        raise client_error(f"the name of s3://{listed.bucket}/{listed.key} leads out of its folder")
    return path


def _name(key: str, prefix: str) -> str:
    """The path of an object below the folder that a prefix names, or below the folder that contains the prefix."""
    folder = f"{prefix.rstrip('/')}/" if prefix else ""
    return key.removeprefix(folder) if key.startswith(folder) else key.removeprefix(f"{prefix.rpartition('/')[0]}/")


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI.

    Raises:
        StepFailedError: it is not an S3 URI.
    """
    match = re.fullmatch(r"s3://([^/]+)/?(.*)", uri)
    if not match:
        raise client_error(f"{uri!r} is not an S3 URI like s3://bucket/folder")
    return match[1], match[2]


def distribute(objects: Sequence[S3Object], hosts: int, distribution: str) -> list[Sequence[S3Object]]:
    """The objects of each host: all of them, or a share with ShardedByS3Key."""
    if distribution == "ShardedByS3Key":
        return [objects[host::hosts] for host in range(hosts)]
    return [objects] * hosts
