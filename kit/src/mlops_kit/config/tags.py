"""The team's own tags, `tags:` in config/pipelines.yaml, for every job, every pipeline and all that Terraform creates.

Each service has its own rules for tags. A tag reaches all of them, so the strictest counts: IAM does not distinguish
upper and lower case in keys, EventBridge Scheduler takes no empty value.
"""

from __future__ import annotations

import re
from pathlib import Path

from mlops_kit.config.reader import ConfigSection
from mlops_kit.project import open_project

KEY, VALUE = r"[\w .:/=+@-]{1,128}", r"[\w .:/=+@-]{1,256}"
CHARACTERS = "letters, digits, spaces and _ . : / = + @ -, in quotes"
OWN = ("project", "environment", "managed-by", "pipeline")  # the keys that the project sets itself
MAX_TAGS = 45  # AWS takes 50, and the project adds its own


def load_tags(root: Path) -> dict[str, str]:
    """Read the tags of a project.

    Raises:
        UserError: the file cannot be read, or a name or a value is refused.
    """
    return read_tags(ConfigSection.of_file(open_project(root).config / "pipelines.yaml", root).section("tags"))


def read_tags(section: ConfigSection) -> dict[str, str]:
    """The tags of the section `tags`.

    Raises:
        UserError: a name or a value is refused, two names differ only in case, or there are too many.
    """
    seen: dict[str, str] = {}
    for name in section.names:
        if rule := _why_not(name, seen):
            raise section.refusal(name, section.take(name), rule)
        seen[name.lower()] = name
    return {name: section.text(name, VALUE, f"up to 256 {CHARACTERS}") for name in section.names}


def _why_not(key: str, earlier: dict[str, str]) -> str:
    """What a tag must be to be taken, where its key is refused; empty if the key is taken.

    Args:
        key: the tag's.
        earlier: the keys before it, by their lower-case form.
    """
    if not re.fullmatch(KEY, key) or key.lower().startswith("aws:"):
        return f"under a name of up to 128 {CHARACTERS}, that does not start with aws:"
    if key.lower() in OWN:
        return f"removed or renamed: the project sets the tag {key.lower()!r} itself, and IAM ignores the case of keys"
    if key.lower() in earlier:
        return f"removed or renamed: IAM ignores the case of keys, and {earlier[key.lower()]!r} is a tag already"
    if len(earlier) == MAX_TAGS:
        return f"one of {MAX_TAGS} tags at most: AWS takes 50, and the project adds its own"
    return ""
