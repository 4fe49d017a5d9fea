"""What differs between two definitions of a pipeline, step by step and down to the single argument.

Definitions are compared as data: nothing is asked of AWS here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from mlops_jobs.errors import UserError
from mlops_kit.definition.lineage import Lineage

Definition = Mapping[str, Any]

ABSENT = object()  # the value where one of the two definitions has none

# To compare with, a new definition keeps these placeholders: where they stand, a difference is another commit or build.
OPEN_LINEAGE = Lineage("${git_commit}", "${build_id}", "${repository}")
_LINEAGE = re.compile(r"\$\{(git_commit|build_id|repository)\}")

# Code lies at keys that are hashes of it.
_CODE = re.compile(r"/code/(jobs|source|contract)-[0-9a-f]{16}\b")
_SAID = {"jobs": "code", "source": "code", "contract": "data contract"}

_VARIABLES = ("Get", "Std:Join", "Std:JsonGet")
_NAMES = ("Name", "InputName", "OutputName", "ChannelName", "Key")  # by which the elements of a list are known
_BRANCHES = ("IfSteps", "ElseSteps")


@dataclass(frozen=True)
class Change:
    """One value that differs; `old` or `new` is ABSENT where there was or will be none."""

    path: str
    old: Any
    new: Any


@dataclass(frozen=True)
class PartChange:
    """A step, a parameter, or the pipeline itself, that is added, removed or changed.

    Attributes:
        part: what it is, as a person reads it, for example "step `Train`".
        how: added, removed or changed.
        changes: the values that differ; empty for what is added or removed.
        contents: what was changed that is known by its hash only: "code", "data contract".
    """

    part: str
    how: str
    changes: tuple[Change, ...] = ()
    contents: tuple[str, ...] = ()


@dataclass(frozen=True)
class PipelineChanges:
    """What a deployment, or a merge, would change of one pipeline.

    Attributes:
        created: it is not there yet.
        parts: what differs of it.
        lineage: facts of the lineage that differ, each as its deployed value.
    """

    pipeline: str
    created: bool = False
    parts: tuple[PartChange, ...] = ()
    lineage: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        """Whether an execution would run differently: another commit or build alone changes nothing."""
        return self.created or bool(self.parts)


def compare(pipeline: str, old: Definition, new: Definition, lineage: Lineage) -> PipelineChanges:
    """Compare the definition that is deployed with one that is bound to all but its lineage (OPEN_LINEAGE)."""
    before, after = _parts(old), _parts(new)
    parts: list[PartChange] = []
    traces: dict[str, str] = {}
    for part in [*after, *(part for part in before if part not in after)]:
        if part not in before or part not in after:
            parts.append(PartChange(part, "added" if part in after else "removed"))
            continue
        found = [*_compare(before[part], after[part], "")]
        traces |= {name: value for change in found for name, value in _deployed_lineage(change).items()}
        if differing := [change for change in found if not _deployed_lineage(change)]:
            values = tuple(change for change in differing if not _contents(change))
            contents = dict.fromkeys(content for change in differing for content in _contents(change))
            parts.append(PartChange(part, "changed", values, tuple(contents)))
    known = ((name, value, getattr(lineage, name)) for name, value in traces.items())
    return PipelineChanges(
        pipeline, parts=tuple(parts), lineage=tuple(Change(*trace) for trace in known if trace[1] != trace[2])
    )


def compare_compiled(old: Path, new: Mapping[str, str]) -> dict[str, PipelineChanges]:
    """Compare compiled definitions with those in a folder that `compile` has written elsewhere, by kind.

    Args:
        old: the folder.
        new: the text of each definition, by kind.

    Raises:
        UserError: the folder holds no definition.
    """
    found = {kind: old / f"{kind}.json" for kind in new}
    if not any(path.is_file() for path in found.values()):
        raise UserError(
            f"{old}: holds none of {', '.join(path.name for path in found.values())}; write them in the other "
            f"checkout with: mlops compile --output {old.resolve()}"
        )
    return {
        kind: compare(kind, _read(path), json.loads(new[kind]), OPEN_LINEAGE)
        if path.is_file()
        else PipelineChanges(kind, created=True)
        for kind, path in found.items()
    }


def render(changes: PipelineChanges) -> str:
    """Tell the changes of a pipeline in Markdown, which reads as plain text too."""
    lines = [f"## {changes.pipeline}", ""]
    if changes.created:
        lines.append("- not there yet: would be created")
    for part in changes.parts:
        lines.append(f"- {part.how} {part.part}")
        lines += [f"  - {content} changed" for content in part.contents]
        lines += [f"  - `{change.path}`: {_told(change.old)} -> {_told(change.new)}" for change in part.changes]
    if changes.lineage:
        told = (f"{change.path} {_told(change.old)} -> {_told(change.new)}" for change in changes.lineage)
        lines.append(f"- lineage: {', '.join(told)}")
    return "\n".join([*lines, *([] if lines[2:] else ["unchanged"])])


def _read(path: Path) -> dict[str, Any]:
    try:
        definition: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: is no definition ({error}); compile it again") from error
    return definition


def _parts(definition: Definition) -> dict[str, Any]:
    """The parts of a definition that are compared one by one, under the names that a person reads."""
    rest = {key: value for key, value in definition.items() if key not in ("Parameters", "Steps")}
    parameters = {f"parameter `{parameter['Name']}`": parameter for parameter in definition.get("Parameters", [])}
    return {"pipeline": rest, **parameters, **dict(_steps(definition.get("Steps", [])))}


def _steps(steps: Sequence[Definition], branch: str = "") -> Iterator[tuple[str, Any]]:
    """Each step with its type and arguments, those in the branches of a condition beside it."""
    for step in steps:
        arguments = step.get("Arguments", {})
        inner = {key: arguments.get(key, []) for key in _BRANCHES} if step["Type"] == "Condition" else {}
        own = {key: value for key, value in step.items() if key not in ("Name", "Arguments")}
        own |= {key: value for key, value in arguments.items() if key not in inner}
        yield f"step `{step['Name']}`", own | ({"Branch": branch} if branch else {})
        for key, nested in inner.items():
            yield from _steps(nested, f"{step['Name']}.{key}")


def _compare(old: Any, new: Any, path: str) -> Iterator[Change]:
    if old == new:
        return
    before, after = _members(old), _members(new)
    if before is None or after is None:
        yield from _compare_lists(old, new, path) if _are_lists(old, new) else [Change(path, old, new)]
        return
    for name in {**before, **after}:
        key = f"[{name}]" if isinstance(new, list) else f".{name}"
        yield from _compare(before.get(name, ABSENT), after.get(name, ABSENT), f"{path}{key}".lstrip("."))


def _compare_lists(old: list[Any], new: list[Any], path: str) -> Iterator[Change]:
    """Lists without names: element by element, or what is between their common beginning and end."""
    if len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _compare(before, after, f"{path}[{index}]")
        return
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    yield Change(f"{path}[{start}:{len(old) - end}]", old[start : len(old) - end], new[start : len(new) - end])


def _common(old: Sequence[Any], new: Sequence[Any]) -> int:
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False))))


def _are_lists(old: Any, new: Any) -> bool:
    return isinstance(old, list) and isinstance(new, list)


def _members(value: Any) -> dict[str, Any] | None:
    """The values in a mapping, or in a list whose elements have names; None of anything else."""
    if isinstance(value, Mapping):
        return None if len(value) == 1 and next(iter(value)) in _VARIABLES else dict(value)
    if isinstance(value, list) and value and all(isinstance(element, Mapping) for element in value):
        for key in _NAMES:
            named = {element[key]: element for element in value if isinstance(element.get(key), str)}
            if len(named) == len(value):
                return named
    return None


def _deployed_lineage(change: Change) -> dict[str, str]:
    """The facts of the lineage by which a value differs, as they are deployed; empty where it differs otherwise."""
    if not isinstance(change.old, str) or not isinstance(change.new, str):
        return {}
    pieces = _LINEAGE.split(change.new)
    pattern = "".join("(.*)" if index % 2 else re.escape(piece) for index, piece in enumerate(pieces))
    match = re.fullmatch(pattern, change.old, re.DOTALL)
    return dict(zip(pieces[1::2], match.groups(), strict=True)) if match else {}


def _contents(change: Change) -> tuple[str, ...]:
    """What lies behind two values that name the same content at another hash; empty for others."""
    old, new = (json.dumps(value, default=str) for value in (change.old, change.new))
    if _CODE.sub(r"/code/\1", old) != _CODE.sub(r"/code/\1", new):
        return ()
    return tuple(_SAID[match[1]] for match in _CODE.finditer(new))


def _told(value: Any) -> str:
    """A value as it stands in the definition."""
    return "nothing" if value is ABSENT else f"`{json.dumps(value, ensure_ascii=False)}`"
