#!/usr/bin/env python3
"""Whether each dependency can be built by the compiler that `rust-version` names: reads the output of `cargo metadata`."""

import json
import sys


def number(version):
    return tuple(int(part) for part in (version + ".0.0").split(".")[:3])


def main():
    metadata = json.load(sys.stdin)
    built = {node["id"] for node in metadata["resolve"]["nodes"]}
    packages = [package for package in metadata["packages"] if package["id"] in built]
    own = next(package["rust_version"] for package in packages if package["name"] == "portcullis")
    newer = [package for package in packages if package["rust_version"] and number(package["rust_version"]) > number(own)]
    for package in newer:
        print(f"{package['name']} {package['version']} needs Rust {package['rust_version']}")
    if newer:
        sys.exit(f"`rust-version` is {own}")
    print(f"{len(packages)} packages, none needs a newer compiler than {own}")


main()
