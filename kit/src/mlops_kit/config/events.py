"""What config/events.yaml says, checked before Terraform reads it: nothing is guessed, and no key is ignored.

Terraform hands it to the functions in lambdas/. It refuses most of what cannot be, too, but not a key that it does not
look for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlops_kit.config.reader import Section
from mlops_kit.project import open_project

FILE = "events.yaml"
MOST_VERDICTS = 100  # the guard remembers each, with its reason, in one item of 400 KB

# What people can be told of: each is a rule of infra/modules/events.
TELLABLE = (
    "model_registered",
    "model_approved",
    "model_rejected",
    "step_failed",
    "execution_failed",
    "execution_succeeded",
    "data_quality_violation",
    "retraining",
)


def check_events(root: Path) -> None:
    """Read config/events.yaml of a project as strictly as the other settings.

    Raises:
        UserError: it cannot be read, or a key or a value in it cannot be.
    """
    project = open_project(root)
    given = Section.of_file(project.config / FILE, root)
    _check_retraining(given.section("retraining"))
    _check_notifications(given.section("notifications"), project.kinds)
    given.refuse_the_rest()


def _check_retraining(given: Section) -> None:
    given.number("cooldown_hours", least=0)
    verdicts = given.whole("verdicts", least=1, most=MOST_VERDICTS)
    given.whole("violations", least=1, most=verdicts)
    given.refuse_the_rest()


def _check_notifications(given: Section, kinds: Sequence[str]) -> None:
    tell = given.section("tell")
    for name in TELLABLE:
        tell.flag(name)
    tell.refuse_the_rest()
    texts = given.take("texts")
    if not isinstance(texts, list):
        raise given.refusal("texts", texts, "a list, maybe empty: []")
    for number, entry in enumerate(texts):
        _check_text(Section(entry, given.place, f"notifications.texts[{number}]."), kinds)
    given.refuse_the_rest()


def _check_text(given: Section, kinds: Sequence[str]) -> None:
    """An entry with the team's own text; each of the keys that select events is optional."""
    given.text("text", r"(?s).*\S.*", "what is to stand in the message")
    given.optional_text("step", r"[\w-]+", "the name of a step")
    for key, choices in (("pipeline", kinds), ("status", ("Failed", "Succeeded"))):
        if key in given.names:
            given.choice(key, *choices)
    given.refuse_the_rest()
