"""Training scripts find the contract of SageMaker's script mode, and tuning finds the best of them."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest

from mlops_kit.runner.steps.metrics import parse_metrics
from pipeline_harness import THIS_EXECUTION, Lab, open_lab, step_of

METRIC = {"Name": "validation:rmse", "Regex": "^validation:rmse=([-+0-9.eE]+)$"}
TELL = """
import json, os, pathlib, sys
config = pathlib.Path(os.environ["SM_INPUT_CONFIG_DIR"])
told = {name: json.loads((config / f"{name}.json").read_text())
        for name in ("hyperparameters", "inputdataconfig", "resourceconfig")}
told["arguments"] = sys.argv[1:]
told["variables"] = {name: value for name, value in os.environ.items() if name.startswith("SM_")}
told["inputs"] = sorted(path.name for path in pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]).iterdir())
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps(told))
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "notes.txt").write_text("notes")
print("validation:rmse=9.5")
print("validation:rmse=1.25")
"""
SQUARE = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--depth", type=int)
parser.add_argument("--eta", type=float)
parser.add_argument("--mode")
given = parser.parse_args()
if given.mode == "broken":
    raise SystemExit("error: broken")
print(f"validation:rmse={(given.eta - 0.3) ** 2 + given.depth / 100}")
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(tmp_path_factory.mktemp("lab")) as opened:
        yield opened


def packed(script: str) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("train.py")
        member.size = len(script.encode())
        tar.addfile(member, io.BytesIO(script.encode()))
    return archive.getvalue()


def job(lab: Lab, script: str, *, instances: int = 1, **hyperparameters: Any) -> dict[str, Any]:
    """A CreateTrainingJob request without its hyperparameters' key, which differs for tuning."""
    code = lab.store("source", {"sourcedir.tar.gz": packed(script)})
    data = lab.store("data", {"a.csv": "1", "b.csv": "2"})
    channels = {"code": f"{code}/sourcedir.tar.gz", "train": data}
    target = {"Std:Join": {"On": "/", "Values": [f"s3://{lab.bucket}/models", THIS_EXECUTION]}}
    own = {"sagemaker_program": "train.py", "sagemaker_submit_directory": "/opt/ml/input/data/code/sourcedir.tar.gz"}
    return {
        "HyperParameters": {**own, **hyperparameters},
        "AlgorithmSpecification": {"TrainingImage": "i", "TrainingInputMode": "File", "MetricDefinitions": [METRIC]},
        "InputDataConfig": [
            {"ChannelName": name, "DataSource": {"S3DataSource": {"S3Uri": uri, "S3DataType": "S3Prefix"}}}
            for name, uri in channels.items()
        ],
        "OutputDataConfig": {"S3OutputPath": target},
        "ResourceConfig": {"InstanceCount": instances, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }


def train(lab: Lab, script: str, **more: Any) -> dict[str, Any]:
    step = {"Name": "Train", "Type": "Training", "Arguments": job(lab, script, **more)}
    found: dict[str, Any] = step_of(lab.run(step), "Train")
    return found


def unpacked(lab: Lab, uri: str) -> dict[str, str]:
    """The files in an archive in S3."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    content = lab.cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {name: stream.read().decode() for name in tar.getnames() if (stream := tar.extractfile(name))}


# Training


def test_a_training_script_is_told_what_script_mode_tells_it(lab: Lab) -> None:
    step = train(lab, TELL, eta="0.1", depth=4)
    told = json.loads(unpacked(lab, step["result"]["ModelArtifacts"]["S3ModelArtifacts"])["model.json"])
    ml = (lab.cloud.work / step["files"][0]["path"]).parent.as_posix()
    assert told["arguments"] == ["--depth", "4", "--eta", "0.1"]
    assert told["hyperparameters"]["sagemaker_program"] == "train.py"
    assert told["hyperparameters"]["depth"] == "4"
    assert told["inputs"] == ["a.csv", "b.csv"]
    assert told["resourceconfig"] == {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "lo"}
    assert told["inputdataconfig"]["train"]["TrainingInputMode"] == "File"
    variables = told["variables"]
    assert variables["SM_MODEL_DIR"] == f"{ml}/model"
    assert variables["SM_CHANNEL_TRAIN"] == f"{ml}/input/data/train"
    assert json.loads(variables["SM_HPS"]) == {"depth": 4, "eta": 0.1}
    assert json.loads(variables["SM_CHANNELS"]) == ["code", "train"]


def test_hyperparameters_that_are_json_count_as_what_they_stand_for(lab: Lab) -> None:
    step = train(lab, TELL, k="7", quick="true", name="gbtree", rate="1e-3", layers="[1, 2]")
    told = json.loads(unpacked(lab, step["result"]["ModelArtifacts"]["S3ModelArtifacts"])["model.json"])
    arguments = ["-k", "7", "--layers", "[1, 2]", "--name", "gbtree", "--quick", "True", "--rate", "0.001"]
    assert told["arguments"] == arguments
    variables = told["variables"]
    assert json.loads(variables["SM_USER_ARGS"]) == arguments
    assert [variables[f"SM_HP_{name}"] for name in ("QUICK", "NAME", "LAYERS")] == ["true", "gbtree", "[1,2]"]
    assert told["hyperparameters"]["quick"] == "true", "the file holds what the request does"


def test_what_an_earlier_attempt_said_does_not_count_for_the_next(lab: Lab) -> None:
    script = (
        "import os, pathlib\n"
        "mark = pathlib.Path('../../../../tried')\n"
        "if mark.exists(): raise SystemExit(0)\n"
        "mark.touch()\n"
        "print('validation:rmse=1', flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    retry = {"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "MaxAttempts": 2, "IntervalSeconds": 1}
    step = {"Name": "Train", "Type": "Training", "Arguments": job(lab, script), "RetryPolicies": [retry]}
    trained = step_of(lab.run(step), "Train")
    assert (trained["status"], trained["attempts"]) == ("Succeeded", 2), trained["reason"]
    assert trained["result"]["FinalMetricDataList"] == []
    assert trained["note"] == ""
    assert "validation:rmse=1" in (lab.cloud.work / trained["log"]).read_text(encoding="utf-8")


def test_model_and_notes_are_packed_apart_and_metrics_read_from_the_log(lab: Lab) -> None:
    step = train(lab, TELL)
    result = step["result"]
    uri = result["ModelArtifacts"]["S3ModelArtifacts"]
    assert uri.endswith(f"/{result['TrainingJobName']}/output/model.tar.gz")
    assert list(unpacked(lab, uri)) == ["model.json"]
    assert unpacked(lab, uri.replace("model.tar.gz", "output.tar.gz")) == {"notes.txt": "notes"}
    [metric] = result["FinalMetricDataList"]
    assert (metric["MetricName"], metric["Value"]) == ("validation:rmse", 1.25)
    assert step["note"] == "validation:rmse=1.25"


def test_a_failing_script_may_say_why_in_the_file_for_it(lab: Lab) -> None:
    script = "import pathlib, sys\npathlib.Path('../output/failure').write_text('the loss is nan')\nsys.exit(2)"
    assert train(lab, script)["reason"] == "AlgorithmError: the loss is nan"


def test_each_instance_is_told_which_it_is_and_models_come_together(lab: Lab) -> None:
    script = (
        "import os, pathlib\nhost = os.environ['SM_CURRENT_HOST']\n"
        "pathlib.Path(os.environ['SM_MODEL_DIR'], host).write_text(os.environ['SM_HOSTS'])\n"
    )
    step = train(lab, script, instances=2)
    hosts = '["algo-1", "algo-2"]'
    assert unpacked(lab, step["result"]["ModelArtifacts"]["S3ModelArtifacts"]) == {"algo-1": hosts, "algo-2": hosts}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sagemaker_program": ""}, "local mode trains with a script, not with the algorithm of an image"),
        ({"sagemaker_program": "other.py"}, "contains no other.py"),
        ({"sagemaker_submit_directory": "/opt/ml/input/data/train/a.csv"}, "a.csv cannot be extracted"),
    ],
)
def test_what_is_no_script_mode_is_refused(lab: Lab, given: dict[str, str], said: str) -> None:
    assert said in train(lab, TELL, **given)["reason"]


def test_the_code_may_lie_in_s3_itself(lab: Lab) -> None:
    uri = lab.store("source", {"sourcedir.tar.gz": packed("print('from S3')")})
    step = train(lab, TELL, sagemaker_submit_directory=f"{uri}/sourcedir.tar.gz")
    assert step["note"] == "from S3"


def test_a_metric_is_the_last_value_found_line_by_line() -> None:
    log = "loss=3\nnoise validation:rmse=1\nvalidation:rmse=2.5\nloss=1e-3\n"
    definitions = [METRIC, {"Name": "loss", "Regex": r"loss=(\S+)"}, {"Name": "none", "Regex": "nothing"}]
    assert parse_metrics(definitions, log) == {"validation:rmse": 2.5, "loss": 0.001}


# SageMaker's own XGBoost image

STOCK = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.0-5"
BOOST = (
    "for round in range(3):\n"
    "    print(f'[{round}]\\ttrain-rmse:{3 - round}.5\\tvalidation-rmse:{4 - round}.25e+00')\n"
    "print('rmse on the validation split: 2.5')\n"
    "print('[2]\\tvalidation-rmse:2.5')\n"
)


def stock(request: dict[str, Any]) -> dict[str, Any]:
    """The request, with SageMaker's own image and the metrics that it brings along."""
    request["AlgorithmSpecification"] = {"TrainingImage": STOCK, "TrainingInputMode": "File"}
    return request


def test_the_stock_image_reads_metrics_in_xgboosts_form_and_the_last_value_counts(lab: Lab) -> None:
    record = lab.run({"Name": "Train", "Type": "Training", "Arguments": stock(job(lab, BOOST))})
    step = step_of(record, "Train")
    found = {metric["MetricName"]: metric["Value"] for metric in step["result"]["FinalMetricDataList"]}
    assert found == {"train:rmse": 1.5, "validation:rmse": 2.5}
    assert step["note"] == "validation:rmse=2.5"


def test_the_stock_image_refuses_metric_definitions_as_sagemaker_does(lab: Lab) -> None:
    request = stock(job(lab, BOOST))
    request["AlgorithmSpecification"]["MetricDefinitions"] = [METRIC]
    reason = lab.run({"Name": "Train", "Type": "Training", "Arguments": request})["reason"]
    assert "You can't override the metric definitions for Amazon SageMaker algorithms" in reason


def test_a_tuning_on_the_stock_image_follows_its_metric(lab: Lab) -> None:
    step = tuning(lab, jobs=3)
    definition = stock(step["Arguments"]["TrainingJobDefinition"])
    script = SQUARE.replace('f"validation:rmse={', 'f"[9]\\tvalidation-rmse:{')
    source = definition["InputDataConfig"][0]["DataSource"]["S3DataSource"]
    source["S3Uri"] = f"{lab.store('source', {'sourcedir.tar.gz': packed(script)})}/sourcedir.tar.gz"
    tuned = step_of(lab.run(step), "Tune")
    assert tuned["result"]["TrainingJobStatusCounters"]["Completed"] == 3, tuned["reason"]
    assert tuned["note"].startswith("validation:rmse ")


# Tuning


def tuning(lab: Lab, *, strategy: str = "Bayesian", jobs: Any = 8, kind: str = "Minimize", ranges: Any = None) -> Any:
    definition = job(lab, SQUARE)
    definition["StaticHyperParameters"] = definition.pop("HyperParameters")
    known = {
        "IntegerParameterRanges": [{"Name": "depth", "MinValue": "1", "MaxValue": "9"}],
        "ContinuousParameterRanges": [
            {"Name": "eta", "MinValue": "0.01", "MaxValue": "0.9", "ScalingType": "Logarithmic"}
        ],
    }
    return {
        "Name": "Tune",
        "Type": "Tuning",
        "Arguments": {
            "HyperParameterTuningJobConfig": {
                "Strategy": strategy,
                "HyperParameterTuningJobObjective": {"Type": kind, "MetricName": "validation:rmse"},
                "ResourceLimits": {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": 2},
                "ParameterRanges": ranges or known,
            },
            "TrainingJobDefinition": definition,
        },
    }


@pytest.mark.parametrize("strategy", ["Bayesian", "Random", "Hyperband"])
@pytest.mark.parametrize(("kind", "best_of"), [("Minimize", min), ("Maximize", max)])
def test_the_best_job_of_a_tuning_is_the_best_by_its_objective(
    lab: Lab, strategy: str, kind: str, best_of: Any
) -> None:
    step = step_of(lab.run(tuning(lab, strategy=strategy, kind=kind, jobs=4)), "Tune")
    result = step["result"]
    summaries = result["TrainingJobSummaries"]
    values = [found["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for found in summaries]
    best = result["BestTrainingJob"]
    assert best == summaries[0]
    assert values[0] == best_of(values)
    assert len(values) == 4
    assert set(best["TunedHyperParameters"]) == {"depth", "eta"}
    assert 1 <= int(best["TunedHyperParameters"]["depth"]) <= 9
    assert step["note"] == f"validation:rmse {values[0]:g} is the best of 4 jobs"
    assert len((lab.cloud.work / step["log"]).read_text(encoding="utf-8").splitlines()) == 4


def test_the_names_of_jobs_are_as_long_as_they_may_be_and_never_the_same(lab: Lab) -> None:
    step = {**tuning(lab, jobs=1), "Name": "A-tuning-step_with-a-name-of-sixty-four-letters-which-is-the-most"[:64]}
    names = []
    for _ in range(2):
        result = step_of(lab.run(step), step["Name"])["result"]
        names += [result["HyperParameterTuningJobName"], result["BestTrainingJob"]["TrainingJobName"]]
    assert len(set(names)) == 4
    assert all(re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}", name) for name in names[::2])
    assert all(re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", name) for name in names[1::2])


def test_how_many_jobs_may_be_a_text(lab: Lab) -> None:
    given = {"Std:Join": {"On": "", "Values": ["", {"Get": "Parameters.Jobs"}]}}
    jobs = {"Name": "Jobs", "Type": "Integer", "DefaultValue": 2}
    record = lab.run(tuning(lab, jobs=given), parameters=[jobs])
    assert step_of(record, "Tune")["result"]["TrainingJobStatusCounters"]["Completed"] == 2


def test_the_best_model_lies_where_the_sdk_expects_it(lab: Lab) -> None:
    request = tuning(lab, jobs=1)
    script = (
        "import os, pathlib\n"
        "pathlib.Path(os.environ['SM_MODEL_DIR'], 'm').write_text('best')\n"
        "print('validation:rmse=1')\n"
    )
    source = request["Arguments"]["TrainingJobDefinition"]["InputDataConfig"][0]["DataSource"]["S3DataSource"]
    source["S3Uri"] = f"{lab.store('source', {'sourcedir.tar.gz': packed(script)})}/sourcedir.tar.gz"
    best_name = {"Get": "Steps.Tune.BestTrainingJob.TrainingJobName"}
    place = [f"s3://{lab.bucket}/models", THIS_EXECUTION, best_name, "output/model.tar.gz"]
    uri = {"Std:Join": {"On": "/", "Values": place}}
    use = lab.job("Use", "import os\nprint(os.listdir('opt/ml/processing/input/model'))", inputs={"model": uri})
    record = lab.run(request, use)
    assert step_of(record, "Use")["note"] == "['model.tar.gz']"


def test_jobs_that_fail_are_counted_and_not_chosen(lab: Lab) -> None:
    modes = {"CategoricalParameterRanges": [{"Name": "mode", "Values": ["broken", "whole"]}]}
    numbers = tuning(lab)["Arguments"]["HyperParameterTuningJobConfig"]["ParameterRanges"]
    step = step_of(lab.run(tuning(lab, jobs=6, ranges=numbers | modes)), "Tune")
    failed = [found for found in step["result"]["TrainingJobSummaries"] if found["TrainingJobStatus"] == "Failed"]
    assert 0 < len(failed) < 6
    assert {found["FailureReason"] for found in failed} == {"AlgorithmError: broken"}
    assert step["result"]["BestTrainingJob"]["TunedHyperParameters"]["mode"] == "whole"
    assert step["note"].endswith(f"of 6 jobs, {len(failed)} of which failed")


def test_a_grid_tries_each_combination_once(lab: Lab) -> None:
    grid = [{"Name": "depth", "Values": ["1", "2"]}, {"Name": "eta", "Values": ["0.1", "0.3"]}]
    step = step_of(
        lab.run(tuning(lab, strategy="Grid", jobs=None, ranges={"CategoricalParameterRanges": grid})), "Tune"
    )
    tried = [tuple(found["TunedHyperParameters"].values()) for found in step["result"]["TrainingJobSummaries"]]
    assert sorted(tried) == [("1", "0.1"), ("1", "0.3"), ("2", "0.1"), ("2", "0.3")]
    assert tried[0] == ("1", "0.3")


def test_a_reversed_scale_stays_in_its_range(lab: Lab) -> None:
    eta = {"Name": "eta", "MinValue": "0.5", "MaxValue": "0.999", "ScalingType": "ReverseLogarithmic"}
    ranges = {
        "IntegerParameterRanges": [{"Name": "depth", "MinValue": "1", "MaxValue": "2"}],
        "ContinuousParameterRanges": [eta],
    }
    step = step_of(lab.run(tuning(lab, strategy="Random", jobs=3, ranges=ranges)), "Tune")
    values = [float(found["TunedHyperParameters"]["eta"]) for found in step["result"]["TrainingJobSummaries"]]
    assert all(0.5 <= value <= 0.999 for value in values)


def test_a_tuning_without_one_good_job_has_failed(lab: Lab) -> None:
    modes = {"CategoricalParameterRanges": [{"Name": "mode", "Values": ["broken"]}]}
    step = step_of(lab.run(tuning(lab, jobs=2, ranges=modes)), "Tune")
    assert step["reason"] == ("AlgorithmError: all 2 training jobs failed, the last with: AlgorithmError: broken")


def test_what_local_mode_cannot_tune_is_refused(lab: Lab) -> None:
    request = tuning(lab)
    parents = [{"HyperParameterTuningJobName": "earlier"}]
    request["Arguments"]["WarmStartConfig"] = {
        "ParentHyperParameterTuningJobs": parents,
        "WarmStartType": "TransferLearning",
    }
    assert "local mode does not support WarmStartConfig" in lab.run(request)["reason"]
