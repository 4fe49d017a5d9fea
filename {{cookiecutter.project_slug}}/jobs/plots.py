"""Plots of an evaluation: the predictions against the target, and what the features have to do with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from mlops_jobs.artifact import Model
from mlops_jobs.outputs import Outputs
from mlops_jobs.scores import Scores
from sklearn.metrics import average_precision_score, confusion_matrix, precision_recall_curve, roc_auc_score, roc_curve

mpl.use("Agg")  # a container has no screen
mpl.rcParams["text.parse_math"] = False  # a dollar sign in a name is a dollar sign

INK, ACCENT, QUIET = "#1f2933", "#0b6e99", "#9aa5b1"
MAX_CLASSES_DRAWN = 12
MAX_FEATURES_DRAWN = 25
MAX_POINTS = 20_000  # more would only make the picture slower to open


def draw_evaluation(outputs: Outputs, folder: Path, model: Model, actual: np.ndarray, scores: Scores) -> None:
    """Draw what fits the problem type, each picture into a PNG file of its own.

    Args:
        outputs: what the pictures appear together with.
        folder: where they go.
        model: whose features and classes are named.
        actual: the target, or the index of the class; shape (n,).
        scores: what the model said of the same rows.
    """
    pictures, importance = {}, model.estimator.importance()
    if importance is not None:
        pictures["feature_importance"] = _feature_importance(model.preprocessor.features, importance)
    if scores.probabilities is None:
        pictures["predicted_vs_actual"] = _predicted_vs_actual(model, actual, scores.predicted)
        pictures["residuals"] = _residuals(model, actual, scores.predicted)
    else:
        pictures["confusion_matrix"] = _confusion_matrix(model, actual, scores.predicted)
        pictures["roc_curve"] = _roc_curves(model, actual, scores.probabilities)
        pictures["precision_recall"] = _precision_recall_curves(model, actual, scores.probabilities)
    for name, figure in pictures.items():
        figure.savefig(outputs.path(folder / f"{name}.png"), format="png", metadata={"Software": None})


def draw_explanations(outputs: Outputs, folder: Path, explanations: Mapping[str, Any]) -> None:
    """Draw the mean contributions of the features, of several classes side by side; nothing if there are none.

    Args:
        outputs: what the picture appears together with.
        folder: where it goes.
        explanations: as `mean_contributions` returns them.
    """
    if not explanations:
        return
    names = list(explanations["mean_absolute"])[:MAX_FEATURES_DRAWN][::-1]
    by_class = list(explanations.get("by_class", {}).items())[:MAX_CLASSES_DRAWN]
    of = ", one class beside the other" if by_class else ""
    figure, axes = _axes("Contributions to predictions", f"mean absolute contribution ({explanations['unit']}){of}", "")
    left = np.zeros(len(names))
    for label, means in by_class:
        widths = np.array([means.get(name, 0.0) for name in names])
        axes.barh(names, widths, left=left, label=label)
        left += widths
    if by_class:
        axes.legend(frameon=False, loc="lower right")
    else:
        axes.barh(names, [explanations["mean_absolute"][name] for name in names], color=ACCENT)
    figure.savefig(outputs.path(folder / "contributions.png"), format="png", metadata={"Software": None})


def _axes(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.4, 4.8), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, color=INK, loc="left")
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _sample(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    step = -(-len(x) // MAX_POINTS)
    return x[::step], y[::step]


def _predicted_vs_actual(model: Model, actual: np.ndarray, predicted: np.ndarray) -> Figure:
    target = model.contract.target
    figure, axes = _axes("Predicted against actual", f"actual {target}", f"predicted {target}")
    low, high = min(actual.min(), predicted.min()), max(actual.max(), predicted.max())
    axes.plot([low, high], [low, high], color=QUIET, linewidth=1, label="a perfect model")
    x, y = _sample(actual, predicted)
    axes.scatter(x, y, s=9, color=ACCENT, alpha=0.35, linewidths=0)
    axes.legend(frameon=False)
    return figure


def _residuals(model: Model, actual: np.ndarray, predicted: np.ndarray) -> Figure:
    figure, axes = _axes("Residuals", f"predicted {model.contract.target}", "actual minus predicted")
    axes.axhline(0, color=QUIET, linewidth=1)
    x, y = _sample(predicted, actual - predicted)
    axes.scatter(x, y, s=9, color=ACCENT, alpha=0.35, linewidths=0)
    return figure


def _confusion_matrix(model: Model, actual: np.ndarray, predicted: np.ndarray) -> Figure:
    classes = model.preprocessor.classes
    counts = confusion_matrix(actual, predicted, labels=range(len(classes)))
    figure, axes = _axes("Confusion matrix", "predicted", "actual")
    axes.imshow(counts, cmap="Blues")
    if len(classes) <= MAX_CLASSES_DRAWN:
        axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
        axes.set_yticks(range(len(classes)), classes)
        for (row, column), count in np.ndenumerate(counts):
            color = "white" if count > counts.max() / 2 else INK
            axes.text(column, row, f"{count}", ha="center", va="center", color=color)
    return figure


def _roc_curves(model: Model, actual: np.ndarray, probabilities: np.ndarray) -> Figure:
    """The curve of the positive class; of several classes, each against the rest."""
    classes = model.preprocessor.classes
    figure, axes = _axes("ROC", "false positive rate", "true positive rate")
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1, label="guessing")
    for index in _drawn(classes):
        is_class = actual == index
        if is_class.any() and not is_class.all():
            area = roc_auc_score(is_class, probabilities[:, index])
            rates = roc_curve(is_class, probabilities[:, index])[:2]
            axes.plot(*rates, linewidth=1.6, label=f"{classes[index]} (area {area:.3f})")
    axes.legend(frameon=False, loc="lower right")
    return figure


def _precision_recall_curves(model: Model, actual: np.ndarray, probabilities: np.ndarray) -> Figure:
    """As the ROC; where a class is rare, these are the curves to look at."""
    classes = model.preprocessor.classes
    figure, axes = _axes("Precision and recall", "recall", "precision")
    axes.set_ylim(0, 1.02)
    for index in _drawn(classes):
        is_class = actual == index
        if is_class.any() and not is_class.all():
            average = average_precision_score(is_class, probabilities[:, index])
            precision, recall, _ = precision_recall_curve(is_class, probabilities[:, index], drop_intermediate=True)
            label = f"{classes[index]} (average precision {average:.3f}, guessing {is_class.mean():.3f})"
            axes.plot(recall, precision, linewidth=1.6, label=label)
    axes.legend(frameon=False, loc="lower left")
    return figure


def _drawn(classes: Sequence[str]) -> Sequence[int]:
    """The classes with a curve: the positive one of two, each of several."""
    return [1] if len(classes) == 2 else range(min(len(classes), MAX_CLASSES_DRAWN))


def _feature_importance(names: tuple[str, ...], importance: np.ndarray) -> Figure:
    """Of each feature, as a share of all."""
    shares = dict(zip(names, importance / (importance.sum() or 1.0), strict=True))
    ordered = sorted(shares, key=lambda name: shares[name])[-MAX_FEATURES_DRAWN:]
    figure, axes = _axes("Feature importance", "share of all", "")
    axes.barh(ordered, [shares[name] for name in ordered], color=ACCENT)
    return figure
