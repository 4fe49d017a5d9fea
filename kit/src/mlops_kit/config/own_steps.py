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
        self._sections: dict[str, _ReadAgain] = {}

    def __getitem__(self, step: str) -> ConfigSection:
        """The settings of a step.

        Raises:
            UserError: there are none of this name, or they are not a mapping.
        """
        if step not in self._sections:
            self._sections[step] = _ReadAgain(self._section.take(step), self._section.place, f"steps.{step}.")
        return self._sections[step]

    def refuse_the_rest(self) -> None:
        """Raise UserError for a step, or a key of a step, that no definition has read."""
        self._section.refuse_the_rest()
        for section in self._sections.values():
            section.refuse_the_rest()


class _ReadAgain(ConfigSection):
    """A section whose keys may be read several times: two pipelines may have the same step."""

    def __init__(self, values: Any, place: str, path: str) -> None:
        super().__init__(values, place, path)
        self._all = dict(self._values)

    def take(self, key: str) -> Any:
        """Any value.

        Raises:
            UserError: it is missing.
        """
        value = self._all[key] if key in self._all else super().take(key)
        self._values.pop(key, None)
        return value
