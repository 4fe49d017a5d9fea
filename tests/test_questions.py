"""In both engines, a valid answer produces a project; an invalid one is refused with a sentence and leaves no files."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from cookiecutter.exceptions import FailedHookException
from hypothesis import given, settings
from hypothesis import strategies as st

from support import ENGINES, TREE, Bake, clean_copy, run_cookiecutter

LONGEST_EMAIL = f"{'x' * 64}@y{'y.' * 93}io"

# fmt: off
ACCEPTED: dict[str, list[str]] = {
    "project_name": ["A", "Größe & Alter (v2.0), Küste - Süd_1", "数据", "Yield", "x" * 60],
    "project_slug": ["a1b", "class-1", "x" * 32],
    "dataset_name": ["a", "north-sea_2024", "x" * 32],
    "target_column": ["class", "petal width (cm)", "owner's age", "_x", "体重", "x" * 64, "sex", "length"],
    "numeric_columns": ["", "length,diameter ,  height", "length, sepal length (cm), _hidden, 体重, fat %"],
    "categorical_columns": ["", "sex", "sex, no, null"],
    "id_column": ["", "specimen id"],
    "metric": ["rmse", "mae", "mse"],
    "metric_threshold": ["1", "0.000000001", "123456789.12"],
    "aws_region": ["eu-west-1", "us-gov-west-1", "cn-north-1", "us-isob-east-1", "eusc-de-east-1", "ap-northeast-3"],
    "aws_account_id": ["000000000012", "012345670123", "999999999999"],
    "batch_inference": ["processing", "transform"],
    "triggers": ["s3", "schedule", "both"],
    "notification_email": ["", "a@b.cd", "_ml.team+50%-x@mail-1.example.co.uk", "a@b.xn--p1ai", LONGEST_EMAIL],
    "ci": ["gitlab", "none"],
    "own_image": ["none", "docker"],
}

TITLE = "be 1 to 60 characters long, start with a letter and contain only letters, digits, spaces and _ . , ( ) & -,"
A_SLUG = "for example abalone-rings."
KEBAB_CASE = f"be 3 to 32 characters long and consist of lowercase words joined by single hyphens, {A_SLUG}"
WORDS = "be at most 32 characters long and consist of lowercase words joined by single - or _, for example abalone."
RESERVED = "not be a word reserved by Python, YAML or Windows"
COLUMN = "be a column name of 1 to 64 characters that starts with a letter or _ and contains only letters, digits,"
OF_THE_JOBS = "not be prediction or start with probability_, because the jobs write columns with these names"
TAKEN = "not repeat another column, because each column has one role"
DECIMAL = "be a plain decimal number greater than 0, at most 12 characters long, for example 2.5 for rmse."
UP_TO_1 = "be a plain decimal number greater than 0 and at most 1, at most 12 characters long, for example"
REGION = "be the code of an AWS Region, for example eu-west-1."
ACCOUNT_ID = "be exactly 12 digits, for example 123456789012."
EMAIL = "be a single email address of at most 254 characters, or empty, for example ml-team@example.com."
A_FEATURE = "name at least one column if numeric_columns is empty, for example sex."

REFUSED: list[tuple[str, str, list[str]]] = [
    ("project_name", TITLE, ["", " ", "7 Seas", "-x", "x ", "x" * 61, "x\ny", "x\ty", "x\0y", "x\u2028y"]),
    ("project_name", TITLE, ['a "b"', "it's", "a/b", "a\\b", "<b>", "x: y", "\ud800", "\U0001d49c", "x\n"]),
    ("project_name", TITLE, ["🦪 Oysters", "x 🦪", "{{ 7*7 }}", "x {% raw %}", "{## x", "{# x"]),
    ("project_slug", KEBAB_CASE, ["", "ab", "x" * 33, "x" * 300, "My Proj", "My-Proj", "1st", "-ab", "ab-"]),
    ("project_slug", KEBAB_CASE, ["a--b", "a_b", "abc\n", "größe", "abc\0", "abc.", "{{ 7*7 }}", "a{% b"]),
    ("project_slug", KEBAB_CASE, ["a/b/c", "../x", "..", "/abs", "~", "C:\\x", "{{ cookiecutter }}"]),
    ("project_slug", RESERVED, ["class", "import", "con", "nul", "com1", "true", "off"]),
    ("dataset_name", WORDS, ["", "Abalone", "a b", "a__b", "_a", "a-", "1a", "x" * 33, "a\n", "../a", "{{"]),
    ("dataset_name", RESERVED, ["lambda", "aux", "no", "null", "lpt9"]),
    ("target_column", COLUMN, ["", " ", "1st", "x ", " x", "x" * 65, "a,b", "a\nb", "x\n", "a\tb", "\u00a0"]),
    ("target_column", COLUMN, ['a"b', "a:b", "#a", "a/b", "{x}", "{{ 7*7 }}", "🦪", "\ufeffa"]),
    ("target_column", OF_THE_JOBS, ["prediction", "probability_", "probability_1"]),
    ("numeric_columns", COLUMN, ["length, 2nd", "length,\nheight", "length; height", "{{ 7*7 }}"]),
    ("numeric_columns", TAKEN, ["length, rings", "length, length"]),
    ("numeric_columns", OF_THE_JOBS, ["prediction", "length, probability_a"]),
    ("categorical_columns", COLUMN, ["sex, 2nd", "sex\n"]),
    ("categorical_columns", TAKEN, ["rings", "sex, length", "sex, sex"]),
    ("id_column", COLUMN, ["row #", " ", "\n"]),
    ("id_column", TAKEN, ["rings", "length", "sex"]),
    ("metric_threshold", DECIMAL, ["", "0", "0.0", "-1", "+1", "1e3", ".5", "5.", "1,5", "007"]),
    ("metric_threshold", DECIMAL, ["inf", "nan", "1_0", "0x1", "٣", "1\n", " 1", "a", "2 m", "1" * 13, "{{"]),
    ("aws_region", REGION, ["", "Ireland", "eu-west", "eu-west-1a", "eu-west-1b-2", "EU-WEST-1", "eu_west_1"]),
    ("aws_region", REGION, ["eu-west-1\n", " eu-west-1", "eu-west-0", "eu-west-٣", "eü-west-1", "e-w-1", "{{ 7*7 }}"]),
    ("aws_account_id", ACCOUNT_ID, ["", "1" * 11, "1" * 13, "1234-5678-9012", "12345678901a", "-12345678901"]),
    ("aws_account_id", ACCOUNT_ID, ["٣" * 12, "\uff11" * 12, "123456789012\n", " 123456789012", "{{ 7*7 }}"]),
    ("notification_email", EMAIL, ["ada", "@b.cd", "a@", "a@b", "a@b.c", "a@b..cd", "a@-b.cd", "a@b.4d", "a@b@c.de"]),
    ("notification_email", EMAIL, [" ", "a@b.cd ", "a@b.cd\n", "a b@c.de", "a@b.cd;e@f.gh", "a\0@b.cd"]),
    ("notification_email", EMAIL, ['a"@b.cd', "a'@b.cd", "a`id`@b.cd", "a$(id)@b.cd", "${x}@b.cd", "%{x}@b.cd"]),
    ("notification_email", EMAIL, ["{{ 7*7 }}", "#a@b.cd", "a:@b.cd", "a\\@b.cd", "<a@b.cd>", "-a@b.cd", ".a@b.cd"]),
    ("notification_email", EMAIL, ["ü@b.cd", "a@ü.de", f"{'x' * 65}@b.cd", LONGEST_EMAIL.replace("y.", "yy.", 1)]),
]

REFUSED_TOGETHER: list[tuple[dict[str, Any], str]] = [
    ({"metric": "r2", "metric_threshold": "1.01"}, f"metric_threshold '1.01' must {UP_TO_1} 0.5 for r2."),
    ({"problem_type": "binary", "metric": "f1", "metric_threshold": "2.5"}, f"must {UP_TO_1} 0.8 for f1."),
    ({"problem_type": "binary", "metric": "log_loss", "metric_threshold": "0"}, "example 0.5 for log_loss."),
    ({"target_column": "age", "numeric_columns": "mass, age"}, f"numeric_columns 'age' must {TAKEN}"),
    ({"target_column": "length", "id_column": "length"}, f"id_column 'length' must {TAKEN}"),
    ({"numeric_columns": "", "categorical_columns": ""}, f"categorical_columns '' must {A_FEATURE}"),
    ({"numeric_columns": " , ", "categorical_columns": ","}, f"categorical_columns ',' must {A_FEATURE}"),
]

# Each engine words the refusal of an unknown choice in its own way.
NOT_A_CHOICE: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"problem_type": "clustering"}, "clustering", ["regression", "binary", "multiclass"]),
    ({"metric": "accuracy"}, "accuracy", ["rmse", "mae", "mse", "r2"]),
    ({"problem_type": "binary", "metric": "rmse"}, "rmse", ["accuracy", "f1", "roc_auc", "log_loss"]),
    ({"problem_type": "multiclass", "metric": "f1"}, "f1", ["accuracy", "f1_macro", "log_loss"]),
    ({"metric": "x\n{{ 7*7 }}"}, r"x\n{{ 7*7 }}", ["rmse", "mae", "mse", "r2"]),
    ({"header": "maybe"}, "maybe", []),
    ({"batch_inference": "stream"}, "stream", ["processing", "transform"]),
    ({"triggers": "never"}, "never", ["s3", "schedule", "both"]),
    ({"ci": "jenkins"}, "jenkins", ["gitlab", "none"]),
    ({"own_image": "podman"}, "podman", ["none", "docker"]),
]
# fmt: on


READ_HERE = {".copier-answers.yml", "config/dataset.yaml"}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, bare_machine: None) -> Path:
    """The template with the files that these tests read; others are rendered in the parity and matrix tests."""
    copy = clean_copy(tmp_path_factory.mktemp("asking") / "cookiecutter-sagemaker-mlops")
    for path in [path for path in (copy / TREE).rglob("*") if path.is_file()]:
        if path.relative_to(copy / TREE).as_posix() not in READ_HERE:
            path.unlink()
    return copy


def made(root: Path) -> set[Path]:
    """List everything below a folder except the numbered folders that contain the generated projects."""
    return {path for path in root.rglob("*") if not re.fullmatch(r"cookies|copier|bake\d+", path.name)}


def answers_of(project: Path) -> dict[str, Any]:
    """Read the answers that a project was generated from."""
    answers: dict[str, Any] = yaml.safe_load((project / ".copier-answers.yml").read_text("utf-8"))
    return answers


def refusal(bake: Bake, engine: str, tmp_path: Path, **answers: Any) -> str:
    """Return the sentence with which an engine refuses the answers, after checking that it created nothing."""
    before = made(tmp_path)
    # Cookiecutter raises a ValueError for an unknown choice, Copier for every invalid answer.
    with pytest.raises((FailedHookException, ValueError)) as refused:
        bake(engine, **answers)
    assert made(tmp_path) == before
    return str(refused.value)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("question", ACCEPTED)
def test_a_valid_answer_is_recorded_unchanged(bake: Bake, engine: str, question: str) -> None:
    for answer in ACCEPTED[question]:
        assert answers_of(bake(engine, **{question: answer}))[question] == answer


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("answer", [True, "yes", "true", "Y", "1"])
def test_every_spelling_of_yes_is_true(bake: Bake, engine: str, answer: bool | str) -> None:
    assert answers_of(bake(engine, header=answer))["header"] is True


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("answer", [False, "no", "false", "N", "0"])
def test_every_spelling_of_no_is_false(bake: Bake, engine: str, answer: bool | str) -> None:
    assert answers_of(bake(engine, header=answer))["header"] is False


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("question", "rule", "answers"), REFUSED)
def test_a_refusal_is_one_sentence_that_names_the_answer_the_rule_and_an_example(
    bake: Bake, tmp_path: Path, engine: str, question: str, rule: str, answers: list[str]
) -> None:
    for answer in answers:
        sentence = refusal(bake, engine, tmp_path, **{question: answer})
        assert re.search(rf"{question} ['\"].*['\"] must {re.escape(rule)}", sentence), sentence
        assert re.search(r", for example .+\.$", sentence), sentence
        assert sentence.isprintable()  # one line, without control characters


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("answers", "sentence"), REFUSED_TOGETHER, ids=str)
def test_answers_that_contradict_each_other_are_refused(
    bake: Bake, tmp_path: Path, engine: str, answers: dict[str, Any], sentence: str
) -> None:
    assert sentence in refusal(bake, engine, tmp_path, **answers)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("answers", "shown", "choices"), NOT_A_CHOICE, ids=str)
def test_an_unknown_choice_is_refused_with_the_list_of_choices(
    bake: Bake, tmp_path: Path, engine: str, answers: dict[str, Any], shown: str, choices: list[str]
) -> None:
    sentence = refusal(bake, engine, tmp_path, **answers)
    assert sentence.isprintable()
    assert all(word in sentence for word in (shown, *choices))


@pytest.mark.parametrize("answer", [None, True])
def test_an_answer_from_the_user_s_configuration_must_have_the_question_s_type(
    bake: Bake, tmp_path: Path, answer: Any
) -> None:
    sentence = refusal(bake, "cookiecutter", tmp_path, target_column=answer)
    assert sentence == f"target_column {answer!r} must be text."


def test_cookiecutter_prints_a_sentence_for_each_invalid_answer(bake: Bake, tmp_path: Path) -> None:
    answers = {"project_name": "", "project_slug": "A", "id_column": "rings", "metric": "accuracy"}
    sentences = refusal(bake, "cookiecutter", tmp_path, **answers).splitlines()
    assert [sentence.split()[0] for sentence in sentences] == list(answers)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "answers",
    [
        {"target_column": "sex"},
        {"target_column": "length"},
        {"numeric_columns": "sex, length"},
        {"problem_type": "binary"},
        {"problem_type": "multiclass"},
        {"metric": "r2"},
        *({"project_name": name} for name in ("Class", "Null", "X", "数据", "Zweite 2", "a" * 60, "x y" * 20)),
    ],
    ids=str,
)
def test_a_default_derived_from_an_answer_is_valid(bake: Bake, engine: str, answers: dict[str, Any]) -> None:
    # Copier cannot ask a question whose default breaks its rule.
    assert bake(engine, **answers).is_dir()


# A property: any text is either refused or recorded.

TEXT_QUESTIONS = [
    "project_name",
    "project_slug",
    "dataset_name",
    "target_column",
    "numeric_columns",
    "categorical_columns",
    "id_column",
    "metric",
    "metric_threshold",
    "aws_region",
    "aws_account_id",
    "notification_email",
]
nearly_good = st.text(alphabet="aZ09é体 _.,-()%&\n{}'\"\\/\u0301", max_size=40)
emails = st.text(alphabet='aZ0._%+-@"$\n', min_size=1, max_size=20).map(lambda text: f"a{text}@b.cd")
words = st.lists(st.sampled_from(["length", "sex", "rings", "no", "体重", "a-b", ""]), max_size=4).map(", ".join)
numbers = st.decimals(allow_nan=True).map(str) | st.floats(0, 2).map(str) | st.integers().map(str)
accounts = st.text(alphabet="0123456789٣", min_size=11, max_size=13)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("question", TEXT_QUESTIONS)
@settings(max_examples=30)
@given(answer=st.text(max_size=70) | nearly_good | words | numbers | accounts | emails)
def test_any_text_is_refused_with_a_sentence_or_produces_a_complete_project(
    bake: Bake, tmp_path: Path, engine: str, question: str, answer: str
) -> None:
    before = made(tmp_path)
    try:
        project = bake(engine, **{question: answer})
    except (FailedHookException, ValueError) as error:
        sentence, *others = str(error).splitlines()
        assert question in sentence
        assert not others or engine == "cookiecutter"  # which reports every invalid answer at once
        assert made(tmp_path) == before
    else:
        recorded = answers_of(project)
        contract = yaml.safe_load((project / "config" / "dataset.yaml").read_text("utf-8"))
        assert recorded[question] == answer
        assert contract["threshold"] == float(recorded["metric_threshold"])
        shutil.rmtree(project)


# At the command line


@pytest.mark.parametrize("slug", ["a/b/c", "../x", "ABSOLUTE", "x" * 300, "-o", "{{ 7*7 }}", "{{", "a b\n"])
def test_the_command_line_prints_the_sentence_and_leaves_nothing_behind(
    template: Path, tmp_path: Path, slug: str
) -> None:
    slug = slug.replace("ABSOLUTE", str(tmp_path / "absolute"))
    here = tmp_path / "here"
    here.mkdir()
    run = run_cookiecutter(template, here, "--no-input", f"project_slug={slug}")
    assert run.returncode == 1
    assert run.stdout.startswith("project_slug ")
    assert run.stdout.count("\n") == 1
    assert run.stderr == ""
    assert list(tmp_path.rglob("*")) == [here]


def test_an_invalid_answer_typed_at_the_prompt_is_refused(template: Path, tmp_path: Path) -> None:
    run = run_cookiecutter(template, tmp_path, typed="{{ 7*7 }}\nMy Proj" + "\n" * 17)
    assert run.returncode == 1
    assert "project_name '{{ 7*7 }}' must be" in run.stdout
    assert "project_slug 'My Proj' must be" in run.stdout
    assert "Traceback" not in run.stdout + run.stderr
    assert not list(tmp_path.iterdir())


def test_valid_answers_typed_at_the_prompt_produce_the_project(template: Path, tmp_path: Path) -> None:
    typed = [
        "Heart Beats",
        "",
        "heart",
        "2",
        "disease",
        "age, chol",
        " ",
        "patient id",
        "maybe",
        "n",
        "accuracy",
        "0.9",
        "eu-north-1",
        "000000000012",
        "2",
        "3",
        "ada@example.com",
        "2",
        "2",
    ]
    run = run_cookiecutter(template, tmp_path, typed="\n".join(typed) + "\n")
    assert run.returncode == 0, run.stdout + run.stderr
    assert answers_of(tmp_path / "heart-beats") == {
        "_commit": None,
        "_src_path": str(template),
        "project_name": "Heart Beats",
        "project_slug": "heart-beats",
        "dataset_name": "heart",
        "problem_type": "binary",
        "target_column": "disease",
        "numeric_columns": "age, chol",
        "categorical_columns": "",
        "id_column": "patient id",
        "header": False,
        "metric": "accuracy",
        "metric_threshold": "0.9",
        "aws_region": "eu-north-1",
        "aws_account_id": "000000000012",
        "batch_inference": "transform",
        "triggers": "both",
        "notification_email": "ada@example.com",
        "ci": "none",
        "own_image": "docker",
    }


def test_the_rules_apply_to_replayed_answers(template: Path, tmp_path: Path) -> None:
    run_cookiecutter(template, tmp_path, "--no-input")
    config = yaml.safe_load(Path(os.environ["COOKIECUTTER_CONFIG"]).read_text("utf-8"))
    answers = json.loads((Path(config["replay_dir"]) / f"{template.name}.json").read_text("utf-8"))
    answers["cookiecutter"] |= {"project_slug": "../x", "header": "false"}
    replay = tmp_path / "edited.json"
    replay.write_text(json.dumps(answers), encoding="utf-8")
    before = made(tmp_path)
    run = run_cookiecutter(template, tmp_path, "--replay-file", str(replay))
    assert run.returncode == 1
    assert run.stdout == "header 'false' must be true or false.\n"
    assert made(tmp_path) == before


# One questionnaire


def test_both_engines_ask_the_same_questions(template: Path) -> None:
    copier = yaml.safe_load((template / "copier.yml").read_text("utf-8"))
    cookiecutter = json.loads((template / "cookiecutter.json").read_text("utf-8"))
    asked = {name: question for name, question in copier.items() if name[0] != "_" and question.get("when", True)}
    assert list(asked) == [name for name in cookiecutter if name[0] != "_"]
    assert copier["_envops"] == cookiecutter["_jinja2_env_vars"]
    for name, question in asked.items():
        prompt, default = cookiecutter["__prompts__"][name], cookiecutter[name]
        if isinstance(default, list):
            choices = {label: choice for choice, label in prompt.items() if choice != "__prompt__"}
            assert choices == question["choices"]
            assert default == list(choices.values())
            prompt, default = prompt["__prompt__"], default[0]
        assert prompt.startswith(question["help"].replace("\n", " ").rstrip(".")), name
        assert default in (question["default"], f"{{{{ cookiecutter | proposed('{name}') }}}}"), name
