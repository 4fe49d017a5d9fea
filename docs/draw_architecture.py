"""Draw what Terraform applied, from its state, so that the picture cannot show what is not there.

terraform show -json > state.json                               where infra/live was applied
mlops compile --output definitions                in that project
python docs/draw_architecture.py state.json definitions         write the picture of the generated docs
python docs/draw_architecture.py state.json definitions --check fail if it is not up to date

Arrows come from what is applied and compiled, and from nothing else: from a rule to its target, from a function to what
its policy lets it do, from a pipeline to the functions in its definition, from a queue to where its alarm goes.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

PICTURE = Path(__file__).parents[1] / "{{cookiecutter.project_slug}}" / "docs" / "architecture.svg"

BOX = (216, 44)  # width and height, pixels
GAP = (84, 14)  # between columns and between rows
MARGIN = 24
HEADS = ("What happens", "What acts", "What it does", "And then")
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1c2733 }
.head { font-weight: 600 } .note { font-size: 11px; fill: #55606c }
rect { fill: #fff; stroke: #8794a1 } .page { fill: #f6f8fa; stroke: none }
.function { fill: #fff3dd; stroke: #c98a1b } .pipeline { fill: #e2f0e6; stroke: #3d8b57 }
.queue { fill: #fbe4e4; stroke: #b64a4a } path { fill: none; stroke: #8794a1; stroke-width: 1.3 }
marker path { fill: #8794a1; stroke: none }
@media (prefers-color-scheme: dark) {
  text { fill: #dfe6ee } .note { fill: #a3afbb } rect { fill: #1d252d; stroke: #6d7a87 } .page { fill: #12171c }
  .function { fill: #3a2e16; stroke: #c98a1b } .pipeline { fill: #1b3325; stroke: #4fa56c }
  .queue { fill: #3b2020; stroke: #c96363 }
}
"""

# Who is reached by an action that a policy allows.
REACHED = {"sagemaker:StartPipelineExecution": "pipeline", "sns:Publish": "topic"}


@dataclass
class Node:
    """A box.

    Attributes:
        column: 0 is the left one.
        kind: its looks: event, function, pipeline, topic, mail or queue.
        note: a second, smaller line.
    """

    column: int
    kind: str
    title: str
    note: str = ""


@dataclass
class Picture:
    """Boxes by their name, in the order of their rows, and the arrows between them."""

    nodes: dict[str, Node] = field(default_factory=dict)
    arrows: set[tuple[str, str]] = field(default_factory=set)


class State:
    """The resources of an applied root module.

    Args:
        shown: what `terraform show -json` prints.
    """

    def __init__(self, shown: Mapping[str, Any]) -> None:
        self._resources = list(_resources(shown["values"]["root_module"]))
        self.stem = next(self.of("aws_sagemaker_model_package_group"))["model_package_group_name"]

    def of(self, kind: str) -> Iterator[dict[str, Any]]:
        """The values of all resources of a type, by their addresses."""
        return (found["values"] for found in self._resources if found["type"] == kind and found["mode"] == "managed")

    def short(self, name_or_arn: str) -> str:
        """A name without what all names begin with."""
        return name_or_arn.rpartition(":")[2].rpartition("/")[2].removeprefix(f"{self.stem}-")

    def statements(self, role: str) -> Iterator[tuple[str, str]]:
        """What the policies of a role allow: action and resource."""
        for policy in self.of("aws_iam_role_policy"):
            if policy["role"] == role:
                for statement in _list(json.loads(policy["policy"])["Statement"]):
                    for action in _list(statement["Action"]):
                        yield from ((action, resource) for resource in _list(statement["Resource"]))


def picture_of(state: State, definitions: Mapping[str, str]) -> Picture:
    """Lay out everything that acts by itself.

    Args:
        state: what was applied.
        definitions: the text of each compiled pipeline, by its kind.
    """
    picture = Picture()
    for rule in sorted(state.of("aws_cloudwatch_event_rule"), key=_order):
        name = state.short(rule["name"])
        picture.nodes[f"rule {name}"] = Node(0, "event", name, _in_words(json.loads(rule["event_pattern"]), state))
    for target in state.of("aws_cloudwatch_event_target"):
        picture.arrows.add((f"rule {state.short(target['rule'])}", f"function {state.short(target['arn'])}"))
    for schedule in sorted(state.of("aws_scheduler_schedule"), key=lambda found: str(found["name"]), reverse=True):
        name = state.short(schedule["name"])
        picture.nodes[f"schedule {name}"] = Node(1, "event", f"schedule {name}", schedule["schedule_expression"])
        picture.arrows.add((f"schedule {name}", f"pipeline {state.short(schedule['target'][0]['arn'])}"))
    _add_functions(picture, state)
    _add_pipelines(picture, definitions)
    for topic in state.of("aws_sns_topic"):
        picture.nodes[f"topic {state.short(topic['arn'])}"] = Node(2, "topic", state.short(topic["name"]), "SNS topic")
        picture.nodes["mail"] = Node(3, "mail", "e-mail", "to whoever is subscribed")
        picture.arrows.add((f"topic {state.short(topic['arn'])}", "mail"))
    _add_queues(picture, state)
    return picture


def _add_functions(picture: Picture, state: State) -> None:
    """The functions that rules call, and what their policies let them reach."""
    called = [end for _, end in picture.arrows if end.startswith("function ")]
    for name in sorted({name.removeprefix("function ") for name in called}, key=lambda name: _row(picture, name)):
        picture.nodes[f"function {name}"] = Node(1, "function", name)
        for action, resource in state.statements(f"{state.stem}-{name}"):
            if action in REACHED:
                picture.arrows.add((f"function {name}", f"{REACHED[action]} {state.short(resource)}"))


def _add_pipelines(picture: Picture, definitions: Mapping[str, str]) -> None:
    """The pipelines, and the functions that they call as steps."""
    for kind, definition in definitions.items():
        picture.nodes[f"pipeline {kind}"] = Node(2, "pipeline", kind, "SageMaker pipeline")
        for function in sorted(set(re.findall(r"\$\{(\w+)_arn\}", definition)) - {"role", "kms_key"}):
            name = function.replace("_", "-")
            picture.nodes[f"function {name}"] = Node(3, "function", name, "called as a step")
            picture.arrows.add((f"pipeline {kind}", f"function {name}"))


def _add_queues(picture: Picture, state: State) -> None:
    """The dead-letter queues, and who hears of what comes into them."""
    alarms = {alarm["dimensions"].get("QueueName"): alarm for alarm in state.of("aws_cloudwatch_metric_alarm")}
    for queue in sorted(state.of("aws_sqs_queue"), key=lambda found: str(found["name"]), reverse=True):
        name = state.short(queue["name"])
        note = "what no target took" if name.endswith("events") else "calls that failed to the end"
        picture.nodes[f"queue {name}"] = Node(1, "queue", name, note)
        for topic in alarms[queue["name"]]["alarm_actions"]:
            picture.arrows.add((f"queue {name}", f"topic {state.short(topic)}"))


def draw(picture: Picture) -> str:
    """The picture as SVG, light or dark as the reader's screen is."""
    places = _places(picture.nodes)
    width = MARGIN * 2 + len(HEADS) * BOX[0] + (len(HEADS) - 1) * GAP[0]
    height = max(y for _, y in places.values()) + BOX[1] + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<title>What happens by itself, and what it sets off</title>",
        f"<style>{STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8Z"/></marker></defs>',
        f'<rect class="page" width="{width}" height="{height}"/>',
    ]
    for column, head in enumerate(HEADS):
        parts.append(f'<text class="head" x="{_left(column)}" y="{MARGIN + 10}">{head}</text>')
    parts += [_arrow(places[begin], places[end]) for begin, end in sorted(picture.arrows)]
    parts += [_box(node, *places[name]) for name, node in picture.nodes.items()]
    return "\n".join([*parts, "</svg>", ""])


def _places(nodes: Mapping[str, Node]) -> dict[str, tuple[int, int]]:
    """Where each box stands: the columns share the height of the longest."""
    columns = [[name for name, node in nodes.items() if node.column == column] for column in range(len(HEADS))]
    most, top = max(len(names) for names in columns), MARGIN * 2
    places = {}
    for column, names in enumerate(columns):
        stride = (BOX[1] + GAP[1]) * most / max(len(names), 1)
        for row, name in enumerate(names):
            places[name] = (_left(column), round(top + stride * row + (stride - BOX[1] - GAP[1]) / 2))
    return places


def _left(column: int) -> int:
    return MARGIN + column * (BOX[0] + GAP[0])


def _arrow(begin: tuple[int, int], end: tuple[int, int]) -> str:
    x1, y1, x2, y2 = begin[0] + BOX[0], begin[1] + BOX[1] // 2, end[0], end[1] + BOX[1] // 2
    middle = (x1 + x2) // 2
    return f'<path d="M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}" marker-end="url(#tip)"/>'


def _box(node: Node, x: int, y: int) -> str:
    line = y + (18 if node.note else 27)
    words = f'<text x="{x + 10}" y="{line}">{escape(node.title)}</text>'
    if node.note:
        words += f'<text class="note" x="{x + 10}" y="{y + 35}">{escape(node.note)}</text>'
    return f'<rect class="{node.kind}" x="{x}" y="{y}" width="{BOX[0]}" height="{BOX[1]}" rx="6"/>{words}'


def _in_words(pattern: Mapping[str, Any], state: State) -> str:
    """What a rule waits for, on one line."""
    detail = pattern.get("detail", {})
    if pattern["source"] == ["aws.s3"]:
        keys = [key["prefix"] for key in detail["object"]["key"]]
        return "S3: " + ", ".join(key.removeprefix("data/") for key in keys)
    if "ModelApprovalStatus" in detail:
        return f"a version is {detail['ModelApprovalStatus'][0]}"
    if "stepName" in detail:
        return f"{state.short(detail['pipelineArn'][0])}: {detail['stepName'][0]} {detail['currentStepStatus'][0]}"
    for key, what in (("currentStepStatus", "a step"), ("currentPipelineExecutionStatus", "an execution")):
        if key in detail:
            return f"{what} {detail[key][0]}"
    return f"the project: {pattern['detail-type'][0]}"


def _order(rule: Mapping[str, Any]) -> tuple[str, bool, str, str]:
    """What starts something stands above what tells of something."""
    pattern = json.loads(rule["event_pattern"])
    return (pattern["source"][0], "stepName" not in pattern["detail"], pattern["detail-type"][0], rule["name"])


def _row(picture: Picture, function: str) -> int:
    """The first row from which a function is called."""
    rows = list(picture.nodes)
    return min(rows.index(begin) for begin, called in picture.arrows if called == f"function {function}")


def _resources(module: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _resources(child)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def main() -> None:
    """Write the picture, or look whether it is up to date."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("state", type=Path, help="what `terraform show -json` printed")
    parser.add_argument("definitions", type=Path, help="the folder that `mlops compile` wrote")
    parser.add_argument("--check", action="store_true", help="change nothing")
    arguments = parser.parse_args()
    state = State(json.loads(arguments.state.read_text(encoding="utf-8")))
    drawn = draw(picture_of(state, read_definitions(arguments.definitions)))
    if not arguments.check:
        PICTURE.write_text(drawn, encoding="utf-8", newline="\n")
    elif PICTURE.read_text(encoding="utf-8") != drawn:
        sys.exit("docs/architecture.svg is not what is applied: draw it again, docs/draw_architecture.py says how")


def read_definitions(folder: Path) -> dict[str, str]:
    """The compiled pipelines in a folder, training first."""
    paths = {path.stem: path for path in folder.glob("*.json")}
    return {kind: paths[kind].read_text(encoding="utf-8") for kind in ("training", "training-hpo", "inference")}


if __name__ == "__main__":
    main()
