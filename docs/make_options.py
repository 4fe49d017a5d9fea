"""Generate docs/options.md from copier.yml, so that the page always matches the questions.

python docs/make_options.py          write the page
python docs/make_options.py --check  fail if the page is out of date
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path
from typing import Any

from jinja2 import Environment

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "options.md"

sys.path.insert(0, str(ROOT))

from cookiecutter_rules import CopierRules  # noqa: E402

HEAD = """\
<!-- Generated from copier.yml by docs/make_options.py. Do not edit. -->

# Options

The template's questions, in the order in which they are asked. Both engines ask the same questions and apply the same
rules. An invalid answer is refused with one sentence before anything is written.
"""

# An answer that breaks every first rule, then answers that break the rules after the first.
BAD_ANSWERS = ["?", "class", "prediction", "rings"]
RULE = re.compile(r" must (.*), for example ")


def page(copier: CopierRules) -> str:
    """Return the page, with a section for each question."""
    answers = defaults(copier)
    return "\n".join([HEAD, *(section(copier, name, answers) for name in copier.questions)])


def defaults(copier: CopierRules) -> dict[str, Any]:
    """Return the default answer to every question."""
    answers: dict[str, Any] = {}
    for name, question in copier.questions.items():
        is_text = question["type"] == "str"
        answers[name] = copier.proposed(answers, name) if is_text else question["default"]
    return answers


def section(copier: CopierRules, name: str, answers: dict[str, Any]) -> str:
    """Return the section of a question: its text, its default and the rules for its answer."""
    question = copier.questions[name]
    default = str(answers[name]).lower() if question["type"] == "bool" else answers[name]
    subject = "Each column" if name.endswith("_columns") else "It"
    lines = [
        f"## {name}\n",
        wrapped(question["help"].replace("\n", " ")) + "\n",
        wrapped(f"- Default: {f'`{default}`' if default else 'empty'}{derived(question['default'])}."),
        *(wrapped(f"- {subject} must {rule}.") for rule in rules(copier, name, answers)),
    ]
    return "\n".join(lines) + "\n"


def wrapped(text: str) -> str:
    """Wrap a paragraph or a list item."""
    return textwrap.fill(
        text, width=120, subsequent_indent="  " if text.startswith("- ") else "", break_on_hyphens=False
    )


def derived(default: str | bool) -> str:
    """Return a note if a default depends on earlier answers."""
    return ", or a value derived from earlier answers" if "{" in str(default) else ""


def rules(copier: CopierRules, name: str, answers: dict[str, Any]) -> list[str]:
    """List the rules for an answer, in the words that refuse an invalid one."""
    question = copier.questions[name]
    if question["type"] == "bool":
        return ["be true or false"]
    if name == "metric":
        return [
            f"be one of {listed(copier.choices(question, {'problem_type': problem_type}))} for {problem_type}"
            for problem_type in copier.choices(copier.questions["problem_type"], {})
        ]
    if choices := copier.choices(question, answers):
        return [f"be one of {listed(choices)}"]
    refusals = (copier.refusal(name, question, {**answers, name: bad}) for bad in BAD_ANSWERS)
    return list(dict.fromkeys(rule for refusal in refusals for rule in RULE.findall(refusal)))


def listed(choices: list[str]) -> str:
    """Format choices as code."""
    return ", ".join(f"`{choice}`" for choice in choices)


def main(arguments: list[str]) -> int:
    """Write the page, or with --check report whether it is up to date."""
    text = page(CopierRules(Environment()))
    if "--check" not in arguments:
        PAGE.write_text(text, encoding="utf-8", newline="\n")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        print("docs/options.md does not match copier.yml: run python docs/make_options.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
