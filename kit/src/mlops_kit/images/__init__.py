"""Stand-ins for the images of AWS: model monitor, model server, Lambda runtime. Each runs as a script."""

from pathlib import Path

FOLDER = Path(__file__).parent
