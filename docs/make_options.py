"""Write docs/options.md from copier.yml, so that the document cannot say what the questions do not.

python docs/make_options.py          write it
python docs/make_options.py --check  fail if it is not up to date
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from jinja2 import Environment

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "options.md"

sys.path.insert(0, str(ROOT))

from cookiecutter_rules import CopierRules  # noqa: E402

HEAD = """\
<!-- Made from copier.yml by docs/make_options.py: change it there. -->

# Options

What the template asks, in the order in which it asks. Both engines ask the same questions and obey the same
rules; a bad answer is refused with one sentence before anything is written.
"""

# An answer that no rule lets pass, then some that break the rules which come after the first.
BAD_ANSWERS = ["?", "class", "prediction", "rings"]
RULE = re.compile(r" must (.*), for example ")


def page(copier: CopierRules) -> str:
    """Lay out a section for each question."""
    answers = defaults(copier)
    return "\n".join([HEAD, *(section(copier, name, answers) for name in copier.questions)])


def defaults(copier: CopierRules) -> dict[str, Any]:
    """Answer every question as somebody would who only presses Enter."""
    answers: dict[str, Any] = {}
    for name, question in copier.questions.items():
        is_text = question["type"] == "str"
        answers[name] = copier.proposed(answers, name) if is_text else question["default"]
    return answers


def section(copier: CopierRules, name: str, answers: dict[str, Any]) -> str:
    """Say what a question asks, its default, and what an answer must be."""
    question = copier.questions[name]
    default = str(answers[name]).lower() if question["type"] == "bool" else answers[name]
    subject = "Each column" if name.endswith("_columns") else "It"
    lines = [
        f"## {name}\n",
        question["help"].replace("\n", " ") + "\n",
        f"- Default: {f'`{default}`' if default else 'empty'}{follows(question['default'])}.",
        *(f"- {subject} must {rule}." for rule in rules(copier, name, answers)),
    ]
    return "\n".join(lines) + "\n"


def follows(default: str | bool) -> str:
    """Say that a default depends on the answers before it."""
    return ", or what fits the answers before" if "{" in str(default) else ""


def rules(copier: CopierRules, name: str, answers: dict[str, Any]) -> list[str]:
    """List what an answer must be, in the words with which a bad one is refused."""
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
    """Write choices as code."""
    return ", ".join(f"`{choice}`" for choice in choices)


def main(arguments: list[str]) -> int:
    """Write the page, or with --check say whether it is up to date."""
    text = page(CopierRules(Environment()))
    if "--check" not in arguments:
        PAGE.write_text(text, encoding="utf-8", newline="\n")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        print("docs/options.md is not what copier.yml says: run python docs/make_options.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
