"""The errors a job reports in one sentence, and the one place that turns them into an exit code."""

import sys
from collections.abc import Callable


class UserError(Exception):
    """An error that the user can correct; its message gives the problem, the place and the remedy."""


class ContractError(UserError):
    """config/dataset.yaml does not describe a dataset."""


class DataError(UserError):
    """A data file violates the contract."""


class ColumnsError(DataError):
    """The columns, the header or the delimiter of a data file differ from the contract."""


def run_job(main: Callable[[], None]) -> None:
    """Run a job's `main` and end the process: 0 when it worked, 1 with one sentence when it was refused.

    A bug is not caught: its traceback belongs in the log.
    """
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
