"""Replacements for AWS's images: model monitor, model server and Lambda runtime. Each runs as a script."""

from pathlib import Path

FOLDER = Path(__file__).parent
