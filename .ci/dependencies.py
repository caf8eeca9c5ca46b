"""Checks what is linked into brevet against deny.toml: banned crates, licences, and that all of it comes from the registry.

It does what `cargo deny check bans licenses sources` does with the rules this project uses, reading the same file, so that the
check needs nothing but Python and cargo.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

TREE = Path(__file__).resolve().parents[1]


def dependencies() -> list[dict]:
    """Every package that the resolver chose for building and testing brevet."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--manifest-path", str(TREE / "Cargo.toml")]
    metadata = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    chosen = {node["id"] for node in metadata["resolve"]["nodes"]} - {metadata["resolve"]["root"]}
    return [package for package in metadata["packages"] if package["id"] in chosen]


def satisfied(expression: str, allowed: set[str]) -> bool:
    """Whether an SPDX licence expression can be met with allowed licences only."""
    tokens = re.findall(r"[()]|[^\s()/]+|/", expression)
    position = 0

    def peek() -> str | None:
        return tokens[position] if position < len(tokens) else None

    def take() -> str:
        nonlocal position
        position += 1
        return tokens[position - 1]

    def any_of() -> bool:
        met = all_of()
        while peek() in ("OR", "/"):  # the slash is how older crates write OR
            take()
            other = all_of()
            met = met or other
        return met

    def all_of() -> bool:
        met = one()
        while peek() == "AND":
            take()
            other = one()
            met = met and other
        return met

    def one() -> bool:
        name = take()
        if name == "(":
            met = any_of()
            take()
            return met
        if peek() == "WITH":  # an exception permits more: the licence itself decides
            take()
            take()
        return name in allowed

    return any_of()


def complaints(packages: list[dict], rules: dict) -> list[str]:
    banned = {ban["crate"]: ban["reason"] for ban in rules["bans"]["deny"]}
    allowed = set(rules["licenses"]["allow"])
    found = []
    for package in packages:
        name = f"{package['name']} {package['version']}"
        if reason := banned.get(package["name"]):
            found.append(f"{name} is banned: {reason} (see `cargo tree -i {package['name']}`)")
        if not package["license"]:
            found.append(f"{name} names no licence")
        elif not satisfied(package["license"], allowed):
            found.append(f"{name} is under {package['license']}, which is not allowed")
        if not (package["source"] or "").startswith("registry+"):
            found.append(f"{name} does not come from the registry, but from {package['source'] or 'a path'}")
    registries = {package["source"] for package in packages}
    if len(registries) > 1:
        found.append(f"{len(registries)} sources instead of one")
    return found


def main() -> int:
    rules = tomllib.loads((TREE / "deny.toml").read_text())
    packages = dependencies()
    found = complaints(packages, rules)
    for complaint in found:
        print(complaint, file=sys.stderr)
    if not found:
        print(f"dependencies: {len(packages)} crates, none banned, licences allowed, one registry")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
