"""Requests to AWS's API as the services read them: which operation, with which parameters."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass
from typing import Any

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound

# The service of a request is in the scope of its signature: <key>/<date>/<region>/<service>/aws4_request.
SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]*/([^/]+)/aws4_request")
SIGNED_AS = {"monitoring": "cloudwatch"}  # services that sign under another name than their model's


@dataclass(frozen=True)
class ParsedRequest:
    """A request to a service.

    Attributes:
        service: its name in botocore, for example sagemaker.
        operation: for example CreatePipeline.
        parameters: the operation's input.
        protocol: of the service: json, query, ec2, rest-json or rest-xml.
    """

    service: str
    operation: str
    parameters: dict[str, Any]
    protocol: str


def service_of(environ: dict[str, Any]) -> str:
    """The service that a request is signed for; empty if it is not signed."""
    match = SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    return SIGNED_AS.get(match[1], match[1]) if match else ""


def parse(environ: dict[str, Any], service: str) -> ParsedRequest | None:
    """Parse a request; None if its service has no such operation. The body can be read once more afterwards.

    Args:
        environ: of WSGI.
        service: its name in botocore.
    """
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    if target := environ.get("HTTP_X_AMZ_TARGET"):  # JSON; most requests are, and need none of the routing below
        name = target.rpartition(".")[2]
        known = name in get_service_model(service).operation_names
        return ParsedRequest(service, name, json.loads(body or b"{}"), "json") if known else None
    request = Request({**environ, "wsgi.input": io.BytesIO(body)})
    try:
        operation, in_path = get_service_router(service).match(request)
    except (NotFound, NotImplementedError):
        return None
    protocol = determine_request_protocol(get_service_model(service), request.content_type)
    parameters = PROTOCOL_PARSERS[protocol](operation).parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": body,
            "url_path": request.path,
            "url_params": in_path,
        }
    )
    return ParsedRequest(service, operation.name, dict(parameters), protocol)
