"""Training jobs of the SDK's ModelTrainer, which has its own way to start a script.

Such a request has a channel `code` with the script's folder and a channel `sm_drivers` with files of the SDK. On
SageMaker, a shell script in `sm_drivers` sets variables, installs requirements and starts the script with the
hyperparameters as its arguments. Here the script is started without it: the shell script needs absolute paths below
/opt/ml, and would install packages into the Python environment that the local cloud runs in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_kit.runner.container import Container
from mlops_kit.runner.failures import client_error
from mlops_kit.runner.steps.script_mode import own

CODE = "/opt/ml/input/data/code"
DRIVERS = "/opt/ml/input/data/sm_drivers"
SOURCE, DISTRIBUTION = "sourcecode.json", "distributed.json"  # the trainer's arguments of these names, in `sm_drivers`


@dataclass(frozen=True)
class Program:
    """A script to start.

    Attributes:
        folder: where it runs.
        command: the command line.
        variables: environment variables beside those of script mode.
    """

    folder: Path
    command: list[str]
    variables: dict[str, str]


def program_of(container: Container, hyperparameters: Mapping[str, str]) -> Program:
    """What ModelTrainer's starter would run in a container whose channels are downloaded.

    Raises:
        StepFailedError: the training is distributed, or its source code names no Python script or shell script.
    """
    source, folder = _read(container, SOURCE), container.path(CODE)
    if driver := _read(container, DISTRIBUTION):
        raise client_error(
            f"the ModelTrainer's distributed={driver} is not supported: local mode starts the script once on each "
            "instance; leave it out of the definition that you run here"
        )
    script = source.get("entry_script") or ""
    if not script.endswith((".py", ".sh")):
        raise client_error(
            "local mode runs SourceCode(source_dir=..., entry_script=...) with a .py or .sh file; "
            f"entry_script is {script!r} and command is {source.get('command')!r}"
        )
    if not (folder / script).is_file():
        raise client_error(f"the channel code has no file {script}, which is the entry_script of SourceCode")
    _note_requirements(container, source)
    interpreter = "python3" if script.endswith(".py") else "sh"
    arguments = [text for name, value in own(hyperparameters).items() for text in (f"--{name}", _text(value))]
    variables = {"SM_SOURCE_DIR": CODE, "SM_ENTRY_SCRIPT": script, "SM_USER_ENTRY_POINT": script}
    return Program(folder, [interpreter, str(folder / script), *arguments], variables)


def _read(container: Container, name: str) -> dict[str, Any]:
    path = container.path(f"{DRIVERS}/{name}")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return content


def _note_requirements(container: Container, source: Mapping[str, Any]) -> None:
    if source.get("requirements"):
        with container.log.open("a", encoding="utf-8", newline="\n") as log:
            log.write(f"local mode does not install {source['requirements']}: jobs use the packages of this Python\n")


def _text(value: Any) -> str:
    """A hyperparameter as the starter writes it: texts as they are, and the rest as JSON."""
    return value if isinstance(value, str) else json.dumps(value)
