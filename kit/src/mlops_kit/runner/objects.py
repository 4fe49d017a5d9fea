"""Objects in S3 and files in folders: how a job's inputs are downloaded and its outputs uploaded."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


class Objects:
    """Reads and writes objects with boto3's S3 client, and caches listings and contents.

    A listing is valid until `changed` is called for an object below its prefix.
    """

    def __init__(self, s3: Any) -> None:
        self._s3 = s3
        self._contents = _ContentCache()
        self._listings: dict[tuple[str, str], list[S3Object]] = {}
        self._changes = 0
        self._lock = threading.Lock()

    def find(self, uri: str) -> list[S3Object]:
        """The objects whose keys begin with an S3 URI's key, in order, as in SageMaker's S3Prefix.

        That includes a neighbour like data-old/a.csv for data, but not for data/.
        """
        place = split_uri(uri)
        with self._lock:
            if place in self._listings:
                return self._listings[place]
            changes = self._changes
        objects = self._list(*place)
        with self._lock:
            if changes == self._changes:
                self._listings[place] = objects
        return objects

    def changed(self, bucket: str, key: str) -> None:
        """Discard the listings that contain an object; an empty key discards all listings of the bucket."""
        with self._lock:
            self._changes += 1
            for listed, prefix in list(self._listings):
                if listed == bucket and (not key or key.startswith(prefix)):
                    del self._listings[listed, prefix]

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
        created = {folder}
        for listed in objects:
            path = _path_in(folder, listed)
            if path.parent not in created:
                path.parent.mkdir(parents=True, exist_ok=True)
                created.add(path.parent)
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

    def _list(self, bucket: str, prefix: str) -> list[S3Object]:
        return [
            S3Object(bucket, entry["Key"], _name(entry["Key"], prefix), entry["ETag"], entry["Size"])
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            for entry in page.get("Contents", [])
            if not entry["Key"].endswith("/")  # the marker of a folder
        ]

    def _download(self, listed: S3Object, path: Path) -> None:
        content = self._contents.get(listed.etag)
        if content is None:
            answer = self._s3.get_object(Bucket=listed.bucket, Key=listed.key)
            if listed.size > MAX_CACHED_OBJECT:
                with path.open("wb") as file:
                    shutil.copyfileobj(answer["Body"], file, 1 << 20)
                return
            content = answer["Body"].read()
            self._contents.put(answer["ETag"], content)  # not the listed ETag: the object may have changed since
        path.write_bytes(content)


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


def _path_in(folder: Path, listed: S3Object) -> Path:
    """Where an object belongs in a folder, by its name: to resolve each path takes longer than to write a small file.

    Raises:
        StepFailedError: outside of the folder.
    """
    path = Path(os.path.normpath(folder / listed.name))
    if not path.is_relative_to(os.path.normpath(folder)):
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
