"""`python -m mlops_kit` is `mlops`: for a kit that is on the path and not installed."""

from mlops_kit.cli.main import run

if __name__ == "__main__":
    run()
