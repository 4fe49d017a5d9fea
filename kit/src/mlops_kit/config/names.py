"""The forms that names have: for each a regular expression, and the same in words for error messages."""

from __future__ import annotations

_WORDS = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"

PROJECT = (r"(?=.{1,32}$)" + _WORDS, "lower-case words joined by hyphens, 32 characters at most")
ENVIRONMENT = (_WORDS, "lower-case words joined by hyphens")

BUCKET = (
    r"(?!xn--|sthree-|amzn-s3-demo-|\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)(?!.*(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$)"
    r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    "the name of an S3 bucket: 3 to 63 lower-case letters, digits, . and -, with no beginning or end that S3 reserves",
)
KEY = (r"arn:[\w-]+:kms:[\w-]+:\d{12}:(key|alias)/[\w/-]{1,250}", "the ARN of a KMS key or alias")
ROLE = (
    r"arn:[\w-]+:iam::\d{12}:role/([\w+=,.@-]+/)*[\w+=,.@-]{1,64}",
    "the ARN of an IAM role, whose name has 64 characters at most",
)
MODEL_PACKAGE_GROUP = (
    r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
    "the name of a model package group: 63 letters, digits and inner - at most",
)
SUBNETS = (r"subnet-[0-9a-z]{1,25}", "a list of ids, for example [subnet-0a1b2c3d]")
SECURITY_GROUPS = (r"sg-[0-9a-z]{1,29}", "a list of ids, for example [sg-0a1b2c3d]")
IMAGE = (r"(?=.{1,255}$)[\w.-]+/\S+", "the URI of an image in a registry, 255 characters at most")
MAX_SUBNETS, MAX_SECURITY_GROUPS = 16, 5  # of one job of SageMaker

# Of an environment that Terraform creates: its names begin with <project>-<environment>, a rule of EventBridge has the
# longest end, and the bucket of the access logs is <bucket>-logs.
TERRAFORM_ENVIRONMENT = (
    r"(?!(start|tfstate)$)[a-z][a-z0-9]{1,11}",
    "2 to 12 lower-case letters and digits, a letter first, and neither start nor tfstate",
)
MAX_NAME_PREFIX = 64 - len("-data-quality-violation")
MAX_BUCKET_WITH_LOGS = 63 - len("-logs")

MAX_FUNCTION_NAME = 64  # characters of a Lambda function's name; the derived name of a pipeline is always short enough
