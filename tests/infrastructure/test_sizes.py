"""At the longest names, every document and every name fits into what AWS takes."""

from __future__ import annotations

import pytest

import sizes
from stacks import Stack

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("infrastructure")]


def test_every_document_and_name_fits_at_the_longest_names(stack: Stack) -> None:
    place = stack.place
    assert sizes.findings(stack.made, place.name_prefix, place.account, place.region) == []


def test_what_is_limited_is_measured(shop: Stack, neighbour: Stack, bootstrap: Stack) -> None:
    seen = {
        (resource.kind, attribute)
        for stack in (shop, neighbour, bootstrap)
        for resource in stack.made
        for kind, attribute in (*sizes.TEXTS, *sizes.NAMES)
        if resource.kind == kind and resource[attribute]
    }
    assert seen == {*sizes.TEXTS, *sizes.NAMES}


def test_a_document_that_would_be_too_large_is_found(bootstrap: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "LONGEST_PREFIX", "x" * 400)
    place = bootstrap.place
    found = sizes.findings(bootstrap.made, place.name_prefix, place.account, place.region)
    assert any("policy: " in finding.detail for finding in found)
