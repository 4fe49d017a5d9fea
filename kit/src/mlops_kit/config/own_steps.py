"""The settings of a team's own steps: a mapping for each step, which the step's definition reads."""

from __future__ import annotations

from typing import Any

from mlops_kit.config.reader import ConfigSection


class OwnSteps:
    """The section `steps` of config/pipelines.yaml.

    A definition takes the settings of a step by its name, and reads them strictly:

        rows = settings.steps["largest_errors"].integer("rows", minimum=1)

    A step or a key that no definition reads is refused once all pipelines are built.

    Args:
        section: the section.
    """

    def __init__(self, section: ConfigSection) -> None:
        self._section = section
        self._values: dict[str, Any] = {}
        self._readings: dict[str, list[ConfigSection]] = {}

    def __getitem__(self, step: str) -> ConfigSection:
        """The settings of a step, all of them at each access: two pipelines may have the same step.

        Raises:
            UserError: there are none of this name, or they are not a mapping.
        """
        if step not in self._values:
            self._values[step] = self._section.take(step)
        reading = self._reading(step, self._values[step])
        self._readings.setdefault(step, []).append(reading)
        return reading

    def refuse_the_rest(self) -> None:
        """Raise UserError for a step, or a key of a step, that no definition has read."""
        self._section.refuse_the_rest()
        for step, readings in self._readings.items():
            unread = set.intersection(*(set(reading.names) for reading in readings))
            rest = {key: value for key, value in self._values[step].items() if key in unread}
            self._reading(step, rest).refuse_the_rest()

    def _reading(self, step: str, values: Any) -> ConfigSection:
        return ConfigSection(values, self._section.place, f"steps.{step}.")
