"""`mlops data FILE.csv` imports a team's file unchanged, proposes a contract, or changes nothing."""

import csv
import re
from dataclasses import replace

import pytest

from contracts import contract_of, files_in, proposal_for, proposed, put
from mlops_jobs.contract import Column, load_contract
from mlops_jobs.errors import ContractError, DataError, UserError
from mlops_jobs.judging_rules import Gate
from mlops_jobs.metric_names import Metric
from mlops_jobs.split_rule import SplitRule
from mlops_kit.cli import main as command
from mlops_kit.data.import_data import Place
from mlops_kit.data.import_data import import_file as import_file_of
from mlops_kit.data.sample import sample_table, write_csv
from mlops_kit.data.schema_inference import Wishes
from mlops_kit.data.together import changed_together, replace_together

FILES = ("training-data.csv", "inference-data.csv", "ground-truth.csv")
NOTES = ('"dry, sunny"', "", "wet")
HOUSES = "id,area,heating,note,price\n" + "".join(
    f"h{row},{row * 1.5},{'gas' if row % 2 else 'wood'},{NOTES[row % 3]},{row * 2 + 0.5}\n" for row in range(100)
)


@pytest.fixture
def place(tmp_path):
    """A project folder with a contract and data."""
    put(tmp_path / "dataset.yaml", contract_of("prices").to_yaml())
    for name in FILES:
        put(tmp_path / "data" / name, "as it was\n")
    return tmp_path


def import_file(place, content, *more):
    path = put(place / "own.csv", content)
    folders = ["--contract", str(place / "dataset.yaml"), "--data", str(place / "data")]
    command.main(["data", str(path), *folders, *more])


def rows_of(path, delimiter=","):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))


def unchanged(place):
    return all((place / "data" / name).read_text(encoding="utf-8") == "as it was\n" for name in FILES)


def test_a_file_that_fits_is_split_without_losing_a_row(place, own_contract):
    for contract in (own_contract, contract_of("prices")):
        put(place / "dataset.yaml", contract.to_yaml())
        write_csv(contract, sample_table(contract, 300, seed=3), place / "own.csv")
        rows = rows_of(place / "own.csv", contract.delimiter)
        import_file(place, b"\xef\xbb\xbf" + (place / "own.csv").read_bytes())
        training, inference, labels = (rows_of(place / "data" / name, contract.delimiter) for name in FILES)
        if contract.header:
            assert rows.pop(0) == training.pop(0)
            assert tuple(inference.pop(0)) == contract.file_columns(labelled=False)
            assert tuple(labels.pop(0)) == contract.label_columns
        names = contract.file_columns(labelled=True)
        at, of = names.index(contract.target), contract.label_columns.index(contract.target)
        rejoined = [[*row[:at], label[of], *row[at:]] for row, label in zip(inference, labels, strict=True)]
        assert sorted(training + rejoined) == sorted(rows)
        assert 30 < len(inference) < 90
        assert load_contract(place / "dataset.yaml") == contract


def test_for_a_file_that_does_not_fit_a_contract_is_proposed_and_accepted(place, capsys):
    import_file(place, HOUSES, "--target", "price", "--id", "id", "--accept")
    contract = load_contract(place / "dataset.yaml")
    roles = {column.name: column.role for column in contract.columns}
    assert roles == {"id": "id", "area": "numeric", "heating": "categorical", "note": "categorical", "price": "target"}
    assert (contract.problem_type, contract.header, contract.delimiter) == ("regression", True, ",")
    assert contract.metric == "mae"
    assert contract.threshold == 47.5  # a twentieth less than the mean distance from the median
    output = capsys.readouterr().out
    assert "does not fit the contract: the contract predicts 'price in $' and not 'price'" in output
    assert "A contract that fits it" in output
    assert not (place / "dataset.proposed.yaml").exists()
    assert len(rows_of(place / "data" / "training-data.csv")) + len(rows_of(place / "data" / "ground-truth.csv")) == 102


def test_a_proposal_that_is_not_accepted_is_kept_and_changes_nothing(place):
    with pytest.raises(UserError, match=r"was not accepted and nothing else changed; .* --accept \(make: ACCEPT=yes\)"):
        import_file(place, HOUSES, "--target", "price")
    assert unchanged(place)
    assert load_contract(place / "dataset.yaml") == contract_of("prices")
    assert load_contract(place / "dataset.proposed.yaml").target == "price"


def test_a_user_at_a_terminal_is_asked(place, monkeypatch):
    answers = iter(["price", "", "y"])
    questions = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: questions.append(question) or next(answers))
    import_file(place, HOUSES)
    assert [question.split()[0] for question in questions] == ["Which", "Which", "Make"]
    assert load_contract(place / "dataset.yaml").id == "id"


def test_a_different_id_leads_to_a_new_contract(place, capsys):
    contract = contract_of("prices")
    write_csv(contract, sample_table(contract, 60, seed=3), place / "own.csv")
    import_file(place, (place / "own.csv").read_bytes(), "--target", "price in $", "--id", "", "--accept")
    assert "the contract's id is 'flat' and not 'none'" in capsys.readouterr().out
    assert load_contract(place / "dataset.yaml").id is None
    assert load_contract(place / "dataset.yaml").threshold == contract.threshold


TARGETS = {
    "two words": (["yes", "no"], "binary", "roc_auc", 0.55),
    "two numbers": (["0", "1"], "binary", "roc_auc", 0.55),
    "words": (["s", "m", "l", "l"], "multiclass", "f1_macro", 0.3),
    "few integers": (["1", "2", "3", "4"], "multiclass", "f1_macro", 0.19),
    "fractions": (["1.5", "2.5", "3.5", "4.5"], "regression", "mae", 0.95),
    "a constant fraction and more": (["1.5", "1.5", "1.5", "2.5", "3"], "regression", "mae", 0.475),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_the_problem_type_depends_on_the_target(tmp_path, kind):
    texts, problem_type, metric, threshold = TARGETS[kind]
    path = put(tmp_path / "own.csv", "x\ty\n" + "".join(f"{row / 7}\t{texts[row % len(texts)]}\n" for row in range(60)))
    proposal = proposed(path, contract_of("prices"), "y")
    assert (proposal.problem_type, proposal.metric, proposal.delimiter) == (problem_type, metric, "\t")
    assert proposal.threshold == pytest.approx(threshold, abs=0.002)


@pytest.mark.parametrize(
    ("name", "metric", "threshold"),
    [
        ("prices", "rmse", 1.062),
        ("prices", "mse", 1.125),
        ("prices", "r2", 0.1),
        ("churn", "log_loss", 0.6585),
        ("churn", "roc_auc", 0.55),
    ],
)
def test_the_projects_metric_is_kept_if_it_fits_and_its_threshold_is_a_little_better_than_guessing(
    tmp_path, name, metric, threshold
):
    texts = ["1.5", "2.5", "3.5", "4.5"] if name == "prices" else ["a", "b"]
    path = put(tmp_path / "own.csv", "x,y\n" + "".join(f"{row / 7},{texts[row % len(texts)]}\n" for row in range(40)))
    proposal = proposed(path, replace(contract_of(name), metric=metric), "y")
    assert (proposal.metric, proposal.threshold) == (metric, pytest.approx(threshold, abs=0.001))


def test_a_file_without_header_gets_names_for_its_columns(place):
    import_file(place, "".join(f"{row},{row % 5},a\n" for row in range(60)), "--target", "column_2", "--accept")
    contract = load_contract(place / "dataset.yaml")
    assert not contract.header
    assert [column.name for column in contract.columns] == ["column_1", "column_2", "column_3"]
    assert rows_of(place / "data" / "training-data.csv")[0] == ["0", "0", "a"]


def test_free_text_and_empty_columns_are_ignored(tmp_path):
    rows = "".join(f"text {row},,{row},{row}\n" for row in range(1200))
    proposal = proposed(put(tmp_path / "own.csv", "a,b,c,y\n" + rows), contract_of("prices"), "y")
    assert [column.role for column in proposal.columns] == ["ignored", "ignored", "numeric", "target"]


def proposal_on(folder, roles, columns, target="y", **more):
    """What is proposed for columns, given as texts by row number, where the contract declares roles."""
    declared = tuple(Column(name, role) for name, role in roles.items())
    contract = replace(contract_of("prices"), delimiter=",", columns=declared, **more)
    rows = "".join(",".join(text(row) for text in columns.values()) + "\n" for row in range(60))
    path = put(folder / "own.csv", f"{','.join(columns)}\n{rows}")
    proposal = proposal_for(path, contract, Wishes(target=target))
    return {column.name: column.role for column in proposal.contract.columns}, proposal


JUDGED = {
    "own_metrics": (Metric("cost", lower_is_better=True, is_own=True),),
    "metric": "cost",
    "threshold": -2.5,
    "gates": (Gate("mae", threshold=3.0), Gate("mae", by="word", max_gap=0.5), Gate("cost", by="gone", max_gap=0.5)),
}


def test_a_proposal_keeps_own_metrics_and_the_gates_whose_columns_are_there(tmp_path):
    roles = {"word": "categorical", "gone": "categorical", "x": "numeric", "y": "target"}
    columns = {"word": lambda row: "ab"[row % 2], "x": str, "y": lambda row: str(row / 7)}
    _, proposal = proposal_on(tmp_path, roles, columns, **JUDGED)
    contract = proposal.contract
    assert (contract.metric, contract.threshold, contract.own_metrics) == ("cost", -2.5, JUDGED["own_metrics"])
    assert contract.gates == JUDGED["gates"][:2]
    assert any(note.startswith("gates of the contract: left out what does not fit") for note in proposal.notes)


def test_a_proposal_for_another_target_has_a_metric_that_needs_no_function(tmp_path):
    roles = {"word": "categorical", "gone": "categorical", "x": "numeric", "y": "target"}
    columns = {"word": lambda row: "ab"[row % 2], "x": str, "z": lambda row: str(row / 7)}
    _, proposal = proposal_on(tmp_path, roles, columns, target="z", **JUDGED)
    contract = proposal.contract
    assert (contract.metric, contract.own_metrics, contract.gates) == ("rmse", (), ())
    assert any(note.startswith("own_metrics of the contract and gates of the contract") for note in proposal.notes)


def test_a_proposal_keeps_what_training_follows_and_names_what_no_longer_fits(tmp_path):
    rows = "".join(f"{'ab'[row % 2]},{row},{'no' if row % 3 else 'yes'}\n" for row in range(60))
    path = put(tmp_path / "own.csv", f"word,x,y\n{rows}")
    columns = (
        Column("word", "numeric", monotone="increasing"),
        Column("x", "numeric", monotone="decreasing"),
        Column("y", "target"),
    )
    weights = (("yes", 2.0),)
    current = replace(contract_of("churn"), header=True, columns=columns, positive_class="yes", class_weights=weights)
    same, other = (proposal_for(path, current, Wishes(target=name)) for name in ("y", "word"))
    assert same.contract.class_weights == weights
    assert {column.name: column.monotone for column in same.contract.columns} == {
        "word": None,
        "x": "decreasing",
        "y": None,
    }
    assert any(note.startswith("monotone of the contract: left out what does not fit") for note in same.notes)
    assert other.contract.class_weights is None
    assert other.contract.directions is None
    assert any(note.startswith("class_weights of the contract and monotone of the contract") for note in other.notes)


ROLES = {"late": "ignored", "code": "categorical", "zip": "numeric", "word": "numeric", "x": "numeric", "y": "target"}
CELLS = {
    "late": lambda row: str(row) if row else "unknown",
    "code": lambda row: str(row % 4),
    "zip": lambda row: f"0{row % 7}0",
    "word": lambda row: "ab"[row % 2],
    "x": lambda row: f"{row}.5",
    "new": lambda row: f"{row}.25",
    "y": lambda row: f"{row * 3}.5",
}


def test_a_proposal_keeps_the_roles_of_the_contract_that_fit_and_says_so(tmp_path):
    roles, proposal = proposal_on(tmp_path, ROLES, CELLS)
    assert roles == ROLES | {"word": "categorical", "new": "numeric"}
    assert "unknown" not in proposal.contract.missing, "of an ignored column, no text is a mark"
    kept = "keeps the role {} of the contract before; by its cells it would be {}"
    assert list(proposal.notes)[1:] == [
        f"column 'late' {kept.format('ignored', 'numeric')}",
        f"column 'code' {kept.format('categorical', 'numeric')}",
        f"column 'zip' {kept.format('numeric', 'categorical')}",
        "column 'word' had the role numeric in the contract before, which its cells no longer fit: it is categorical "
        "now",
    ]


def test_a_proposal_keeps_a_column_ignored_whose_cells_it_would_refuse(tmp_path):
    columns = {"paid": lambda row: f"${row}", "x": CELLS["x"], "y": CELLS["y"]}
    roles, _ = proposal_on(tmp_path, {"paid": "ignored", "x": "numeric", "y": "target"}, columns)
    assert roles["paid"] == "ignored"
    with pytest.raises(DataError, match="'paid': 60 cells have '\\$' beside the number"):
        proposal_on(tmp_path, {"x": "numeric", "y": "target"}, columns)


@pytest.mark.parametrize(("texts", "role"), [(1_500, "categorical"), (10_001, "ignored")])
@pytest.mark.parametrize("header", [True, False])
def test_a_proposal_keeps_as_many_categories_as_the_jobs_take(tmp_path, texts, role, header):
    names = ("code", "x", "y") if header else ("column_1", "column_2", "column_3")
    declared = tuple(map(Column, names, ("categorical", "numeric", "target")))
    contract = replace(contract_of("prices"), delimiter=",", header=header, columns=declared)
    rows = "".join(f"c{row},{row}.5,{row % 90}.5,{row}.5\n" for row in range(texts))
    path = put(tmp_path / "own.csv", f"{'code,x,y,new' if header else ''}\n".lstrip() + rows)
    proposal = proposal_for(path, contract, Wishes(target=names[2], header=header))
    assert proposal.contract.columns[0].role == role
    assert ("keeps the role" in proposal.notes[-1]) == (role == "categorical")


def test_for_another_target_the_roles_follow_from_the_cells(tmp_path):
    roles, proposal = proposal_on(tmp_path, ROLES, CELLS, target="new")
    assert (roles["late"], roles["code"], roles["zip"]) == ("numeric", "numeric", "categorical")
    assert not [note for note in proposal.notes if "contract before" in note]


@pytest.mark.parametrize(
    ("date", "form"),
    [
        (lambda row: f"2024-01-{row % 28 + 1:02d}", None),
        (lambda row: f"2024-01-01 10:{row:02d}:00", None),
        (lambda row: f"{row % 28 + 1}.1.2024", "%d.%m.%Y"),
        (lambda row: f"1/{row % 28 + 1}/2024" if row else "", "%m/%d/%Y"),
    ],
)
def test_a_column_of_dates_is_proposed_with_its_form_and_the_split_by_time(tmp_path, date, form):
    columns = {"day": date, "x": CELLS["x"], "y": CELLS["y"]}
    _, proposal = proposal_on(tmp_path, {"y": "target", "x": "numeric"}, columns)
    [note] = [note for note in proposal.notes if "holds dates" in note]
    example, written = date(0) or date(1), form or "ISO 8601"
    assert note.startswith(f"column 'day' holds dates, such as {example!r}, in the form {written}: datetime")
    assert ("set split: {by: time, column: 'day'}" in note) == bool(date(0)), "a split needs the time of every row"
    day = proposal.contract.columns[0]
    assert (day.role, day.format) == ("datetime", form)
    assert day.parts == (("days", "month", "weekday", "hour") if ":" in example else ())
    by_time = SplitRule("time", "day")
    _, again = proposal_on(tmp_path, {"day": "numeric", "y": "target", "x": "numeric"}, columns, split=by_time)
    [note] = [note for note in again.notes if "holds dates" in note]
    assert "set split" not in note


def test_a_form_of_dates_that_the_team_chose_is_kept(tmp_path):
    columns = {"day": lambda row: f"{row % 9 + 1}/{row % 12 + 1}/2024", "x": CELLS["x"], "y": CELLS["y"]}
    day = Column("day", "datetime", format="%m/%d/%Y", parts=("month",))
    contract = replace(contract_of("prices"), delimiter=",", columns=(Column("y", "target"), day))
    rows = "".join(",".join(text(row) for text in columns.values()) + "\n" for row in range(60))
    proposal = proposal_for(put(tmp_path / "own.csv", f"day,x,y\n{rows}"), contract, Wishes(target="y"))
    assert proposal.contract.columns[0] == day
    assert not [note for note in proposal.notes if "'day'" in note]


def test_where_day_and_month_may_be_either_the_user_is_asked(tmp_path):
    columns = {"day": lambda row: f"{row % 9 + 1}/{row % 12 + 1}/2024", "x": CELLS["x"], "y": CELLS["y"]}
    roles, proposal = proposal_on(tmp_path, {"y": "target", "x": "numeric"}, columns)
    assert roles["day"] == "ignored"
    [note] = [note for note in proposal.notes if "'day'" in note]
    assert "such as '1/1/2024': say which (--format '%d/%m/%Y' or '%m/%d/%Y'; make: FORMAT='%d/%m/%Y')" in note
    wishes = Wishes(target="y", format="%m/%d/%Y")
    contract = replace(contract_of("prices"), delimiter=",")
    chosen = proposal_for(tmp_path / "own.csv", contract, wishes).contract.columns[0]
    assert chosen == Column("day", "datetime", format="%m/%d/%Y")
    with pytest.raises(DataError, match="the format '%q' cannot be read, and %q is not read"):
        proposal_for(tmp_path / "own.csv", contract, Wishes(target="y", format="%q"))


def test_dates_that_are_not_all_in_one_form_are_named_with_the_others(tmp_path):
    day = lambda row: f"2024-01-{row % 28 + 1:02d}" if row % 9 else "soon"  # noqa: E731
    columns = {"day": day, "x": CELLS["x"], "y": CELLS["y"]}
    _, proposal = proposal_on(tmp_path, {"y": "target", "x": "numeric"}, columns)
    [note] = [note for note in proposal.notes if "holds dates" in note]
    assert "that are not all in one form (most cells hold " in note
    assert "); other cells are 'soon' (7, first in row 1): write them alike" in note


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ({20: "31.02.2024"}, "other cells are '31.02.2024' (1, first in row 21): write"),
        ({0: "2024-02-31"}, "other cells are '2024-02-31' (1, first in row 1): write"),
        (
            {2: "1.2.24", 3: "1.2.24", 4: "May", 5: "?!", 6: "!?"},
            "'1.2.24' (2, first in row 3), 'May' (1, first in row",
        ),
        ({2: "a!", 3: "b!", 4: "c!", 5: "d!"}, "'c!' (1, first in row 5) and 1 other text: write"),
    ],
)
def test_a_cell_that_does_not_fit_the_form_of_most_dates_is_named_with_its_row(tmp_path, bad, named):
    columns = {"day": lambda row: bad.get(row, f"2024-01-{row % 28 + 1:02d}"), "x": CELLS["x"], "y": CELLS["y"]}
    _, proposal = proposal_on(tmp_path, {"y": "target", "x": "numeric"}, columns)
    [note] = [note for note in proposal.notes if "holds dates, such as '2024-01-0" in note]
    assert named in note


def test_a_date_of_another_form_behind_a_thousand_others_is_left_to_preprocessing(tmp_path):
    days = [f"{1900 + row // 28}-01-{row % 28 + 1:02d}" for row in range(1200)]
    rows = "".join(f"{day},{row},{row % 7}\n" for row, day in enumerate([*days, "31.02.2024"]))
    contract = replace(contract_of("prices"), delimiter=",")
    proposal = proposal_for(put(tmp_path / "own.csv", f"day,x,y\n{rows}"), contract, Wishes(target="y"))
    [note] = [note for note in proposal.notes if "holds dates" in note]
    assert "; the first 1000 texts do: preprocessing names the row of another one in a datetime column: " in note


@pytest.mark.parametrize(
    ("texts", "role"),
    [*((text, "boolean") for text in ("yes no", "True False", "T F")), ("1 0", "numeric"), ("a no", "categorical")],
)
def test_truth_values_are_proposed_as_such(tmp_path, texts, role):
    columns = {"paid": lambda row: texts.split()[row % 2] if row else "", "x": CELLS["x"], "y": CELLS["y"]}
    roles, _ = proposal_on(tmp_path, {"y": "target", "x": "numeric"}, columns)
    assert roles["paid"] == role


def test_free_text_is_ignored_with_its_cells_named(tmp_path):
    columns = {"note": lambda row: f"a remark on row {row // 2 if row < 4 else row}", "x": CELLS["x"], "y": CELLS["y"]}
    _, proposal = proposal_on(tmp_path, {"y": "target", "x": "numeric"}, columns)
    assert proposal.notes[-1] == (
        "column 'note' is ignored: text that hardly repeats (58 texts in 60 cells), free text, such as "
        "'a remark on row 0' (2, first in row 1), 'a remark on row 1' (2, first in row 3)"
    )


@pytest.mark.parametrize(
    ("roles", "columns", "found"),
    [
        ({"n": "id", "y": "target"}, ("n", "id"), "n"),
        ({"id": "numeric", "y": "target"}, ("id",), None),
        ({"y": "target"}, ("id",), "id"),
    ],
    ids=["its own id", "a role of its own", "no word on it"],
)
def test_what_the_contract_says_of_an_id_is_kept(tmp_path, roles, columns, found):
    cells = dict.fromkeys(columns, str) | {"x": CELLS["x"], "y": CELLS["y"]}
    _, proposal = proposal_on(tmp_path, roles, cells)
    assert proposal.contract.id == found


def test_a_constant_column_is_named(tmp_path):
    columns = {"a": lambda _: "same", "b": lambda row: "1" if row else "", "x": CELLS["x"], "y": CELLS["y"]}
    _, proposal = proposal_on(tmp_path, {"y": "target", "x": "numeric"}, columns)
    notes = [note for note in proposal.notes if "in every row" in note]
    assert notes == ["column 'a' holds 'same' in every row, so no model can learn from it: give it the role ignored"]
    _, proposal = proposal_on(tmp_path, {"y": "target", "x": "numeric", "a": "ignored"}, columns)
    assert not [note for note in proposal.notes if "in every row" in note]


def test_an_accepted_proposal_says_where_the_old_name_of_the_data_set_is(tmp_path, capsys):
    contract = put(tmp_path / "config" / "dataset.yaml", contract_of("prices").to_yaml())
    path = put(tmp_path / "own.csv", HOUSES)
    put(tmp_path / "README.md", "Predicts for the prices dataset.")
    command.main(
        ["data", str(path), "--contract", str(contract), "--data", str(tmp_path), "--target", "price", "--accept"]
    )
    line = f"README.md and `dataset:` in {contract} still name the data set 'prices'; if this is another one"
    assert capsys.readouterr().out.splitlines()[-1].startswith(line)
    command.main(["data", str(path), "--contract", str(contract), "--data", str(tmp_path)])
    assert "the data set" not in capsys.readouterr().out


UNUSABLE = {
    "an empty file": ("", (), "is empty; give a file with rows"),
    "an empty line first": ("\n" + HOUSES, ("--target", "price"), "is empty or begins with an empty line"),
    "no target named": (HOUSES, (), "no column to predict was named; name one of id, area, heating, note, price"),
    "a missing target column": (HOUSES, ("--target", "cost"), "there is no column 'cost'; name one of"),
    "a missing id column": (HOUSES, ("--target", "price", "--id", "nr"), "there is no column 'nr'; name one of"),
    "a target without values": ("a,y\n1,\n2,\n", ("--target", "y"), "the column 'y' to predict is empty in every row"),
    "a missing target": (HOUSES + "h200,1,gas,,\n", ("--target", "price"), "column 'price': the target is missing"),
    "a row with too few cells": (HOUSES + "h200,1,gas\n", ("--target", "price"), "has 3 cells and not 5"),
    "bytes that are not UTF-8": (
        HOUSES.encode() * 9 + b"x,1,\xff,,\n",
        ("--target", "price"),
        "line 910 is not UTF-8 (in Windows-1252 it reads 'x,1,ÿ,,'); save the file in UTF-8 (iconv -f WINDOWS-1252",
    ),
    "UTF-16": (
        HOUSES.encode("utf-16"),
        ("--target", "price"),
        "is not UTF-8 but UTF-16; save the file in UTF-8 (iconv",
    ),
    "a header cell without a name": (
        ",area,price\n0,1,2\n",
        ("--target", "price"),
        "column 1 has no name in the header",
    ),
    "a name twice": ("area,area,price\n0,1,2\n", ("--target", "price"), "column 'area' occurs twice in the header"),
}


@pytest.mark.parametrize("fault", UNUSABLE)
def test_a_file_that_cannot_be_used_leaves_the_data_unchanged(place, fault):
    content, more, sentence = UNUSABLE[fault]
    with pytest.raises(UserError, match=re.escape(sentence)):
        import_file(place, content, *more, "--accept")
    assert unchanged(place)
    assert {path.name for path in files_in(place)} == {*FILES, "dataset.yaml", "own.csv"}


def test_a_missing_file_is_refused(place):
    with pytest.raises(UserError, match=r"none\.csv: cannot be read \(No such file or directory\); give the path"):
        import_file_of(place / "none.csv", Place(place / "dataset.yaml", place / "data"), Wishes())


def test_column_names_that_the_contract_does_not_allow_are_refused(place):
    with pytest.raises(ContractError, match=r"column 'a\[0\]' must have a name without double quotes, brackets"):
        import_file(place, "a[0],y\n1,2\n", "--target", "y", "--accept")


FIRST_JOB = {
    "too few rows": ("splitting.MIN_ROWS", 20, HOUSES[:400], "rows and the split needs 20; add rows"),
    "too many categories": ("fitting.MAX_CATEGORIES", 1, HOUSES, "column 'heating' holds more than 1 distinct texts"),
    "a column without a number to train with": (
        "fitting.StreamingMedian.result",
        lambda _: None,
        HOUSES,
        "column 'area' holds no number in the training split; fill it, or give it the role ignored",
    ),
}


@pytest.mark.parametrize("fits", [True, False])
@pytest.mark.parametrize("fault", FIRST_JOB)
def test_what_the_first_job_would_refuse_is_refused_before_anything_is_written(place, monkeypatch, fits, fault):
    name, value, content, sentence = FIRST_JOB[fault]
    if name.startswith("fitting"):
        monkeypatch.setattr(f"mlops_jobs.{name}", value)
    if fits:
        put(place / "dataset.yaml", proposed(put(place / "own.csv", HOUSES), contract_of("prices"), "price").to_yaml())
    before = (place / "dataset.yaml").read_bytes()
    with pytest.raises(UserError, match=re.escape(sentence)) as refused:
        import_file(place, content, "--target", "price", "--accept")
    assert str(refused.value).startswith(str(place / "own.csv"))
    assert (place / "dataset.yaml").read_bytes() == before
    assert unchanged(place)


def test_contract_and_data_change_together_or_not_at_all(place):
    (place / "data" / "ground-truth.csv").unlink()
    put(place / "data" / "ground-truth.csv.previous" / "in the way", "")
    put(place / "data" / "ground-truth.csv", "as it was\n")
    with pytest.raises(OSError, match=r"ground-truth\.csv"):
        import_file(place, HOUSES, "--target", "price", "--accept")
    assert unchanged(place)
    assert load_contract(place / "dataset.yaml") == contract_of("prices")
    assert not list(place.rglob("*.partial"))


def test_files_replace_others_together(tmp_path):
    old = put(tmp_path / "old", "1")
    with changed_together() as made:
        made[old] = put(tmp_path / "a.partial", "2")
        made[tmp_path / "new"] = put(tmp_path / "b.partial", "3")
        assert old.read_text(encoding="utf-8") == "1"
    assert {path.name: path.read_text(encoding="utf-8") for path in files_in(tmp_path)} == {"old": "2", "new": "3"}
    with pytest.raises(FileNotFoundError):
        replace_together({old: put(tmp_path / "a", "4"), tmp_path / "new": tmp_path / "lost"})
    (tmp_path / "a").unlink(missing_ok=True)
    assert {path.name: path.read_text(encoding="utf-8") for path in files_in(tmp_path)} == {"old": "2", "new": "3"}
