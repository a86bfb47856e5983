#!/usr/bin/env python3
"""Copies what `.dockerignore` leaves of the repository into a folder, as `COPY . .` has it: `context.py FOLDER`."""

import pathlib
import shutil
import sys


def main():
    folder = pathlib.Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    patterns = [line[1:] for line in pathlib.Path(".dockerignore").read_text().splitlines() if line.startswith("!")]
    for path in sorted(path for pattern in patterns for path in pathlib.Path().glob(pattern)):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if path.is_dir() else shutil.copy)(path, target)


main()
