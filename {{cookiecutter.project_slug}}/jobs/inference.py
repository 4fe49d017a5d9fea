"""Serve a model in a batch transform: what the SageMaker XGBoost container calls in script mode.

It takes lines of features as `preprocess.py apply --format csv` writes them, any number at a time, and answers each
with a line of JSON: the same prediction as predict.py makes. train.py puts this file into the artifact.

Nothing it needs may import `metrics`: the model server has a package of that name, which comes first on its path.
"""

from __future__ import annotations

import os

import pyarrow as pa
from mlops_jobs.artifact import Model, load_model
from mlops_jobs.errors import DataError
from mlops_jobs.feature_lines import read_lines
from mlops_jobs.prediction_files import json_lines

from model import Estimator
from predict import predicted

TAKES, ANSWERS = "text/csv", "application/jsonlines"
EXPLAIN = "EXPLAIN"  # the variable with the number of features to explain each prediction with


def model_fn(model_dir: str) -> Model:
    """Load the artifact, once for each worker.

    Raises:
        UserError: the folder does not hold one.
    """
    return load_model(model_dir, Estimator)


def input_fn(body: bytes | str, content_type: str) -> bytes:
    """Take the lines of a request.

    Raises:
        DataError: they are not sent as text/csv.
    """
    _check_type(content_type, TAKES, "the content type")
    return body.encode() if isinstance(body, str) else bytes(body)


def predict_fn(data: bytes, model: Model) -> pa.Table:
    """Predict the lines of a request, in their order.

    Raises:
        DataError: a line cannot be read as features of this model.
    """
    if not data.strip():
        return pa.table({})
    ids, features = read_lines(data, model.contract, model.preprocessor)
    return predicted(model, ids, features, int(os.environ.get(EXPLAIN, "0")))


def output_fn(prediction: pa.Table, accept: str) -> str:
    """Write the answer: a JSON object a line, each with its line break.

    Raises:
        DataError: another form is asked for than application/jsonlines.
    """
    _check_type(accept, ANSWERS, "the accepted type")
    return json_lines(prediction)


def _check_type(given: str, known: str, what: str) -> None:
    if given.split(";")[0].strip().lower() != known:
        raise DataError(f"{what} is {given!r} and must be {known}; set it in the transform job")
