"""The objects of a bucket, from moto's memory.

As a request, a listing takes half a millisecond for each object: moto writes XML, and botocore parses its times.
"""

from __future__ import annotations

from moto.s3.exceptions import MissingBucket
from moto.s3.models import s3_backends
from moto.utilities.utils import get_partition

from mlops_kit.local_cloud.server import moto_lock
from mlops_kit.runner.objects import Entry


def list_objects(account_id: str, region: str, bucket: str, prefix: str) -> list[Entry] | None:
    """The objects whose keys begin with a prefix, in order; None if there is no such bucket."""
    with moto_lock:
        backend = s3_backends[account_id][get_partition(region)]
        try:
            keys, *_ = backend.list_objects(backend.get_bucket(bucket), prefix, None, None, None)
        except MissingBucket:
            return None
        return [Entry(key.name, key.etag, key.size) for key in keys]
