"""Mistakes that somebody could make in the Terraform files, each with the rule that must find it, and where."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple


class Defect(NamedTuple):
    """A mistake.

    Attributes:
        file: below infra/.
        text: a regular expression for what is there.
        instead: what stands there then.
        rule: finds it ...
        at: ... in what has this in its address or name.
    """

    file: str
    text: str
    instead: str
    rule: str
    at: str

    def make(self, infra: Path) -> None:
        """Make the mistake in a copy of the files; raises AssertionError where they are not as they were."""
        path = infra / self.file
        changed, count = re.subn(self.text, self.instead, path.read_text("utf-8"), flags=re.DOTALL)
        assert count, f"{self.file} holds no {self.text} any more: say how the mistake is made now"
        path.write_text(changed, encoding="utf-8")


STATEMENTS = "modules/execution_role/statements.tf"
FUNCTIONS, FUNCTION_ROLES = "modules/functions/main.tf", "modules/functions/roles.tf"
EVENTS, RULES = "modules/events/main.tf", "modules/events/rules.tf"
STORAGE, KEY = "modules/storage/main.tf", "modules/storage/key.tf"
NOTIFICATIONS = "modules/notifications/main.tf"
SCHEDULES = "modules/schedules/main.tf"
CI = "bootstrap/roles.tf"

ACCOUNT_ONLY = r'Condition = \{ StringEquals = \{ "aws:SourceAccount".*?\} \}'
TO_SAGEMAKER_ONLY = r'Condition = \{ StringEquals = \{ "iam:PassedToService".*?\} \}'
QUEUE = r"dead_letter_config \{.*?\}"

# By the stack in whose files they are made. No two of a stack are in each other's way: one plan shows them all.
DEFECTS: dict[str, dict[str, Defect]] = {
    "shop": {
        # who may do what
        "objects of every bucket": Defect(
            STATEMENTS, r'"\$\{var.bucket_arn\}/\*"', '"*"', "wildcard resource", "module.execution_role."
        ),
        "every action of S3": Defect(
            STATEMENTS, r'"s3:GetObject"', '"s3:*"', "wildcard action", "module.execution_role."
        ),
        "a role that is passed to any service": Defect(
            STATEMENTS, TO_SAGEMAKER_ONLY, "", "pass any role", "module.execution_role."
        ),
        "a service in the name of any account": Defect(
            FUNCTION_ROLES, ACCOUNT_ONLY, "", "service of any account", "module.functions.aws_iam_role.function"
        ),
        "a registry that is open to all": Defect(
            "modules/registry/main.tf",
            r"length\(local.consumers\) == 0 \? \[\] : (\[.*?Principal = )\{ AWS = local.consumers \}",
            r'\1{ AWS = "*" }',
            "public principal",
            "module.registry.",
        ),
        # how things are kept
        "a bucket that takes plain text": Defect(
            STORAGE, r"data = concat\(\s*\[local.tls_only.data\]", "data = concat([]", "not by TLS only", '["data"]'
        ),
        "a topic without a key": Defect(
            NOTIFICATIONS, r"kms_master_key_id = var.kms_key_arn\n\n  policy", "policy", "no key", "aws_sns_topic."
        ),
        "a bucket without versions": Defect(
            STORAGE, r'(versioning_configuration \{\s*status = )"Enabled"', r'\1"Suspended"', "no versions", '["data"]'
        ),
        "a bucket that a policy can open": Defect(
            STORAGE, r"(block_public_policy +=) true", r"\1 false", "open to the public", '["data"]'
        ),
        "logs that are kept for ever": Defect(
            FUNCTIONS, r"retention_in_days = var.log_retention_days", "", "no retention", "aws_cloudwatch_log_group."
        ),
        "a key that is never changed": Defect(
            KEY, r"(enable_key_rotation +=) true", r"\1 false", "key never changes", "aws_kms_key."
        ),
        # what calls what
        "a bucket that tells nobody": Defect(
            STORAGE, r"(eventbridge =) true", r"\1 false", "bucket without events", '["data"]'
        ),
        "a rule for every environment": Defect(
            RULES, r"\{ environment = \[var.environment\] \}", "{}", "rule that mishears", "retraining"
        ),
        "a rule for every pipeline": Defect(
            RULES, r"pipelineArn = local.pipelines, currentStep", "currentStep", "rule that mishears", "step-failed"
        ),
        "a crash that retrains": Defect(
            RULES,
            r'(currentStepStatus = \[)"Succeeded"',
            r'\1"Failed", "Succeeded"',
            "rule that mishears",
            "model-quality-verdict",
        ),
        "events that are lost": Defect(EVENTS, QUEUE, "", "no dead-letter queue", "aws_cloudwatch_event_target."),
        "calls that are lost": Defect(FUNCTIONS, QUEUE, "", "no dead-letter queue", "aws_lambda_function."),
        "starts that are lost": Defect(SCHEDULES, QUEUE, "", "no dead-letter queue", "aws_scheduler_schedule."),
        "a queue that nobody watches": Defect(
            "modules/monitoring/main.tf", r"alarm_actions +=[^\n]*", "", "queue without alarm", "aws_sqs_queue."
        ),
        "a function that no rule may call": Defect(
            EVENTS,
            r'(principal +=) "events.amazonaws.com"',
            r'\1 "s3.amazonaws.com"',
            "rule that may not call",
            "aws_cloudwatch_event_rule.",
        ),
        "a schedule that does not say so": Defect(
            SCHEDULES, r'name  = "Trigger"', 'name  = "Cause"', "schedule without Trigger", "aws_scheduler_schedule."
        ),
        # what is read under the name that it is written under
        "a variable that nobody reads": Defect(
            FUNCTIONS, r"TOPIC_ARN +=", "TOPIC =", "variable that differs", '["notify"]'
        ),
        "a parameter that nobody reads": Defect("live/ssm.tf", r'"/mlops/', '"/ml/', "parameter that differs", "/ml/"),
        "a name of another environment": Defect(
            KEY, r'"alias/\$\{var.stem\}"', '"alias/data"', "name of nobody", "aws_kms_alias"
        ),
    },
    "neighbour": {
        "a role without the boundary": Defect(
            SCHEDULES, r"permissions_boundary = var.permissions_boundary_arn", "", "role without boundary", "scheduler"
        ),
        "a queue that refuses": Defect(
            NOTIFICATIONS, r"rule/\$\{var.stem\}-\*", "rule/mine", "queue that refuses", "aws_sqs_queue."
        ),
    },
    "bootstrap": {
        "a deploy role for every branch": Defect(
            CI,
            r'StringEquals = (merge\(local.audience, .*? = "\$\{local.subject\}:)\$\{var.default_branch\}',
            r"StringLike = \1*",
            "trust in many subjects",
            '["deploy"]',
        ),
        "trust without sub": Defect(CI, r"StringLike +\= \{[^\n]*", "", "trust without sub", '["plan"]'),
        "trust without aud": Defect(CI, r"audience = \{[^\n]*\}", "audience = {}", "trust without aud", '["deploy"]'),
    },
}
