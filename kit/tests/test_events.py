"""config/events.yaml is read as strictly as every other setting, before anything is applied."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlops_jobs.errors import UserError
from mlops_kit.cli import main as commands
from mlops_kit.config.events import STEP_SUCCEEDED, TELLABLE, check_events
from mlops_kit.project import open_project

MISTAKES = {
    "a misspelt section": ("retraining:", "retrainig:", "retraining is missing; add it, or correct retrainig, which"),
    "a misspelt key": ("cooldown_hours", "cooldown_hour", "retraining.cooldown_hours is missing; add it, or correct c"),
    "a negative cooldown": ("cooldown_hours: 24", "cooldown_hours: -1", "must be a number of at least 0"),
    "more violations than verdicts": ("violations: 1", "violations: 2", "must be a whole number from 1 to 1"),
    "more verdicts than the guard keeps": ("verdicts: 1", "verdicts: 101", "must be a whole number from 1 to 100"),
    "a message that does not exist": (
        "step_failed:",
        "steps_failed:",
        "tell.step_failed is missing; add it, or correct",
    ),
    "an unknown message": ("    retraining:", "    more: true\n    retraining:", "tell.more is a key that nothing"),
    "a switch that is neither on nor off": ("retraining: true", "retraining: sometimes", "must be true or false"),
    "texts that are not a list": ("texts: []", "texts: Ask Ada.", "must be a list, which may be empty: []"),
    "a text with an unknown key": ("texts: []", "texts: [{pipline: inference, text: x}]", "texts[0].pipline is a"),
    "a text for an unknown pipeline": (
        "texts: []",
        "texts: [{pipeline: infer, text: x}]",
        "one of training, training-hpo,",
    ),
    "a text for an unknown status": ("texts: []", "texts: [{status: failed, text: x}]", "one of Failed, Succeeded"),
    "a text for an unknown event": ("texts: []", "texts: [{event: trained, text: x}]", "texts[0].event is 'trained'"),
    "a status of an event": (
        "texts: []",
        "texts: [{event: step_failed, status: Failed, text: x}]",
        "texts[0].status is 'Failed'; it must be left out: step_failed has no status to select by",
    ),
    "a step of an execution": (
        "texts: []",
        "texts: [{event: execution_failed, step: Train, text: x}]",
        "texts[0].step is 'Train'; it must be left out",
    ),
    "a pipeline of a model": (
        "texts: []",
        "texts: [{event: model_approved, pipeline: training, text: x}]",
        "texts[0].pipeline is 'training'; it must be left out",
    ),
    "an entry without a text": ("texts: []", "texts: [{step: Train}]", "texts[0].text is missing"),
    "a marker that jobs would read": ('marker: ""', "marker: READY", "marker is 'READY'; it must be empty, or 2"),
    "a marker that Terraform refuses": ('marker: ""', "marker: _FERTIG_Ü", "it must be empty, or 2 to 100 letters"),
    "a marker in a folder": ('marker: ""', "marker: _READY/x", "it must be empty, or 2 to 100 letters"),
    "an empty text": ("texts: []", 'texts: [{text: " "}]', "must be the text to add to the message"),
}


def change(root: Path, old: str, new: str) -> None:
    path = root / "config" / "events.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_generated_file_has_no_mistake(root: Path) -> None:
    check_events(root)


def test_the_examples_in_the_comment_have_no_mistake(root: Path) -> None:
    text = (root / "config" / "events.yaml").read_text(encoding="utf-8")
    examples = re.findall(r"^ *# - (\{.*\})$", text, re.MULTILINE)
    assert len(examples) == 3
    change(root, "texts: []", f"texts: [{', '.join(examples)}]")
    check_events(root)


@pytest.mark.parametrize("event", [*TELLABLE, STEP_SUCCEEDED])
def test_a_text_may_be_for_any_event(root: Path, event: str) -> None:
    change(root, "texts: []", f"texts: [{{event: {event}, text: x}}]")
    check_events(root)


@pytest.mark.parametrize(("old", "new", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_refused_with_its_key(root: Path, old: str, new: str, message: str) -> None:
    change(root, old, new)
    with pytest.raises(UserError, match=f"^config/events.yaml: .*{re.escape(message)}"):
        check_events(root)


def test_the_command_check_checks_it_too(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(root, "violations: 1", "violations: none")
    monkeypatch.chdir(root)
    with pytest.raises(UserError, match=r"^config/events.yaml: retraining.violations is 'none'; it must be a whole"):
        commands.main(["check"])


def test_every_notification_has_a_rule_in_terraform(project: Path) -> None:
    rules = (project / "infra" / "modules" / "events" / "rules.tf").read_text(encoding="utf-8")
    notifications = rules.partition("  notifications = {\n")[2].partition("\n  }\n")[0]
    names = re.findall(r"^    ([a-z-]+) = \{$", notifications, re.MULTILINE)
    assert [name.replace("-", "_") for name in names] == list(TELLABLE)


def test_terraform_finds_the_pipelines_of_the_project_file(project: Path) -> None:
    code = (project / "infra" / "live" / "locals.tf").read_text(encoding="utf-8")
    [pattern] = re.findall(r'regexall\("(.*)", file\("\$\{path.module\}/../../pyproject.toml"\)\)', code)
    text = (project / "pyproject.toml").read_text(encoding="utf-8")
    found = re.findall(pattern.replace("\\\\", "\\"), f'{text}\n[tool.mlops.pipelines.data-profile]\nbuild = "a:b"\n')
    assert tuple(found) == (*open_project(project).kinds, "data-profile")
