"""Find unresolved conflicts of a merge or of `copier update`: markers in text files, and .rej files."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from mlops_jobs.errors import UserError

MARKER = re.compile(rb"^(<{7}|>{7})( |\r?$)", re.MULTILINE)  # ======= alone also underlines a heading
BINARY_PREFIX = 8000  # bytes in which a zero byte makes a file binary, as git has it
SHOWN = 5


def check_conflict_markers(root: Path) -> None:
    """Refuse a project that has an unresolved conflict.

    Raises:
        UserError: a file contains a conflict marker, or `copier update` left the part that it could not apply.
    """
    if places := find_conflicts(root):
        more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
        raise UserError(
            f"unresolved conflicts in {', '.join(places[:SHOWN])}{more}; edit each file, keep one side, remove the "
            "markers, and delete each .rej file once its change is applied"
        )


def find_conflicts(root: Path) -> list[str]:
    """Places of conflicts as path:line, sorted by path; none where the folder is not in a git repository."""
    places = []
    for name in _tracked(root):
        path = root / name
        if name.endswith(".rej"):
            places.append(name)
        elif path.is_file():
            content = path.read_bytes()
            if b"\0" not in content[:BINARY_PREFIX] and (match := MARKER.search(content)):
                line = content.count(b"\n", 0, match.start()) + 1
                places.append(f"{name}:{line}")
    return places


def _tracked(root: Path) -> list[str]:
    """Files that git tracks or would track, relative to the root."""
    command = ["git", "-C", str(root), "ls-files", "-coz", "--exclude-standard"]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        return []
    return [] if done.returncode else sorted({os.fsdecode(name) for name in done.stdout.split(b"\0") if name})
