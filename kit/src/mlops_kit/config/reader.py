"""Read YAML settings strictly: every key is read by name, checked, and an unknown key is an error.

Every error names the file, the key, the value, and what the value may be.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from mlops_jobs.errors import UserError


class ConfigSection:
    """A mapping of a YAML file, whose values are taken out one by one and checked.

    Args:
        values: the mapping.
        place: the file, as messages name it.
        path: the keys that lead to the mapping, each followed by a dot.

    Raises:
        UserError: the values are not a mapping, or a key is not a string.
    """

    def __init__(self, values: Any, place: str, path: str = "") -> None:
        if not isinstance(values, dict):
            where = f"{place}: {path.rstrip('.')}" if path else place
            raise UserError(f"{where} is {values!r}; it must be a mapping of keys to values")
        for key in values:
            if not isinstance(key, str):  # YAML reads 1 as a number and on as true
                raise UserError(
                    f"{place}: {path}{key} is read as {key!r}, and a key must be a string; put it in quotes"
                )
        self._values, self.place, self._path = dict(values), place, path

    @classmethod
    def of_file(cls, path: Path, root: Path) -> ConfigSection:
        """The content of a file below `root`.

        Raises:
            UserError: the file cannot be read, or is not a YAML mapping.
        """
        place = path.relative_to(root).as_posix()
        try:
            return cls(yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader), place)
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{place}: cannot be read ({error}); restore it") from error
        except yaml.YAMLError as error:
            raise UserError(f"{place}: is not YAML: {' '.join(str(error).split())}") from error
        except ValueError as error:  # of what looks like a date, for example 2024-02-31
            raise UserError(f"{place}: has a value that YAML cannot read ({error}); put it in quotes") from error

    @property
    def names(self) -> list[str]:
        """The keys that have not been taken yet."""
        return list(self._values)

    def take(self, key: str) -> Any:
        """Any value.

        Raises:
            UserError: it is missing.
        """
        if key not in self._values:
            close = get_close_matches(key, self._values, n=1)
            hint = f", or correct {close[0]}, which nothing reads" if close else ""
            raise UserError(f"{self.place}: {self._path}{key} is missing; add it{hint}")
        return self._values.pop(key)

    def section(self, key: str) -> ConfigSection:
        """A mapping inside; raises UserError if the value is not one."""
        return ConfigSection(self.take(key), self.place, f"{self._path}{key}.")

    def optional_section(self, key: str) -> ConfigSection:
        """As `section`, or an empty one where the key is missing."""
        return ConfigSection(self._values.pop(key, {}), self.place, f"{self._path}{key}.")

    def text(self, key: str, pattern: str, form: str) -> str:
        """A string that matches a pattern from start to end; raises UserError if it does not.

        Args:
            key: the key.
            pattern: a regular expression.
            form: the pattern in words, for the error.
        """
        value = self.take(key)
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise self.refusal(key, value, form)
        return value

    def optional_text(self, key: str, pattern: str, form: str) -> str | None:
        """As `text`, or None where the key is missing."""
        return self.text(key, pattern, form) if key in self._values else None

    def text_or(self, key: str, default: str, pattern: str, form: str) -> str:
        """As `text`, or a default where the key is missing; the default has to match, too."""
        if key in self._values:
            return self.text(key, pattern, form)
        if not re.fullmatch(pattern, default):
            raise UserError(f"{self.place}: {self._path}{key} would be {default!r} by default; set it to {form}")
        return default

    def texts(self, key: str, pattern: str, form: str, maximum: int | None = None) -> tuple[str, ...]:
        """A list, which may be empty, of strings that match a pattern; raises UserError if one does not.

        Args:
            key: the key.
            pattern: a regular expression.
            form: the pattern in words, for the error.
            maximum: the number of strings that AWS takes; None for any.
        """
        values = self.take(key)
        if not isinstance(values, list):
            raise self.refusal(key, values, form)
        for value in values:
            if not isinstance(value, str) or not re.fullmatch(pattern, value):
                raise self.refusal(key, values, form)
        if maximum is not None and len(values) > maximum:
            raise self.refusal(key, values, f"{form}, {maximum} at most")
        return tuple(values)

    def choice(self, key: str, *choices: str) -> str:
        """One of several words; raises UserError if it is another value."""
        value = self.take(key)
        if value not in choices:
            hint = "" if isinstance(value, str) else ", in quotes"  # YAML reads off as false
            raise self.refusal(key, value, f"one of {', '.join(choices)}{hint}")
        return str(value)

    def flag(self, key: str) -> bool:
        """True or false; raises UserError if it is another value."""
        value = self.take(key)
        if not isinstance(value, bool):
            raise self.refusal(key, value, "true or false")
        return value

    def integer(self, key: str, minimum: int = 0, maximum: int | None = None) -> int:
        """An integer in a range; raises UserError if it is another value."""
        value = self.take(key)
        is_integer = isinstance(value, int) and not isinstance(value, bool)
        if not is_integer or value < minimum or (maximum is not None and value > maximum):
            limits = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
            raise self.refusal(key, value, f"a whole number {limits}")
        return int(value)

    def number(self, key: str, minimum: float = -math.inf, maximum: float = math.inf) -> float:
        """A number in a range; raises UserError if it is another value."""
        value = self.take(key)
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if isinstance(value, str) and re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", value):
            raise self.refusal(key, value, "written with a point, as 1.0e-2 or 0.01: else YAML reads a string")
        if not is_number or not minimum <= value <= maximum:
            limits = [f"of at least {minimum:g}"] * (minimum > -math.inf) + [f"of at most {maximum:g}"] * (
                maximum < math.inf
            )
            raise self.refusal(key, value, " ".join(["a number", " and ".join(limits)]).strip())
        return float(value)

    def refusal(self, key: str, value: Any, form: str) -> UserError:
        """The error for a value that is not allowed."""
        return UserError(f"{self.place}: {self._path}{key} is {value!r}; it must be {form}")

    def unknown(self, key: str, what: str, known: Iterable[str]) -> UserError:
        """The error for a key that is the name of nothing known."""
        return UserError(f"{self.place}: {self._path}{key} is not a {what}; it may be {', '.join(known)}")

    def refuse_the_rest(self) -> None:
        """Raise UserError if a key has not been taken: its name is probably misspelt."""
        for key in self._values:
            raise UserError(
                f"{self.place}: {self._path}{key} is a key that nothing reads; correct its name or remove it"
            )


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML's own loader silently takes the last of two equal keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.MarkedYAMLError(problem=f"the key {key} appears twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)
