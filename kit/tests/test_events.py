"""config/events.yaml is read as strictly as every other setting: a slip is a sentence, before anything is applied."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlops_jobs.errors import UserError
from mlops_kit.cli import main as commands
from mlops_kit.config.events import TELLABLE, check_events

SLIPS = {
    "a misspelt section": ("retraining:", "retrainig:", "retraining is missing; add it, or correct retrainig, which"),
    "a misspelt key": ("cooldown_hours", "cooldown_hour", "retraining.cooldown_hours is missing; add it, or correct c"),
    "a negative cooldown": ("cooldown_hours: 24", "cooldown_hours: -1", "must be a number of at least 0"),
    "more violations than verdicts": ("violations: 1", "violations: 2", "must be a whole number from 1 to 1"),
    "more verdicts than are remembered": ("verdicts: 1", "verdicts: 101", "must be a whole number from 1 to 100"),
    "a message that there is not": ("step_failed:", "steps_failed:", "tell.step_failed is missing; add it, or correct"),
    "a message too many": ("    retraining:", "    more: true\n    retraining:", "tell.more is a key that nothing"),
    "a switch between on and off": ("retraining: true", "retraining: sometimes", "must be true or false"),
    "words that are no list": ("texts: []", "texts: Ask Ada.", "must be a list, maybe empty: []"),
    "words about what there is not": ("texts: []", "texts: [{pipline: inference, text: x}]", "texts[0].pipline is a"),
    "words on another pipeline": ("texts: []", "texts: [{pipeline: infer, text: x}]", "one of training, training-hpo,"),
    "words on another status": ("texts: []", "texts: [{status: failed, text: x}]", "one of Failed, Succeeded"),
    "an entry without words": ("texts: []", "texts: [{step: Train}]", "texts[0].text is missing"),
    "empty words": ("texts: []", 'texts: [{text: " "}]', "must be what is to stand in the message"),
}


def change(root: Path, old: str, new: str) -> None:
    path = root / "config" / "events.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_what_is_generated_is_good(root: Path) -> None:
    check_events(root)


def test_the_example_is_good_when_it_is_taken_out_of_its_comment(root: Path) -> None:
    text = (root / "config" / "events.yaml").read_text(encoding="utf-8")
    example = re.search(r"^ *# - (\{pipeline: .*\})$", text, re.MULTILINE)
    assert example
    change(root, "texts: []", f"texts: [{example[1]}]")
    check_events(root)


@pytest.mark.parametrize(("old", "new", "said"), SLIPS.values(), ids=SLIPS)
def test_a_slip_is_a_sentence_that_names_the_place(root: Path, old: str, new: str, said: str) -> None:
    change(root, old, new)
    with pytest.raises(UserError, match=f"^config/events.yaml: .*{re.escape(said)}"):
        check_events(root)


def test_the_command_check_looks_at_it_too(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(root, "violations: 1", "violations: none")
    monkeypatch.chdir(root)
    with pytest.raises(UserError, match=r"^config/events.yaml: retraining.violations is 'none'; it must be a whole"):
        commands.main(["check"])


def test_what_can_be_told_is_what_terraform_has_rules_for(project: Path) -> None:
    rules = (project / "infra" / "modules" / "events" / "rules.tf").read_text(encoding="utf-8")
    notifications = rules.partition("  notifications = {\n")[2].partition("\n  }\n")[0]
    names = re.findall(r"^    ([a-z-]+) = \{$", notifications, re.MULTILINE)
    assert [name.replace("-", "_") for name in names] == list(TELLABLE)
