#!/usr/bin/env python3
"""The time that `portcullis test --mutate` takes: for the shipped policies, and for 200 generated ones with ten cases each.

    cargo build --release && benches/mutants.py [PROGRAM]
"""
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
POLICIES = 200
MOST_SECONDS = 5

POLICY = """apiVersion: portcullis/v1
kind: RequestPolicy
metadata: {{ name: {name}, labels: {{ owner: bench }} }}
spec:
  match: {{ operations: [CreateUser, UpdateUser], environments: [production] }}
  matchConditions:
    - name: not-the-owner
      expression: client.spiffeId != "spiffe://example.org/{name}"
  params: {{ most: {most}, names: [{name}-a, {name}-b] }}
  validations:
    - expression: body.create_organizations_limit == null || (body.create_organizations_limit >= 1 && body.create_organizations_limit <= params.most)
      field: create_organizations_limit
      message: too many
    - expression: body.username == null || !(body.username in params.names)
      field: username
      message: the name is taken
  actions: [Audit]
"""
# operation, what else the request has, whether the policy is violated
CASES = [
    ("CreateUser", "body: {{ create_organizations_limit: {most} }}", False),
    ("CreateUser", "body: {{ create_organizations_limit: {more} }}", True),
    ("UpdateUser", "body: {{ create_organizations_limit: {more} }}", True),
    ("UpdateUser", "body: {{ create_organizations_limit: 1 }}", False),
    ("UpdateUser", "body: {{ create_organizations_limit: 0 }}", True),
    ("CreateUser", "body: {{ username: {name}-a }}", True),
    ("CreateUser", "body: {{ username: {name}-b }}", True),
    ("CreateUser", "body: {{ username: {name}-c }}", False),
    ("CreateUser", "environment: development, body: {{ username: {name}-a }}", False),
    ("CreateUser", 'client: {{ spiffeId: "spiffe://example.org/{name}" }}, body: {{ username: {name}-a }}', False),
]


def write(folder):
    for number in range(POLICIES):
        values = {"name": f"rule-{number}", "most": 5 + number, "more": 6 + number}
        (folder / f"{number}.yaml").write_text(POLICY.format(**values))
        test = f"apiVersion: portcullis/v1\nkind: PolicyTest\nmetadata: {{ name: rule-{number} }}\nspec:\n  cases:\n"
        for position, (operation, request, is_violated) in enumerate(CASES):
            expected = values["name"] if is_violated else ""
            test += (f"    - name: case {position}\n      request: {{ operation: {operation}, {request.format(**values)} }}\n"
                     f"      expect: {{ violates: [{expected}] }}\n")
        (folder / f"{number}.test.yaml").write_text(test)


def measure(program, name, folder):
    began = time.perf_counter()
    run = subprocess.run([program, "test", str(folder), "--mutate"], capture_output=True, text=True, cwd=ROOT)
    took = time.perf_counter() - began
    mutants = next((line for line in run.stdout.splitlines() if line.startswith("mutants:")), None)
    if run.returncode or mutants is None:
        sys.exit(f"{name}: exit code {run.returncode}\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
    print(f"{name:20} {took:5.2f} s; {mutants}")
    return took


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "target/release/portcullis")
    measure(program, "shipped policies", "policies")
    with tempfile.TemporaryDirectory() as name:
        write(pathlib.Path(name))
        if measure(program, f"{POLICIES} policies", name) > MOST_SECONDS:
            sys.exit(f"MISSED: at most {MOST_SECONDS} s")


if __name__ == "__main__":
    main()
