"""Read YAML files of settings so that nothing is guessed and nothing is ignored.

Every refusal names the file, the key, the value, and what it may be.
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


class Section:
    """A mapping of a YAML file, whose values are taken out one by one and checked.

    Args:
        values: the mapping.
        place: the file, as a message names it.
        path: the keys that lead to the mapping, each with a dot behind it.

    Raises:
        UserError: the values are no mapping, or a key is no text.
    """

    def __init__(self, values: Any, place: str, path: str = "") -> None:
        if not isinstance(values, dict):
            where = f"{place}: {path.rstrip('.')}" if path else place
            raise UserError(f"{where} is {values!r}; it must be a mapping of keys to values")
        for key in values:
            if not isinstance(key, str):  # to YAML, 1 is a number and on is true
                raise UserError(f"{place}: {path}{key} is read as {key!r}, and a key must be a text; put it in quotes")
        self._values, self.place, self._path = dict(values), place, path

    @classmethod
    def of_file(cls, path: Path, root: Path) -> Section:
        """The whole of a file below `root`.

        Raises:
            UserError: the file cannot be read, or is no YAML mapping.
        """
        place = path.relative_to(root).as_posix()
        try:
            return cls(yaml.load(path.read_text(encoding="utf-8"), _OneOfEachKey), place)
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{place}: cannot be read ({error}); restore it") from error
        except yaml.YAMLError as error:
            raise UserError(f"{place}: is not YAML: {' '.join(str(error).split())}") from error
        except ValueError as error:  # of what looks like a date, as 2024-02-31 does
            raise UserError(f"{place}: holds a value that YAML cannot read ({error}); put it in quotes") from error

    @property
    def names(self) -> list[str]:
        """The keys not taken yet."""
        return list(self._values)

    def take(self, key: str) -> Any:
        """Any value.

        Raises:
            UserError: it is not there.
        """
        if key not in self._values:
            alike = get_close_matches(key, self._values, n=1)
            hint = f", or correct {alike[0]}, which nothing reads" if alike else ""
            raise UserError(f"{self.place}: {self._path}{key} is missing; add it{hint}")
        return self._values.pop(key)

    def section(self, key: str) -> Section:
        """A mapping inside; raises UserError if it is none."""
        return Section(self.take(key), self.place, f"{self._path}{key}.")

    def text(self, key: str, pattern: str, wanted: str) -> str:
        """A text that matches a pattern as a whole; raises UserError if it does not."""
        value = self.take(key)
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise self.refusal(key, value, wanted)
        return value

    def optional_text(self, key: str, pattern: str, wanted: str) -> str | None:
        """As `text`, or None where the key is not given."""
        return self.text(key, pattern, wanted) if key in self._values else None

    def text_or(self, key: str, usual: str, pattern: str, wanted: str) -> str:
        """As `text`, or what is usual where the key is not given, which has to match as well."""
        if key in self._values:
            return self.text(key, pattern, wanted)
        if not re.fullmatch(pattern, usual):
            raise UserError(f"{self.place}: {self._path}{key} would by rule be {usual!r}; give one: {wanted}")
        return usual

    def texts(self, key: str, pattern: str, wanted: str) -> tuple[str, ...]:
        """A list, maybe empty, of texts that match a pattern; raises UserError if one does not."""
        values = self.take(key)
        if not isinstance(values, list):
            raise self.refusal(key, values, wanted)
        for value in values:
            if not isinstance(value, str) or not re.fullmatch(pattern, value):
                raise self.refusal(key, values, wanted)
        return tuple(values)

    def choice(self, key: str, *choices: str) -> str:
        """One of some words; raises UserError if it is none of them."""
        value = self.take(key)
        if value not in choices:
            hint = "" if isinstance(value, str) else ", in quotes"  # to YAML, off is false
            raise self.refusal(key, value, f"one of {', '.join(choices)}{hint}")
        return str(value)

    def flag(self, key: str) -> bool:
        """True or false; raises UserError if it is neither."""
        value = self.take(key)
        if not isinstance(value, bool):
            raise self.refusal(key, value, "true or false")
        return value

    def whole(self, key: str, least: int = 0, most: int | None = None) -> int:
        """A whole number in a range; raises UserError if it is none."""
        value = self.take(key)
        fits = isinstance(value, int) and not isinstance(value, bool) and least <= value
        if not fits or (most is not None and value > most):
            limits = f"of at least {least}" if most is None else f"from {least} to {most}"
            raise self.refusal(key, value, f"a whole number {limits}")
        return int(value)

    def number(self, key: str, least: float = -math.inf, most: float = math.inf) -> float:
        """A number in a range; raises UserError if it is none."""
        value = self.take(key)
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if isinstance(value, str) and re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", value):
            raise self.refusal(key, value, "written with a point, as 1.0e-2, or as 0.01: else YAML reads a text")
        if not is_number or not least <= value <= most:
            limits = [f"of at least {least:g}"] * (least > -math.inf) + [f"of at most {most:g}"] * (most < math.inf)
            raise self.refusal(key, value, " ".join(["a number", " and ".join(limits)]).strip())
        return float(value)

    def refusal(self, key: str, value: Any, wanted: str) -> UserError:
        """What to say of a value that cannot be."""
        return UserError(f"{self.place}: {self._path}{key} is {value!r}; it must be {wanted}")

    def unknown(self, key: str, what: str, known: Iterable[str]) -> UserError:
        """What to say of a key that names nothing."""
        return UserError(f"{self.place}: {self._path}{key} is no {what}; it may be {', '.join(known)}")

    def refuse_the_rest(self) -> None:
        """Raise UserError if a key was not taken: nothing reads it, so another was meant."""
        for key in self._values:
            raise UserError(
                f"{self.place}: {self._path}{key} is a key that nothing reads; correct its name or remove it"
            )


class _OneOfEachKey(yaml.SafeLoader):
    """YAML's own loader takes the last of two equal keys in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.MarkedYAMLError(problem=f"the key {key} stands there twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)
