"""The report page: one file with the results of all recorded executions.

The page is self-contained: it embeds styles and plots, and its policy forbids scripts and requests. The same records
always give the same page.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlops_kit.aws.environment import Environment
from mlops_kit.aws.registry import model_packages
from mlops_kit.local_cloud.emails import read_emails
from mlops_kit.report.artifacts import Artifacts
from mlops_kit.report.elements import Html, html, join
from mlops_kit.report.entries import RehearsedStep, entries_of
from mlops_kit.report.execution import execution_section
from mlops_kit.report.messages import messages
from mlops_kit.report.models import model_versions
from mlops_kit.report.sections import sections_of
from mlops_kit.report.summary import contents, page_head, summary_table
from mlops_kit.runner.record import load_records

STYLES = Path(__file__).with_name("page.css")
TITLE = "Rehearsal on this machine"


def report_on(environment: Environment, work: Path, rehearsal: Sequence[RehearsedStep] = ()) -> Path:
    """Write the page of a running local cloud; see `write_report`."""
    sagemaker = environment.client("sagemaker")
    arns = [package.arn for package in model_packages(environment)]
    packages = [sagemaker.describe_model_package(ModelPackageName=arn) for arn in arns]
    return write_report(work, packages=packages, project=environment.project, rehearsal=rehearsal)


def write_report(
    work: Path,
    *,
    packages: Sequence[Mapping[str, Any]],
    project: str,
    title: str = TITLE,
    rehearsal: Sequence[RehearsedStep] = (),
) -> Path:
    """Write report.html into the working folder; its links to logs and files are relative to it.

    Args:
        work: the folder of executions/, events.jsonl and emails.jsonl, usually .local.
        packages: the model versions, as DescribeModelPackage returns them.
        project: the project's name.
        title: the line above the project's name.
        rehearsal: the steps of the rehearsal, in order; empty if there was none.

    Returns:
        the page; it names every record that is missing or unreadable.
    """
    executions, unreadable = load_records(work)
    artifacts = Artifacts(work, executions)
    entries = entries_of(executions, rehearsal, lambda execution: sections_of(execution.steps, artifacts))
    problems = [
        html("p", f"{path.relative_to(work).as_posix()} cannot be read.", class_="reason") for path in unreadable
    ]
    anchors = {entry.execution.id: entry.anchor for entry in entries if entry.execution}
    mails = messages(*read_emails(work), anchors)
    main = html(
        "main",
        page_head(project, title, executions, entries, artifacts.event_counts()),
        problems,
        summary_table(entries),
        [execution_section(entry, entry.execution, artifacts) for entry in entries if entry.execution],
        mails,
        model_versions(packages, anchors),
    )
    page = work / "report.html"
    unfinished = page.with_name("report.html.partial")
    document = _document(f"{project}: {title}", contents(entries, with_messages=mails is not None), main)
    unfinished.write_bytes(document.encode("utf-8", "replace"))  # a job may have printed invalid Unicode
    return unfinished.replace(page)


def _document(title: str, *body: Html) -> str:
    style = Html(STYLES.read_text(encoding="utf-8"))
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = html(
        "head",
        html("meta", charset="utf-8"),
        html("meta", http_equiv="Content-Security-Policy", content=policy),
        html("meta", name="viewport", content="width=device-width, initial-scale=1"),
        html("meta", name="color-scheme", content="light dark"),
        html("title", title),
        html("link", rel="icon", href="data:,"),
        html("style", style),
    )
    skip = html("a", "Skip to the content", href="#summary", class_="skip")
    return f"<!doctype html>\n{html('html', head, html('body', join(skip, *body)), lang='en')}\n"
