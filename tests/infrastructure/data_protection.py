"""Checks that stored data is encrypted, private, versioned, and kept for a defined time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

from policies import Statement, statements
from resources import Finding, Resource, as_list, of_kind

PRIVATE = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")

# The attribute with the KMS key of each kind of resource.
KEYS = {
    "aws_cloudwatch_log_group": lambda found: found["kms_key_id"],
    "aws_dynamodb_table": lambda found: found.block("server_side_encryption").get("kms_key_arn"),
    "aws_scheduler_schedule": lambda found: found["kms_key_arn"],
    "aws_sns_topic": lambda found: found["kms_master_key_id"],
    "aws_sqs_queue": lambda found: found["kms_master_key_id"],
}


def findings(made: Sequence[Resource]) -> list[Finding]:
    """Buckets, topics, queues, tables, logs and keys without protection."""
    return [finding for check in CHECKS for finding in check(made)]


def _unencrypted(made: Sequence[Resource]) -> Iterator[Finding]:
    for resource in of_kind(made, *KEYS):
        if not KEYS[resource.kind](resource):
            yield Finding("no key", resource.address)
    for bucket in _buckets(made):
        encryption = _about(made, bucket, "aws_s3_bucket_server_side_encryption_configuration")
        rule = encryption.block("rule") if encryption else {}
        method = (rule.get("apply_server_side_encryption_by_default") or [{}])[0].get("sse_algorithm")
        if method != ("AES256" if _without_key(bucket) else "aws:kms"):
            yield Finding("no key", bucket.address, str(method))


def _without_required_tls(made: Sequence[Resource]) -> Iterator[Finding]:
    """Buckets, topics and queues that accept connections without TLS."""
    for resource in of_kind(made, "aws_s3_bucket", "aws_sns_topic", "aws_sqs_queue"):
        if not any(_denies_plain_text(statement, resource) for statement in _policy_of(made, resource)):
            yield Finding("TLS not required", resource.address)


def _denies_plain_text(statement: Statement, resource: Resource) -> bool:
    everybody = any("*" in names for names in statement.principals.values())
    plain = statement.condition("aws:SecureTransport") == ["false"]
    required = {resource["arn"], f"{resource['arn']}/*"} if resource.kind == "aws_s3_bucket" else {resource["arn"]}
    return statement.effect == "Deny" and everybody and plain and required <= set(statement.resources)


def _public(made: Sequence[Resource]) -> Iterator[Finding]:
    for bucket in _buckets(made):
        block = _about(made, bucket, "aws_s3_bucket_public_access_block")
        missing = [setting for setting in PRIVATE if block is None or block[setting] is not True]
        if missing:
            yield Finding("public bucket", bucket.address, ", ".join(missing))


def _without_versions(made: Sequence[Resource]) -> Iterator[Finding]:
    for bucket in _buckets(made):
        versioning = _about(made, bucket, "aws_s3_bucket_versioning")
        if not versioning or versioning.block("versioning_configuration").get("status") != "Enabled":
            yield Finding("no versions", bucket.address)
    for table in of_kind(made, "aws_dynamodb_table"):
        if not table.block("point_in_time_recovery").get("enabled"):
            yield Finding("no recovery", table.address)


def _without_retention(made: Sequence[Resource]) -> Iterator[Finding]:
    for group in of_kind(made, "aws_cloudwatch_log_group"):
        if not group["retention_in_days"]:
            yield Finding("no retention", group.address)
    for bucket in _buckets(made):
        if not _about(made, bucket, "aws_s3_bucket_lifecycle_configuration"):
            yield Finding("no lifecycle", bucket.address)


def _without_access_logs(made: Sequence[Resource]) -> Iterator[Finding]:
    for bucket in _buckets(made):
        if not _without_key(bucket) and not _about(made, bucket, "aws_s3_bucket_logging"):
            yield Finding("no access logs", bucket.address)


def _without_rotation(made: Sequence[Resource]) -> Iterator[Finding]:
    for key in of_kind(made, "aws_kms_key"):
        if not key["enable_key_rotation"]:
            yield Finding("key without rotation", key.address)


def _policy_of(made: Sequence[Resource], resource: Resource) -> list[Statement]:
    """The policy statements of a resource, from a separate policy resource or from itself."""
    ties = {"aws_s3_bucket": "bucket", "aws_sns_topic": "arn", "aws_sqs_queue": "queue_url"}
    tie = ties[resource.kind]
    own = resource["id"] if resource.kind != "aws_sns_topic" else resource["arn"]
    texts = [found["policy"] for found in of_kind(made, f"{resource.kind}_policy") if found[tie] == own]
    if not texts and resource.kind != "aws_s3_bucket":
        texts = as_list(resource["policy"] or None)
    return [statement for text in texts if text and json.loads(text) for statement in statements(text)]


def _buckets(made: Sequence[Resource]) -> list[Resource]:
    buckets: list[Resource] = of_kind(made, "aws_s3_bucket")
    return buckets


def _about(made: Sequence[Resource], bucket: Resource, kind: str) -> Resource | None:
    """The resource of a kind that configures a bucket; None if there is none."""
    return next((found for found in of_kind(made, kind) if found["bucket"] == bucket["bucket"]), None)


def _without_key(bucket: Resource) -> bool:
    """Whether S3 cannot deliver its access logs with a KMS key, or its Terraform states exist before any key."""
    return str(bucket["bucket"]).endswith("-logs") or "-tfstate-" in str(bucket["bucket"])


CHECKS: tuple[Callable[[Sequence[Resource]], Iterator[Finding]], ...] = (
    _unencrypted,
    _without_required_tls,
    _public,
    _without_versions,
    _without_retention,
    _without_access_logs,
    _without_rotation,
)
