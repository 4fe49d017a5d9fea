"""The differences between two definitions of a pipeline, step by step and down to the single argument.

Definitions are compared as data, without a call to AWS.
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
from mlops_kit.definition.model import BRANCHES, Branch, Definition
from mlops_kit.definition.references import is_expression

Body = Mapping[str, Any]  # of a definition, as read from JSON

ABSENT = object()  # for a value that one of the two definitions does not have

# A new definition keeps these placeholders for the comparison: a difference there is another commit or build.
OPEN_LINEAGE = Lineage("${git_commit}", "${build_id}", "${repository}")
_LINEAGE = re.compile(r"\$\{(git_commit|build_id|repository)\}")

# The keys of code contain its hash.
_CODE = re.compile(r"/code/(jobs|source|contract)-[0-9a-f]{16}\b")
_CONTENTS = {"jobs": "code", "source": "code", "contract": "data contract"}

_NAMES = ("Name", "InputName", "OutputName", "ChannelName", "Key")  # the keys that identify the elements of a list
_BRANCH_KEYS = {when: key for key, when in BRANCHES.items()}


@dataclass(frozen=True)
class ValueChange:
    """One value that differs; `old` or `new` is ABSENT if that definition does not have it."""

    path: str
    old: Any
    new: Any


@dataclass(frozen=True)
class PartChange:
    """A step, a parameter, or the pipeline itself, that is added, removed or changed.

    Attributes:
        part: its name for a person, for example "step `Train`".
        how: added, removed or changed.
        changes: the values that differ; empty for a part that is added or removed.
        contents: what differs in its hash only: "code", "data contract".
    """

    part: str
    how: str
    changes: tuple[ValueChange, ...] = ()
    contents: tuple[str, ...] = ()


@dataclass(frozen=True)
class PipelineChanges:
    """What a deployment, or a merge, would change in one pipeline.

    Attributes:
        created: the pipeline does not exist yet.
        parts: the parts that differ.
        lineage: the facts of the lineage that differ.
    """

    pipeline: str
    created: bool = False
    parts: tuple[PartChange, ...] = ()
    lineage: tuple[ValueChange, ...] = ()

    def __bool__(self) -> bool:
        """Whether an execution would run differently; another commit or build alone changes nothing."""
        return self.created or bool(self.parts)


def compare(pipeline: str, old: Body, new: Body, lineage: Lineage) -> PipelineChanges:
    """Compare the deployed definition with a new one that is bound with OPEN_LINEAGE."""
    before, after = _parts(old), _parts(new)
    parts: list[PartChange] = []
    deployed_lineage: dict[str, str] = {}
    for part in [*after, *(part for part in before if part not in after)]:
        if part not in before or part not in after:
            parts.append(PartChange(part, "added" if part in after else "removed"))
            continue
        changes = [*_compare(before[part], after[part], "")]
        deployed_lineage |= {name: value for change in changes for name, value in _deployed_lineage(change).items()}
        if differing := [change for change in changes if not _deployed_lineage(change)]:
            values = tuple(change for change in differing if not _contents(change))
            contents = dict.fromkeys(content for change in differing for content in _contents(change))
            parts.append(PartChange(part, "changed", values, tuple(contents)))
    facts = (ValueChange(name, value, getattr(lineage, name)) for name, value in deployed_lineage.items())
    return PipelineChanges(pipeline, parts=tuple(parts), lineage=tuple(fact for fact in facts if fact.old != fact.new))


def compare_compiled(old: Path, new: Mapping[str, str]) -> dict[str, PipelineChanges]:
    """Compare compiled definitions with those that `mlops compile` wrote into a folder, by kind.

    Args:
        old: the folder.
        new: the text of each definition, by kind.

    Raises:
        UserError: the folder has no definition.
    """
    paths = {kind: old / f"{kind}.json" for kind in new}
    if not any(path.is_file() for path in paths.values()):
        raise UserError(
            f"{old}: has none of {', '.join(path.name for path in paths.values())}; write them in the other "
            f"checkout with: mlops compile --output {old.resolve()}"
        )
    return {
        kind: compare(kind, _read(path), json.loads(new[kind]), OPEN_LINEAGE)
        if path.is_file()
        else PipelineChanges(kind, created=True)
        for kind, path in paths.items()
    }


def render(changes: PipelineChanges) -> str:
    """The changes of a pipeline in Markdown that also reads as plain text."""
    lines = [f"## {changes.pipeline}", ""]
    if changes.created:
        lines.append("- does not exist yet: would be created")
    for part in changes.parts:
        lines.append(f"- {part.how} {part.part}")
        lines += [f"  - {content} changed" for content in part.contents]
        lines += [f"  - `{change.path}`: {_shown(change.old)} -> {_shown(change.new)}" for change in part.changes]
    if changes.lineage:
        facts = (f"{change.path} {_shown(change.old)} -> {_shown(change.new)}" for change in changes.lineage)
        lines.append(f"- lineage: {', '.join(facts)}")
    return "\n".join([*lines, *([] if lines[2:] else ["unchanged"])])


def _read(path: Path) -> dict[str, Any]:
    try:
        definition: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: is not a definition ({error}); compile it again") from error
    return definition


def _parts(definition: Body) -> dict[str, Any]:
    """The parts of a definition that are compared one by one, by their names for a person."""
    rest = {key: value for key, value in definition.items() if key not in ("Parameters", "Steps")}
    parameters = {f"parameter `{parameter['Name']}`": parameter for parameter in definition.get("Parameters", [])}
    return {"pipeline": rest, **parameters, **_steps(definition)}


def _steps(body: Body) -> dict[str, dict[str, Any]]:
    """The fields and arguments of each step, without the steps of its branches, which are parts of their own."""
    parts = {}
    for step in Definition(body).steps:
        fields = {key: value for key, value in step.own.items() if key not in ("Name", "Arguments")}
        fields |= step.own.get("Arguments") or {}
        parts[f"step `{step.name}`"] = fields | ({"Branch": _branch(step.branches[-1])} if step.branches else {})
    return parts


def _branch(branch: Branch) -> str:
    return f"{branch.condition}.{_BRANCH_KEYS[branch.when]}"


def _compare(old: Any, new: Any, path: str) -> Iterator[ValueChange]:
    if old == new:
        return
    before, after = _members(old), _members(new)
    if before is None or after is None:
        yield from _compare_lists(old, new, path) if _are_lists(old, new) else [ValueChange(path, old, new)]
        return
    for name in {**before, **after}:
        key = f"[{name}]" if isinstance(new, list) else f".{name}"
        yield from _compare(before.get(name, ABSENT), after.get(name, ABSENT), f"{path}{key}".lstrip("."))


def _compare_lists(old: list[Any], new: list[Any], path: str) -> Iterator[ValueChange]:
    """Lists without names: element by element, or the elements between the common start and end."""
    if len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _compare(before, after, f"{path}[{index}]")
        return
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    yield ValueChange(f"{path}[{start}:{len(old) - end}]", old[start : len(old) - end], new[start : len(new) - end])


def _common(old: Sequence[Any], new: Sequence[Any]) -> int:
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False))))


def _are_lists(old: Any, new: Any) -> bool:
    return isinstance(old, list) and isinstance(new, list)


def _members(value: Any) -> dict[str, Any] | None:
    """The values in a mapping, or in a list whose elements have names; None for anything else."""
    if isinstance(value, Mapping):
        return None if is_expression(value) else dict(value)
    if isinstance(value, list) and value and all(isinstance(element, Mapping) for element in value):
        for key in _NAMES:
            named = {element[key]: element for element in value if isinstance(element.get(key), str)}
            if len(named) == len(value):
                return named
    return None


def _deployed_lineage(change: ValueChange) -> dict[str, str]:
    """The deployed facts of the lineage in a value that differs in nothing else; empty for other values."""
    if change.old is ABSENT or change.new is ABSENT:
        return {}
    # As text: an expression is one value, and a fact may stand in the middle of it.
    old, new = (value if isinstance(value, str) else json.dumps(value) for value in (change.old, change.new))
    pieces = _LINEAGE.split(new)
    pattern = "".join("(.*)" if index % 2 else re.escape(piece) for index, piece in enumerate(pieces))
    match = re.fullmatch(pattern, old, re.DOTALL)
    return dict(zip(pieces[1::2], match.groups(), strict=True)) if match else {}


def _contents(change: ValueChange) -> tuple[str, ...]:
    """The contents of two values that differ only in the hashes of contents; empty for other values."""
    old, new = (json.dumps(value, default=str) for value in (change.old, change.new))
    if _CODE.sub(r"/code/\1", old) != _CODE.sub(r"/code/\1", new):
        return ()
    return tuple(_CONTENTS[match[1]] for match in _CODE.finditer(new))


def _shown(value: Any) -> str:
    """A value as JSON."""
    return "nothing" if value is ABSENT else f"`{json.dumps(value, ensure_ascii=False)}`"
