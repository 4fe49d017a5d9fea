"""`python -m pipelines` is now `mlops`; this module leaves with the next release."""

import sys

from mlops_kit.cli.main import run

RENAMED = {"adopt-hyperparameters": "adopt"}

if __name__ == "__main__":
    sys.argv[1:] = [RENAMED.get(argument, argument) for argument in sys.argv[1:]]
    print(f"note: `python -m pipelines` is now `mlops`: mlops {' '.join(sys.argv[1:])}", file=sys.stderr)
    run()
