"""Recognize the training jobs of the SDK's ModelTrainer, which starts a script in another way than script mode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DRIVERS = "sm_drivers"  # the channel with the files that start the script


def is_model_trainers(request: Mapping[str, Any]) -> bool:
    """Whether ModelTrainer made a CreateTrainingJob request, with the code of a script."""
    return any(channel.get("ChannelName") == DRIVERS for channel in request.get("InputDataConfig", []))
