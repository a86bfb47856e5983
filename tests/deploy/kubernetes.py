#!/usr/bin/env python3
"""Rendered manifests, validated against the schemas that Kubernetes publishes, for the oldest release that has what they need and for
the newest: `kubernetes.py OLDEST FILE...`."""

import sys

import kubernetes_validate
import yaml

# kinds of others, of whose schemas there is no package
FOREIGN = {"monitoring.coreos.com/v1"}


def main():
    oldest, files = sys.argv[1], sys.argv[2:]
    newest = kubernetes_validate.latest_version()
    failed = False
    for file in files:
        with open(file) as opened:
            resources = [resource for resource in yaml.safe_load_all(opened) if resource]
        if not resources:
            sys.exit(f"{file}: nothing was rendered")
        for resource in resources:
            name = f"{resource['kind']} {resource['metadata']['name']}"
            if resource["apiVersion"] in FOREIGN:
                print(f"{name}: NOT CHECKED, there is no schema of {resource['apiVersion']}")
                continue
            for version in [oldest, newest]:
                try:
                    kubernetes_validate.validate(resource, version, strict=True)
                    print(f"{name}: valid in {version}")
                except kubernetes_validate.ValidationError as error:
                    print(f"{name}: NOT valid in {version}: {error.message} at {'/'.join(map(str, error.path))}")
                    failed = True
    sys.exit(failed)


main()
