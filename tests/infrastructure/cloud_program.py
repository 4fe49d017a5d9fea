"""An empty local cloud in a process of its own, steered by its standard input.

    python cloud_program.py PROJECT

One process holds one cloud, and the tests of several stacks need several. It prints its URL, then for each line of JSON
that it reads, a call, a line with what became of it. It ends with its input, so it outlives nobody.
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
    """Serve, and do as told."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else is printed
    with LocalCloud(project, empty_account=True) as cloud:
        print(cloud.url, file=answers, flush=True)
        for line in sys.stdin:
            print(json.dumps(answer(cloud, **json.loads(line))), file=answers, flush=True)


def answer(cloud: LocalCloud, call: str, arguments: list[Any]) -> dict[str, Any]:
    """Call one of the cloud's methods, or have what Python made deleted."""
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
