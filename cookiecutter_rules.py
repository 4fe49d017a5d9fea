"""What Copier does by itself, done for Cookiecutter: obey copier.yml, and record where a project came from.

A hook would come too late: Cookiecutter makes the project's folder before it runs one, and a slug like `../x`
has by then left its mark. The folder's name is the last thing rendered before the folder is made, however the
answers came (typed, on the command line, from the user's configuration, replayed), so they are checked there.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from cookiecutter.exceptions import FailedHookException
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension

Answers = Mapping[str, Any]

TEMPLATE = Path(__file__).parent
FOLDER = "{{cookiecutter.project_slug}}"
TYPES = {"str": (str, "text"), "bool": (bool, "true or false")}
# What Copier knows to be a git repository; any other address needs `git+` in front.
KNOWN_TO_COPIER = re.compile(r"git@|git\+|git://|https://git(hub|lab)\.com/|.*\.git$")


class CopierRules(Extension):
    """Give Cookiecutter the rules, the proposals and the record that Copier reads from copier.yml."""

    def __init__(self, environment: Environment) -> None:
        """Read both engines' questions, and make the environment in which Copier's rules are rendered."""
        super().__init__(environment)
        settings = yaml.safe_load((TEMPLATE / "copier.yml").read_text(encoding="utf-8"))
        self.questions = {
            name: question
            for name, question in settings.items()
            if not name.startswith("_") and question.get("when", True)
        }
        asked = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
        hooks = [hook.read_text(encoding="utf-8") for hook in (TEMPLATE / "hooks").glob("*.py")]
        self.own_sources = [*hooks, *(source for source in asked.values() if isinstance(source, str))]
        self.exclude = settings["_exclude"]
        self.rules = Environment(loader=FileSystemLoader(TEMPLATE), undefined=StrictUndefined, **settings["_envops"])
        self.rules.filters["regex_search"] = lambda text, pattern: re.search(pattern, text)
        environment.filters.update(proposed=self.proposed, checked=self.checked, left_out=self.left_out)

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Check the answers where the folder is named, and take what is not the template's own as it stands.

        Cookiecutter renders answers as if they were templates: `{{ 7*7 }}` would become 49.
        """
        if source == FOLDER:
            return "{{ (cookiecutter | checked).project_slug }}"
        if name is not None or source in self.own_sources:
            return source
        return "{{ " + ascii(source) + " }}"

    def proposed(self, answers: Answers, name: str) -> str:
        """Render the default that copier.yml gives a question after the answers before it."""
        return self.render(self.questions[name]["default"], answers)

    def checked(self, answers: Answers) -> Answers:
        """Return answers that obey every rule; refuse others with one sentence each."""
        if refusals := self.refusals(answers):
            raise FailedHookException("\n".join(refusals))
        self.environment.globals["_copier_answers"] = origin(answers)
        return answers

    def left_out(self, answers: Answers) -> list[str]:
        """List the paths, from the project's root, that copier.yml leaves out after these answers."""
        rendered = (self.render(rule, {"cookiecutter": answers}) for rule in self.exclude)
        return [path.lstrip("/") for paths in rendered for path in paths.split()]

    def refusals(self, answers: Answers) -> list[str]:
        """Collect a sentence for each answer that breaks a rule."""
        mistyped = [
            f"{name} {answers.get(name)!r} must be {kind}."
            for name, question in self.questions.items()
            for type_, kind in [TYPES[question["type"]]]
            if not isinstance(answers.get(name), type_)
        ]
        # A rule may look at any answer, so all must be of their type before one is applied.
        return mistyped or [
            refusal for name, question in self.questions.items() if (refusal := self.refusal(name, question, answers))
        ]

    def refusal(self, name: str, question: dict[str, Any], answers: Answers) -> str:
        """Say what is wrong with one answer, or nothing."""
        choices = self.choices(question, answers)
        if choices and answers[name] not in choices:
            return f"{name} {answers[name]!r} must be one of {', '.join(choices)}."
        return self.render(question.get("validator", ""), answers)

    def choices(self, question: dict[str, Any], answers: Answers) -> list[str]:
        """List the answers that a question accepts; empty where it has no fixed choices."""
        choices = question.get("choices", [])
        if isinstance(choices, str):
            choices = yaml.safe_load(self.render(choices, answers))
        return list(choices.values() if isinstance(choices, dict) else choices)

    def render(self, source: str, answers: Answers) -> str:
        """Render a rule as Copier would."""
        return self.rules.from_string(source).render(answers).strip()


def origin(answers: Answers) -> dict[str, str]:
    """Tell where the template came from, under the names by which `copier update` looks it up."""
    template = os.path.abspath(answers["_repo_dir"])  # noqa: PTH100 - a link to the template stays one
    is_folder = answers["_repo_dir"] == answers["_template"]
    # A folder inside somebody's repository is not a repository that Copier can update from.
    commit = git(template, "describe", "--tags", "--always") if Path(template, ".git").exists() else ""
    if not commit:
        print(
            "`copier update` will not work on this project: the template is not a git repository, "
            "so the version it was made from is unknown.",
            file=sys.stderr,
        )
        return {"_src_path": template} if is_folder else {}
    return {
        "_commit": commit,
        "_src_path": template if is_folder else address(git(template, "remote", "get-url", "origin")),
    }


def address(remote: str) -> str:
    """Write a git remote so that Copier knows it for one: self-hosted, it may need a `git+` in front."""
    return remote if KNOWN_TO_COPIER.match(remote) else f"git+{remote}"


def git(folder: str, *arguments: str) -> str:
    """Ask git about a folder; the answer is empty where it has none, or where there is no git."""
    try:
        return subprocess.run(
            ["git", "-C", folder, *arguments], capture_output=True, text=True, check=False
        ).stdout.strip()
    except FileNotFoundError:
        return ""
