"""Model cards of model packages, which moto does not keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import ModelPackage
from moto.sagemaker.responses import SageMakerResponse

from mlops_kit.checks.model_card_schema import card_faults
from mlops_kit.local_cloud.patches.patch import patch

Operation = Callable[[Any], Any]
CARD = "ModelCard"


@contextmanager
def patch_model_cards() -> Iterator[None]:
    """Within this block a model package has the card that it was created or updated with."""
    with (
        patch(SageMakerResponse, "create_model_package", _keeping),
        patch(SageMakerResponse, "update_model_package", _keeping),
        patch(ModelPackage, "gen_response_object", _with_card),
    ):
        yield


def _keeping(original: Operation) -> Operation:
    def operation(response: Any) -> Any:
        """Handle the request, and keep its card, whose keys may be updated one by one."""
        card = response._get_param(CARD) or {}
        if faults := card_faults(card.get("ModelCardContent", "{}")):
            raise ValidationError(f"Model card content does not follow its schema: {'; '.join(faults)}")
        answer = original(response)
        if card:
            package = response.sagemaker_backend.model_packages[answer.result["ModelPackageArn"]]
            package.model_card = {**getattr(package, "model_card", {}), **card}
        return answer

    return operation


def _with_card(original: Operation) -> Operation:
    def gen_response_object(package: Any) -> Any:
        card = getattr(package, "model_card", None)
        return {**original(package), **({CARD: card} if card else {})}

    return gen_response_object
