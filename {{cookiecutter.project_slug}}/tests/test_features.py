"""Features computed in training are those computed in serving, row by row, and a model keeps the function it has."""

import csv
import json
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlops_jobs.contract import parse_contract
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.own_features import OwnFeatures, read_source
from mlops_jobs.splitting import Splitter
from mlops_kit.data.sample import sample_table, write_csv
from support import (
    ROOT,
    answer,
    apply_arguments,
    files_in,
    predict_arguments,
    put,
    quality_arguments,
    train_arguments,
    train_model,
)

import predict
import preprocess
import quality_input
import train

FLATS = parse_contract(
    """
dataset: flats
problem_type: regression
csv: {header: true, delimiter: ",", missing: [""]}
columns:
  - {name: flat, role: id}
  - {name: area, role: numeric}
  - {name: rooms, role: numeric}
  - {name: district, role: categorical}
  - {name: built_on, role: input}
  - {name: sold_on, role: datetime, format: "%d.%m.%Y", parts: [days, month]}
  - {name: furnished, role: boolean}
  - {name: area_per_room, role: numeric, source: features}
  - {name: log_area, role: numeric, source: features}
  - {name: age_days, role: numeric, source: features}
  - {name: season, role: categorical, source: features}
  - {name: price, role: target}
metric: rmse
threshold: 100
"""
)
FEATURES = """
import numpy as np
import pandas as pd

def add_features(batch):
    built, sold = pd.to_datetime(batch["built_on"], format="%Y-%m-%d"), batch["sold_on"]
    summer = sold.dt.month.between(4, 9).map({True: "summer", False: "winter"})
    return pd.DataFrame({
        "area_per_room": batch["area"] / batch["rooms"],
        "log_area": np.log(batch["area"]),
        "age_days": (sold - built).dt.days,
        "season": summer.where(sold.notna(), None),
    })
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A model of flats, trained with features of the team's own."""
    folder = tmp_path_factory.mktemp("flats")
    random = np.random.default_rng(1)
    header, rows = FLATS.file_columns(labelled=True), [flat(random, number) for number in range(300)]
    write_rows(folder / "training" / "rows.csv", header, rows)
    write_rows(folder / "inference" / "rows.csv", header[:-1], [row[:-1] for row in rows[:80]])
    put(folder / "jobs" / "features.py", FEATURES)
    folders = {name: folder / name for name in ("train", "validation", "test", "baseline", "preprocessor")}
    preprocess.fit(
        folder / "training",
        FLATS,
        Splitter(1, validation=0.15, test=0.15),
        preprocess.FitFolders(**folders),
        folder / "jobs",
    )
    train.main(train_arguments(folder, folder / "model"))
    return folder


def flat(random, number):
    """A row; some of its cells are missing."""
    area, rooms, age = random.uniform(20, 200), random.integers(1, 6), int(random.integers(1, 30_000))
    sold = np.datetime64("2020-01-01") + random.integers(0, 1500)
    sold_on, furnished = sold.item().strftime("%d.%m.%Y"), random.choice(["yes", "no"])
    cells = [f"{area:.2f}", str(rooms), random.choice(["north", "south"]), str(sold - age), sold_on, furnished]
    cells = ["" if random.random() < 0.05 else cell for cell in cells]
    return [f"f{number}", *cells, f"{area * 20 - age / 100:.2f}"]


def write_rows(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def raw_batch(project):
    return (
        pa.Table.from_batches(CsvStream(project / "inference" / "rows.csv", FLATS, FLATS.file_columns(labelled=False)))
        .combine_chunks()
        .to_batches()[0]
    )


def test_each_row_served_alone_has_the_features_that_it_has_in_a_batch(project, tmp_path):
    preprocess.main(apply_arguments(project / "inference", project / "model", tmp_path / "features"))
    [path] = files_in(tmp_path / "features")
    applied, batch = pq.read_table(path), raw_batch(project)
    preprocessor = train_model(project).preprocessor
    assert len(applied) == batch.num_rows == 80
    assert {"sold_on.days", "furnished", "area_per_room", "age_days", "season"} < set(applied.column_names)
    for row in range(batch.num_rows):
        alone = preprocessor.transform(batch.slice(row, 1))[0]
        in_batch = [applied[name][row].as_py() for name in preprocessor.features]
        np.testing.assert_array_equal(alone, np.array(in_batch, dtype=np.float32))


def test_training_saw_the_features_that_serving_computes(project):
    preprocessor, names = train_model(project).preprocessor, FLATS.labelled_columns
    stream = CsvStream(project / "training" / "rows.csv", FLATS, FLATS.file_columns(labelled=True))
    served = np.concatenate([preprocessor.transform(batch.select(names)) for batch in stream])
    files = (project / "train" / "train.parquet", project / "validation" / "validation.parquet")
    trained = [pq.read_table(path) for path in files]
    for table in trained:
        fitted = np.column_stack([table[name].to_numpy() for name in preprocessor.features])
        known = {row.tobytes() for row in served}
        assert {row.tobytes() for row in fitted.astype(np.float32)} <= known


def test_raw_rows_feature_files_and_a_batch_transform_are_predicted_alike(project, tmp_path):
    model = train_model(project)
    preprocess.main(apply_arguments(project / "inference", project / "model", tmp_path / "parquet"))
    preprocess.main(apply_arguments(project / "inference", project / "model", tmp_path / "lines", "--format", "csv"))
    for source in (project / "inference", tmp_path / "parquet"):
        predict.main(predict_arguments(source, project / "model", tmp_path / f"of-{source.name}"))
    rows, features = ((tmp_path / f"of-{name}" / "rows.csv").read_text() for name in ("inference", "parquet"))
    assert rows == features
    lines = answer(model, (tmp_path / "lines" / "rows.csv").read_bytes()).splitlines()
    served = [json.loads(line) for line in lines]
    table = list(csv.DictReader(rows.splitlines()))
    assert [found["flat"] for found in served] == [row["flat"] for row in table]
    predictions = [float(row["prediction"]) for row in table]
    np.testing.assert_allclose([found["prediction"] for found in served], predictions, rtol=1e-6)


@given(cuts=st.lists(st.integers(0, 80), max_size=5).map(sorted))
def test_features_do_not_depend_on_where_batches_are_cut(project, cuts):
    batch, own = raw_batch(project), OwnFeatures(FLATS, FEATURES)
    edges = [0, *cuts, 80]
    pieces = [own.add(batch.slice(start, end - start)) for start, end in pairwise(edges) if end > start]
    whole = own.add(batch).select(FLATS.features).to_pydict()
    assert str(pa.Table.from_batches(pieces).unify_dictionaries().select(FLATS.features).to_pydict()) == str(whole)


def test_the_projects_own_features_of_each_row_are_those_in_a_batch(own_contract, tmp_path):
    columns = own_contract.file_columns(labelled=False)
    write_csv(own_contract, sample_table(own_contract, 50, seed=1).select(columns), tmp_path / "rows.csv")
    own = OwnFeatures(own_contract, read_source(ROOT / "jobs"))
    for batch in CsvStream(tmp_path / "rows.csv", own_contract, columns):
        whole = own.add(batch).select(own_contract.added)
        for row in range(batch.num_rows):
            alone = own.add(batch.slice(row, 1)).select(own_contract.added)
            assert str(alone.to_pydict()) == str(whole.slice(row, 1).to_pydict())


def test_a_model_keeps_the_features_that_it_was_trained_with(project, tmp_path):
    before = train_model(project).preprocessor.transform(raw_batch(project))
    put(project / "jobs" / "features.py", FEATURES.replace("np.log(", "-np.log("))
    after = train_model(project).preprocessor.transform(raw_batch(project))
    np.testing.assert_array_equal(before, after)
    put(project / "jobs" / "features.py", FEATURES)


def test_the_data_quality_check_sees_the_models_own_features(project, tmp_path):
    predict.main(predict_arguments(project / "inference", project / "model", tmp_path / "predictions"))
    quality_input.main(
        quality_arguments(project, project / "inference", tmp_path / "predictions", tmp_path / "checked")
    )
    baseline = (project / "baseline" / "baseline.csv").read_text().splitlines()[0]
    assert (tmp_path / "checked" / "rows.csv").read_text().splitlines()[0] == baseline
    assert "age_days" in baseline
    assert "built_on" not in baseline
    assert '"sold_on%2Edays","sold_on%2Emonth","furnished"' in baseline
