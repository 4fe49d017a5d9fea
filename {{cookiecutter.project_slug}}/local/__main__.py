"""`python -m local` is now `mlops`; this module leaves with the next release."""

import sys

sys.exit(
    "error: `python -m local` is now `mlops`: mlops local up | down | demo | upload | report, mlops start KIND "
    "--env local, mlops approve --env local, mlops data FILE.csv; all commands: mlops --help"
)
