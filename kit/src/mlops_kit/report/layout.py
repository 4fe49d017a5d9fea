"""A layered layout of an acyclic graph, top to bottom, without overlaps (Sugiyama's method).

The longest path to a node determines its layer. An edge over several layers gets a lane in each, so that no edge runs
under a node. Barycentres determine the order within a layer, and least squares the positions under that order: long
paths weigh most, which makes the main path a straight line. No layer is wider than the widest one has to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Point = tuple[float, float]
Pair = tuple[str, str]

LANE_WIDTH = 14.0
SWEEPS = 9  # an odd number: the last sweep goes down, which places a node under its predecessors
PULL = 100.0  # the weight of a path relative to one a step shorter: only the shorter one moves aside


@dataclass(frozen=True)
class Sizes:
    """The size of all nodes, and the space between them."""

    width: float
    height: float
    gap_x: float
    gap_y: float


@dataclass(frozen=True)
class Layout:
    """Positions of nodes and edges.

    Attributes:
        places: the top left corner of each node.
        routes: the points of each drawn edge, in pairs that enter and leave a layer.
    """

    width: float
    height: float
    places: dict[str, Point]
    routes: dict[Pair, list[Point]]


@dataclass(frozen=True)
class _Slot:
    """A slot in a layer, for a node or for the lane of an edge."""

    name: str
    lane: Pair | None = None


def lay_out(nodes: Sequence[str], edges: Iterable[Pair], sizes: Sizes) -> Layout:
    """Place nodes and edges; leave out edges that others imply, or that would close a cycle."""
    drawn = without_implied(without_cycles(nodes, edges))
    layer_of = _layers(nodes, drawn)
    layers, links = _slots(nodes, drawn, layer_of)
    weights = _weights(nodes, drawn)
    _order(layers, links)
    centres = _centres(layers, links, weights, sizes)
    return _measure(nodes, drawn, layer_of, centres, len(layers), sizes)


def without_cycles(nodes: Sequence[str], edges: Iterable[Pair]) -> list[Pair]:
    """The edges between known nodes, in order, without those that would close a cycle."""
    kept: list[Pair] = []
    for source, target in dict.fromkeys(edges):
        if source in nodes and target in nodes and not _reaches(kept, target, source):
            kept.append((source, target))
    return kept


def without_implied(edges: Sequence[Pair]) -> list[Pair]:
    """The edges without those that a longer path between the same nodes implies."""
    return [edge for edge in edges if not _reaches([other for other in edges if other != edge], *edge)]


def _reaches(edges: Sequence[Pair], start: str, end: str) -> bool:
    seen, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        if here == end:
            return True
        following = [target for source, target in edges if source == here and target not in seen]
        seen.update(following)
        waiting.extend(following)
    return False


def _layers(nodes: Sequence[str], edges: Sequence[Pair]) -> dict[str, int]:
    layer_of = dict.fromkeys(nodes, 0)
    for _ in nodes:  # a longest path has at most as many edges as there are nodes
        for source, target in edges:
            layer_of[target] = max(layer_of[target], layer_of[source] + 1)
    return layer_of


def _weights(nodes: Sequence[str], edges: Sequence[Pair]) -> dict[str, float]:
    """The weight of each node, by the longest path that begins there."""
    reach = dict.fromkeys(nodes, 0)
    for _ in nodes:
        for source, target in edges:
            reach[source] = max(reach[source], reach[target] + 1)
    return {name: PULL ** min(steps, 20) for name, steps in reach.items()}


def _slots(
    nodes: Sequence[str], edges: Sequence[Pair], layer_of: Mapping[str, int]
) -> tuple[list[list[_Slot]], list[tuple[_Slot, _Slot]]]:
    """The slots of each layer, and their links to slots of the next layer."""
    layers: list[list[_Slot]] = [[] for _ in range(max(layer_of.values(), default=-1) + 1)]
    for name in nodes:
        layers[layer_of[name]].append(_Slot(name))
    links = []
    for source, target in edges:
        here = _Slot(source)
        for layer in range(layer_of[source] + 1, layer_of[target]):
            lane = _Slot(f"{source} {target} {layer}", (source, target))
            layers[layer].append(lane)
            links.append((here, lane))
            here = lane
        links.append((here, _Slot(target)))
    return layers, links


def _order(layers: list[list[_Slot]], links: Sequence[tuple[_Slot, _Slot]]) -> None:
    """Sort each layer by the mean position of its neighbours, sweeping down and up, to reduce crossings."""
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for layer, fixed in _neighbours(layers, down):
            position = {slot: index for index, slot in enumerate(fixed)}
            middle = {}
            for index, slot in enumerate(layer):
                linked = [position[other] for other in _linked(slot, links, position)]
                middle[slot] = sum(linked) / len(linked) if linked else float(index)
            layer.sort(key=lambda slot: middle[slot])


def _neighbours(layers: list[list[_Slot]], down: bool) -> list[tuple[list[_Slot], list[_Slot]]]:
    """Each layer with its predecessor, in the direction of a sweep."""
    ordered = layers if down else layers[::-1]
    return list(zip(ordered[1:], ordered, strict=False))


def _linked(slot: _Slot, links: Sequence[tuple[_Slot, _Slot]], among: Mapping[_Slot, float]) -> list[_Slot]:
    ends = [target if source == slot else source for source, target in links if slot in (source, target)]
    return [end for end in ends if end in among]


def _centres(
    layers: list[list[_Slot]],
    links: Sequence[tuple[_Slot, _Slot]],
    weights: Mapping[str, float],
    sizes: Sizes,
) -> dict[_Slot, float]:
    """The x of each slot's middle: near its neighbours, in order, within the width of the widest layer."""
    rooms = {id(layer): _Room.of(layer, sizes) for layer in layers}
    width = max((room.width for room in rooms.values()), default=0.0)
    centres = {slot: centre for layer in layers for slot, centre in zip(layer, rooms[id(layer)].centres, strict=True)}
    for sweep in range(SWEEPS):
        for layer, fixed in _neighbours(layers, down=sweep % 2 == 0):
            among = {slot: centres[slot] for slot in fixed}
            targets = []
            for slot in layer:
                linked = _linked(slot, links, among)
                pulls = [weights.get(other.name, PULL) for other in linked]
                pulled = sum(pull * among[other] for pull, other in zip(pulls, linked, strict=True))
                targets.append(pulled / sum(pulls) if linked else centres[slot])
            placed = rooms[id(layer)].place(targets, [weights.get(slot.name, PULL) for slot in layer], width)
            centres.update(zip(layer, placed, strict=True))
    return centres


@dataclass(frozen=True)
class _Room:
    """The space that the slots of a layer need.

    Attributes:
        centres: their middles when packed as closely as allowed, from 0 on.
        width: their total width when packed.
    """

    centres: tuple[float, ...]
    width: float

    @staticmethod
    def of(layer: Sequence[_Slot], sizes: Sizes) -> _Room:
        """Measure a layer."""
        centres, right = [], -sizes.gap_x
        for slot in layer:
            width = LANE_WIDTH if slot.lane else sizes.width
            centres.append(right + sizes.gap_x + width / 2)
            right += sizes.gap_x + width
        return _Room(tuple(centres), max(right, 0.0))

    def place(self, targets: Sequence[float], weights: Sequence[float], width: float) -> list[float]:
        """The middles nearest to the targets, in order, apart, within a width: weighted isotonic regression."""
        blocks: list[tuple[float, float, int]] = []  # mean shift from the packed position, weight, number of slots
        for target, weight, packed in zip(targets, weights, self.centres, strict=True):
            block = (target - packed, weight, 1)
            while blocks and blocks[-1][0] > block[0]:
                mean, heavy, many = blocks.pop()
                both = heavy + block[1]
                block = ((mean * heavy + block[0] * block[1]) / both, both, many + block[2])
            blocks.append(block)
        shifts = [min(max(mean, 0.0), width - self.width) for mean, _, many in blocks for _ in range(many)]
        return [packed + shift for packed, shift in zip(self.centres, shifts, strict=True)]


def _measure(
    nodes: Sequence[str],
    edges: Sequence[Pair],
    layer_of: Mapping[str, int],
    centres: Mapping[_Slot, float],
    layers: int,
    sizes: Sizes,
) -> Layout:
    """Turn layers and middles into points."""
    top = [layer * (sizes.height + sizes.gap_y) for layer in range(layers)]
    places = {name: (centres[_Slot(name)] - sizes.width / 2, top[layer_of[name]]) for name in nodes}
    routes = {}
    for source, target in edges:
        points = [(centres[_Slot(source)], top[layer_of[source]] + sizes.height)]
        for layer in range(layer_of[source] + 1, layer_of[target]):
            x = centres[_Slot(f"{source} {target} {layer}", (source, target))]
            points += [(x, top[layer]), (x, top[layer] + sizes.height)]
        routes[source, target] = [*points, (centres[_Slot(target)], top[layer_of[target]])]
    right = max((x + sizes.width for x, _ in places.values()), default=0.0)
    lanes = max((x + LANE_WIDTH / 2 for points in routes.values() for x, _ in points), default=0.0)
    return Layout(max(right, lanes), top[-1] + sizes.height if top else 0.0, places, routes)
