"""The versions in the model registry: approval, comment, model card and lineage."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mlops_kit.aws.promote_hyperparameters import PREFIX
from mlops_kit.report.elements import Child, Html, code, facts, html, number
from mlops_kit.report.statuses import status
from mlops_kit.report.times import moment

SPACES = re.compile(r"(?<=[a-z])(?=[A-Z])")  # between the words of a status of the API
KNOWN = {"git_commit", "build_id", "data_version", "execution", "pipeline", "metric", "value", "kind"}
KNOWN |= {"champion", "champion_value"}


def model_versions(packages: Sequence[Mapping[str, Any]], anchors: Mapping[str, str]) -> Html:
    """All versions, the newest first.

    Args:
        packages: as DescribeModelPackage returns them.
        anchors: the anchors of the executions on the page, by id.
    """
    ordered = sorted(packages, key=lambda package: int(package.get("ModelPackageVersion") or 0), reverse=True)
    cards = [_version(package, anchors) for package in ordered]
    return html(
        "section",
        html("h2", "Model versions", id="models"),
        html("div", cards, class_="models") if cards else html("p", "No model has been registered.", class_="absent"),
        class_="entry",
        aria_labelledby="models",
    )


def _version(package: Mapping[str, Any], anchors: Mapping[str, str]) -> Html:
    approval = str(package.get("ModelApprovalStatus") or package.get("ModelPackageStatus") or "")
    description, comment = (package.get(name) for name in ("ModelPackageDescription", "ApprovalDescription"))
    return html(
        "article",
        html("h3", f"Version {package.get('ModelPackageVersion', '?')}", status(approval)),
        html("p", str(description), class_="outcome") if description else None,
        html("blockquote", str(comment)) if comment else None,
        facts(_facts(package, anchors)),
        class_="model",
    )


def _facts(package: Mapping[str, Any], anchors: Mapping[str, str]) -> list[tuple[str, Child]]:
    lineage = _lineage(package)
    rest = {name: value for name, value in lineage.items() if name not in KNOWN and not name.startswith(PREFIX)}
    tuned = [(name.removeprefix(PREFIX), _value(value)) for name, value in lineage.items() if name.startswith(PREFIX)]
    return [
        ("created", _created(package.get("CreationTime"))),
        (lineage.get("metric") or "metric", _value(lineage.get("value"))),
        ("champion", champion_of(lineage)),
        *_card(package),
        ("tuned", facts(tuned, "tuned") if tuned else None),
        ("git commit", _code(lineage.get("git_commit"))),
        ("build", _code(lineage.get("build_id"))),
        ("data version", _code(lineage.get("data_version"))),
        ("pipeline", _code(lineage.get("pipeline"))),
        ("execution", _execution(lineage.get("execution"), anchors)),
        *((name.replace("_", " "), _code(value)) for name, value in rest.items()),
        ("status", _unusual(str(package.get("ModelPackageStatus") or ""))),
        ("artifact", _code(_artifact(package))),
        ("arn", _code(package.get("ModelPackageArn"))),
    ]


def champion_of(metadata: Mapping[str, str]) -> str:
    """The version that was in use, and its metric on the same rows; empty where there was none."""
    version = metadata.get("champion", "").rpartition("/")[2]
    if not version.isdecimal():
        return ""
    value = _value(metadata.get("champion_value"))
    return f"version {version}: {value}" if value else f"version {version}"


def _card(package: Mapping[str, Any]) -> list[tuple[str, Child]]:
    """What a reader of the model card looks for first; the registry has the whole card."""
    card = package.get("ModelCard") or {}
    try:
        content = json.loads(card.get("ModelCardContent") or "{}")
        uses, overview = content.get("intended_uses") or {}, content.get("model_overview") or {}
        return [
            ("model card", SPACES.sub(" ", str(card.get("ModelCardStatus") or "")).lower()),
            ("owner", overview.get("model_creator")),
            ("risk", uses.get("risk_rating")),
            ("purpose", uses.get("purpose_of_model")),
        ]
    except (ValueError, AttributeError):
        return [("model card", "cannot be read")]


def _lineage(package: Mapping[str, Any]) -> dict[str, str]:
    """The lineage of a version: our own properties, completed by SageMaker's."""
    standard = package.get("MetadataProperties") or {}
    lineage = {"git_commit": standard.get("CommitId"), "repository": standard.get("Repository")}
    lineage |= package.get("CustomerMetadataProperties") or {}
    return {str(name): str(value) for name, value in lineage.items() if value}


def _artifact(package: Mapping[str, Any]) -> str | None:
    containers = (package.get("InferenceSpecification") or {}).get("Containers") or [{}]
    uri = containers[0].get("ModelDataUrl")
    return str(uri) if uri else None


def _created(time: object) -> Html | str | None:
    return moment(time) if isinstance(time, datetime) else str(time or "")


def _execution(id_: str | None, anchors: Mapping[str, str]) -> Html | None:
    """The execution that registered it, with a link if it is on this page."""
    if not id_:
        return None
    return html("a", code(id_), href=f"#{anchors[id_]}") if id_ in anchors else code(id_)


def _unusual(status: str) -> str:
    return "" if status == "Completed" else status


def _code(text: object) -> Html | None:
    return code(str(text)) if text else None


def _value(text: str | None) -> str:
    """A value of the registry, which keeps numbers as text."""
    try:
        return number(float(text)) if text else ""
    except ValueError:
        return str(text)
