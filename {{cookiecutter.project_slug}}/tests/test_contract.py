from dataclasses import replace

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from mlops_jobs.contract import Column, Contract, load_contract, parse_contract
from mlops_jobs.datetime_format import PARTS
from mlops_jobs.errors import ContractError
from mlops_jobs.metric_names import METRICS_FOR, known_metric
from mlops_jobs.number_text import DECIMALS, THOUSANDS
from support import CONTRACTS, contract_of, own_contract_text

words = st.text(st.characters(max_codepoint=0x2FF, exclude_categories=["Cc"]), min_size=1, max_size=8)
names = words.filter(
    lambda name: name.strip() and not set(name) & set('[]<>"{}') and not name.startswith(("prediction", "prob"))
)


@st.composite
def column(draw, name, role):
    if role != "datetime":
        return Column(name, role)
    parts = draw(st.lists(st.sampled_from(sorted(PARTS)), unique=True))
    return Column(
        name, role, format=draw(st.sampled_from([None, "%d.%m.%Y", "%B %d, %Y %I:%M %p"])), parts=tuple(parts)
    )


@st.composite
def contracts(draw):
    problem_type = draw(st.sampled_from(sorted(METRICS_FOR)))
    metric = draw(st.sampled_from(METRICS_FOR[problem_type]))
    columns = draw(st.lists(names, min_size=3, max_size=6, unique=True))
    roles = ["target", "numeric", draw(st.sampled_from(["id", "categorical"]))]
    others = ["numeric", "categorical", "boolean", "datetime", "ignored"]
    roles += draw(st.lists(st.sampled_from(others), min_size=3, max_size=3))
    return Contract(
        dataset=draw(words),
        problem_type=problem_type,
        header=draw(st.booleans()),
        delimiter=draw(st.sampled_from(",;\t|: ")),
        missing=tuple(draw(st.lists(words | st.just(""), max_size=3))),
        columns=tuple(draw(column(name, role)) for name, role in zip(columns, roles, strict=False)),
        metric=metric,
        threshold=draw(st.floats(0, 1e6).filter(lambda value: known_metric(metric).in_range(value))),
        positive_class=draw(st.none() | words) if problem_type == "binary" else None,
        decimal=(decimal := draw(st.sampled_from(DECIMALS))),
        thousands=draw(st.sampled_from([None, *THOUSANDS]).filter(lambda mark: mark != decimal)),
    )


@settings(max_examples=25)
@given(contract=contracts())
def test_a_contract_survives_being_written_and_read(contract):
    assert parse_contract(contract.to_yaml()) == contract


def test_the_projects_own_contract_is_a_good_one(own_contract, tmp_path):
    path = tmp_path / "dataset.yaml"
    path.write_text(own_contract_text(), encoding="utf-8")
    assert load_contract(path) == own_contract
    assert own_contract.target not in own_contract.features
    whole = {*own_contract.numeric, *own_contract.categorical, *own_contract.booleans}
    parts = {part for column in own_contract.datetimes for part in column.features}
    assert set(own_contract.features) == whole | parts


def test_each_file_has_the_columns_it_needs():
    contract = contract_of("prices")
    assert contract.file_columns(labelled=True) == tuple(column.name for column in contract.columns)
    assert contract.target not in contract.file_columns(labelled=False)
    assert contract.label_columns == (contract.id, contract.target)
    assert contract.baseline_columns == contract.features
    assert "remark" not in contract.labelled_columns
    assert contract_of("churn").id is None


def test_what_training_follows_is_kept():
    raw = yaml.safe_load(CONTRACTS["churn"]) | {"class_weights": {"leaves": 4, "stays": 0.5}}
    raw["columns"][1]["monotone"] = "decreasing"
    contract = parse_contract(yaml.safe_dump(raw))
    assert contract.directions == (-1,)
    assert contract.as_dict()["class_weights"] == {"leaves": 4.0, "stays": 0.5}
    assert parse_contract(contract.to_yaml()) == contract
    assert contract_of("prices").directions is None


def test_what_the_jobs_write_has_one_form_whatever_the_team_uses():
    written = replace(contract_of("churn"), decimal=",", thousands=".").as_written
    assert (written.decimal, written.thousands) == (".", None)
    assert (written.header, written.delimiter, written.missing) == (True, ",", ("",))
    assert replace(written, header=False) == contract_of("churn")


BROKEN = {
    "a metric of another problem type": ({"metric": "f1"}, "metric 'f1' does not fit regression"),
    "a threshold out of range": ({"threshold": -1}, "threshold -1.0 is out of range for mae"),
    "a threshold that is a word": ({"threshold": "low"}, "threshold is 'low'; it must be a number"),
    "an unknown problem type": ({"problem_type": "ranking"}, "problem_type is .*must be one of"),
    "a header that is a word": ({"csv": {"header": "maybe", "delimiter": ",", "missing": []}}, "must be true or false"),
    "a delimiter of two characters": (
        {"csv": {"header": True, "delimiter": ";;", "missing": []}},
        "csv.delimiter is ';;'; it must be one ASCII character",
    ),
    "a delimiter beyond ASCII": (
        {"csv": {"header": True, "delimiter": "\u00a7", "missing": []}},
        "one ASCII character",
    ),
    "a key of csv that nothing reads": (
        {"csv": {"header": True, "delimiter": ";", "missing": [], "decimals": ","}},
        "csv has the key 'decimals', which nothing reads; it may have header, delimiter, missing, decimal, thousands",
    ),
    "a decimal mark that is none": (
        {"csv": {"header": True, "delimiter": ";", "missing": [], "decimal": ";"}},
        "csv.decimal is ';'; it must be '.' or ','",
    ),
    "a thousands mark that is none": (
        {"csv": {"header": True, "delimiter": ";", "missing": [], "thousands": "_"}},
        "csv.thousands is '_'; it must be null or one of ',' '.' \"'\" ' '",
    ),
    "one mark for two purposes": (
        {"csv": {"header": True, "delimiter": ";", "missing": [], "decimal": ",", "thousands": ","}},
        "csv.decimal and csv.thousands are both ','; they must differ",
    ),
    "no delimiter": ({"csv": {"header": True, "missing": []}}, "lacks the key 'delimiter'"),
    "a name that YAML takes for a number": (
        {"columns": [{"name": 1.10, "role": "numeric"}, {"name": "y", "role": "target"}]},
        "the name of a column is 1.1 to YAML; put it in quotes",
    ),
    "missing cells that are no list": (
        {"csv": {"header": True, "delimiter": ",", "missing": "NA"}},
        "csv.missing is 'NA'; it must be a list",
    ),
    "a word that YAML takes for a yes": ({"dataset": True}, "dataset is True to YAML; put it in quotes"),
    "an unknown role": ({"columns": [{"name": "a", "role": "label"}]}, "has the role 'label'"),
    "a name with a bracket": (
        {"columns": [{"name": "a[0]", "role": "numeric"}]},
        "without double quotes, brackets, braces",
    ),
    "a name that the jobs write": ({"columns": [{"name": "prediction", "role": "numeric"}]}, "give it another"),
    "a column twice": ({"columns": [{"name": "a", "role": "numeric"}] * 2}, "is declared 2 times"),
    "no target": ({"columns": [{"name": "a", "role": "numeric"}]}, "0 columns with the role target"),
    "a format of a column that is no date": (
        {"columns": [{"name": "a", "role": "numeric", "format": "%Y"}]},
        "column 'a' has the key format, which only a column with the role datetime has",
    ),
    "a format that ends in a percent sign": (
        {"columns": [{"name": "a", "role": "datetime", "format": "%Y%"}]},
        "has the format '%Y%', and % is not read; it may have %Y, %y",
    ),
    "a format with a day and no month": (
        {"columns": [{"name": "a", "role": "datetime", "format": "%d/%Y"}]},
        "has the format '%d/%Y', and %d stands without what it is a part of",
    ),
    "a format without a year": (
        {"columns": [{"name": "a", "role": "datetime", "format": "%d.%m."}]},
        "has the format '%d.%m.', which has no year",
    ),
    "a letter that no date has": (
        {"columns": [{"name": "a", "role": "datetime", "format": "%Y-%q"}]},
        "has the format '%Y-%q', and %q is not read; it may have %Y, %y",
    ),
    "a part that no date has": (
        {"columns": [{"name": "a", "role": "datetime", "parts": ["moon"]}]},
        "has the part 'moon'; its parts may be days, year, quarter",
    ),
    "a column named as a part of a date": (
        {"columns": [{"name": "a", "role": "datetime"}, {"name": "a.month", "role": "ignored"}]},
        "column 'a.month' has the name of a part of a datetime column",
    ),
    "no columns": ({"columns": []}, "0 columns with the role target"),
    "no feature": ({"columns": [{"name": "a", "role": "target"}]}, "has no feature"),
    "class weights of a regression": (
        {"class_weights": "balanced"},
        "class_weights are for classes, and problem_type is regression; remove them",
    ),
    "class weights in another word": (
        {"class_weights": "equal"},
        "class_weights is 'equal'; it must be balanced, or a mapping of classes to weights",
    ),
    "a class that YAML takes for a yes": ({"class_weights": {True: 2}}, "the class True to YAML; put it in quotes"),
    "a weight of nothing": ({"class_weights": {"a": 0}}, "class_weights.a is 0; it must be a number above 0"),
    "monotone in another word": (
        {"columns": [{"name": "a", "role": "numeric", "monotone": "up"}, {"name": "y", "role": "target"}]},
        "column 'a' has monotone 'up'; it must be increasing or decreasing",
    ),
    "monotone as a list": (
        {"columns": [{"name": "a", "role": "numeric", "monotone": ["up"]}, {"name": "y", "role": "target"}]},
        r"column 'a' has monotone \['up'\]; it must be increasing or decreasing",
    ),
    "a monotone category": (
        {"columns": [{"name": "a", "role": "categorical", "monotone": "increasing"}, {"name": "y", "role": "target"}]},
        "column 'a' has monotone increasing and the role categorical; only a numeric feature can have it",
    ),
    "monotone in several classes": (
        {
            "columns": [{"name": "a", "role": "numeric", "monotone": "increasing"}, {"name": "y", "role": "target"}],
            "problem_type": "multiclass",
            "metric": "accuracy",
            "threshold": 0.5,
        },
        "column 'a' has monotone increasing, and problem_type is multiclass: .* none is the higher one; remove it",
    ),
    "two ids": (
        {"columns": [{"name": name, "role": role} for name, role in (("a", "id"), ("b", "id"), ("c", "target"))]},
        "2 columns with the role id",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_contract_is_refused(fault):
    change, sentence = BROKEN[fault]
    raw = yaml.safe_load(CONTRACTS["prices"]) | change
    with pytest.raises(ContractError, match=sentence):
        parse_contract(yaml.safe_dump(raw))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: [", "is not YAML"),
        ("- a", "must be a mapping"),
        ("a: 1", "has the key 'a', which nothing reads"),
        ("metric: mae", "lacks the key 'csv'"),
    ],
)
def test_a_file_that_is_no_contract_is_refused_with_its_path(tmp_path, text, sentence):
    path = tmp_path / "broken.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError, match=f"broken.yaml: {sentence}"):
        load_contract(path)


def test_an_apostrophe_is_part_of_a_name():
    raw = yaml.safe_load(CONTRACTS["prices"])
    raw["columns"][1]["name"] = "owner's area"
    assert "owner's area" in parse_contract(yaml.safe_dump(raw)).numeric


def test_a_contract_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ContractError, match=r"none\.yaml cannot be read"):
        load_contract(tmp_path / "none.yaml")
