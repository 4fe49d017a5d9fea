"""Instance types with local storage, on which AWS refuses to start the pipelines' jobs, whose volumes have a key.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingClusterConfig.html: the hardware encrypts
local storage, and the API refuses a VolumeKmsKeyId with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

# A d after the generation marks it (m5d, g4dn, p4de); later families for accelerated computing always have it.
_LOCAL_STORAGE = re.compile(r"ml\.([a-z]+\d+[a-z]*d[a-z]*|(g[5-9]|gr\d|p[5-9]|trn\d|dl\d|i\d)[a-z]*)(-[\w-]+)?\.\w+")

WITHOUT = "an instance type without local storage, which the key of the volume cannot encrypt, for example ml.m5.xlarge"


def has_local_storage(instance_type: Any) -> bool:
    """Whether an instance type has local storage."""
    return isinstance(instance_type, str) and bool(_LOCAL_STORAGE.fullmatch(instance_type))


def with_key(value: Any, path: str, inside: bool = False) -> Iterator[tuple[str, Any]]:
    """Each InstanceType in a definition, or a part of one, whose volume has a key, with its place."""
    if isinstance(value, dict):
        inside = inside or "VolumeKmsKeyId" in value
        for key, inner in value.items():
            if inside and key == "InstanceType":
                yield f"{path}.{key}", inner
            else:
                yield from with_key(inner, f"{path}.{key}", inside)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from with_key(inner, f"{path}[{index}]", inside)
