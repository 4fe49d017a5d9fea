"""One contender's work, in a process of its own: `python -m bench.contenders NAME FOLDER`.

Prints the seconds of the work alone (imports and set-up are no contender's merit) and the peak memory of the process.
Each reads `labelled/rows.csv` (preprocess) or `new/rows.csv` (predict) in FOLDER and writes into FOLDER/out/NAME.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROJECT = Path("build/bench/project")
ARTIFACT = PROJECT / "build" / "model"
ROWS_TO_FIT = 100_000  # the usual way's transformer and model are fitted on so many rows, outside the measured time

sys.path[:0] = [str(PROJECT), str(PROJECT / "jobs")]


def ours_preprocess(folder: Path, out: Path) -> Callable[[], object]:
    """The project's own job."""
    from mlops_jobs.contract import load_contract
    from mlops_jobs.splitting import Splitter
    from preprocess import FitFolders, fit

    names = ("train", "validation", "test", "baseline", "preprocessor")
    folders = FitFolders(**{name: out / name for name in names})
    contract = load_contract(PROJECT / "config" / "dataset.yaml")
    return lambda: fit(folder / "labelled", contract, Splitter(1, 0.15, 0.15), folders)


def ours_predict(folder: Path, out: Path) -> Callable[[], object]:
    """The project's own job, from raw rows."""
    from mlops_jobs.artifact import load_model
    from model import Estimator
    from predict import predict

    return lambda: predict(folder / "new", load_model(ARTIFACT, Estimator), out)


def explained_predict(folder: Path, out: Path) -> Callable[[], object]:
    """The project's own job, which also writes the three features that moved each prediction most."""
    from mlops_jobs.artifact import load_model
    from model import Estimator
    from predict import predict

    return lambda: predict(folder / "new", load_model(ARTIFACT, Estimator), out, explain=3)


def usual_preprocess(folder: Path, out: Path) -> Callable[[], object]:
    """The same work as most notebooks do it: read all, split, ColumnTransformer, to_csv."""
    import numpy as np
    import pandas as pd
    from sklearn.model_selection import train_test_split

    contract = _contract()

    def work() -> None:
        rows = pd.read_csv(folder / "labelled" / "rows.csv")
        train, rest = train_test_split(rows, test_size=0.3, random_state=1)
        validation, test = train_test_split(rest, test_size=0.5, random_state=1)
        transformer = _transformer(contract).fit(train)
        for name, split in (("train", train), ("validation", validation)):
            features = np.column_stack([split[contract.target], transformer.transform(split)])
            pd.DataFrame(features).to_csv(out / f"{name}.csv", header=False, index=False)
        test.to_csv(out / "test.csv", index=False)
        train.to_csv(out / "baseline.csv", index=False)

    return work


def polars_preprocess(folder: Path, out: Path) -> Callable[[], object]:
    """The same work in Polars, as fast as it goes there: read, check, split in blocks, impute, encode, write."""
    import numpy as np
    import polars as pl

    contract = _contract()
    quantities = [*contract.numeric, contract.target]
    types = dict.fromkeys(quantities, pl.Float64)
    largest = float(np.finfo(np.float32).max)

    def splits(rows: int) -> pl.Series:
        """Blocks of 20 rows in random order, as the project's own job deals them out."""
        blocks = np.tile(np.repeat(np.arange(3, dtype=np.int8), [14, 3, 3]), (-(-rows // 20), 1))
        return pl.Series(np.random.default_rng(1).permuted(blocks, axis=1).ravel()[:rows])

    def work() -> None:
        missing = list(contract.missing)
        rows = pl.read_csv(folder / "labelled" / "rows.csv", schema_overrides=types, null_values=missing)
        faulty = (pl.col(quantities).abs() > largest) | pl.col(quantities).is_nan()
        if any(rows.select(faulty.any()).row(0)) or rows[contract.target].null_count():
            raise ValueError("a cell is infinite, or a target is missing")
        split = splits(rows.height)
        train, validation, test = (rows.filter(split == index) for index in range(3))
        medians = train.select(pl.col(contract.numeric).median()).row(0, named=True)
        features = [pl.col(name).fill_null(median).cast(pl.Float32) for name, median in medians.items()]
        for name in contract.categorical:
            known = train[name].drop_nulls().unique().sort()
            codes = pl.Series(range(len(known)), dtype=pl.Float32)
            features.append(pl.col(name).replace_strict(known, codes, default=None, return_dtype=pl.Float32))
        encoded = [*features, pl.col(contract.target).cast(pl.Float32)]
        for path, part in ((out / "train.parquet", train), (out / "validation.parquet", validation)):
            part.select(encoded).write_parquet(path, compression="snappy")
        test.write_csv(out / "test.csv")
        train.select(contract.baseline_columns).write_csv(out / "baseline.csv")

    return work


def usual_predict(folder: Path, out: Path) -> Callable[[], object]:
    """The same work as most notebooks do it: read all, ColumnTransformer, DMatrix, to_csv."""
    import pandas as pd
    import xgboost as xgb

    contract = _contract()
    record = json.loads((ARTIFACT / "training.json").read_text())
    rounds = ("num_round", "early_stopping_rounds")
    hyperparameters = {name: value for name, value in record["hyperparameters"].items() if name not in rounds}
    some = pd.read_csv(folder / "labelled" / "rows.csv", nrows=ROWS_TO_FIT)
    transformer = _transformer(contract).fit(some)
    features = xgb.DMatrix(transformer.transform(some), some[contract.target])
    booster = xgb.train(hyperparameters, features, record["rounds"])

    def work() -> None:
        rows = pd.read_csv(folder / "new" / "rows.csv")
        predictions = booster.predict(xgb.DMatrix(transformer.transform(rows)))
        pd.DataFrame({"prediction": predictions}).to_csv(out / "rows.csv", index=False)

    return work


def floor_parse(folder: Path, out: Path) -> Callable[[], object]:
    """What no reader of the file can go below: pyarrow parses it, and nothing else."""
    import pyarrow.csv

    return lambda: pyarrow.csv.read_csv(folder / "new" / "rows.csv")


def floor_predict(folder: Path, out: Path) -> Callable[[], object]:
    """What no prediction can go below: XGBoost alone, on an array that is ready."""
    import numpy as np

    from mlops_jobs.artifact import load_model
    from mlops_jobs.csv_stream import CsvStream
    from model import Estimator

    estimator = Estimator.from_bytes((ARTIFACT / Estimator.FILE).read_bytes())
    model = load_model(ARTIFACT, Estimator)
    stream = CsvStream(folder / "new" / "rows.csv", model.contract, model.contract.file_columns(labelled=False))
    features = np.concatenate([model.preprocessor.transform(batch) for batch in stream])
    return lambda: estimator.booster.inplace_predict(features)


def _contract() -> Any:  # the project's own type, importable only once it is generated
    from mlops_jobs.contract import load_contract

    return load_contract(PROJECT / "config" / "dataset.yaml")


def _transformer(contract: Any) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OneHotEncoder

    return ColumnTransformer(
        [
            ("numeric", SimpleImputer(strategy="median"), list(contract.numeric)),
            ("categorical", OneHotEncoder(handle_unknown="ignore", sparse_output=False), list(contract.categorical)),
        ]
    )


CONTENDERS = {
    function.__name__: function
    for function in (
        ours_preprocess,
        polars_preprocess,
        usual_preprocess,
        ours_predict,
        explained_predict,
        usual_predict,
        floor_parse,
        floor_predict,
    )
}


def peak_mb() -> float:
    """The most memory that this process held; not what `ru_maxrss` says, which begins with the parent's."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def main() -> None:
    """Set one contender up, time its work, print the two figures as JSON."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    out = folder / "out" / name
    out.mkdir(parents=True, exist_ok=True)
    work = CONTENDERS[name](folder, out)
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()
