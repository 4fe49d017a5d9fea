"""The graph of an execution's steps as a drawing; each node links to its row in the table of steps."""

from __future__ import annotations

from itertools import pairwise

from mlops_kit.report.elements import Html, html
from mlops_kit.report.layout import Layout, Point, Sizes, lay_out
from mlops_kit.report.statuses import disc
from mlops_kit.runner.record import ExecutionRecord, StepRecord
from mlops_kit.text import step_duration, tone

LETTER = 7.3  # the width of a letter in the monospaced font of the drawing
MIN_LETTERS, MAX_LETTERS = 16, 26  # the letters of a name that fit into a node
PADDING, HEIGHT = 14.0, 50.0
SIZES_BETWEEN = {"gap_x": 14.0, "gap_y": 34.0}
MARGIN = 2.0
TOGGLE = {True: "yes", False: "no"}


def step_id(position: int, name: str, execution: ExecutionRecord) -> str:
    """The anchor of a step's row in the section at a position of the page."""
    return f"execution-{position}-step-{[step.name for step in execution.steps].index(name) + 1}"


def draw_graph(position: int, execution: ExecutionRecord) -> Html:
    """Draw the steps from top to bottom, with an edge from each step to those that wait for it.

    Args:
        position: the position of the execution on the page, from 1.
        execution: the execution.
    """
    letters = max((len(step.name) for step in execution.steps), default=0)
    sizes = Sizes(min(max(letters, MIN_LETTERS), MAX_LETTERS) * LETTER + 2 * PADDING, HEIGHT, **SIZES_BETWEEN)
    layout = lay_out([step.name for step in execution.steps], _edges(execution), sizes)
    by_name = {step.name: step for step in execution.steps}
    edges = [_edge(by_name[source], by_name[target], points) for (source, target), points in layout.routes.items()]
    nodes = [
        _node(step, layout.places[step.name], sizes, step_id(position, step.name, execution))
        for step in by_name.values()
    ]
    return _drawing(layout, html("g", edges, class_="edges"), html("g", nodes, class_="nodes"))


def _edges(execution: ExecutionRecord) -> list[tuple[str, str]]:
    pairs = []
    for step in execution.steps:
        sources = [*step.needs, *([step.branch.condition] if step.branch else [])]
        pairs += [(source, step.name) for source in sources]
    return pairs


def _drawing(layout: Layout, *parts: Html) -> Html:
    width, height = (round(side + 2 * MARGIN, 1) for side in (layout.width, layout.height))
    return html(
        "svg",
        *parts,
        class_="graph",
        viewBox=f"{-MARGIN:g} {-MARGIN:g} {width:g} {height:g}",
        width=width,
        height=height,
        role="group",
        aria_label="Graph of the steps; each links to its row in the table",
    )


def _node(step: StepRecord, corner: Point, sizes: Sizes, anchor: str) -> Html:
    round_ = sizes.height / 2 if step.type == "Condition" else 7
    title = " · ".join(filter(None, (step.name, step.type, step.status, _time(step))))
    parts = [
        html("title", title),
        html("rect", class_="box", width=sizes.width, height=sizes.height, rx=round_),
        html("text", _cropped(step.name), class_="name", x=PADDING, y=21),
        html("g", disc(tone(step.status)), transform=f"translate({PADDING:g} 28.5) scale(0.8125)"),
        html("text", step.type, class_="type", x=PADDING + 18, y=39),
        html("text", _time(step), class_="time", x=sizes.width - PADDING, y=39, text_anchor="end"),
    ]
    x, y = corner
    return html(
        "a",
        parts,
        href=f"#{anchor}",
        class_=f"node {tone(step.status)}" + (" cached" if step.cache_hit else ""),
        transform=f"translate({x:.1f} {y:.1f})",
        data_step=step.name,
    )


def _time(step: StepRecord) -> str:
    if step.type == "Condition" and "Outcome" in step.result:
        return TOGGLE[str(step.result["Outcome"]).lower() == "true"]
    if step.type == "Fail":
        return ""
    return step_duration(step.seconds, step.cache_hit)


def _cropped(name: str) -> str:
    return name if len(name) <= MAX_LETTERS else f"{name[: MAX_LETTERS - 1]}…"


def _edge(source: StepRecord, target: StepRecord, points: list[Point]) -> Html:
    """A line with an arrow; dashed where the execution did not follow it."""
    branch = target.branch if target.branch and target.branch.condition == source.name else None
    x, y = points[-1]
    parts = [
        html("path", d=_curve(points), class_="line"),
        html("path", d=f"M{x - 3.5:.1f} {y - 6:.1f}L{x:.1f} {y - 0.5:.1f}L{x + 3.5:.1f} {y - 6:.1f}", class_="arrow"),
    ]
    if branch:
        side = -1 if points[-2][0] > x + 1 else 1  # the side away from the line
        place = {"x": round(x + 8 * side, 1), "y": round(y - 7, 1), "text_anchor": "start" if side > 0 else "end"}
        parts.append(html("text", TOGGLE[branch.when], class_="branch", **place))
    return html("g", parts, class_="edge untaken" if "Skipped" in (source.status, target.status) else "edge")


def _curve(points: list[Point]) -> str:
    """Straight down through a layer, an S between two layers."""
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for index, ((x0, y0), (x1, y1)) in enumerate(pairwise(points)):
        if index % 2:
            parts.append(f"L{x1:.1f} {y1:.1f}")
        else:
            middle = (y0 + y1) / 2
            parts.append(f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}")
    return "".join(parts)
