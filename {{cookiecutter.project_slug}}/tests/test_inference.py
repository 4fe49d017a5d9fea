"""A batch transform says what predict.py says, wherever it cuts the lines of features."""

import json
import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlops_jobs.contract import parse_contract
from mlops_jobs.errors import DataError
from mlops_jobs.feature_files import feature_schema
from mlops_jobs.feature_lines import LineWriter, read_lines
from mlops_jobs.prediction_files import json_lines, read_predictions
from mlops_jobs.preprocessor import Preprocessor
from support import (
    answer,
    apply_arguments,
    batch_transform,
    contract_of,
    files_in,
    predict_arguments,
    put,
    raw_rows,
    write_rows,
)

import inference
import predict
import preprocess

ONE_CATEGORY = """
dataset: coins
problem_type: binary
csv: {header: false, delimiter: ",", missing: [""]}
columns:
  - {name: side, role: categorical}
  - {name: won, role: target}
metric: accuracy
threshold: 0.5
"""


@pytest.fixture(scope="module")
def lines(project, tmp_path_factory):
    """The project's rows to predict, as lines of features."""
    out = tmp_path_factory.mktemp("lines")
    preprocess.main(apply_arguments(project / "inference", project / "model", out, "--format", "csv"))
    return (out / "inference-data.csv").read_bytes().splitlines(keepends=True)


def test_a_batch_transform_predicts_what_predict_predicts(project, tmp_path):
    transformed = batch_transform(project, tmp_path)
    assert [path.name for path in files_in(transformed)] == ["inference-data.csv.out"]
    found = read_predictions(transformed / "inference-data.csv", project.contract)
    expected = read_predictions(project / "predictions" / "inference-data.csv", project.contract)
    assert found.schema == expected.schema
    assert found.equals(expected)


def test_a_batch_transform_explains_what_predict_explains(project, model, lines, monkeypatch, tmp_path):
    if model.estimator.contributions(np.zeros((1, len(model.preprocessor.features)), np.float32), exact=False) is None:
        pytest.skip("this model has no contributions")
    monkeypatch.setenv("EXPLAIN", "2")
    (tmp_path / "inference-data.csv.out").write_text(answer(model, b"".join(lines)), encoding="utf-8")
    folders = predict_arguments(project / "inference", project / "model", tmp_path / "predicted", "--explain", "2")
    predict.main(folders)
    found = read_predictions(tmp_path / "inference-data.csv", project.contract)
    expected = read_predictions(tmp_path / "predicted" / "inference-data.csv", project.contract)
    assert found.column_names == expected.column_names
    for name in expected.column_names:
        if name.startswith("contribution_"):
            assert found[name].to_numpy() == pytest.approx(expected[name].to_numpy(), abs=1e-6)
        else:
            assert found[name].equals(expected[name])


@settings(max_examples=15)
@given(data=st.data())
def test_whatever_the_rows_hold_the_predictions_are_the_same(project, model, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("odd")
    write_rows(folder / "in" / "rows.csv", project.contract, data.draw(raw_rows(project.contract)))
    preprocess.apply(folder / "in", project.contract, model.preprocessor, folder / "lines", form="csv")
    put(folder / "out" / "rows.csv.out", answer(model, (folder / "lines" / "rows.csv").read_bytes()))
    predict.predict(folder / "in", model, folder / "predicted")
    found, expected = (read_predictions(folder / name / "rows.csv", project.contract) for name in ("out", "predicted"))
    assert found.equals(expected)


@given(cuts=st.sets(st.integers(1, 59)))
def test_pieces_between_any_two_lines_have_together_the_answer_of_the_whole(model, lines, cuts):
    borders = [0, *sorted(cuts), len(lines)]
    pieces = [b"".join(lines[start:end]) for start, end in pairwise(borders)]
    assert "".join(answer(model, piece) for piece in pieces) == answer(model, b"".join(lines))


def test_each_line_is_answered_with_an_object_of_its_own(project, model, lines):
    contract = project.contract
    answers = answer(model, b"".join(lines)).split("\n")
    assert answers.pop() == ""
    keys = [*([contract.id] if contract.id else []), "prediction"]
    keys += [f"probability_{name}" for name in model.preprocessor.classes]
    assert [list(json.loads(line)) for line in answers] == [keys] * len(lines)


def test_a_request_may_be_text_end_without_a_line_break_or_hold_nothing(model, lines):
    whole = b"".join(lines)
    received = inference.input_fn(whole.decode().removesuffix("\n"), "text/csv; charset=utf-8")
    assert inference.output_fn(inference.predict_fn(received, model), "application/jsonlines") == answer(model, whole)
    assert answer(model, bytearray(whole)) == answer(model, whole)
    assert answer(model, b"") == answer(model, b"\n") == ""


FLOATS = st.floats(width=32, allow_infinity=False) | st.sampled_from([-0.0, 1e-45, 3.4028235e38, 16777217.0])


@given(rows=st.lists(st.tuples(FLOATS, FLOATS), min_size=1))
def test_features_come_back_from_lines_as_the_same_float32(tmp_path, rows):
    contract = contract_of("prices")
    preprocessor = Preprocessor(("floor area", "split"), {}, {}, ())
    features = np.array(rows, dtype=np.float32)
    schema = feature_schema(contract, preprocessor)
    with LineWriter(tmp_path / "lines.csv", schema) as writer:
        ids = pa.array([f'"{number}", ,' for number in range(len(rows))])
        writer.write_batch(pa.record_batch([ids, *map(pa.array, features.T)], schema=schema))
    written = (tmp_path / "lines.csv").read_bytes()
    assert written.count(b"\n") == len(rows)
    assert b"nan" not in written
    found_ids, found = read_lines(written, contract, preprocessor)
    assert found_ids.to_pylist() == ids.to_pylist()
    assert found.dtype == np.float32
    assert np.array_equal(found, features, equal_nan=True)
    assert np.array_equal(np.signbit(found[found == 0]), np.signbit(features[features == 0]))


def test_a_missing_category_alone_in_its_line_is_still_a_line(tmp_path):
    contract, known = parse_contract(ONE_CATEGORY), Preprocessor(("side",), {}, {"side": ("head",)}, ("no", "yes"))
    put(tmp_path / "in" / "rows.csv", 'head\n"edge"\n\nhead\n')
    assert preprocess.apply(tmp_path / "in", contract, known, tmp_path / "out", form="csv")["rows"] == 4
    written = (tmp_path / "out" / "rows.csv").read_bytes()
    assert written.splitlines() == [b"0", b"nan", b"nan", b"0"]
    ids, features = read_lines(written, contract, known)
    assert ids is None
    assert np.array_equal(features, np.array([[0], [np.nan], [np.nan], [0]]), equal_nan=True)


@pytest.mark.parametrize("value", [0.1, 1e-10, 123456789.0, 1e20, -0.5])
def test_a_float32_is_answered_with_the_digits_it_needs(value):
    line = json_lines(pa.table({"prediction": pa.array([value], pa.float32())}))
    assert np.float32(json.loads(line)["prediction"]) == np.float32(value)
    assert len(line) <= len('{"prediction": 123456790.0}\n')


LINES = {
    "a cell too few": (b"f1,1\n", "Expected 3 columns, got 2"),
    "a cell too many": (b"f1,1,2,3\n", "Expected 3 columns, got 4"),
    "text for a number": (b"f1,1,wide\n", "invalid value 'wide'"),
    "an infinite number": (b"f1,1,inf\n", "a number is infinite or too large"),
    "a number beyond float32": (b"f1,1,1e39\n", "a number is infinite or too large"),
    "another encoding": (b"\xff,1,2\n", "invalid UTF8"),
}


@pytest.mark.parametrize("fault", LINES)
def test_lines_that_are_no_features_of_the_model_are_refused(fault):
    content, reason = LINES[fault]
    known = Preprocessor(("floor area", "split"), {}, {}, ())
    with pytest.raises(DataError) as refused:
        read_lines(content, contract_of("prices"), known)
    assert str(refused.value).startswith("a line is not flat, floor area, split (")
    assert reason in str(refused.value)
    assert str(refused.value).endswith("; send what preprocess.py apply --format csv wrote")


def test_other_content_types_and_answers_are_refused(model):
    with pytest.raises(DataError, match=r"the content type is 'application/json' and must be text/csv; set it in"):
        inference.input_fn("{}", "application/json")
    with pytest.raises(DataError, match=r"the accepted type is '\*/\*' and must be application/jsonlines; set it in"):
        inference.output_fn(pa.table({}), "*/*")


SERVER = """
import sys, inference
model = inference.model_fn(sys.argv[1])
data = inference.input_fn(sys.stdin.buffer.read(), "text/csv")
sys.stdout.write(inference.output_fn(inference.predict_fn(data, model), "application/jsonlines"))
"""


def test_an_artifact_serves_itself_in_the_container(project, model, lines, tmp_path):
    """The model server's worker is a script, whose folder comes before all others and has a package named metrics."""
    put(tmp_path / "server" / "metrics" / "__init__.py", "")
    worker = put(tmp_path / "server" / "worker.py", SERVER)
    served = subprocess.run(
        [sys.executable, str(worker), str(project / "model")],
        env=os.environ | {"PYTHONPATH": str(project / "model" / "code")},
        input=b"".join(lines),
        capture_output=True,
        check=True,
    )
    assert served.stdout.decode() == answer(model, b"".join(lines))
