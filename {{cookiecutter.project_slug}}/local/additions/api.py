"""Requests and answers of AWS's API."""

from __future__ import annotations

from typing import Any

Request = dict[str, Any]
Answer = dict[str, Any]


class ApiError(Exception):
    """An error as AWS answers it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
