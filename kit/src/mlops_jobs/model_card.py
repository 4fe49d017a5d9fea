"""What an evaluation contributes to the model card that is registered with a version.

SageMaker's model registry takes the card as the text of a JSON document, with a schema of its own:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-details.html. The pipeline writes that text when it
registers the version, from config/, from facts of the execution, and from the parts here. A pipeline can insert only
text, so each part is the JSON text of one place in the card.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

FILE = "model_card.json"
NOT_COMPARED = "not compared"
MAX_NAME, MAX_AXIS_NAME, MAX_HYPERPARAMETER = 255, 63, 255  # characters
MAX_OBSERVATION = 2096
MAX_METRICS, MAX_HYPERPARAMETERS, MAX_BARS = 50, 100, 20  # the last is ours: a chart with more cannot be read


def card_parts(evaluation: Mapping[str, Any], training: Mapping[str, Any]) -> dict[str, str]:
    """The parts, each as JSON text on one line of ASCII characters.

    Args:
        evaluation: the content of evaluation.json.
        training: the content of training.json in the artifact; empty if the model has none.

    Returns:
        `observation` and `metric_groups` of an entry of evaluation_details, `training_metrics` and `hyper_parameters`
        of training_job_details. Besides, as it is, `champion_value`: the metric of the approved version on the same
        rows, or why there is none.
    """
    parts: dict[str, Any] = {
        "observation": _observation(evaluation),
        "metric_groups": _metric_groups(evaluation),
        "training_metrics": _training_metrics(training),
        "hyper_parameters": _hyper_parameters(training.get("hyperparameters") or {}),
    }
    texts = {name: json.dumps(part, allow_nan=False) for name, part in parts.items()}
    return texts | {"champion_value": _champion_value(evaluation)}


def _observation(evaluation: Mapping[str, Any]) -> str:
    """The verdict in words."""
    metric, champion = evaluation["metric"], evaluation["champion"]
    limit = "at most" if evaluation["lower_is_better"] else "at least"
    sentences = [
        f"{metric} is {evaluation['value']:.6g} on {evaluation['rows']} rows of the test split, and must be {limit} "
        f"{evaluation['threshold']:.6g}.",
        f"The best constant prediction reaches {evaluation['baseline']:.6g} on the same rows.",
    ]
    if champion["compared"]:
        sentences.append(f"The version that was approved before reaches {champion['metrics'][metric]:.6g}.")
    else:
        sentences.append("No approved version was compared.")
    if summary := (evaluation.get("gates") or {}).get("summary"):
        sentences.append(f"Gates: {summary}.")
    return " ".join(sentences)[:MAX_OBSERVATION]


def _champion_value(evaluation: Mapping[str, Any]) -> str:
    champion = evaluation["champion"]
    return f"{champion['metrics'][evaluation['metric']]:.6g}" if champion["compared"] else NOT_COMPARED


def _metric_groups(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    own = {
        name: entry["value"]
        for key, group in evaluation.items()
        if key.endswith("_metrics") and isinstance(group, Mapping)
        for name, entry in group.items()
        if isinstance(entry, Mapping) and "value" in entry
    }
    groups = [
        _group("metrics on the test split", own),
        _group("the best constant prediction", {evaluation["metric"]: evaluation["baseline"]}),
        _group("the approved version on the same rows", evaluation["champion"]["metrics"]),
        _explanations(evaluation.get("explanations") or {}),
    ]
    return [group for group in groups if group["metric_data"]]


def _group(name: str, values: Mapping[str, float]) -> dict[str, Any]:
    data = [{"name": metric[:MAX_NAME], "type": "number", "value": value} for metric, value in values.items()]
    return {"name": name, "metric_data": data[:MAX_METRICS]}


def _explanations(explanations: Mapping[str, Any]) -> dict[str, Any]:
    """How much the features move a prediction, as a bar chart of the strongest."""
    shown = list((explanations.get("mean_absolute") or {}).items())[:MAX_BARS]
    chart = {
        "name": "mean absolute contribution of a feature to a prediction",
        "type": "bar_chart",
        "value": [value for _, value in shown],
        "x_axis_name": [name[:MAX_AXIS_NAME] for name, _ in shown],
        "y_axis_name": str(explanations.get("unit", ""))[:MAX_AXIS_NAME],
    }
    return {"name": "explanations", "metric_data": [chart] if shown else []}


def _training_metrics(training: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The finite numbers of training.json, such as the rounds and the metric on the validation split."""
    numbers = {name: value for name, value in training.items() if type(value) in (int, float) and math.isfinite(value)}
    return [{"name": name[:MAX_NAME], "value": value} for name, value in numbers.items()][:MAX_METRICS]


def _hyper_parameters(values: Mapping[str, Any]) -> list[dict[str, str]]:
    texts = [(name[:MAX_NAME], str(value)[:MAX_HYPERPARAMETER]) for name, value in values.items() if str(value)]
    return [{"name": name, "value": text} for name, text in texts][:MAX_HYPERPARAMETERS]
