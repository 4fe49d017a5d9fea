"""What SageMaker's API takes and answers, as botocore's description of it says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape

PROCESSING = "CreateProcessingJob"


@dataclass(frozen=True)
class Operation:
    """What a type of step calls.

    Attributes:
        name: the operation of the API.
        given: what the pipeline gives by itself; a request leaves it out.
        answers: the shapes that a step's properties are looked up in.
    """

    name: str
    given: str
    answers: tuple[str, ...] = ()


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

# Categories of Unicode that Python's expressions do not know, a little wider than they are: better to miss a strange
# character than to refuse a good one.
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
    """SageMaker's API."""
    return ServiceModel(Loader().load_service_model("sagemaker", "service-2"), "sagemaker")


def request_shape(step_type: str) -> Shape:
    """The request of a type of step."""
    return service().operation_model(OPERATIONS[step_type].name).input_shape


def answer_shapes(step_type: str) -> list[Shape]:
    """What a step's properties may be, where the API describes it."""
    return [service().shape_for(name) for name in OPERATIONS[step_type].answers]


def follow(shape: Shape, keys: Sequence[tuple[str, str]]) -> Shape | None:
    """The shape at the end of a property's keys; None where there is none."""
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
    """A pattern of the API as Python understands it; None for one that it cannot."""
    text = re.sub(r"\$\{\d+,\d+\}$", "", shape_pattern)  # a length behind the end, where lengths are given apart
    text = re.sub(r"\\p\{(\w+)\}", lambda match: _CATEGORIES.get(match[1], ""), text)
    try:
        return re.compile(text)
    except re.error:
        return None


def metadata(shape: Shape) -> dict[str, Any]:
    """The limits of a shape: min, max, pattern."""
    return dict(shape.metadata)
