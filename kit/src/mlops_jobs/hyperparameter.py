"""A hyperparameter as jobs/hyperparameters.py lists it; imports nothing, as the settings of the pipelines read it."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Hyperparameter:
    """A hyperparameter and the values that train.py takes for it.

    Attributes:
        default: the value of a job that is given none; an int where only whole numbers are valid.
        min: the smallest value.
        max: the largest value.
    """

    default: int | float
    min: float = -math.inf
    max: float = math.inf
