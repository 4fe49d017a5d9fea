"""The requests and responses of SageMaker's API, from botocore's description."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape

from mlops_kit.definition.references import Key

PROCESSING = "CreateProcessingJob"


@dataclass(frozen=True)
class Operation:
    """The operation that a type of step calls.

    Attributes:
        name: the operation of the API.
        generated: the key of the request whose value the pipeline generates.
        responses: the shapes in which a step's properties are looked up.
    """

    name: str
    generated: str
    responses: tuple[str, ...] = ()


OPERATIONS = {
    "Processing": Operation(PROCESSING, "ProcessingJobName", ("DescribeProcessingJobResponse",)),
    "QualityCheck": Operation(PROCESSING, "ProcessingJobName"),
    "ClarifyCheck": Operation(PROCESSING, "ProcessingJobName"),
    "Training": Operation("CreateTrainingJob", "TrainingJobName", ("DescribeTrainingJobResponse",)),
    "Tuning": Operation(
        "CreateHyperParameterTuningJob",
        "HyperParameterTuningJobName",
        ("DescribeHyperParameterTuningJobResponse", "ListTrainingJobsForHyperParameterTuningJobResponse"),
    ),
    "Transform": Operation("CreateTransformJob", "TransformJobName", ("DescribeTransformJobResponse",)),
    "Model": Operation("CreateModel", "ModelName", ("DescribeModelOutput",)),
    "RegisterModel": Operation("CreateModelPackage", "ModelPackageName", ("DescribeModelPackageOutput",)),
}

# Categories of Unicode that Python's expressions lack, a little wider than the categories: rather miss a wrong
# character than refuse a right one.
_CATEGORIES = {
    "L": r"\w",
    "N": r"\d",
    "Z": r" \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
    "M": r"\u0300-\uffff",
    "S": r"!-~\xa1-\uffff",
    "P": r"!-~\xa1-\uffff",
    "Alnum": "a-zA-Z0-9",
}


@cache
def service() -> ServiceModel:
    """The model of SageMaker's API."""
    return ServiceModel(Loader().load_service_model("sagemaker", "service-2"), "sagemaker")


def request_shape(step_type: str) -> Shape:
    """The request of a type of step."""
    return service().operation_model(OPERATIONS[step_type].name).input_shape


def create_pipeline_shape() -> Shape:
    """The request that creates a pipeline."""
    return service().operation_model("CreatePipeline").input_shape


def response_shapes(step_type: str) -> list[Shape]:
    """The shapes that have a step's properties, as far as the API describes them."""
    return [service().shape_for(name) for name in OPERATIONS[step_type].responses]


def follow(shape: Shape, keys: Sequence[Key]) -> Shape | None:
    """The shape of the property with some keys; None where there is no such property."""
    for kind, key in keys:
        if kind == "member" and shape.type_name == "structure" and key in shape.members:
            shape = shape.members[key]
        elif kind in ("index", "item") and shape.type_name == "list":
            shape = shape.member
        elif kind == "item" and shape.type_name == "map":
            shape = shape.value
        else:
            return None
    return shape


@cache
def pattern(shape_pattern: str) -> re.Pattern[str] | None:
    """A pattern of the API, compiled; None where Python cannot express it."""
    text = re.sub(r"\$\{\d+,\d+\}$", "", shape_pattern)  # a length after the end: min and max repeat it
    text = re.sub(r"\\p\{(\w+)\}", lambda match: _CATEGORIES.get(match[1], ""), text)
    try:
        return re.compile(text)
    except re.error:
        return None


def metadata(shape: Shape) -> dict[str, Any]:
    """The limits of a shape: min, max, pattern."""
    return dict(shape.metadata)
