"""Leave out of a project what copier.yml leaves out. Copier does it by itself, Cookiecutter through this.

Cookiecutter renders this file and runs it in the project's folder.
"""

import json
import shutil
from pathlib import Path

LEFT_OUT = json.loads("""{{ cookiecutter | left_out | tojson }}""")

for path in map(Path, LEFT_OUT):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
