"""Measure everything in one run and print one table with the ratios that count. `make bench`."""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import copier
from cookiecutter.main import cookiecutter
from rich.console import Console
from rich.table import Table

from bench.local_mode import local_mode_table, measure_local_mode
from bench.notify import measure_notify, notify_table
from bench.project import project_table

BUILD = Path("build/bench")
PROJECT = BUILD / "project"
ROWS_IN_MEMORY = 500_000
MILLION = 1_000_000


@dataclass(frozen=True)
class Figure:
    """The median of a contender's runs."""

    rows: int
    seconds: float
    peak_mb: float

    @property
    def speed(self) -> float:
        """Rows per second."""
        return self.rows / self.seconds


def main() -> None:
    """Generate, make the rows, run the contenders in turn, print the table."""
    parser = argparse.ArgumentParser(description="Measure generation and jobs beside the usual way and the floor.")
    parser.add_argument("--millions", type=int, nargs="+", default=[1, 8], help="sizes in millions of rows")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each contender; the median counts")
    arguments = parser.parse_args()
    console = Console(width=110)
    shutil.rmtree(BUILD, ignore_errors=True)
    generation = measure_generation(arguments.repeat)
    copier.run_copy(str(BUILD / "template"), BUILD / "sizes", vcs_ref="HEAD", defaults=True, quiet=True)
    sizes_of_project = project_table(BUILD / "sizes")
    prepare_project()
    sizes = [millions * MILLION for millions in arguments.millions]
    figures = {rows: measure_jobs(rows, arguments.repeat, console) for rows in sizes}
    console.print(f"\nPython {platform.python_version()}, {platform.machine()}, medians of {arguments.repeat} runs\n")
    console.print(sizes_of_project)
    console.print(jobs_table(figures))
    console.print(ratios_table(figures))
    console.print(generation_table(generation))
    console.print(notify_table(measure_notify(PROJECT.resolve(), arguments.repeat)))
    console.print(local_mode_table(measure_local_mode(PROJECT.resolve(), arguments.repeat)))


def measure_generation(repeat: int) -> dict[str, tuple[float, float]]:
    """Seconds to generate in process, and of the engine's own `--version`, for each engine."""
    template = BUILD / "template"
    subprocess.run(["git", "clone", "--quiet", ".", str(template)], check=True)

    def with_copier() -> None:
        copier.run_copy(str(template), BUILD / "copier", vcs_ref="HEAD", defaults=True, quiet=True, overwrite=True)

    def with_cookiecutter() -> None:
        cookiecutter(str(template), no_input=True, default_config=True, output_dir=str(BUILD), overwrite_if_exists=True)

    def version(engine: str) -> Callable[[], object]:
        command = [str(Path(sys.executable).with_name(engine)), "--version"]
        return lambda: subprocess.run(command, check=True, capture_output=True)

    return {
        "copier": (seconds_of(with_copier, repeat), seconds_of(version("copier"), repeat)),
        "cookiecutter": (seconds_of(with_cookiecutter, repeat), seconds_of(version("cookiecutter"), repeat)),
    }


def seconds_of(work: Callable[[], object], repeat: int) -> float:
    """The median of some runs after one that does not count."""
    work()
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def prepare_project() -> None:
    """Generate the default project and train its model on its sample."""
    copier.run_copy(str(BUILD / "template"), PROJECT, vcs_ref="HEAD", defaults=True, quiet=True)
    splits = ("train", "validation", "test", "baseline", "preprocessor")
    fitting = ["fit", "--input-dir", "data/training", "--contract", "config/dataset.yaml"]
    training = [f"--{name}=build/{name}" for name in ("train", "validation", "preprocessor")]
    for command in (
        ["-m", "mlops_kit", "data", "--sample", "--data", "data/training"],
        ["jobs/preprocess.py", *fitting, *(f"--{name}-dir=build/{name}" for name in splits)],
        ["jobs/train.py", *training, "--model-dir=build/model"],
    ):
        subprocess.run([sys.executable, *command], cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)
        for name in ("inference-data", "ground-truth"):
            (PROJECT / "data" / "training" / f"{name}.csv").unlink(missing_ok=True)


def make_rows(rows: int, folder: Path) -> None:
    """Make a seeded file of rows in the shape of the Abalone data, and the same without the target."""
    import pyarrow.csv

    from mlops_jobs.contract import load_contract
    from mlops_kit.data.sample import sample_table

    contract = load_contract(PROJECT / "config" / "dataset.yaml")
    for name in ("labelled", "new"):
        (folder / name).mkdir(parents=True)
    writers = {}
    for start in range(0, rows, ROWS_IN_MEMORY):
        table = sample_table(contract, min(ROWS_IN_MEMORY, rows - start), seed=start)
        for path, labelled in (("labelled/rows.csv", True), ("new/rows.csv", False)):
            part = table.select(contract.file_columns(labelled=labelled))
            if path not in writers:
                writers[path] = pyarrow.csv.CSVWriter(folder / path, part.schema)
            writers[path].write_table(part)
    for writer in writers.values():
        writer.close()


def measure_jobs(rows: int, repeat: int, console: Console) -> dict[str, Figure]:
    """Run each contender some times, in turn, so that a slow spell of the machine hits all alike."""
    from bench.contenders import CONTENDERS

    folder = BUILD / f"{rows}"
    with console.status(f"making {rows:,} rows"):
        make_rows(rows, folder)
    runs: dict[str, list[Figure]] = {name: [] for name in CONTENDERS}
    for turn in range(repeat):
        for name in CONTENDERS:
            with console.status(f"{rows:,} rows, run {turn + 1} of {repeat}: {name}"):
                command = [sys.executable, "-m", "bench.contenders", name, str(folder)]
                printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found = json.loads(printed.splitlines()[-1])
            runs[name].append(Figure(rows, found["seconds"], found["peak_mb"]))
    shutil.rmtree(folder)
    return {name: median(figures) for name, figures in runs.items()}


def median(figures: list[Figure]) -> Figure:
    """The median time and the median peak of some runs."""
    seconds = statistics.median(figure.seconds for figure in figures)
    return Figure(figures[0].rows, seconds, statistics.median(figure.peak_mb for figure in figures))


def jobs_table(figures: dict[int, dict[str, Figure]]) -> Table:
    """Every contender's figures."""
    table = Table("job", "rows", "seconds", "rows per second", "peak MB", title="Jobs")
    for rows, found in figures.items():
        for name, figure in found.items():
            speed = f"{figure.speed:,.0f}"
            table.add_row(name.replace("_", " "), f"{rows:,}", f"{figure.seconds:.2f}", speed, f"{figure.peak_mb:,.0f}")
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def ratios_table(figures: dict[int, dict[str, Figure]]) -> Table:
    """The ratios that the project holds itself to."""
    table = Table("ratio", "rows", "measured", "to reach", title="Ratios")
    for rows, found in figures.items():
        for job, least in (("preprocess", 8.0), ("predict", 2.5)):
            ratio = found[f"ours_{job}"].speed / found[f"usual_{job}"].speed
            table.add_row(f"{job}: ours against the usual way", f"{rows:,}", f"{ratio:.2f}", f"at least {least}")
        ours, polars = found["ours_preprocess"], found["polars_preprocess"]
        table.add_row(
            "preprocess: time against Polars", f"{rows:,}", f"{ours.seconds / polars.seconds:.2f}", "at most 1.0"
        )
        table.add_row(
            "preprocess: memory against Polars",
            f"{rows:,}",
            f"{ours.peak_mb / polars.peak_mb:.2f}",
            "0.25 at 8 million",
        )
        explained = found["explained_predict"].seconds / found["ours_predict"].seconds
        table.add_row("predict: time with explanations against without", f"{rows:,}", f"{explained:.2f}", "at most 3.0")
        floor = found["floor_parse"].seconds + found["floor_predict"].seconds
        against_floor = found["ours_predict"].seconds / floor
        table.add_row("predict: time against the floor", f"{rows:,}", f"{against_floor:.2f}", "at most 1.4")
    least, most = min(figures), max(figures)
    for job in ("preprocess", "predict") if least != most else ():
        ratio = figures[most][f"ours_{job}"].peak_mb / figures[least][f"ours_{job}"].peak_mb
        table.add_row(f"{job}: peak memory, {most:,} rows against {least:,}", "", f"{ratio:.2f}", "at most 1.3")
    return table


def generation_table(generation: dict[str, tuple[float, float]]) -> Table:
    """Seconds to generate with each engine."""
    table = Table("engine", "generate, in process (s)", "its own --version (s)", "to reach (s)", title="Generation")
    for (engine, (seconds, version)), most in zip(generation.items(), (0.35, 0.35), strict=True):
        table.add_row(engine, f"{seconds:.2f}", f"{version:.2f}", f"at most {most}")
    return table


if __name__ == "__main__":
    main()
