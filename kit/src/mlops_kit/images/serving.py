"""SageMaker's model server in a batch transform: it passes records to the model's inference code.

The code is the script SAGEMAKER_PROGRAM in the folder code/ of the model's archive. Its model_fn(model_dir) loads the
model; either transform_fn(model, data, content_type, accept) answers a payload, or input_fn(data, content_type),
predict_fn(data, model) and output_fn(prediction, accept) do. Run by path.

    python serving.py request.json model/ input/ output/
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

MEGABYTE = 1 << 20
TEXTS = ("text/csv", "application/json")  # SageMaker's toolkit passes these as text, others as bytes

Answer = Callable[[bytes], bytes]


def main(request_file: Path, model_dir: Path, inputs: Path, outputs: Path) -> None:
    """Transform each file of a folder into a file of another folder, with the suffix .out."""
    request = json.loads(request_file.read_text(encoding="utf-8"))
    source, target_form = request["TransformInput"], request["TransformOutput"]
    answer = load(model_dir, source.get("ContentType", ""), target_form.get("Accept", ""))
    lines = target_form.get("AssembleWith", "None") == "Line"
    files = [path for path in sorted(inputs.rglob("*")) if path.is_file()]
    for path in files:
        target = outputs / path.relative_to(inputs)
        target = target.with_name(f"{target.name}.out")
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as stream:
            for payload in payloads(path, request):
                part = answer(payload)
                stream.write(part + b"\n" if lines and not part.endswith(b"\n") else part)
    print(f"transformed {len(files)} files" if len(files) != 1 else f"transformed {files[0].name}")


def payloads(path: Path, request: dict[str, Any]) -> Iterator[bytes]:
    """The payloads of a file: the complete file, single lines, or as many lines as fit."""
    limit = int(request.get("MaxPayloadInMB", 6)) * MEGABYTE
    split = request["TransformInput"].get("SplitType", "None")
    if split not in ("None", "Line"):
        sys.exit(f"error: local mode supports the SplitType None and Line, not {split}")
    if split == "None":
        yield _checked(path.read_bytes(), limit, path)
        return
    multiple = request.get("BatchStrategy", "MultiRecord") == "MultiRecord"
    lines: list[bytes] = []
    size = 0
    with path.open("rb") as stream:
        for line in stream:
            if lines and (not multiple or size + len(line) > limit):
                yield b"".join(lines)
                lines, size = [], 0
            lines.append(_checked(line, limit, path))
            size += len(line)
    if lines:
        yield b"".join(lines)


def load(model_dir: Path, content_type: str, accept: str) -> Answer:
    """Load the model and its code, and return the function that answers a payload."""
    code = _code(model_dir)
    model = _function(code, "model_fn")(str(model_dir))

    def decoded(payload: bytes) -> bytes | str:
        return payload.decode("utf-8") if content_type in TEXTS else payload

    if hasattr(code, "transform_fn"):
        return lambda payload: _body(code.transform_fn(model, decoded(payload), content_type, accept))
    read, predict, write = (_function(code, name) for name in ("input_fn", "predict_fn", "output_fn"))
    return lambda payload: _body(write(predict(read(decoded(payload), content_type), model), accept))


def _code(model_dir: Path) -> ModuleType:
    folder = model_dir / "code"
    path = folder / os.environ.get("SAGEMAKER_PROGRAM", "inference.py")
    if not path.is_file():
        sys.exit(f"error: the model's archive contains no code/{path.name}; the training script must put it there")
    sys.path.insert(0, str(folder))
    specification = importlib.util.spec_from_file_location(path.stem, path)
    if specification is None or specification.loader is None:
        sys.exit(f"error: code/{path.name} is not a Python module")
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    specification.loader.exec_module(module)
    return module


def _function(code: ModuleType, name: str) -> Callable[..., Any]:
    if not hasattr(code, name):
        sys.exit(f"error: {code.__name__}.py has no {name}, and local mode has no default for it")
    function: Callable[..., Any] = getattr(code, name)
    return function


def _body(answer: Any) -> bytes:
    """The bytes of an answer of output_fn: text or bytes, alone or with a content type."""
    body = answer[0] if isinstance(answer, tuple) else answer
    return body if isinstance(body, bytes) else str(body).encode()


def _checked(record: bytes, limit: int, path: Path) -> bytes:
    if len(record) > limit:
        sys.exit(f"error: {path.name} contains a record of more than {limit // MEGABYTE} MB; raise MaxPayloadInMB")
    return record


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
