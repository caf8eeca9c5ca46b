#!/usr/bin/env python3
"""Writes src/wire/model/{iam,sts}.json: the facts of AWS's published service models that brevet is held against.

    tests/coverage/make_table.py             write both tables from the installed botocore
    tests/coverage/make_table.py --check     write nothing; exit 1 and name what differs
    tests/coverage/make_table.py --iam FILE --sts FILE [--paginators-iam FILE]
                                             from service-2.json or service-2.json.gz files instead

Names, types, limits, patterns, errors and pagination only; no documentation text. One operation, error or shape a
line, so that a new botocore shows as a readable diff. Members keep the model's order: violations are reported in it.
"""

import argparse
import gzip
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
TABLES = HERE.parent.parent / "src" / "wire" / "model"
SERVICES = ("iam", "sts")


def read(path):
    """One JSON document, gzipped or plain."""
    raw = pathlib.Path(path).read_bytes()
    return json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)


def installed(service):
    """(service model, paginators, botocore's version) of the installed botocore."""
    import botocore
    from botocore.loaders import Loader

    loader = Loader()
    model = loader.load_service_model(service, "service-2")
    try:
        pages = loader.load_service_model(service, "paginators-1")
    except Exception:  # a service without paginators has no file
        pages = {}
    return model, pages, botocore.__version__


def table(model, pages, version):
    """The table as a dictionary, in the order it is written."""
    shapes = model["shapes"]
    operations = {name: operation(model, pages, name) for name in sorted(model["operations"])}
    roots = [o[side] for o in operations.values() for side in ("input", "output") if side in o]
    errors = sorted({e for o in operations.values() for e in o.get("errors", [])})
    return {
        "service": model["metadata"]["endpointPrefix"],
        "apiVersion": model["metadata"]["apiVersion"],
        "xmlNamespace": model["metadata"]["xmlNamespace"],
        "botocore": version,
        "operations": operations,
        "errors": {name: error(shapes[name], name) for name in errors},
        "shapes": {name: shape(shapes[name]) for name in reachable(shapes, roots)},
    }


def operation(model, pages, name):
    source = model["operations"][name]
    line = {}
    if "input" in source:
        line["input"] = source["input"]["shape"]
    if "output" in source:
        line["output"] = source["output"]["shape"]
        line["resultWrapper"] = source["output"]["resultWrapper"]
    if source.get("authtype") == "none":
        line["unsigned"] = True
    if source.get("errors"):
        line["errors"] = [e["shape"] for e in source["errors"]]
    page = pages.get("pagination", {}).get(name)
    if page:
        keys = page["result_key"]
        line["pagination"] = {
            "inputToken": page["input_token"],
            "outputToken": page["output_token"],
            "limitKey": page["limit_key"],
            "resultKeys": [keys] if isinstance(keys, str) else keys,
        }
        if "more_results" in page:
            line["pagination"]["moreResults"] = page["more_results"]
    return line


def error(source, name):
    """Code and status on the wire; where the model states none, the SDKs take the shape's name and 400."""
    trait = source.get("error", {})
    status = trait.get("httpStatusCode", 400)
    return {"code": trait.get("code", name), "status": status, "sender": trait.get("senderFault", status < 500)}


def shape(source):
    line = {"type": source["type"]}
    for key in ("min", "max", "pattern", "enum", "sensitive"):
        if key in source:
            line[key] = source[key]
    for key in ("member", "key", "value"):
        if key in source:
            line[key] = source[key]["shape"]
    if source.get("required"):
        line["required"] = source["required"]
    if source["type"] == "structure":
        line["members"] = {name: wire_member(name, m) for name, m in source["members"].items()}
    return line


def wire_member(name, source):
    """A member's shape. A model that renames or flattens on the wire would need the table to say so: refuse it."""
    odd = set(source) - {"shape", "documentation", "box", "deprecated", "deprecatedMessage", "idempotencyToken"}
    if odd:
        raise SystemExit(f"member {name} has traits this table does not carry: {sorted(odd)}")
    return source["shape"]


def reachable(shapes, roots):
    seen, open_ = set(), list(roots)
    while open_:
        name = open_.pop()
        if name in seen:
            continue
        seen.add(name)
        source = shapes[name]
        open_ += [m["shape"] for m in source.get("members", {}).values()]
        open_ += [source[key]["shape"] for key in ("member", "key", "value") if key in source]
    return sorted(seen)


def render(facts):
    """JSON with one entry of a section a line."""
    out = []
    for key, value in facts.items():
        if isinstance(value, dict):
            lines = [f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()]
            out.append(f"  {json.dumps(key)}: {{\n" + ",\n".join(lines) + "\n  }")
        else:
            out.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(out) + "\n}\n"


def differences(wanted, found):
    """What a reader needs to find it: section and name. The version of botocore alone is no difference."""
    lines = []
    for key in wanted:
        if key == "botocore":
            continue
        if not isinstance(wanted[key], dict):
            if wanted[key] != found.get(key):
                lines.append(f"{key}: {found.get(key)} should be {wanted[key]}")
            continue
        here, there = found.get(key, {}), wanted[key]
        lines += [f"{key}: {n} is missing from the table" for n in there if n not in here]
        lines += [f"{key}: {n} is no longer published" for n in here if n not in there]
        # Compared as text: the order of members is a fact too.
        lines += [f"{key}: {n} differs" for n in there if n in here and json.dumps(there[n]) != json.dumps(here[n])]
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    for service in SERVICES:
        parser.add_argument(f"--{service}")
        parser.add_argument(f"--paginators-{service}")
    options = vars(parser.parse_args())
    bad = []
    for service in SERVICES:
        if options[service]:
            pages = options[f"paginators_{service}"]
            sources = read(options[service]), read(pages) if pages else {}, "given file"
        else:
            sources = installed(service)
        facts = table(*sources)
        path = TABLES / f"{service}.json"
        if options["check"]:
            bad += [f"{service}.json: {line}" for line in differences(facts, json.loads(path.read_text()))]
        else:
            path.write_text(render(facts))
            print(f"{path.name}: {len(facts['operations'])} operations, {len(facts['shapes'])} shapes")
    if bad:
        sys.exit("\n".join(bad))


if __name__ == "__main__":
    main()
