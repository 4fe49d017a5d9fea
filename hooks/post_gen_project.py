"""Delete the paths that copier.yml excludes. Copier does so natively; Cookiecutter needs this hook.

Cookiecutter renders this file and runs it in the project's folder.
"""

from pathlib import Path

LEFT_OUT = """{{ cookiecutter | left_out | join('\n') }}""".splitlines()

for path in map(Path, LEFT_OUT):
    if path.is_dir():
        import shutil  # a quarter of this script's time, so not imported by the projects that keep every file

        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
