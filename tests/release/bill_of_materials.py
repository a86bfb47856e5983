#!/usr/bin/env python3
"""Whether a bill of materials (CycloneDX, JSON) has each dependency that `cargo tree` lists on standard input, with its version and
licence: `bill_of_materials.py FILE`."""

import json
import sys


def main():
    with open(sys.argv[1]) as opened:
        bill = json.load(opened)
    components = {(part["name"], part["version"]): part for part in bill["components"]}
    tree = {tuple(line.split()[:2]) for line in sys.stdin if line.strip()}
    missing = sorted((name, version) for name, version in tree
                     if name != "portcullis" and (name, version.removeprefix("v")) not in components)
    unlicensed = sorted(name for (name, _), part in components.items() if not part.get("licenses"))
    for name, version in missing:
        print(f"missing: {name} {version}")
    for name in unlicensed:
        print(f"no licence: {name}")
    if missing or unlicensed:
        sys.exit(1)
    print(f"{bill['bomFormat']} {bill['specVersion']}: {len(components)} components")


main()
