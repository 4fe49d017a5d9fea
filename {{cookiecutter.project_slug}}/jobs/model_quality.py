"""Job: compare predictions with the labels that came later, and write a typed verdict.

A verdict is not a crash: each one ends with exit code 0; only broken input does not.

    PASS, VIOLATION    the metric meets the threshold, or does not
    NO_LABELS          no label has come
    NO_MATCH           labels came, and fewer than a tenth of those that could join a prediction do
    UNDEFINED          the labels that came do not define the metric, as those of one class do not define roc_auc

python jobs/model_quality.py --help
"""

from __future__ import annotations

import argparse
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from mlops_jobs.contract import PREDICTION, PROBABILITY, Contract, load_contract
from mlops_jobs.csv_diagnosis import place_of
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.errors import DataError, run_job
from mlops_jobs.input_files import csv_files, visible
from mlops_jobs.outputs import Outputs
from mlops_jobs.prediction_files import predicted_files, read_predictions
from mlops_jobs.scores import Scores
from mlops_jobs.spellings import folded, lost_in
from mlops_jobs.unique_ids import unique_rows

from metrics import all_metrics, why_undefined

# Of the labels or of the predictions, whichever are fewer: so many could match. Healthy labels may match few: those of
# older batches come along, and those of the newest rows are late.
MIN_MATCHED = 0.1


class Verdict(str, Enum):
    """How the model did; only a VIOLATION may start a retraining. A NO_MATCH needs a person."""

    PASS = "PASS"  # noqa: S105 - a verdict, no password
    VIOLATION = "VIOLATION"
    NO_LABELS = "NO_LABELS"
    NO_MATCH = "NO_MATCH"
    UNDEFINED = "UNDEFINED"


def model_quality(
    predictions_dir: Path, labels_dir: Path | None, contract: Contract, threshold: float
) -> dict[str, Any]:
    """Judge predictions by the labels there are.

    Labels join predictions by id where the data has one: then they may come in any order, in other files, and for some
    of the rows only; labels of other rows are ignored. So a label without a prediction is no fault by itself. But ids
    are probably written in another way if fewer than MIN_MATCHED of the labels match (or of the predictions, if these
    are fewer), or if fewer match than would match without regard to zeros, blanks and case; then the metric would be
    one of chance. Without an id labels join by order, file by file, and must be as many.

    Returns:
        verdict, metric and whether lower_is_better, value, threshold, reason (empty for a PASS or a VIOLATION), and the
        numbers of rows predicted, labelled and matched (and nearly_matched: those that differ only in zeros, blanks or
        case, if there are any).

    Raises:
        DataError: labels that cannot be joined.
    """
    predictions = {path: read_predictions(path, contract) for path in predicted_files(predictions_dir)}
    predicted = sum(len(table) for table in predictions.values())
    verdict = {
        "verdict": Verdict.NO_LABELS.value,
        "metric": contract.metric,
        "lower_is_better": contract.main_metric.lower_is_better,
        "value": None,
        "threshold": threshold,
        "reason": "no label has come",
    }
    if labels_dir is None or not visible(labels_dir):
        return verdict | {"rows": {"predicted": predicted, "labelled": 0, "matched": 0}}
    labels = {path: _read_labels(path, contract) for path in csv_files(labels_dir)}
    labelled = sum(len(table) for table in labels.values())
    joined = (_join_by_id if contract.id else _join_by_order)(predictions, labels, contract)
    rows = {"predicted": predicted, "labelled": labelled, "matched": len(joined)}
    predicted_ids, labelled_ids = _unmatched(predictions, labels, joined, contract) if contract.id else ([], [])
    if nearly := _nearly(predicted_ids, labelled_ids):
        rows["nearly_matched"] = len(nearly)
    if len(joined) < max(MIN_MATCHED * min(predicted, labelled), len(nearly)):
        reason = _why_unmatched(rows, nearly[0] if nearly else (predicted_ids[0], labelled_ids[0]), bool(nearly))
        return verdict | {"verdict": Verdict.NO_MATCH.value, "reason": reason, "rows": rows}
    found = _metrics(joined, contract, str(labels_dir))
    if contract.metric not in found:
        reason = f"{contract.metric} is not defined for {why_undefined(contract.metric)}"
        return verdict | {"verdict": Verdict.UNDEFINED.value, "reason": reason, "rows": rows}
    value = found[contract.metric]
    kind = Verdict.PASS if contract.main_metric.meets(value, threshold) else Verdict.VIOLATION
    return verdict | {"verdict": kind.value, "value": value, "reason": "", "rows": rows}


def _read_labels(path: Path, contract: Contract) -> pa.Table:
    stream = CsvStream(path, contract, contract.label_columns)
    return pa.Table.from_batches(list(unique_rows(stream))).unify_dictionaries()


def _join_by_id(predictions: dict[Path, pa.Table], labels: dict[Path, pa.Table], contract: Contract) -> pa.Table:
    every_prediction = pa.concat_tables(predictions.values())
    every_label = _plain(pa.concat_tables(labels.values(), promote_options="permissive"), contract)
    for what, table, folder in (
        ("prediction", every_prediction, next(iter(predictions)).parent),
        ("label", every_label, next(iter(labels)).parent),
    ):
        counts = pc.value_counts(table[contract.id].combine_chunks())
        repeated = counts.filter(pc.greater(counts.field("counts"), 1))
        if len(repeated):
            raise DataError(f"{folder}: the id {repeated[0]['values'].as_py()!r} has more than one {what}; keep one")
    return every_prediction.join(every_label, keys=contract.id, join_type="inner")


def _unmatched(
    predictions: dict[Path, pa.Table], labels: dict[Path, pa.Table], joined: pa.Table, contract: Contract
) -> tuple[list[str], list[str]]:
    """The ids of predictions without a label, and of labels without a prediction."""
    matched = joined[contract.id].combine_chunks()
    sides = (
        pa.chunked_array([part[contract.id].combine_chunks() for part in side.values()])
        for side in (predictions, labels)
    )
    predicted, labelled = (ids.filter(pc.invert(pc.is_in(ids, value_set=matched))).to_pylist() for ids in sides)
    return predicted, labelled


def _nearly(predicted: list[str], labelled: list[str]) -> list[tuple[str, str]]:
    """Pairs of an id of a prediction and one of a label that differ only as a spreadsheet changes them."""
    if not predicted or not labelled:
        return []
    label_of = {folded(text): text for text in labelled}
    return [(text, label_of[key]) for text in predicted if (key := folded(text)) in label_of]


def _why_unmatched(rows: dict[str, int], pair: tuple[str, str], nearly: bool) -> str:
    """Name an id of each side that has no counterpart, and what is probably wrong."""
    ours, theirs = pair
    cause = lost_in(ours, theirs) if nearly else "check that the labels belong to this batch, and how ids are written"
    return (
        f"{rows['matched']:,} of {rows['labelled']:,} labels match a prediction; for example {ours!r} was predicted "
        f"and {theirs!r} is a label: {cause}"
    )


def _join_by_order(predictions: dict[Path, pa.Table], labels: dict[Path, pa.Table], contract: Contract) -> pa.Table:
    names = [[path.name for path in files] for files in (predictions, labels)]
    if len(labels) != len(predictions) or (len(labels) > 1 and names[0] != names[1]):
        raise DataError(
            f"{next(iter(labels)).parent}: holds the files {', '.join(names[1])} for the predictions "
            f"{', '.join(names[0])}; without an id column give one file of labels for each, under the same name"
        )
    joined = []
    for (path, table), (label_path, label) in zip(predictions.items(), labels.items(), strict=True):
        if len(table) != len(label):
            raise DataError(
                f"{label_path}: has {len(label)} labels and {path} has {len(table)} predictions; without an id column "
                "they are joined by order, so give one label for each row"
            )
        joined.append(table.append_column(contract.target, _plain(label, contract)[contract.target]))
    return pa.concat_tables(joined)


def _plain(labels: pa.Table, contract: Contract) -> pa.Table:
    """Labels with their classes as plain trimmed text, as predictions hold them."""
    index = labels.column_names.index(contract.target)
    if not contract.is_classification:
        return labels
    plain = pc.utf8_trim_whitespace(labels[contract.target].cast(pa.string()))
    return labels.set_column(index, contract.target, plain)


def _metrics(joined: pa.Table, contract: Contract, where: str) -> dict[str, float]:
    if not contract.is_classification:
        actual = joined[contract.target].to_numpy()
        return all_metrics(contract, actual, Scores(joined[PREDICTION].to_numpy()))
    classes = [name.removeprefix(PROBABILITY) for name in joined.column_names if name.startswith(PROBABILITY)]
    actual, predicted = (_indices(joined[name], classes, contract, where) for name in (contract.target, PREDICTION))
    probabilities = np.column_stack([joined[f"{PROBABILITY}{name}"].to_numpy() for name in classes])
    return all_metrics(contract, actual, Scores(predicted, probabilities))


def _indices(labels: pa.ChunkedArray, classes: list[str], contract: Contract, where: str) -> np.ndarray:
    indices = pc.index_in(labels, value_set=pa.array(classes))
    if indices.null_count:
        unknown = labels.filter(pc.is_null(indices))[0].as_py()
        place = place_of(csv_files(where), contract, unknown, contract.label_columns) or where
        raise DataError(
            f"{place}, column {contract.target!r}: {unknown!r} is not a class of the model ({', '.join(classes)}); "
            "correct the labels"
        )
    return indices.to_numpy()


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments, judge, write verdict.json."""
    parser = argparse.ArgumentParser(description="Judge predictions by the labels that came later.")
    parser.add_argument("--predictions-dir", type=Path, required=True, help="folder of predictions (.csv or .csv.out)")
    parser.add_argument("--labels-dir", type=Path, help="folder of CSV files of labels; left out or empty: none yet")
    parser.add_argument("--contract", type=Path, required=True, help="config/dataset.yaml")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder for verdict.json")
    parser.add_argument("--threshold", type=float, help="instead of the contract's")
    arguments = parser.parse_args(argv)
    contract = load_contract(arguments.contract)
    result = arguments.output_dir / "verdict.json"
    with Outputs(reads=[arguments.predictions_dir], replaces=[result]) as outputs:
        threshold = contract.threshold_or(arguments.threshold)
        verdict = model_quality(arguments.predictions_dir, arguments.labels_dir, contract, threshold)
        outputs.write_json(result, verdict)
    rows = verdict["rows"]
    value = "" if verdict["value"] is None else f" {verdict['value']:.4g}"
    if verdict["reason"]:
        print(verdict["reason"])
    against = f"against the threshold {verdict['threshold']:g}"
    labelled = f"{rows['matched']} of {rows['predicted']} predictions have a label"
    nearly = f", {rows['nearly_matched']} more but for zeros, blanks or case" if "nearly_matched" in rows else ""
    print(f"{verdict['verdict']}: {verdict['metric']}{value} {against}; {labelled}{nearly}")


if __name__ == "__main__":
    run_job(main)
