"""What config/events.yaml says, checked before Terraform reads it: nothing is guessed, and no key is ignored.

Terraform hands it to the functions in lambdas/. It refuses most of what cannot be, too, but not a key that it does not
look for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines import ROOT
from pipelines.settings import KINDS
from pipelines.strict_yaml import Section

PLACE = Path("config", "events.yaml")
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


def check_events(root: Path = ROOT) -> None:
    """Read config/events.yaml of a project as strictly as the other settings.

    Raises:
        JobError: it cannot be read, or a key or a value in it cannot be.
    """
    given = Section.of_file(root / PLACE, root)
    _check_retraining(given.section("retraining"))
    _check_notifications(given.section("notifications"))
    given.refuse_the_rest()


def _check_retraining(given: Section) -> None:
    given.number("cooldown_hours", least=0)
    verdicts = given.whole("verdicts", least=1, most=MOST_VERDICTS)
    given.whole("violations", least=1, most=verdicts)
    given.refuse_the_rest()


def _check_notifications(given: Section) -> None:
    tell = given.section("tell")
    for name in TELLABLE:
        tell.flag(name)
    tell.refuse_the_rest()
    texts = given.take("texts")
    if not isinstance(texts, list):
        raise given.refusal("texts", texts, "a list, maybe empty: []")
    for number, entry in enumerate(texts):
        _check_text(entry, f"notifications.texts[{number}].")
    given.refuse_the_rest()


def _check_text(entry: Any, path: str) -> None:
    """An entry with the team's own words; of what it is for, anything may be left out."""
    given = Section(entry, PLACE.as_posix(), path)
    given.text("text", r"(?s).*\S.*", "what is to stand in the message")
    given.optional_text("step", r"[\w-]+", "the name of a step")
    for key, choices in (("pipeline", KINDS), ("status", ("Failed", "Succeeded"))):
        if key in given.names:
            given.choice(key, *choices)
    given.refuse_the_rest()
