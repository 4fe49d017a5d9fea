"""What the path of a row through XGBoost's trees contributes to its prediction, in little more time than predicting.

A split moves the expected value from that of its node to that of the child that a row goes to, and the difference is
the contribution of the split's feature (Saabas 2014, http://blog.datadive.net/interpreting-random-forests/). XGBoost
computes it under the name `approx_contribs`, in three to four times the time of a prediction. But a row's contributions
in a tree depend on its leaf alone, so they can be looked up. The leaves come from XGBoost's own fast prediction: of the
same trees with other values in their leaves, numbers that add up to a code for the leaves of several trees. For each
code a table has the sum of their contributions.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb

MAX_TABLE = 64 * 1024  # numbers of a table: it should stay in a processor's cache
MAX_TABLES = 64 * 1024 * 1024  # numbers of all tables, 256 MB
MAX_CODE = 2**24  # whole numbers below are exact in float32

Tree = dict[str, Any]  # of XGBoost's model in JSON


@dataclass(frozen=True)
class Group:
    """Trees whose leaves one code stands for.

    Attributes:
        output: the class whose score the trees add to; 0 where there are no classes.
        table: the contributions by code; shape (codes, features + 1), the last the common part.
    """

    output: int
    table: np.ndarray


class PathContributions:
    """The contributions of the features to the predictions of a booster.

    Args:
        booster: of trees.
    """

    def __init__(self, booster: xgb.Booster) -> None:
        self._booster = booster
        self._outputs = _outputs(booster)
        self._groups: list[Group] = []
        self._codes: xgb.Booster | None = None
        model = json.loads(booster.save_raw(raw_format="json"))
        if _has_plain_trees(model):
            self._prepare(model, booster.num_features())

    def of(self, features: np.ndarray) -> np.ndarray:
        """The contributions to the predictions of rows.

        Args:
            features: shape (n, features), float32.

        Returns:
            shape (n, features + 1), or (n, classes, features + 1) for several classes, float32.
        """
        if self._codes is None:
            return self._by_xgboost(features)
        codes = self._codes.inplace_predict(features, predict_type="margin").reshape(len(features), -1)
        codes = np.ascontiguousarray(codes.T).astype(np.int32)
        found = np.zeros((self._outputs, len(features), features.shape[1] + 1), np.float32)
        found[..., -1] = self._common[:, np.newaxis]
        for group, code in zip(self._groups, codes, strict=True):
            found[group.output] += group.table.take(code, axis=0)
        return found[0] if self._outputs == 1 else found.transpose(1, 0, 2)

    def _by_xgboost(self, features: np.ndarray) -> np.ndarray:
        """The same by XGBoost, for models whose tables would be large, or that have no plain trees."""
        known = {"feature_names": self._booster.feature_names, "feature_types": self._booster.feature_types}
        rows = xgb.DMatrix(features, enable_categorical=True, **known)
        found: np.ndarray = self._booster.predict(rows, pred_contribs=True, approx_contribs=True)
        return found

    def _prepare(self, model: dict[str, Any], features: int) -> None:
        """Make the tables, and the booster that predicts codes."""
        trees = model["learner"]["gradient_booster"]["model"]
        leaves = [len(_leaves(tree)) for tree in trees["trees"]]
        members = _grouped(leaves, trees["tree_info"], features + 1)
        sizes = [math.prod(leaves[index] for index in group) for group in members]
        if sum(sizes) * (features + 1) > MAX_TABLES or max(sizes) >= MAX_CODE:
            return
        for number, group in enumerate(members):
            table, scale = np.zeros((1, features + 1), np.float32), 1
            for index in group:
                of_tree = _leaf_table(trees["trees"][index], features)
                table = (of_tree[:, np.newaxis] + table[np.newaxis]).reshape(-1, features + 1)
                _number_leaves(trees["trees"][index], scale)
                scale *= len(of_tree)
            self._groups.append(Group(trees["tree_info"][group[0]], table))
            for index in group:
                trees["tree_info"][index] = number
        self._codes = _code_booster(model, len(members))
        row = np.zeros((1, features), np.float32)  # of any row: what it has in common with others is not in the tables
        self._common = np.zeros(self._outputs, np.float32)
        margin = self._booster.inplace_predict(row, predict_type="margin").reshape(-1)
        self._common = margin - self.of(row).reshape(self._outputs, -1).sum(axis=1)


def _outputs(booster: xgb.Booster) -> int:
    """The number of classes with a score each; 1 where a prediction is one number."""
    config = json.loads(booster.save_config())["learner"]["learner_model_param"]
    return max(1, int(config["num_class"]))


def _has_plain_trees(model: dict[str, Any]) -> bool:
    booster = model["learner"]["gradient_booster"]
    if booster["name"] != "gbtree" or not booster["model"]["trees"]:
        return False
    return all(int(tree["tree_param"]["size_leaf_vector"]) <= 1 for tree in booster["model"]["trees"])


def _leaf_table(tree: Tree, features: int) -> np.ndarray:
    """The contributions of each leaf, in the order of the nodes; shape (leaves, features + 1), float32."""
    left, right = tree["left_children"], tree["right_children"]
    cover, means = tree["sum_hessian"], list(tree["split_conditions"])
    order = _from_root(left, right)
    for node in reversed(order):
        if left[node] >= 0:
            low, high = left[node], right[node]
            total = cover[low] + cover[high]
            means[node] = (means[low] * cover[low] + means[high] * cover[high]) / total if total else 0.0
    table = np.zeros((len(left), features + 1))
    table[order[0], -1] = means[order[0]]
    for node in order:
        for child in (left[node], right[node]) if left[node] >= 0 else ():
            table[child] = table[node]
            table[child, tree["split_indices"][node]] += means[child] - means[node]
    return table[_leaves(tree)].astype(np.float32)


def _from_root(left: list[int], right: list[int]) -> list[int]:
    """The nodes of a tree, each after its parent."""
    order = [0]
    for node in order:  # grows meanwhile
        if left[node] >= 0:
            order += [left[node], right[node]]
    return order


def _leaves(tree: Tree) -> list[int]:
    """The leaves of a tree, in the order of the nodes."""
    left = tree["left_children"]
    return [node for node in sorted(_from_root(left, tree["right_children"])) if left[node] < 0]


def _grouped(leaves: list[int], outputs: list[int], width: int) -> list[list[int]]:
    """Trees in groups, all of one output, whose leaves have at most MAX_TABLE numbers together unless there is one."""
    groups: list[list[int]] = []
    open_groups: dict[int, tuple[list[int], int]] = {}
    for index, (count, output) in enumerate(zip(leaves, outputs, strict=True)):
        group, codes = open_groups.get(output, ([], 0))
        if not group or codes * count * width > MAX_TABLE:
            group, codes = [], 1
            groups.append(group)
        group.append(index)
        open_groups[output] = (group, codes * count)
    return groups


def _number_leaves(tree: Tree, scale: int) -> None:
    """Put multiples of `scale` into the leaves in place of their values."""
    for number, node in enumerate(_leaves(tree)):
        tree["split_conditions"][node] = tree["base_weights"][node] = float(number * scale)


def _code_booster(model: dict[str, Any], groups: int) -> xgb.Booster:
    """The booster whose outputs are the codes of the groups."""
    learner = model["learner"]
    learner["learner_model_param"] |= {"num_class": str(groups), "num_target": "1", "base_score": "0E0"}
    learner["objective"] = {"name": "multi:softprob", "softmax_multiclass_param": {"num_class": str(groups)}}
    booster = xgb.Booster()
    booster.load_model(bytearray(json.dumps(model).encode()))
    return booster
