"""The three definitions: their steps, the dependencies between them, and the arguments of their jobs."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from mlops_jobs.judging_rules import Gate
from mlops_jobs.metric_names import LOWER_IS_BETTER, METRICS_FOR, Metric
from mlops_kit.checks.check import check
from mlops_kit.definition import triggers
from mlops_kit.definition.compile import compile_all, compile_pipeline
from mlops_kit.definition.model import Definition
from mlops_kit.project import open_project
from support import CONTRACTS, ROOT, contract_of

from pipelines import inference, training, training_hpo
from pipelines.settings import Machines, Range, hyperparameter_types, load_settings

PROJECT = open_project(ROOT)
MODES = ("processing", "transform")
VARIANTS = [(name, mode) for name in ("own", *CONTRACTS) for mode in MODES]

# The template's steps. A step or a pipeline of your own needs no entry here.
REGISTERED = {
    "ResolveInputs": ("Lambda", set()),
    "Preprocess": ("Processing", {"ResolveInputs"}),
    "DataQualityBaseline": ("QualityCheck", {"Preprocess"}),
    "CheckMetric": ("Condition", {"Evaluate"}),
    "MetricNotMet": ("Fail", {"CheckMetric", "Evaluate"}),
}
GRAPHS = {
    ("training", "processing"): REGISTERED
    | {
        "Train": ("Training", {"Preprocess"}),
        "Evaluate": ("Processing", {"ResolveInputs", "Preprocess", "Train"}),
        "RegisterModel": (
            "RegisterModel",
            {"CheckMetric", "ResolveInputs", "Preprocess", "Train", "Evaluate", "DataQualityBaseline"},
        ),
    },
    ("training-hpo", "processing"): REGISTERED
    | {
        "Tune": ("Tuning", {"Preprocess"}),
        "Evaluate": ("Processing", {"ResolveInputs", "Preprocess", "Tune"}),
        "RegisterModel": (
            "RegisterModel",
            {"CheckMetric", "ResolveInputs", "Preprocess", "Tune", "Evaluate", "DataQualityBaseline"},
        ),
    },
    ("inference", "processing"): {
        "ResolveInputs": ("Lambda", set()),
        "ModelApproved": ("Condition", {"ResolveInputs"}),
        "NoApprovedModel": ("Fail", {"ModelApproved"}),
        "Preprocess": ("Processing", {"ModelApproved", "ResolveInputs"}),
        "BatchInference": ("Processing", {"ResolveInputs", "Preprocess"}),
        "QualityInput": ("Processing", {"ResolveInputs", "BatchInference"}),
        "DataQualityCheck": ("QualityCheck", {"ResolveInputs", "QualityInput"}),
        "ReportDataQuality": ("Lambda", {"QualityInput", "DataQualityCheck"}),
        "LabelsAvailable": ("Condition", {"ResolveInputs", "ReportDataQuality"}),
        "ModelQuality": ("Processing", {"LabelsAvailable", "ResolveInputs", "BatchInference"}),
        "QualityHeld": ("Condition", {"ModelQuality"}),
        "ModelQualityViolation": ("Fail", {"QualityHeld", "ModelQuality"}),
        "LabelsMatched": ("Condition", {"ModelQuality"}),
        "LabelsNotMatched": ("Fail", {"LabelsMatched", "ModelQuality"}),
    },
}
GRAPHS |= {(kind, "transform"): GRAPHS[kind, "processing"] for kind in ("training", "training-hpo")}
GRAPHS["inference", "transform"] = GRAPHS["inference", "processing"] | {
    "CreateModel": ("Model", {"ResolveInputs", "Preprocess"}),
    "BatchInference": ("Transform", {"CreateModel", "Preprocess"}),
}

# What SageMaker's XGBoost image reports as validation:<name>, by sagemaker_xgboost_container/constants/xgb_constants.py
# of github.com/aws/sagemaker-xgboost-container, as far as this project's metrics need them.
REPORTED = {"accuracy", "auc", "f1_binary", "f1_macro", "logloss", "mae", "mlogloss", "mse", "r2", "rmse"}
# What it can tune, by docs.aws.amazon.com/sagemaker/latest/dg/xgboost-tuning.html.
TUNABLE = {
    "IntegerParameterRanges": {"max_delta_step", "max_depth", "num_round"},
    "ContinuousParameterRanges": {"alpha", "colsample_bylevel", "colsample_bynode", "colsample_bytree", "eta", "gamma"}
    | {"lambda", "min_child_weight", "subsample"},
}

COMPILE = """
import socket, sys
def refuse(*_): raise AssertionError("the compiler went to the network")
socket.socket.connect = socket.getaddrinfo = refuse
from pathlib import Path
from mlops_kit.definition.compile import write_compiled
write_compiled(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.fixture(scope="session")
def own_texts():
    return compile_all(ROOT)


@pytest.fixture(scope="session")
def variant(own_texts, own_contract):
    """Definitions of a contract and a mode of inference, by kind; each compiled once."""
    compiled = {}

    def of(name, mode):
        if (name, mode) not in compiled:
            contract = own_contract if name == "own" else contract_of(name)
            settings = replace(load_settings(ROOT), contract=contract, batch_inference=mode)
            compiled[name, mode] = {
                kind: Definition(json.loads(compile_pipeline(PROJECT.builder(kind)(settings))))
                for kind in PROJECT.kinds
            }
        return compiled[name, mode]

    return of


@pytest.mark.parametrize(("kind", "mode"), GRAPHS)
def test_each_step_of_the_template_depends_on_the_steps_that_it_needs(variant, kind, mode):
    definition, expected = variant("own", mode)[kind], GRAPHS[kind, mode]
    found = {
        step.name: (step.type, definition.needs(step) & expected.keys())
        for step in definition.steps
        if step.name in expected
    }
    assert found == expected


@pytest.mark.parametrize(("name", "mode"), VARIANTS)
def test_the_definitions_have_no_fault(variant, name, mode):
    for definition in variant(name, mode).values():
        assert [str(fault) for fault in check(definition.body)] == []


def test_the_projects_own_definitions_have_no_fault(own_texts):
    assert tuple(own_texts) == PROJECT.kinds
    for text in own_texts.values():
        assert [str(fault) for fault in check(json.loads(text))] == []


def test_compilation_is_reproducible(own_texts):
    assert compile_all(ROOT) == own_texts


def test_another_process_compiles_the_same_bytes_without_network_and_credentials(own_texts, tmp_path):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = kept | {"HOME": str(tmp_path), "PYTHONHASHSEED": "4711"}
    command = [sys.executable, "-c", COMPILE, str(tmp_path / "compiled"), str(ROOT)]
    subprocess.run(command, env=environment, cwd=tmp_path, check=True, capture_output=True)
    for kind, text in own_texts.items():
        assert (tmp_path / "compiled" / f"{kind}.json").read_text(encoding="utf-8") == text


# Parameters


def test_every_parameter_of_an_execution_has_a_default(variant, own_contract):
    settings = load_settings(ROOT)
    machines, tuning = settings.machines, settings.tuning
    training_parameters = {
        "InputDataUri": ("String", "s3://${bucket}/data/training/"),
        "MetricThreshold": ("Float", own_contract.threshold),
        "ChampionTolerance": ("Float", settings.champion_tolerance),
        "ProcessingInstanceType": ("String", machines.processing.instance_type),
        "TrainingInstanceType": ("String", machines.training.instance_type),
    }
    common_parameters = {
        "Trigger": ("String", "manual"),
        "TriggerKey": ("String", "none"),
        "TriggerVersion": ("String", "none"),
    }
    expected = {
        "training": training_parameters,
        "training-hpo": training_parameters
        | {"TuningJobs": ("Integer", tuning.jobs), "ParallelTuningJobs": ("Integer", tuning.parallel_jobs)},
        "inference": {
            "InputDataUri": ("String", "s3://${bucket}/data/inference/"),
            "LabelsUri": ("String", "s3://${bucket}/data/labels/"),
            "MetricThreshold": ("Float", own_contract.threshold),
            "InstanceType": ("String", machines.inference.instance_type),
            "InstanceCount": ("Integer", machines.inference.instance_count),
        },
    }
    for kind, definition in variant("own", "processing").items():
        declared = {name: (entry["Type"], entry["DefaultValue"]) for name, entry in definition.parameters.items()}
        assert declared.items() >= (expected.get(kind, {}) | common_parameters).items()
        assert set(definition.parameters["Trigger"]["EnumValues"]) == set(triggers.KINDS)


# Comparisons


@pytest.mark.parametrize("metric", sorted({name for names in METRICS_FOR.values() for name in names}))
def test_the_comparisons_follow_the_metric(own_contract, metric):
    problem_type = next(kind for kind, names in METRICS_FOR.items() if metric in names)
    contract = replace(own_contract, problem_type=problem_type, metric=metric, threshold=0.5)
    settings = replace(load_settings(ROOT), contract=contract, training_image="xgboost")
    steps = Definition(json.loads(compile_pipeline(training.build(settings)))).by_name
    threshold, guessing, champion = steps["CheckMetric"].arguments["Conditions"][:3]
    lower = metric in LOWER_IS_BETTER
    assert threshold["Type"] == ("LessThanOrEqualTo" if lower else "GreaterThanOrEqualTo")
    assert threshold["RightValue"] == {"Get": "Parameters.MetricThreshold"}
    assert (guessing["Type"], guessing["RightValue"]) == ("GreaterThan", 0.0), (
        "a gain is an advantage, whatever the metric"
    )
    assert champion["Type"] == "LessThanOrEqualTo", "the shortfall of a model is an error, whatever the metric"
    assert champion["RightValue"] == {"Get": "Parameters.ChampionTolerance"}
    assert (" at most " if lower else " at least ") in json.dumps(steps["MetricNotMet"].arguments)
    tuning = Definition(json.loads(compile_pipeline(training_hpo.build(settings)))).by_name["Tune"]
    objective = tuning.arguments["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    name = {"f1": "f1_binary", "roc_auc": "auc", "log_loss": "logloss"}.get(metric, metric)  # the image's own
    assert objective == {"Type": "Minimize" if lower else "Maximize", "MetricName": f"validation:{name}"}
    assert name in REPORTED


@pytest.mark.parametrize("pipeline", [training, training_hpo])
def test_gates_are_a_condition_and_their_sentence_is_in_the_message(own_contract, pipeline):
    gated = replace(own_contract, gates=(Gate(own_contract.metric, threshold=0.5),))
    steps = Definition(
        json.loads(compile_pipeline(pipeline.build(replace(load_settings(ROOT), contract=gated))))
    ).by_name
    condition = steps["CheckMetric"].arguments["Conditions"][-1]
    assert (condition["Type"], condition["RightValue"]) == ("Equals", 0)
    assert condition["LeftValue"]["Std:JsonGet"]["Path"] == "gates.missed"
    assert "gates.sentence" in json.dumps(steps["MetricNotMet"].arguments)
    assert "gates.summary" in json.dumps(steps["RegisterModel"].arguments)


@pytest.mark.parametrize("lower", [True, False])
def test_an_own_metric_is_tuned_in_its_direction_under_a_name_of_the_image(own_contract, lower):
    cost = Metric("cost", lower, is_own=True)
    contract = replace(own_contract, own_metrics=(cost,), metric="cost", threshold=-3.5, gates=())
    settings = replace(load_settings(ROOT), contract=contract)
    definition = json.loads(compile_pipeline(training_hpo.build(settings)))
    assert check(definition) == []
    steps = Definition(definition).by_name
    objective = steps["Tune"].arguments["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    assert objective["Type"] == ("Minimize" if lower else "Maximize")
    threshold = steps["CheckMetric"].arguments["Conditions"][0]
    assert threshold["Type"] == ("LessThanOrEqualTo" if lower else "GreaterThanOrEqualTo")


# Arguments of jobs


def strings(arguments):
    """A command line as a job gets it; a pipeline variable is a number here."""
    return [argument if isinstance(argument, str) else "1" for argument in arguments]


@pytest.fixture
def parsed(monkeypatch):
    """How a job parses a command line: it is stopped once it has done so."""

    class ParsedError(Exception):
        pass

    parse_args = argparse.ArgumentParser.parse_args

    def parse(parser, arguments, namespace=None):
        raise ParsedError(parse_args(parser, arguments, namespace))

    def parsed(script, arguments):
        main = importlib.import_module(Path(script).stem).main
        with monkeypatch.context() as patch:
            patch.setattr(argparse.ArgumentParser, "parse_args", parse)
            with pytest.raises(ParsedError) as stopped:
                main(arguments)
        return stopped.value.args[0]

    return parsed


@pytest.mark.parametrize("mode", MODES)
def test_each_job_accepts_its_arguments(variant, parsed, mode):
    scripts = set()
    for definition in variant("own", mode).values():
        for step in definition.steps:
            if step.type == "Processing":
                application = step.arguments["AppSpecification"]
                [script] = [word for word in application["ContainerEntrypoint"] if word.endswith(".py")]
                assert (ROOT / "jobs" / Path(script).name).is_file()
                parsed(script, strings(application.get("ContainerArguments", [])))
                scripts.add(Path(script).name)
    assert scripts >= {"preprocess.py", "evaluate.py", "quality_input.py", "model_quality.py"}
    assert ("predict.py" in scripts) == (mode == "processing")


def test_preprocessing_gets_the_split_of_the_settings(variant, parsed):
    application = variant("own", "processing")["training"].by_name["Preprocess"].arguments["AppSpecification"]
    arguments, split = parsed("preprocess.py", strings(application["ContainerArguments"])), load_settings(ROOT).split
    assert (arguments.command, arguments.seed) == ("fit", split.seed)
    assert (arguments.validation_share, arguments.test_share) == (split.validation_share, split.test_share)


def test_training_gets_the_hyperparameters_of_the_settings(variant, parsed):
    hyperparameters = variant("own", "processing")["training"].by_name["Train"].arguments["HyperParameters"]
    own = {name: value for name, value in hyperparameters.items() if not name.startswith("sagemaker_")}
    folders = [word for name in ("train", "validation", "preprocessor", "model-dir") for word in (f"--{name}", "x")]
    arguments = parsed("train.py", [*folders, *(word for name, value in own.items() for word in (f"--{name}", value))])
    assert {name: getattr(arguments, name) for name in own} == load_settings(ROOT).hyperparameters
    assert hyperparameters["sagemaker_program"] == "train.py"
    assert (ROOT / "jobs" / hyperparameters["sagemaker_program"]).is_file()


def test_tuning_searches_the_ranges_and_fixes_the_rest(variant):
    settings = load_settings(ROOT)
    tune = variant("own", "processing")["training-hpo"].by_name["Tune"].arguments
    ranges = tune["HyperParameterTuningJobConfig"]["ParameterRanges"]
    searched = {entry["Name"]: entry for entries in ranges.values() for entry in entries}
    assert searched.keys() == {entry.name for entry in settings.tuning.ranges}
    for expected in settings.tuning.ranges:
        entry = searched[expected.name]
        assert tuple(entry.get("Values") or (entry["MinValue"], entry["MaxValue"])) == expected.values
    fixed = {name for name in tune["TrainingJobDefinition"]["StaticHyperParameters"] if "sagemaker_" not in name}
    assert fixed | searched.keys() == hyperparameter_types().keys()
    assert not fixed & searched.keys()
    for kind, entries in ranges.items() if settings.training_image == "xgboost" else ():
        assert {entry["Name"] for entry in entries} <= TUNABLE[kind]


def training_jobs(settings):
    """The requests for training jobs: of a training, and of a tuning."""
    train = Definition(json.loads(compile_pipeline(training.build(settings)))).by_name["Train"].arguments
    tune = Definition(json.loads(compile_pipeline(training_hpo.build(settings)))).by_name["Tune"].arguments
    return [train, tune["TrainingJobDefinition"]], tune["HyperParameterTuningJobConfig"]


def test_requests_for_sagemakers_image_have_no_metric_definitions():
    jobs, _ = training_jobs(replace(load_settings(ROOT), training_image="xgboost"))
    for job in jobs:
        assert job["AlgorithmSpecification"] == {"TrainingImage": "${training_image_uri}", "TrainingInputMode": "File"}


def test_requests_for_an_own_image_define_the_metric_that_the_tuning_follows(own_contract):
    jobs, tuning = training_jobs(replace(load_settings(ROOT), training_image="own"))
    metric = f"validation:{own_contract.metric}"
    for job in jobs:
        algorithm = job["AlgorithmSpecification"]
        assert algorithm["TrainingImage"] == "${own_training_image_uri}"
        assert [found["Name"] for found in algorithm["MetricDefinitions"]] == [metric]
    assert tuning["HyperParameterTuningJobObjective"]["MetricName"] == metric


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("pipeline", [training, training_hpo, inference])
def test_local_storage_has_no_key_and_results_keep_theirs(pipeline, mode):
    settings = replace(load_settings(ROOT), batch_inference=mode)
    machines = {
        name: replace(machine, instance_type="ml.g5.xlarge") for name, machine in vars(settings.machines).items()
    }
    text = compile_pipeline(pipeline.build(replace(settings, machines=Machines(**machines))))
    assert check(json.loads(text)) == []
    assert "VolumeKmsKeyId" not in text
    assert '"KmsKeyId": "${kms_key_arn}"' in text


def test_ranges_have_the_form_of_the_api():
    ranges = (
        Range("depth", "integer", ("2", "8")),
        Range("rate", "continuous", ("0.01", "0.3"), "Logarithmic"),
        Range("rounds", "categorical", ("50", "100", "200")),
    )
    assert training_hpo.parameter_ranges(ranges) == {
        "IntegerParameterRanges": [{"Name": "depth", "MinValue": "2", "MaxValue": "8", "ScalingType": "Auto"}],
        "ContinuousParameterRanges": [
            {"Name": "rate", "MinValue": "0.01", "MaxValue": "0.3", "ScalingType": "Logarithmic"}
        ],
        "CategoricalParameterRanges": [{"Name": "rounds", "Values": ["50", "100", "200"]}],
    }


def test_a_tuned_model_is_registered_with_its_hyperparameters_and_its_origin(variant):
    definitions = variant("own", "processing")
    trained, tuned = (
        definitions[kind].by_name["RegisterModel"].arguments["CustomerMetadataProperties"]
        for kind in ("training", "training-hpo")
    )
    assert tuned.keys() - trained.keys() == {f"hp_{entry.name}" for entry in load_settings(ROOT).tuning.ranges}
    assert trained.keys() >= {"git_commit", "build_id", "data_version", "pipeline", "execution", "kind", "metric"}
    assert (trained["kind"], tuned["kind"]) == ("training", "training-hpo")
    assert (trained["trigger"], trained["trigger_version"]) == (
        {"Get": "Parameters.Trigger"},
        {"Get": "Parameters.TriggerVersion"},
    )


def built(settings):
    return Definition(json.loads(compile_pipeline(inference.build(settings))))


def test_predictions_are_explained_where_the_setting_asks_for_it(own_contract):
    for number in (0, 3):
        settings = replace(load_settings(ROOT), contract=own_contract, explanations=number)
        job, model = (
            built(replace(settings, batch_inference=mode)).by_name[step].arguments
            for mode, step in (("processing", "BatchInference"), ("transform", "CreateModel"))
        )
        command = job["AppSpecification"]["ContainerArguments"]
        assert ("--explain" in command) == bool(number)
        assert model["PrimaryContainer"]["Environment"].get("EXPLAIN") == (str(number) if number else None)


@pytest.mark.parametrize("kind", ["training", "training-hpo"])
def test_a_model_is_registered_with_a_card_that_a_person_reviews(variant, kind):
    card = variant("own", "processing")[kind].by_name["RegisterModel"].arguments["ModelCard"]
    assert card["ModelCardStatus"] == "PendingReview"
    pieces = card["ModelCardContent"]["Std:Join"]["Values"]
    content = json.loads("".join(piece if isinstance(piece, str) else "0" for piece in pieces))  # JSON even in quotes
    assert content["training_details"]["training_job_details"].keys() >= {"training_arn", "training_datasets"}
    assert content["additional_information"]["custom_details"].keys() >= {"data_version", "git_commit"}


def test_conditions_read_values_that_the_jobs_write(variant, project_named, tmp_path):
    import model_quality

    own = project_named("own")
    folders = ["--predictions-dir", str(own / "predictions"), "--labels-dir", str(own / "labels")]
    model_quality.main([*folders, "--contract", str(own.contract_file), "--output-dir", str(tmp_path)])
    written = {"Verdict": tmp_path / "verdict.json"}
    written |= {
        "Evaluation": own / "evaluation" / "evaluation.json",
        "ModelCard": own / "evaluation" / "model_card.json",
    }
    read = set()
    for definition in variant("own", "processing").values():
        for path, file in json_gets(definition.body):
            if file not in written:
                continue  # of a step of your own
            content = json.loads(written[file].read_text(encoding="utf-8"))
            for key in path.split("."):
                content = content[key]
            read.add((file, path))
    assert read >= {("Evaluation", "value"), ("Evaluation", "champion.shortfall"), ("Verdict", "verdict")}
    assert ("ModelCard", "metric_groups") in read


def json_gets(value):
    """Each path that a JsonGet reads, with its property file."""
    if isinstance(value, dict):
        if "Std:JsonGet" in value:
            json_get = value["Std:JsonGet"]
            yield json_get["Path"], json_get["PropertyFile"]["Get"].rpartition(".")[2]
        for inner in value.values():
            yield from json_gets(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from json_gets(inner)


# Inference


def test_the_input_files_are_distributed_over_the_instances(variant):
    steps = variant("own", "processing")["inference"].by_name
    sharded = {
        name: [
            entry["InputName"]
            for entry in steps[name].arguments["ProcessingInputs"]
            if entry["S3Input"]["S3DataDistributionType"] == "ShardedByS3Key"
        ]
        for name in ("Preprocess", "BatchInference", "QualityInput", "ModelQuality")
    }
    assert sharded == {
        "Preprocess": ["data"],
        "BatchInference": ["features"],
        "QualityInput": ["data"],
        "ModelQuality": [],
    }
    for name in sharded:
        arguments = steps[name].arguments["AppSpecification"]["ContainerArguments"]
        count = steps[name].arguments["ProcessingResources"]["ClusterConfig"]["InstanceCount"]
        assert ("--sharded" in arguments) == bool(sharded[name])
        assert count == ({"Get": "Parameters.InstanceCount"} if sharded[name] else 1)


def test_batch_transform_reads_and_writes_lines(variant):
    steps = variant("own", "transform")["inference"].by_name
    assert "csv" in steps["Preprocess"].arguments["AppSpecification"]["ContainerArguments"]
    transform = SimpleNamespace(**steps["BatchInference"].arguments)
    assert (transform.TransformInput["ContentType"], transform.TransformInput["SplitType"]) == ("text/csv", "Line")
    assert transform.TransformOutput["Accept"] == "application/jsonlines"
    assert transform.TransformOutput["AssembleWith"] == "Line"
    assert transform.ModelClientConfig == {"InvocationsTimeoutInSeconds": 600, "InvocationsMaxRetries": 1}
    container = steps["CreateModel"].arguments["PrimaryContainer"]
    assert container["ModelDataUrl"] == {"Get": "Steps.ResolveInputs.OutputParameters['ModelDataUri']"}
    assert (ROOT / "jobs" / container["Environment"]["SAGEMAKER_PROGRAM"]).is_file()


def test_zero_cache_days_switch_the_cache_off(variant):
    cached = {step.name for step in variant("own", "processing")["training"].steps if "CacheConfig" in step.body}
    assert cached >= {"Preprocess", "DataQualityBaseline", "Train", "Evaluate"}
    uncached = json.loads(compile_pipeline(training.build(replace(load_settings(ROOT), cache_days=0))))
    assert "CacheConfig" not in json.dumps(uncached)
