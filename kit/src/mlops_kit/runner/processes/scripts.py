"""What scripts import and which AWS services they call, by their code. Imported by path, by warm_server.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from modulefinder import ModuleFinder
from pathlib import Path
from types import CodeType

CLIENTS = {"client", "create_client", "resource"}  # the functions of boto3 and botocore that take a service's name


def imported_modules(scripts: Iterable[Path]) -> list[str]:
    """The modules that files import at the top level, without those files themselves."""
    files = list(scripts)
    modules = {name: None for path in files for name in _imports(path)}
    own = {path.stem for path in files} | {path.parent.name for path in files}
    return [name for name in modules if name.partition(".")[0] not in own]


def words_of_clients(scripts: Iterable[Path]) -> set[str]:
    """The texts in those functions that create clients of AWS: the services' names are among them."""
    return {
        word
        for path in scripts
        for code in _nested(_compiled(path))
        if CLIENTS.intersection(code.co_names)
        for word in code.co_consts
        if isinstance(word, str)
    }


def _imports(path: Path) -> Iterable[str]:
    for kind, what in ModuleFinder().scan_opcodes(_compiled(path)):
        if kind == "absolute_import":
            names, module = what
            yield module
            yield from (f"{module}.{name}" for name in names or ())  # some are not modules: the server ignores them


def _compiled(path: Path) -> CodeType:
    """A file's code; none if it is invalid, since the job that runs it reports the error."""
    try:
        # Not ast.parse: while several threads use it, CPython 3.11 raises SystemError (recursion depth mismatch).
        return compile(path.read_text(encoding="utf-8"), path.name, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError):
        return compile("", path.name, "exec")


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)
