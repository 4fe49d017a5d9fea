"""Requests and answers of AWS's API, and what may be put in front of an operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Request = dict[str, Any]
Answer = dict[str, Any]


class ApiError(Exception):
    """An error as AWS answers it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Addition:
    """What is put in front of operations, which have names like SageMaker.CreatePipeline.

    Attributes:
        answers: to operations that moto never hears of.
        changes: put a request right before moto gets it.
        afterwards: are called with request and answer in one, when moto has done what it was asked for.
    """

    answers: Mapping[str, Callable[[Request], Answer]] = field(default_factory=dict)
    changes: Mapping[str, Callable[[Request], Request]] = field(default_factory=dict)
    afterwards: Mapping[str, Callable[[Request], None]] = field(default_factory=dict)
