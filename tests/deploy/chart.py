#!/usr/bin/env python3
"""The Helm chart by Helm's own library: lints it, and renders it with its defaults and with everything on: `chart.py FOLDER` writes
the manifests into that folder, for `kubernetes.py`, and the configuration with its policies, for `portcullis check`."""

import pathlib
import sys

import helm_python
import yaml

CHART = "config/helm/portcullis"
EVERYTHING = {
    "podMonitor": {"enabled": True},
    "image": {"digest": "sha256:" + "0" * 64},
    "env": [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector.observability:4318"}],
}


def main():
    folder = pathlib.Path(sys.argv[1])
    print("helm", helm_python.helm_sdk_version())
    report = helm_python.chart.lint(CHART, strict=True)
    print(*(message for message in report["messages"]), sep="\n")
    if report["errors"]:
        sys.exit("\n".join(report["errors"]))
    with helm_python.Chart.load(CHART) as chart:
        for name, values in [("defaults", None), ("everything", EVERYTHING)]:
            rendered = chart.render(values=values, name="portcullis", namespace="portcullis")
            manifests = [text for path, text in rendered.items() if path.endswith(".yaml") and text.strip()]
            (folder / f"chart-{name}.yaml").write_text("\n---\n".join(manifests))
    maps = [resource for resource in yaml.safe_load_all((folder / "chart-defaults.yaml").read_text())
            if resource and resource["kind"] == "ConfigMap"]
    for resource, place in zip(sorted(maps, key=lambda it: it["metadata"]["name"]), ["config", "policies"]):
        (folder / "chart" / place).mkdir(parents=True, exist_ok=True)
        for name, text in resource["data"].items():
            (folder / "chart" / place / name).write_text(text)


main()
