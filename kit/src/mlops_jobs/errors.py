"""The errors a job reports in one sentence, and the one place that turns them into an exit code."""

import sys
from collections.abc import Callable


class UserError(Exception):
    """Something a person can put right; its message says what is wrong, where, and what to do."""


class ContractError(UserError):
    """config/dataset.yaml does not describe a dataset."""


class DataError(UserError):
    """A data file does not keep the contract."""


class ColumnsError(DataError):
    """A data file has other columns, another header or another delimiter than the contract says."""


def run_job(main: Callable[[], None]) -> None:
    """Run a job's `main` and end the process: 0 when it worked, 1 with one sentence when it was refused.

    A bug is not caught: its traceback belongs in the log.
    """
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
