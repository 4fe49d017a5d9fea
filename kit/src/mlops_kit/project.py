"""Open a project: `[tool.mlops]` in its pyproject.toml names its folders and its pipelines.

    [tool.mlops]
    kit = "0.6.0"                                     the release of the kit that the project is for
    settings = "pipelines.settings:load_settings"     takes the project's root, returns the settings

    [tool.mlops.pipelines.training]
    build = "pipelines.training:build"                takes those settings, returns the SDK's Pipeline
    description = "Preprocess, train, evaluate, and register the model if it is good enough."

The kit imports a team's modules through `settings` and `build` only, and only when it compiles a definition.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mlops_jobs.errors import UserError
from mlops_kit import __version__

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = "pyproject.toml"
FOLDERS = {
    "config": "config",
    "jobs": "jobs",
    "lambdas": "lambdas",
    "infrastructure": "infra",
    "data": "data",
}  # the keys that name a folder, and the folder where the key is missing
WORK = ".local"  # the local cloud's folder
KEYS = ("kit", "settings", *FOLDERS, "pipelines")
ENTRY_KEYS = ("build", "description")
MAX_DESCRIPTION = 3072  # characters that SageMaker takes
KIND = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
FUNCTION = r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*"


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
        root: the folder with pyproject.toml.
        work: the local cloud's working folder.
        pipelines: by kind, in the order in which they are compiled.
        settings: `module:function`; the function takes the project's root and returns what `build` takes.
        release: the release of the kit that the project is for; None where it names none.
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
            function = getattr(importlib.import_module(module), name)
        except ImportError as error:
            if not _is_or_contains(error.name, module):
                raise  # the module exists, and one of its own imports does not
            raise _refusal(self.root, key, target, f"module:function, and there is no module {error.name}") from error
        except AttributeError as error:
            raise _refusal(self.root, key, target, f"module:function, and {module} has no function {name}") from error
        if not callable(function):
            raise _refusal(self.root, key, target, f"module:function, and {name} of {module} is not a function")
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
    """Read `[tool.mlops]` of a project; without one, a folder has the usual subfolders and no pipelines.

    Raises:
        UserError: `[tool.mlops]` has an unknown key or a value of the wrong type.
    """
    settings = _settings(root)
    release = _text(root, settings, "kit", 'the release of the kit, for example "0.6.0"')
    _refuse_unknown(root, settings, KEYS, "", release)

    def folder(key: str) -> Path:
        return root / (_text(root, settings, key, "the name of a folder") or FOLDERS[key])

    return Project(
        root=root,
        config=folder("config"),
        jobs=folder("jobs"),
        lambdas=folder("lambdas"),
        infrastructure=folder("infrastructure"),
        data=folder("data"),
        work=root / WORK,
        settings=_target(root, settings, "settings", "pipelines.settings:load_settings"),
        pipelines=_pipelines(root, settings, release),
        release=release,
    )


def require_same_release(project: Project) -> None:
    """Refuse a project for another release than that of the installed kit.

    Raises:
        UserError: they differ.
    """
    if project.release not in (None, __version__):
        raise _other_release(project.root, project.release)


def _other_release(root: Path, release: str | None) -> UserError:
    return UserError(
        f"{root / FILE}: [tool.mlops] kit is {release!r}, and the installed kit is of release {__version__}; install "
        "the one in vendor/ with: make setup"
    )


def _settings(root: Path) -> dict[str, Any]:
    path = root / FILE
    if not path.is_file():
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: is not TOML: {error}; correct it") from error
    settings = content.get("tool", {}).get("mlops", {})
    if not isinstance(settings, dict):
        raise UserError(f"{path}: [tool.mlops] must be a table; it is {settings!r}")
    return settings


def _refuse_unknown(
    root: Path, table: Mapping[str, Any], known: tuple[str, ...], path: str, release: str | None
) -> None:
    for key in table:
        if key not in known:
            if release not in (None, __version__):
                raise _other_release(root, release)  # which may well have the key
            close = get_close_matches(key, known, n=1)
            remedy = f"write {close[0]} instead" if close else "remove it"
            raise UserError(
                f"{root / FILE}: [tool.mlops{path}] has the unknown key {key!r}; {remedy} (known: {', '.join(known)})"
            )


def _pipelines(root: Path, settings: Mapping[str, Any], release: str | None) -> dict[str, PipelineEntry]:
    tables = settings.get("pipelines", {})
    if not isinstance(tables, dict):
        raise _refusal(
            root, "pipelines", tables, "a table for each pipeline, for example [tool.mlops.pipelines.training]"
        )
    return {kind: _entry(root, kind, table, release) for kind, table in tables.items()}


def _entry(root: Path, kind: str, table: Any, release: str | None) -> PipelineEntry:
    key = f"pipelines.{kind}"
    if not re.fullmatch(KIND, kind):
        raise UserError(
            f"{root / FILE}: [tool.mlops.{key}] must be named with lower-case words joined by hyphens, for example "
            "training-hpo; rename it"
        )
    if not isinstance(table, dict):
        raise _refusal(root, key, table, f"a table: [tool.mlops.{key}]")
    _refuse_unknown(root, table, ENTRY_KEYS, f".{key}", release)
    if "build" not in table:
        raise UserError(f'{root / FILE}: [tool.mlops.{key}] has no build; add build = "module:function"')
    description = _text(root, table, "description", "a sentence", f"{key}.") or ""
    if len(description) > MAX_DESCRIPTION:
        raise UserError(
            f"{root / FILE}: [tool.mlops.{key}] description has {len(description)} characters, and AWS takes "
            f"{MAX_DESCRIPTION}; shorten it"
        )
    return PipelineEntry(_target(root, table, "build", "pipelines.training:build", f"{key}."), description)


def _text(root: Path, table: Mapping[str, Any], key: str, form: str, path: str = "") -> str | None:
    """A text; None where the key is missing."""
    value = table.get(key)
    if value is not None and (not isinstance(value, str) or not value):
        raise _refusal(root, f"{path}{key}", value, form)
    return value


def _target(root: Path, table: Mapping[str, Any], key: str, example: str, path: str = "") -> str:
    """A function, as module:function; empty where the key is missing."""
    form = f"module:function, for example {example}"
    text = _text(root, table, key, form, path)
    if text is not None and not re.fullmatch(FUNCTION, text):
        raise _refusal(root, f"{path}{key}", text, form)
    return text or ""


def _refusal(root: Path, key: str, value: Any, form: str) -> UserError:
    return UserError(f"{root / FILE}: [tool.mlops] {key} is {value!r}; it must be {form}")


def _is_or_contains(name: str | None, module: str) -> bool:
    return name is not None and (module == name or module.startswith(f"{name}."))
