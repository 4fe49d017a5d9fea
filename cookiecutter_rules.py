"""Give Cookiecutter what Copier does natively: apply the rules of copier.yml, and record a project's origin.

A hook would run too late: Cookiecutter creates the project's folder before it runs any hook, and by then a slug
such as `../x` has already been written to disk. The folder's name is the last template rendered before the folder is
created, whichever way the answers were entered (prompt, command line, user configuration or replay), so the answers
are checked when that name is rendered.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from cookiecutter.exceptions import FailedHookException
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from jinja2.ext import Extension

Answers = Mapping[str, Any]

TEMPLATE = Path(__file__).parent
FOLDER = "{{cookiecutter.project_slug}}"
TYPES = {"str": (str, "text"), "bool": (bool, "true or false")}
# The addresses that Copier recognizes as git repositories; any other address needs the prefix `git+`.
RECOGNIZED_BY_COPIER = re.compile(r"git@|git\+|git://|https://git(hub|lab)\.com/|.*\.git$")
# An address with a user, a password, a token or a query in it; the answers file is written without them.
SECRET = re.compile(r"(git\+)?((https?|ftps?)://([^/]*@|[^?]*[?])|ssh://[^/:@]*:[^/@]*@)")


class CopierRules(Extension):
    """Add copier.yml's rules, defaults and exclusions to a Cookiecutter environment."""

    def __init__(self, environment: Environment) -> None:
        """Register the filters that the template's own sources use."""
        super().__init__(environment)
        self.questions = {
            name: question
            for name, question in settings().items()
            if not name.startswith("_") and question.get("when", True)
        }
        environment.filters.update(
            proposed=self.proposed, checked=self.checked, left_out=self.left_out, regex_replace=regex_replace
        )

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Check the answers when the folder's name is rendered, and turn any foreign source into a literal.

        Cookiecutter renders answers as templates: `{{ 7*7 }}` would become 49.
        """
        if source == FOLDER:
            return "{{ (cookiecutter | checked).project_slug }}"
        if name is not None or source in own_sources():
            return source
        return "{{ " + ascii(source) + " }}"

    def proposed(self, answers: Answers, name: str) -> str:
        """Render a question's default from the earlier answers."""
        return render(self.questions[name]["default"], answers)

    def checked(self, answers: Answers) -> Answers:
        """Return the answers if all are valid; otherwise raise an error with one sentence for each invalid answer."""
        refusals = self.refusals(answers)
        if "_repo_dir" not in answers and SECRET.match(answers["_template"]):
            refusals.append(
                "cruft would write the password or token in the template's address into .cruft.json: give the address "
                "without it, and let git ask for it or keep it (git help credentials)."
            )
        if refusals:
            raise FailedHookException("\n".join(refusals))
        self.environment.globals["_copier_answers"] = origin(answers)
        return answers

    def left_out(self, answers: Answers) -> list[str]:
        """List the paths, relative to the project's root, that copier.yml excludes for these answers."""
        rendered = (render(rule, {"cookiecutter": answers}) for rule in settings()["_exclude"])
        return [path.lstrip("/") for paths in rendered for path in paths.split()]

    def refusals(self, answers: Answers) -> list[str]:
        """Return one sentence for each invalid answer."""
        mistyped = [
            f"{name} {answers.get(name)!r} must be {kind}."
            for name, question in self.questions.items()
            for type_, kind in [TYPES[question["type"]]]
            if not isinstance(answers.get(name), type_)
        ]
        # A rule may read any answer, so all types must be right before the first rule is applied.
        return mistyped or [
            refusal for name, question in self.questions.items() if (refusal := self.refusal(name, question, answers))
        ]

    def refusal(self, name: str, question: dict[str, Any], answers: Answers) -> str:
        """Return the sentence that refuses an answer, or an empty string if the answer is valid."""
        choices = self.choices(question, answers)
        if choices and answers[name] not in choices:
            return f"{name} {answers[name]!r} must be one of {', '.join(choices)}."
        return render(question.get("validator", ""), answers)

    def choices(self, question: dict[str, Any], answers: Answers) -> list[str]:
        """Return the answers that a question accepts, or an empty list if it is not a choice."""
        choices = question.get("choices", [])
        if isinstance(choices, str):
            choices = yaml.safe_load(render(choices, answers))
        return list(choices.values() if isinstance(choices, dict) else choices)


# Cookiecutter creates three environments per project, each with an instance of the extension. They share what follows.


@cache
def settings() -> dict[str, Any]:
    """Load copier.yml, with libyaml if it is installed: PyYAML's own parser takes ten times as long."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loaded: dict[str, Any] = yaml.load((TEMPLATE / "copier.yml").read_text(encoding="utf-8"), Loader=loader)
    return loaded


@cache
def own_sources() -> frozenset[str]:
    """Return the sources that Cookiecutter may render: the defaults of its questions, and the hooks."""
    defaults = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8")).values()
    hooks = [hook.read_text(encoding="utf-8") for hook in (TEMPLATE / "hooks").glob("*.py")]
    return frozenset([*hooks, *(source for source in defaults if isinstance(source, str))])


@cache
def template(source: str) -> Template:
    """Compile a rule in an environment with Copier's settings."""
    return environment().from_string(source)


@cache
def environment() -> Environment:
    """Create the environment in which Copier would render the rules."""
    environment = Environment(loader=FileSystemLoader(TEMPLATE), undefined=StrictUndefined, **settings()["_envops"])
    environment.filters["regex_search"] = lambda text, pattern: re.search(pattern, text)
    return environment


def render(source: str, answers: Answers) -> str:
    """Render a rule as Copier would."""
    return template(source).render(answers).strip() if source else ""


def regex_replace(text: str, pattern: str, replacement: str) -> str:
    """Replace what matches a pattern, as Copier's filter of this name does."""
    return re.sub(pattern, replacement, text)


def origin(answers: Answers) -> dict[str, str]:
    """Return the template's address and version, under the keys that `copier update` reads."""
    # cruft passes no `_repo_dir`: it has cloned the template that this file belongs to.
    folder = answers.get("_repo_dir", TEMPLATE)
    template = os.path.abspath(folder)  # noqa: PTH100 - must not resolve a symbolic link to the template
    is_folder = folder == answers["_template"]
    # Copier cannot update from a folder inside another repository.
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
        "_src_path": address(
            template if is_folder else git(template, "config", "--get", "remote.origin.url") or template
        ),
    }


def address(remote: str) -> str:
    """Return a git remote in a form that Copier recognizes; a self-hosted one may need the prefix `git+`."""
    if os.path.isdir(remote):  # noqa: PTH112 - as in `origin`
        return os.path.abspath(remote)  # noqa: PTH100
    return remote if RECOGNIZED_BY_COPIER.match(remote) else f"git+{remote}"


def git(folder: str, *arguments: str) -> str:
    """Run git in a folder and return its output, or an empty string if it fails or is not installed."""
    try:
        return subprocess.run(
            ["git", "-C", folder, *arguments], capture_output=True, text=True, check=False
        ).stdout.strip()
    except FileNotFoundError:
        return ""
