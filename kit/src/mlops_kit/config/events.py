"""Check config/events.yaml before Terraform reads it.

Terraform passes it to the functions in lambdas/. It refuses most invalid values, too, but ignores unknown keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlops_kit.config.reader import ConfigSection
from mlops_kit.project import open_project

MARKER = (
    r"([_.][A-Za-z0-9_.=-]{1,99})?",
    "empty, or 2 to 100 letters from A to Z, digits and _ . = -, with _ or . first, so that no job reads the object",
)
FILE = "events.yaml"
MAX_VERDICTS = 100  # the guard keeps each, with its reason, in one DynamoDB item of at most 400 KB

# The notifications that can be switched on and off: each is a rule of infra/modules/events.
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
STEP_SUCCEEDED = "step_succeeded"  # sent only where a text asks for it, so it has no switch
STEPS = ("step_failed", STEP_SUCCEEDED)
MODELS = ("model_registered", "model_approved", "model_rejected")  # a model is of no pipeline


def check_events(root: Path) -> None:
    """Check config/events.yaml of a project.

    Raises:
        UserError: it cannot be read, or has an unknown key or a value that is not allowed.
    """
    project = open_project(root)
    events = ConfigSection.of_file(project.config / FILE, root)
    _check_retraining(events.section("retraining"))
    if "new_data" in events.names:
        _check_new_data(events.section("new_data"))
    _check_notifications(events.section("notifications"), project.kinds)
    events.refuse_the_rest()


def _check_retraining(section: ConfigSection) -> None:
    section.number("cooldown_hours", minimum=0)
    verdicts = section.integer("verdicts", minimum=1, maximum=MAX_VERDICTS)
    section.integer("violations", minimum=1, maximum=verdicts)
    section.refuse_the_rest()


def _check_new_data(section: ConfigSection) -> None:
    section.text("marker", *MARKER)
    section.refuse_the_rest()


def _check_notifications(section: ConfigSection, kinds: Sequence[str]) -> None:
    tell = section.section("tell")
    for name in TELLABLE:
        tell.flag(name)
    tell.refuse_the_rest()
    texts = section.take("texts")
    if not isinstance(texts, list):
        raise section.refusal("texts", texts, "a list, which may be empty: []")
    for number, entry in enumerate(texts):
        _check_text(ConfigSection(entry, section.place, f"notifications.texts[{number}]."), kinds)
    section.refuse_the_rest()


def _check_text(section: ConfigSection, kinds: Sequence[str]) -> None:
    """An entry with the team's own text; each of the keys that select events is optional."""
    section.text("text", r"(?s).*\S.*", "the text to add to the message")
    event = section.choice("event", *TELLABLE, STEP_SUCCEEDED) if "event" in section.names else None
    if event:
        _refuse_what_an_event_lacks(section, event)
    section.optional_text("step", r"[\w-]+", "the name of a step")
    for key, choices in (("pipeline", kinds), ("status", ("Failed", "Succeeded"))):
        if key in section.names:
            section.choice(key, *choices)
    section.refuse_the_rest()


def _refuse_what_an_event_lacks(section: ConfigSection, event: str) -> None:
    """Refuse a key that would keep the text from ever being used."""
    lacking = {"status": True, "step": event not in STEPS, "pipeline": event in MODELS}
    for key in section.names:
        if lacking.get(key):
            raise section.refusal(key, section.take(key), f"left out: {event} has no {key} to select by")
