"""The team's own tags, `tags:` in config/pipelines.yaml, for every job and pipeline."""

from __future__ import annotations

import re
from pathlib import Path

from mlops_kit.config.reader import ConfigSection
from mlops_kit.project import open_project

TAG = r"[\w .:/=+@-]{1,128}"
FORM = "up to 128 letters, digits, spaces and _ . : / = + @ -, in quotes"


def load_tags(root: Path) -> dict[str, str]:
    """Read the tags of a project.

    Raises:
        UserError: the file cannot be read, or a name or a value is refused.
    """
    return read_tags(ConfigSection.of_file(open_project(root).config / "pipelines.yaml", root).section("tags"))


def read_tags(section: ConfigSection) -> dict[str, str]:
    """The tags of the section `tags`.

    Raises:
        UserError: a name or a value is refused.
    """
    for name in section.names:
        if not re.fullmatch(TAG, name) or name.lower().startswith("aws:"):
            raise section.refusal(name, section.take(name), f"under a name of {FORM}, that does not start with aws:")
    return {name: section.text(name, TAG, FORM) for name in section.names}
