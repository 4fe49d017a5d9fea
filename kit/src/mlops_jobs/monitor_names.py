"""The names of columns as SageMaker's Model Monitor is handed them, without what Spark reads as syntax.

Only the standard library is imported here: a Lambda function carries this module, and not what the image holds.
"""

from __future__ import annotations

import re

_TO_ESCAPE = re.compile(r"[.`*]|%(?=2A|2E|25|60)")
_ESCAPED = re.compile(r"%(2A|2E|25|60)")


def escaped(name: str) -> str:
    """A column's name without what Spark reads as syntax: `a.b` becomes `a%2Eb`."""
    return _TO_ESCAPE.sub(lambda found: f"%{ord(found[0]):02X}", name)


def unescaped(name: str) -> str:
    """The name that was escaped."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), name)
