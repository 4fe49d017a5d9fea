"""AWS's regions: the form of their codes, and the partition that each belongs to."""

from __future__ import annotations

REGION = (
    r"(eusc-)?[a-z]{2}(-gov|-iso[a-z]?)?-((north|south)(east|west)?|east|west|central)-[1-9]",
    "an AWS region, for example eu-west-1",
)

# By the beginning of a region's code, as in infra/modules/names of a project.
_PARTITIONS = {
    "cn-": "aws-cn",
    "eu-isoe-": "aws-iso-e",
    "eusc-": "aws-eusc",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
}


def partition_of(region: str) -> str:
    """The partition of a region, the second part of every ARN."""
    return next((name for beginning, name in _PARTITIONS.items() if region.startswith(beginning)), "aws")
