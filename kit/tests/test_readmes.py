"""Both READMEs list the steps of the rehearsal with the titles and expectations that it prints."""

from __future__ import annotations

import re

from mlops_kit.rehearsal.scenario import STEPS
from support import ROOT, TREE

TITLES = [(str(number), step.title) for number, step in enumerate(STEPS, start=1)]
EXPECTED = {step.title: step.expected for step in STEPS}


def test_the_readme_of_a_project_lists_every_step() -> None:
    text = (ROOT / TREE / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^    (\d)\. (.+?) {2,}(.+)$", text, re.MULTILINE)
    assert listed == [(number, title, EXPECTED[title]) for number, title in TITLES]


def test_the_readme_of_the_template_quotes_the_output_as_it_is() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    quoted = re.findall(r"^    (\d)\. (.+)\n(?:(?!    \d\. ).*\n)*?       as expected: (.+)$", text, re.MULTILINE)
    assert len(quoted) >= 3
    assert {(number, title) for number, title, _ in quoted} <= set(TITLES)
    assert [expected for _, _, expected in quoted] == [EXPECTED[title] for _, title, _ in quoted]
    assert re.search(rf"^    All {len(STEPS)} steps passed in \d+ s\. Report: .*report\.html$", text, re.MULTILINE)
