"""Which instance types have local storage, and so may have no key for their volumes.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingClusterConfig.html: the hardware encrypts
local storage, and the API refuses a VolumeKmsKeyId with it. Whether a request has the key is part of the definition, so
an execution may not change the kind of the type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

# A d after the generation marks it (m5d, g4dn, p4de); later families for accelerated computing always have it.
_LOCAL_STORAGE = re.compile(r"ml\.([a-z]+\d+[a-z]*d[a-z]*|(g[5-9]|gr\d|p[5-9]|trn\d|dl\d|i\d)[a-z]*)(-[\w-]+)?\.\w+")

WITH = "an instance type with local storage, whose volume has no key, for example ml.g5.xlarge"
WITHOUT = "an instance type without local storage, which the key of the volume cannot encrypt, for example ml.m5.xlarge"


def has_local_storage(instance_type: Any) -> bool:
    """Whether an instance type has local storage."""
    return isinstance(instance_type, str) and bool(_LOCAL_STORAGE.fullmatch(instance_type))


def volume_key(instance_type: Any) -> dict[str, str]:
    """The part of a job's request that encrypts its volume: nothing where the hardware does it.

    Args:
        instance_type: a type, or a parameter of a pipeline, whose default decides: an execution may override it with
            types of the same kind only.
    """
    default = getattr(instance_type, "default_value", instance_type)
    return {} if has_local_storage(default) else {"VolumeKmsKeyId": "${kms_key_arn}"}


def refusal(instance_type: Any, has_key: bool) -> str:
    """What the type must be in a request whose volume has a key, or has none; empty if it is that."""
    if not isinstance(instance_type, str) or has_local_storage(instance_type) != has_key:
        return ""
    return WITHOUT if has_key else WITH


def in_requests(value: Any, path: str, has_key: bool = False) -> Iterator[tuple[str, Any, bool]]:
    """Each InstanceType in a definition, or a part of one, with its place and whether its volume has a key."""
    if isinstance(value, dict):
        has_key = has_key or "VolumeKmsKeyId" in value
        for key, inner in value.items():
            if key == "InstanceType":
                yield f"{path}.{key}", inner, has_key
            else:
                yield from in_requests(inner, f"{path}.{key}", has_key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from in_requests(inner, f"{path}[{index}]", has_key)
