"""Apply to a project the changes that a page of its docs/ shows, as a reader would.

A page shows a change of files as a fenced block `diff`, which `git apply` takes, and a new file as a block that has the
file's path as its title: `python title="jobs/join.py"`.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

_BLOCK = re.compile(
    r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL
)


def apply_page(project: Path, page: str, section: str | None = None) -> None:
    """Make the changes of a page, or only of the section under one of its headings, in the order of the page."""
    text = (project / "docs" / page).read_text("utf-8")
    if section:
        level, rest = re.split(rf"^(#+) {re.escape(section)}$", text, maxsplit=1, flags=re.MULTILINE)[1:]
        text = re.split(rf"^#{{1,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    changes = [block for block in _BLOCK.finditer(text) if block["title"] or block["language"] == "diff"]
    assert changes, f"{page} shows no change"
    for block in changes:
        if block["title"]:
            path = project / block["title"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block["text"], "utf-8")
        else:
            command = ["git", "apply", "--recount", "-"]
            applied = subprocess.run(command, cwd=project, input=block["text"], capture_output=True, text=True)
            assert applied.returncode == 0, f"{page}: {applied.stderr}{block['text']}"


def changed_lines(project: Path, page: str) -> int:
    """How many lines the changes of a page add or remove."""
    lines = 0
    for block in _BLOCK.finditer((project / "docs" / page).read_text("utf-8")):
        if block["title"]:
            lines += block["text"].count("\n")
        elif block["language"] == "diff":
            lines += len(re.findall(r"^[+-](?!--|\+\+)", block["text"], re.MULTILINE))
    return lines
