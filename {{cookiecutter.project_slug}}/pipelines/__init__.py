"""The project's pipelines: definitions, and the commands that compile, deploy and start them.

training.py, training_hpo.py, inference.py, parts.py and settings.py are the team's. The other modules are owned by the
template: `copier update` keeps them current.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

# Settings and jobs share the data contract. The jobs import one another by plain names, as they do in a container.
sys.path.insert(0, str(ROOT / "jobs"))

# The SageMaker SDK cannot be imported without a region. Nothing is sent there: clients name their environment's.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
