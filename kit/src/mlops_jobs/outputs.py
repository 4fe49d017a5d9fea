"""Output files that appear together when a job has done its work, or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.csv

from mlops_jobs.csv_text import CsvText
from mlops_jobs.errors import UserError


class Outputs:
    """Collect the files of one job run.

    A file is written under the name `<name>.partial` and gets its own name when all of them are complete. A run that
    is refused, or crashes, leaves none.

    Args:
        reads: the folders that the run reads; it may not write there, where it would overwrite what it reads.
        replaces: files that an earlier run may have left. They go first, so that a refused run does not leave them.

    Raises:
        UserError: a file would stand in a folder that is read.
    """

    def __init__(self, reads: Iterable[Path] = (), replaces: Iterable[Path] = ()) -> None:
        self._read = {folder.resolve() for folder in reads}
        self._replaced = list(replaces)
        self._files: dict[Path, Path] = {}

    def __enter__(self) -> Outputs:
        for final in self._replaced:
            self._refuse_to_overwrite(final)
        for final in self._replaced:
            final.unlink(missing_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for final, partial in self._files.items():
            if kind is None:
                partial.replace(final)
            else:
                partial.unlink(missing_ok=True)

    def path(self, final: str | Path) -> Path:
        """Where to write what shall stand at `final`."""
        final = Path(final)
        self._refuse_to_overwrite(final)
        final.parent.mkdir(parents=True, exist_ok=True)
        partial = final.with_name(f"{final.name}.partial")
        self._files[final] = partial
        return partial

    def _refuse_to_overwrite(self, final: Path) -> None:
        if final.parent.resolve() in self._read:
            raise UserError(f"{final.parent}: is read by this job, so it cannot write there too; give another folder")

    def write_text(self, final: str | Path, text: str) -> None:
        """Write a text file."""
        self.path(final).write_text(text, encoding="utf-8", newline="\n")

    def write_json(self, final: str | Path, content: Any) -> None:
        """Write a JSON file."""
        self.write_text(final, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


class CsvOutput:
    """Write tables of the same columns into one CSV file with a header; their types may differ."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: pa.OSFile | None = None

    def __enter__(self) -> CsvOutput:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def write(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Write the rows below those before."""
        if self._file is None:
            self._file = pa.OSFile(str(self._path), "wb")
            self._schema = rows.schema
            self._writer = pa.csv.CSVWriter(self._file, rows.schema)  # writes the header
            self._text = CsvText(rows.schema)
        for batch in [rows] if isinstance(rows, pa.RecordBatch) else rows.to_batches():
            lines = self._text.lines(batch)
            if lines is not None:
                self._file.write(lines)
            elif batch.schema == self._schema:
                self._writer.write(batch)
            else:
                pa.csv.write_csv(batch, self._file, pa.csv.WriteOptions(include_header=False))
