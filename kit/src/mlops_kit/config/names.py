"""The forms that names have: for each a regular expression, and the same in words for error messages."""

from __future__ import annotations

_WORDS = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"

PROJECT = (r"(?=.{1,32}$)" + _WORDS, "lower-case words joined by hyphens, 32 characters at most")
ENVIRONMENT = (_WORDS, "lower-case words joined by hyphens")

BUCKET = (r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of an S3 bucket: 3 to 63 lower-case letters, digits, . and -")
KEY = (r"arn:[\w-]+:kms:[\w-]+:\d{12}:(key|alias)/[\w/-]{1,250}", "the ARN of a KMS key or alias")
ROLE = (
    r"arn:[\w-]+:iam::\d{12}:role/([\w+=,.@-]+/)*[\w+=,.@-]{1,64}",
    "the ARN of an IAM role, whose name has 64 characters at most",
)
MODEL_PACKAGE_GROUP = (
    r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
    "the name of a model package group: 63 letters, digits and inner - at most",
)
SUBNETS = (r"subnet-[0-9a-z]+", "a list of ids, for example [subnet-0a1b2c3d]")
SECURITY_GROUPS = (r"sg-[0-9a-z]+", "a list of ids, for example [sg-0a1b2c3d]")
IMAGE = (r"[\w.-]+/\S+", "the URI of an image in a registry")

MAX_FUNCTION_NAME = 64  # characters of a Lambda function's name; the derived name of a pipeline is always short enough
