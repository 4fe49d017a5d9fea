"""Overrides that spare a rehearsal the fixed waits of the AWS provider.

The provider waits after some calls until AWS is consistent, for a fixed number of seconds whatever the API answers.
Two of these waits cost more than all the rest of an apply to a cloud that is consistent at once:

- 55 s for a bucket's lifecycle configuration. It is left out: objects expire after days, and a local cloud lives
  shorter.
- 5 s for each Lambda function, one function after the other, if its package is uploaded from a file. The same package
  is taken from a bucket instead, which lets the provider create all functions at once.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

OVERRIDE = "override.tf.json"
PACKAGES = "mlops-local-packages"  # the bucket for the functions' packages

LIFECYCLE, FUNCTION = "aws_s3_bucket_lifecycle_configuration", "aws_lambda_function"
_RESOURCE = re.compile(r'^resource "(\w+)" "(\w+)" [{]\n(.*?)^[}]', re.MULTILINE | re.DOTALL)
_FILENAME = re.compile(r"^  filename += (.+)$", re.MULTILINE)
_FOR_EACH = re.compile(r"^  for_each += ", re.MULTILINE)


def override_slow_resources(infra: Path) -> bool:
    """Write an override file into each folder with such a resource, and remove outdated ones.

    Returns:
        whether a function takes its package from the bucket PACKAGES.
    """
    packages_needed = False
    folders = {path.parent for path in infra.rglob("*.tf") if ".terraform" not in path.parts}
    for folder in sorted(folders):
        resources: dict[str, dict[str, Any]] = {}
        for path in sorted(folder.glob("*.tf")):
            for kind, name, body in _RESOURCE.findall(path.read_text("utf-8")):
                if change := _without_wait(kind, body):
                    resources.setdefault(kind, {})[name] = change
        override = folder / OVERRIDE
        if resources:
            override.write_text(json.dumps({"resource": resources}), encoding="utf-8")
        else:
            override.unlink(missing_ok=True)
        packages_needed = packages_needed or FUNCTION in resources
    return packages_needed


def _without_wait(kind: str, body: str) -> dict[str, Any]:
    """The attributes to override; none for a function whose package is not a file, or any other resource."""
    if kind == LIFECYCLE:
        return {"for_each": {}} if _FOR_EACH.search(body) else {"count": 0}
    filename = _FILENAME.search(body)
    if kind != FUNCTION or not filename:
        return {}
    return {"filename": None, "s3_bucket": PACKAGES, "s3_key": "${basename(" + filename[1] + ")}"}
