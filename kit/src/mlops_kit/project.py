"""The one door into a project: where its parts lie, as `[tool.mlops]` in its pyproject.toml has it.

    [tool.mlops]
    kit = "0.4.0"                                     the release that the project and the kit share
    settings = "pipelines.settings:load_settings"     a function of the project's root

    [tool.mlops.pipelines.training]
    build = "pipelines.training:build"                a function of those settings, which returns the SDK's Pipeline
    description = "Preprocess, train, evaluate, and register the model if it is good enough."

The kit imports a team's modules through these two keys only, and only when it compiles a definition.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_jobs.errors import UserError
from mlops_kit import __version__

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = "pyproject.toml"
KEYS = ("kit", "settings", "config", "jobs", "lambdas", "infrastructure", "data", "work", "pipelines")


@dataclass(frozen=True)
class PipelineEntry:
    """A pipeline that a project defines.

    Attributes:
        build: `module:function`; the function takes the project's settings and returns the SDK's Pipeline.
        description: one sentence for the console.
    """

    build: str
    description: str = ""


@dataclass(frozen=True)
class Project:
    """A project's folders and pipelines.

    Attributes:
        root: the folder that holds pyproject.toml.
        pipelines: by kind, in the order in which they are compiled.
        settings: `module:function`; the function takes the project's root and returns what `build` takes.
        release: the kit's release that the project was generated with; None where it names none.
    """

    root: Path
    config: Path
    jobs: Path
    lambdas: Path
    infrastructure: Path
    data: Path
    work: Path
    settings: str = ""
    pipelines: Mapping[str, PipelineEntry] = field(default_factory=dict)
    release: str | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of pipelines, for example training."""
        return tuple(self.pipelines)

    @property
    def contract(self) -> Path:
        """The data contract."""
        return self.config / "dataset.yaml"

    def load_settings(self) -> Any:
        """The team's own settings, which every builder takes.

        Raises:
            UserError: pyproject.toml names no such function, or the function refuses the configuration.
        """
        return self._function("settings", self.settings)(self.root)

    def builder(self, kind: str) -> Callable[[Any], Any]:
        """The function that builds the pipeline of a kind.

        Raises:
            UserError: pyproject.toml names no such function.
        """
        return self._function(f"pipelines.{kind}.build", self.pipelines[kind].build)

    def _function(self, key: str, target: str) -> Callable[[Any], Any]:
        module, _, name = target.partition(":")
        try:
            function: Callable[[Any], Any] = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            if isinstance(error, ImportError) and error.name not in (module, module.partition(".")[0]):
                raise  # the module exists, and one of its own imports does not
            raise UserError(
                f"{self.root / FILE}: {key} of [tool.mlops] is {target!r}, which is not a function of the project; "
                "write module:function, for example pipelines.training:build"
            ) from error
        return function

    def activate(self) -> None:
        """Make the project's modules importable in this process: its root and its jobs come first on the path."""
        for folder in (str(self.jobs), str(self.root)):
            if folder not in sys.path:
                sys.path.insert(0, folder)


def find_root(folder: Path) -> Path:
    """The nearest folder, from one upwards, whose pyproject.toml has `[tool.mlops]`; the folder itself if none."""
    for candidate in (folder, *folder.parents):
        path = candidate / FILE
        if path.is_file() and "[tool.mlops" in path.read_text(encoding="utf-8", errors="replace"):
            return candidate
    return folder


def open_project(root: Path) -> Project:
    """Read where a project's parts lie; a folder without pyproject.toml has the usual folders and no pipelines.

    Raises:
        UserError: `[tool.mlops]` holds an unknown key or a value of the wrong type.
    """
    settings = _settings(root)
    if unknown := sorted(settings.keys() - set(KEYS)):
        raise UserError(f"{root / FILE}: [tool.mlops] has the unknown key {unknown[0]!r}; known are {', '.join(KEYS)}")
    return Project(
        root=root,
        config=root / _text(root, settings, "config", "config"),
        jobs=root / _text(root, settings, "jobs", "jobs"),
        lambdas=root / _text(root, settings, "lambdas", "lambdas"),
        infrastructure=root / _text(root, settings, "infrastructure", "infra"),
        data=root / _text(root, settings, "data", "data"),
        work=root / _text(root, settings, "work", ".local"),
        settings=settings.get("settings", ""),
        pipelines={kind: _entry(root, kind, value) for kind, value in settings.get("pipelines", {}).items()},
        release=settings.get("kit"),
    )


def require_same_release(project: Project) -> None:
    """Refuse a project of another release than the installed kit.

    Raises:
        UserError: they differ.
    """
    if project.release not in (None, __version__):
        raise UserError(
            f"{project.root / FILE} is of release {project.release}, and the installed kit of {__version__}; install "
            "the kit in vendor/: make setup"
        )


def _settings(root: Path) -> dict[str, Any]:
    path = root / FILE
    if not path.is_file():
        return {}
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("mlops", {})
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path}: is not TOML: {error}") from error
    return dict(found)


def _text(root: Path, settings: Mapping[str, Any], key: str, default: str) -> str:
    value = settings.get(key, default)
    if not isinstance(value, str) or not value:
        raise UserError(f"{root / FILE}: [tool.mlops] {key} is {value!r}; it must be the name of a folder")
    return value


def _entry(root: Path, kind: str, value: Any) -> PipelineEntry:
    if not isinstance(value, dict) or not isinstance(value.get("build"), str):
        raise UserError(
            f'{root / FILE}: [tool.mlops.pipelines.{kind}] must hold build = "module:function" and may hold description'
        )
    return PipelineEntry(value["build"], str(value.get("description", "")))
