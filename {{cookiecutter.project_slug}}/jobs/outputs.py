"""Output files that appear together when a job has done its work, or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any


class Outputs:
    """Collect the files of one job run; an earlier run's are gone as soon as this one begins to write its own.

    A file is written under the name `<name>.partial` and gets its own name when all of them are complete. A run that
    is refused, or crashes, leaves none.
    """

    def __init__(self) -> None:
        self._files: dict[Path, Path] = {}

    def __enter__(self) -> Outputs:
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
        final.parent.mkdir(parents=True, exist_ok=True)
        final.unlink(missing_ok=True)
        partial = final.with_name(f"{final.name}.partial")
        self._files[final] = partial
        return partial

    def write_text(self, final: str | Path, text: str) -> None:
        """Write a text file."""
        self.path(final).write_text(text, encoding="utf-8", newline="\n")

    def write_json(self, final: str | Path, content: Any) -> None:
        """Write a JSON file."""
        self.write_text(final, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
