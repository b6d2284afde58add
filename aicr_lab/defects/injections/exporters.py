"""Ways to break the path of a reading: from the exporter to the monitoring system."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aicr_lab.addons import accelerator_exporter
from aicr_lab.defects.injections.injection import await_effect
from aicr_lab.lab import Lab

_APPS = "apps/v1"
_MONITORING = "monitoring.coreos.com/v1"
_STRATEGIC = "application/strategic-merge-patch+json"
_EXPORTER = (accelerator_exporter.NAME, accelerator_exporter.NAMESPACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LyingExporter:
    """The exporter of every node lies as the word says; it reads the word at every scrape."""

    word: str
    first: int = 0
    """The nodes before this one, in the order of their names, have honest ones."""

    def inject(self, lab: Lab) -> None:
        """Write the word on these nodes."""
        for node in lab.nodes[self.first :]:
            accelerator_exporter.defects_file(node).write_text(f"{self.word}\n")

    def revert(self, lab: Lab) -> None:
        """Remove it."""
        for node in lab.nodes:
            accelerator_exporter.defects_file(node).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedExporter:
    """The exporter's DaemonSet is another one."""

    pods: dict[str, Any]
    """Strategic merge patch of its pods' spec."""
    undo: dict[str, Any]
    """Takes away what applying the healthy object would leave."""
    effective: Callable[[Lab], bool]

    def inject(self, lab: Lab) -> None:
        """Change it and wait for the effect."""
        self._patch(lab, self.pods)
        await_effect("the changed exporter", lambda: self.effective(lab))

    def revert(self, lab: Lab) -> None:
        """Make it as it was and wait until it is there on every node."""
        if self.undo:
            self._patch(lab, self.undo)
        await_exporter(lab)

    def _patch(self, lab: Lab, pods: dict[str, Any]) -> None:
        name, namespace = _EXPORTER
        patch = {"spec": {"template": {"spec": pods}}}
        lab.api.patch(_APPS, "DaemonSet", name, patch, namespace, content_type=_STRATEGIC)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoExporter:
    """The exporter is not installed."""

    def inject(self, lab: Lab) -> None:
        """Delete it and wait until its pods are gone."""
        name, namespace = _EXPORTER
        lab.api.delete(_APPS, "DaemonSet", name, namespace)
        await_effect("the end of the exporter", lambda: not exporter_pods(lab))

    def revert(self, lab: Lab) -> None:
        """Installs it."""
        await_exporter(lab)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExporterNotScraped:
    """Nothing tells Prometheus of the exporter."""

    def inject(self, lab: Lab) -> None:
        """Delete its ServiceMonitor."""
        lab.api.delete(_MONITORING, "ServiceMonitor", *_EXPORTER)

    def revert(self, lab: Lab) -> None:
        """Make it again."""
        lab.api.apply(accelerator_exporter.service_monitor(lab.options.fast))


def exporter_pods(lab: Lab) -> list[dict[str, Any]]:
    """The pods of the exporter."""
    name, namespace = _EXPORTER
    return list(lab.api.list("v1", "Pod", namespace, labels=f"app={name}"))


def await_exporter(lab: Lab) -> None:
    """Apply the healthy exporter and wait until it runs on every node."""
    accelerator_exporter.ADDON.install(lab)
    await_effect("the exporter", lambda: not accelerator_exporter.ADDON.missing(lab))
    # A pod of the broken template may still be ending.
    await_effect("one exporter per node", lambda: len(exporter_pods(lab)) == len(lab.nodes))


def _crashes(lab: Lab) -> bool:
    statuses = [
        status
        for pod in exporter_pods(lab)
        for status in pod.get("status", {}).get("containerStatuses", ())
    ]
    return any(status["restartCount"] > 0 and not status["ready"] for status in statuses)


CRASHING = ChangedExporter(
    pods={"containers": [{"name": accelerator_exporter.NAME, "args": ["--no-such-flag"]}]},
    undo={},
    effective=_crashes,
)

_HOST = "kubernetes.io/hostname"

ON_ONE_NODE = ChangedExporter(
    pods={"nodeSelector": {_HOST: "node-0"}},
    undo={"nodeSelector": {_HOST: None}},
    effective=lambda lab: {pod["spec"].get("nodeName") for pod in exporter_pods(lab)} == {"node-0"},
)
