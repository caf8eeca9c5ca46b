#!/usr/bin/env python3
"""Writes tests/wire/fixtures/inputs.json: requests of every operation, as botocore's own serializer writes them.

Each operation gets a request with every member set, and one with every list empty if it has a list. Values meet the
model's constraints, so that brevet must both read them back equal and find them valid. The same botocore writes the same
file (`--check` says whether it does).
"""

import json
import pathlib
import re
import sys

from botocore.awsrequest import AWSRequest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.serialize import create_serializer

TARGET = pathlib.Path(__file__).resolve().parent.parent / "wire" / "fixtures" / "inputs.json"

# Tried in turn until one meets the pattern, the values and the lengths; the awkward ones first.
SAMPLES = [
    "Jürg & 東京=a+b%2F?/\n€",
    "a b:c/d=e+f@g_h.i-j é",
    "=,.@-+_a",
    "arn:aws:iam::123456789012:role/a+b",
    "/a/b/",
    "AKIAIOSFODNN7EXAMPLE",
    "https://example.com/a",
    "o-1234567890",
    "p-12345678",
    "v1",
    "abc",
    "123456",
    "123456789012",
    "o-1234567890/r-1234",
]
ELEMENTS = {"TagKeys": 12}  # Past nine, the order of indexes as text and as numbers differ.


def text(shape):
    if shape.enum:
        return shape.enum[-1]
    meta = shape.metadata
    low, high = meta.get("min", 0), meta.get("max", 10**9)
    # Python has no \p{}: a part of it does. The one pattern with supplementary planes writes them in its own way.
    pattern = meta.get("pattern", r"[\s\S]*").replace(r"\u10000-\u10FFFF", "").replace(r"\p{L}\p{Z}\p{N}", "A-Za-z0-9 À-ÿ一-龥")
    for sample in SAMPLES:
        for value in (sample, (sample * (low // len(sample) + 1))[:low]):
            if low <= len(value) <= high and re.fullmatch(pattern, value, re.ASCII):
                return value
    raise SystemExit(f"no sample for {shape.name}: {meta}")


def value(shape, name):
    kind = shape.type_name
    if kind == "structure":
        return {member: value(inner, member) for member, inner in shape.members.items()}
    if kind == "list":
        count = ELEMENTS.get(name, min(2, shape.metadata.get("max", 2)))
        return [value(shape.member, name) for _ in range(count)]
    if kind == "integer":
        return shape.metadata.get("max", 7)
    if kind == "boolean":
        return True
    if kind == "string":
        return text(shape)
    raise SystemExit(f"an input with a {kind}: {shape.name}")


def cases():
    for service in ("iam", "sts"):
        model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
        for name in model.operation_names:
            operation = model.operation_model(name)
            full = value(operation.input_shape, None) if operation.input_shape else {}
            yield service, operation, full
            lists = [k for k, v in full.items() if isinstance(v, list)]
            if any(not operation.input_shape.members[k].metadata.get("min") for k in lists):
                bare = {k: [] for k in lists if not operation.input_shape.members[k].metadata.get("min")}
                yield service, operation, {**full, **bare}


def body(operation, parameters):
    request = create_serializer("query", include_validation=True).serialize_to_request(parameters, operation)
    prepared = AWSRequest(method="POST", url="https://example.com/", data=request["body"]).prepare()
    return prepared.body if isinstance(prepared.body, str) else prepared.body.decode()


def render():
    lines = []
    for service, operation, parameters in cases():
        case = {
            "service": service,
            "operation": operation.name,
            "body": body(operation, parameters),
            "parameters": parameters,
        }
        lines.append(json.dumps(case, ensure_ascii=False))
    return "[\n" + ",\n".join(lines) + "\n]\n"


def main():
    rendered = render()
    if "--check" in sys.argv[1:]:
        if TARGET.read_text() != rendered:
            sys.exit(f"{TARGET.name} is not what this botocore writes; run make_inputs.py and read the diff")
    else:
        TARGET.write_text(rendered)
        print(f"{rendered.count(chr(10)) - 2} requests")


if __name__ == "__main__":
    main()
