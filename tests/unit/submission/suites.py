"""Files of results as the suites of others write them, all made up."""

import json
from collections.abc import Mapping
from pathlib import Path

PACKAGE = "github.com/kubernetes-sigs/ai-conformance/test"
GANG, NODES, SANDBOX = (
    "TestGangScheduling",
    "TestAcceleratorClusterAutoscaling",
    "TestWorkloadSandboxing",
)
GREEN = {
    GANG: "PASS",
    f"{GANG}/NegativeGangScheduling": "PASS",
    NODES: "PASS",
    "TestParseNodePoolLabel": "PASS",
}
_ACTIONS = {"PASS": "pass", "FAIL": "fail", "SKIP": "skip"}
_ELEMENTS = {"PASS": "", "FAIL": "<failure/>", "SKIP": "<skipped/>"}


def junit(outcomes: Mapping[str, str] = GREEN, suite: str = PACKAGE, **properties: str) -> str:
    """JUnit of gotestsum, or of Ginkgo."""
    cases = "".join(
        f'<testcase classname="{suite}" name="{name}">{_ELEMENTS[word]}</testcase>\n'
        for name, word in outcomes.items()
    )
    told = "".join(f'<property name="{n}" value="{v}"/>' for n, v in properties.items())
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites tests="{len(outcomes)}">'
        f'<testsuite name="{suite}" tests="{len(outcomes)}"><properties>{told}</properties>\n'
        f"{cases}</testsuite></testsuites>\n"
    )


def events(outcomes: Mapping[str, str] = GREEN) -> str:
    """`go test -json`."""
    lines = [{"Action": "start", "Package": PACKAGE}]
    for name, word in outcomes.items():
        lines.append({"Action": "run", "Package": PACKAGE, "Test": name})
        lines.append({"Action": _ACTIONS[word], "Package": PACKAGE, "Test": name})
    last = "fail" if "FAIL" in outcomes.values() else "pass"
    lines.append({"Action": last, "Package": PACKAGE})
    return "".join(f"{json.dumps(line)}\n" for line in lines)


def log(outcomes: Mapping[str, str] = GREEN) -> str:
    """`go test -v`."""
    lines = []
    for name, word in outcomes.items():
        lines += [f"=== RUN   {name}", f"    x_test.go:1: of {name}", f"--- {word}: {name} (0.10s)"]
    lines.append("FAIL" if "FAIL" in outcomes.values() else "PASS")
    return "".join(f"{line}\n" for line in lines)


DRA = "[It] [sig-node] [DRA] CRUD Tests resource.k8s.io/v1 DeviceClass [Conformance]"
KUBERNETES = {
    "[SynchronizedBeforeSuite]": "PASS",
    DRA: "PASS",
    "[It] [sig-apps] CronJob should run [Slow]": "SKIP",
}


def kubernetes_junit(outcomes: Mapping[str, str] = KUBERNETES, **properties: str) -> str:
    """JUnit of e2e.test."""
    return junit(outcomes, "Kubernetes e2e suite", **properties)


def kubernetes_log(
    failed: int = 0, suite: str = "Kubernetes e2e suite", version: str = "1.37.1"
) -> str:
    """Log of e2e.test."""
    word = "FAIL!" if failed else "\x1b[32m\x1b[1mSUCCESS!\x1b[0m"
    return (
        f"  I0526 10:59:43.1 26 e2e.go:109] kube-apiserver version: v{version}\n"
        f"Running Suite: {suite} - /usr/local/bin\n====\nWill run 424 of 7137 specs\nSS•SS\n"
        f"Ran 424 of 7137 Specs in 6449.672 seconds\n"
        f"{word} -- {424 - failed} Passed | {failed} Failed | 0 Pending | 6713 Skipped\n"
    )


def gateway(
    *, failed: int = 0, profile: str = "GATEWAY-HTTP", inference: str = "", project: str = "egret"
) -> str:
    """A ConformanceReport."""
    result = "failure" if failed else "success"
    head = f"GatewayAPIInferenceExtensionVersion: {inference}\n" if inference else ""
    return f"""\
{head}apiVersion: gateway.networking.k8s.io/v1
date: "2026-11-20T10:00:00Z"
gatewayAPIVersion: v1.6.1
implementation: {{organization: babbage, project: {project}, version: v2.1}}
kind: ConformanceReport
profiles:
- core:
    result: {result}
    statistics: {{Failed: {failed}, Passed: 33, Skipped: 0}}
  extended:
    result: partial
    statistics: {{Failed: 0, Passed: 8, Skipped: 1}}
  name: {profile}
"""


KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: production
clusters: [{name: c, cluster: {server: https://c.example}}]
users: [{name: u, user: {token: t}}]
contexts:
- {name: production, context: {cluster: c, user: u}}
- {name: staging, context: {cluster: c, user: u}}
"""
LISTS = """\
#!/bin/sh
if [ "$1" = -test.list ]; then echo TestSecureAcceleratorAccess; echo TestHelper; exit 0; fi
echo "$@" > ran.txt; echo "$KUBECONFIG" >> ran.txt; cat "${KUBECONFIG%%:*}" >> ran.txt
"""
PASSES = """\
echo '=== RUN   TestSecureAcceleratorAccess'
echo '    x_test.go:1: Authorization: Bearer s3cr3t-of-the-platform-0123456789'
echo '--- PASS: TestSecureAcceleratorAccess (0.10s)'
echo '=== RUN   TestHelper'
echo '--- PASS: TestHelper (0.00s)'
echo PASS
"""


def stand_in(path: Path, body: str = PASSES, *, lists: str = LISTS, mode: int = 0o755) -> None:
    """A stand-in for upstream's compiled suite, which tells what it was given in ran.txt."""
    path.write_text(lists + body, encoding="utf-8")
    path.chmod(mode)
