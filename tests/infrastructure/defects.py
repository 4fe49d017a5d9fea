"""Seeded defects in the Terraform files, each with the rule that must detect it, and where."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple


class Defect(NamedTuple):
    """A defect.

    Attributes:
        file: the file below infra/.
        text: a regular expression for the correct text.
        replacement: the defective text.
        rule: the rule that must detect it.
        at: a part of the address or name in the finding.
    """

    file: str
    text: str
    replacement: str
    rule: str
    at: str

    def seed(self, infra: Path) -> None:
        """Write the defect into a copy of the files; raises AssertionError if the text does not occur."""
        path = infra / self.file
        changed, count = re.subn(self.text, self.replacement, path.read_text("utf-8"), flags=re.DOTALL)
        assert count, f"{self.file} does not contain {self.text}: update the defect"
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

# By stack. The defects of a stack are independent of each other, so that one plan contains all of them.
DEFECTS: dict[str, dict[str, Defect]] = {
    "shop": {
        # permissions
        "objects of every bucket": Defect(
            STATEMENTS, r'"\$\{var.bucket_arn\}/\*"', '"*"', "wildcard resource", "module.execution_role."
        ),
        "every action of S3": Defect(
            STATEMENTS, r'"s3:GetObject"', '"s3:*"', "wildcard action", "module.execution_role."
        ),
        "a role that may be passed to any service": Defect(
            STATEMENTS, TO_SAGEMAKER_ONLY, "", "pass any role", "module.execution_role."
        ),
        "a service acting for any account": Defect(
            FUNCTION_ROLES, ACCOUNT_ONLY, "", "service of any account", "module.functions.aws_iam_role.function"
        ),
        "a public registry": Defect(
            "modules/registry/main.tf",
            r"length\(local.consumers\) == 0 \? \[\] : (\[.*?Principal = )\{ AWS = local.consumers \}",
            r'\1{ AWS = "*" }',
            "public principal",
            "module.registry.",
        ),
        # data protection
        "a bucket that accepts plain text": Defect(
            STORAGE, r"data = concat\(\s*\[local.tls_only.data\]", "data = concat([]", "TLS not required", '["data"]'
        ),
        "a topic without a key": Defect(
            NOTIFICATIONS, r"kms_master_key_id = var.kms_key_arn\n\n  policy", "policy", "no key", "aws_sns_topic."
        ),
        "a bucket without versions": Defect(
            STORAGE, r'(versioning_configuration \{\s*status = )"Enabled"', r'\1"Suspended"', "no versions", '["data"]'
        ),
        "a bucket that a policy can make public": Defect(
            STORAGE, r"(block_public_policy +=) true", r"\1 false", "public bucket", '["data"]'
        ),
        "logs without retention": Defect(
            FUNCTIONS, r"retention_in_days = var.log_retention_days", "", "no retention", "aws_cloudwatch_log_group."
        ),
        "a key without rotation": Defect(
            KEY, r"(enable_key_rotation +=) true", r"\1 false", "key without rotation", "aws_kms_key."
        ),
        # connections
        "a bucket without events": Defect(
            STORAGE, r"(eventbridge =) true", r"\1 false", "bucket without events", '["data"]'
        ),
        "a rule for every environment": Defect(
            RULES, r"\{ environment = \[var.context.environment\] \}", "{}", "mismatched rule", "retraining"
        ),
        "a rule for every pipeline": Defect(
            RULES, r"pipelineArn = local.pipelines, currentStep", "currentStep", "mismatched rule", "step-failed"
        ),
        "a crash that starts retraining": Defect(
            RULES,
            r'(currentStepStatus = \[)"Succeeded"',
            r'\1"Failed", "Succeeded"',
            "mismatched rule",
            "model-quality-verdict",
        ),
        "rules without a queue": Defect(EVENTS, QUEUE, "", "no dead-letter queue", "aws_cloudwatch_event_target."),
        "functions without a queue": Defect(FUNCTIONS, QUEUE, "", "no dead-letter queue", "aws_lambda_function."),
        "schedules without a queue": Defect(SCHEDULES, QUEUE, "", "no dead-letter queue", "aws_scheduler_schedule."),
        "a queue without an alarm": Defect(
            "modules/monitoring/main.tf", r"alarm_actions +=[^\n]*", "", "queue without alarm", "aws_sqs_queue."
        ),
        "a function without permission for rules": Defect(
            EVENTS,
            r'(principal +=) "events.amazonaws.com"',
            r'\1 "s3.amazonaws.com"',
            "rule without permission",
            "aws_cloudwatch_event_rule.",
        ),
        "a schedule without its trigger": Defect(
            SCHEDULES, r'name  = "Trigger"', 'name  = "Cause"', "schedule without Trigger", "aws_scheduler_schedule."
        ),
        # names
        "an unused variable": Defect(FUNCTIONS, r"TOPIC_ARN +=", "TOPIC =", "variable that differs", '["notify"]'),
        "an unused parameter": Defect("live/main.tf", r'"/mlops/', '"/ml/', "parameter that differs", "/ml/"),
        "a name without project and environment": Defect(
            KEY, r'"alias/\$\{local.name_prefix\}"', '"alias/data"', "foreign name", "aws_kms_alias"
        ),
    },
    "neighbour": {
        "a role without the boundary": Defect(
            SCHEDULES,
            r"permissions_boundary = var.context.permissions_boundary_arn",
            "",
            "role without boundary",
            "scheduler",
        ),
        "a queue that rejects rules": Defect(
            NOTIFICATIONS, r"rule/\$\{local.name_prefix\}-\*", "rule/mine", "queue rejects rule", "aws_sqs_queue."
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
