"""A process that has read with pyarrow can end at any time: no thread is left that still needs the interpreter.

A thread that asks for the interpreter while it is being taken down is ended by Python, in the middle of pyarrow's C++,
which aborts the process (SIGABRT) after the right answer. Such threads are those of our own that read ahead, and
those of pyarrow's pool that drop a Python object they have read from.
"""

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
import pytest
from mlops_jobs import csv_stream
from mlops_jobs.csv_stream import CsvStream
from mlops_jobs.errors import DataError
from mlops_jobs.read_ahead import read_ahead
from support import (
    ROOT,
    answer,
    apply_arguments,
    contract_of,
    files_in,
    fit_arguments,
    make_project,
    put,
    quality_arguments,
    train_model,
    verdict_arguments,
)

import model_quality
import predict
import preprocess
import quality_input

READERS = {
    pa.csv: ("open_csv", "read_csv"),
    pa.json: ("read_json",),
    pa.parquet: ("ParquetFile",),
    pa.ipc: ("open_stream", "open_file"),
}


@pytest.fixture
def sources(monkeypatch):
    """All that pyarrow is given to read."""
    seen = []

    def watch(module, name):
        read = getattr(module, name)

        def watched(source, *arguments, **options):
            seen.append(source)
            return read(source, *arguments, **options)

        monkeypatch.setattr(module, name, watched)

    for module, names in READERS.items():
        for name in names:
            watch(module, name)
    return seen


def test_no_job_gives_pyarrow_a_python_object_to_read(tmp_path, sources):
    project = make_project(contract_of("prices"), tmp_path)
    predict.predict(project / "features", train_model(project.folder), tmp_path / "predicted")
    quality_input.main(quality_arguments(project, project / "inference", project / "predictions", tmp_path / "checked"))
    model_quality.main(verdict_arguments(project, project / "predictions", project / "labels", tmp_path / "verdict"))
    assert len(sources) > 10
    assert [source for source in sources if not isinstance(source, str | Path | pa.OSFile)] == []


def test_the_server_gives_pyarrow_a_copy_of_the_request_in_memory_that_is_pyarrows(project_named, tmp_path, sources):
    project = project_named("prices")
    preprocess.main(apply_arguments(project / "inference", project / "model", tmp_path, "--format", "csv"))
    [path] = files_in(tmp_path)
    request, model = path.read_bytes(), train_model(project.folder)
    sources.clear()
    answer(model, request)
    [source] = sources
    assert isinstance(source, pa.BufferReader)
    source.seek(0)
    memory = source.read_buffer()
    assert memory.to_pybytes() == request
    assert memory.address != np.frombuffer(request, np.uint8).ctypes.data


def own_threads(before):
    return set(threading.enumerate()) - before


@pytest.fixture
def stream(tmp_path, monkeypatch):
    """A file that is read in many blocks."""
    monkeypatch.setattr(csv_stream, "BLOCK_BYTES", 64)
    path = put(tmp_path / "rows.csv", "".join(f"{number}\n" for number in range(500)))
    return CsvStream(path, contract_of("churn"), ("calls",))


def test_no_thread_is_left_when_a_file_has_been_read(stream):
    before = set(threading.enumerate())
    assert sum(batch.num_rows for batch in stream) == 500
    assert own_threads(before) == set()


def test_no_thread_is_left_when_the_reader_stops_early_or_fails(stream):
    before = set(threading.enumerate())
    for _ in stream:
        break
    assert own_threads(before) == set()
    for _ in read_ahead(read_ahead(batch) for batch in stream):
        break
    assert own_threads(before) == set()
    with pytest.raises(DataError, match="no good"):
        fail_at_the_first_of(stream)
    assert own_threads(before) == set()


def fail_at_the_first_of(stream):
    for batch in stream:
        raise DataError(f"{batch.num_rows} rows are no good")


def test_a_refused_job_leaves_no_thread(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_stream, "BLOCK_BYTES", 256)
    contract = contract_of("churn")
    put(tmp_path / "in" / "rows.csv", "".join(f"stays,{number}\n" for number in range(500)))
    put(tmp_path / "dataset.yaml", contract.to_yaml())
    before = set(threading.enumerate())
    with pytest.raises(DataError, match="one class only"):
        preprocess.main(fit_arguments(tmp_path / "dataset.yaml", tmp_path / "in", tmp_path / "out"))
    assert own_threads(before) == set()


HELD = """
import threading
from mlops_jobs.read_ahead import read_ahead
held = read_ahead(iter(range(1000)))
assert next(held) == 0
[thread] = set(threading.enumerate()) - {threading.current_thread()}
assert not thread.daemon, "it would be stopped wherever it is"
"""


def test_a_process_ends_though_an_iterator_that_reads_ahead_is_held_to_its_end():
    ended = subprocess.run([sys.executable, "-c", HELD], cwd=ROOT / "jobs", timeout=30, capture_output=True)
    assert (ended.returncode, ended.stderr) == (0, b"")
