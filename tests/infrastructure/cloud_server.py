"""Runs an empty local cloud in a separate process, controlled through standard input.

    python cloud_server.py PROJECT

A process can hold one cloud, and the tests need several. It prints its URL. Then it reads calls as lines of JSON, and
prints a line of JSON with the result of each. It ends when its input ends, so it never outlives the tests.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from mlops_kit.aws.deletion import delete
from mlops_kit.local_cloud.cloud import LocalCloud
from mlops_kit.project import open_project

project = Path(sys.argv[1])


def main() -> None:
    """Start the cloud and answer calls."""
    responses = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # for all other output
    with LocalCloud(project, empty_account=True) as cloud:
        print(cloud.url, file=responses, flush=True)
        for line in sys.stdin:
            print(json.dumps(answer(cloud, **json.loads(line))), file=responses, flush=True)


def answer(cloud: LocalCloud, call: str, arguments: list[Any]) -> dict[str, Any]:
    """Call one of the cloud's methods, or delete what `deploy` created."""
    try:
        if call == "delete":
            delete(
                cloud.environment,
                open_project(project).kinds,
                *arguments,
                with_models=True,
                stop=True,
                say=lambda _: None,
            )
            return {"returned": None}
        return {"returned": getattr(cloud, call)(*arguments)}
    except Exception as error:
        return {"raised": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()
