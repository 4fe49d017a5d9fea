"""Everything that can be rehearsed on this machine. Owned by the template: `copier update` keeps it current."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

# The jobs import one another by plain names, as they do in a container, where their folder is the script's own.
sys.path.insert(0, str(ROOT / "jobs"))
