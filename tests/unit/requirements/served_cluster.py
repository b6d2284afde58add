"""A cluster of which only is known what it serves and what is in it."""

import json
from collections.abc import Sequence

from aicr_pytest.cluster.kinds import Kind, Object
from aicr_pytest.cluster.messages import Response
from aicr_pytest.cluster.observer import Unobserved
from aicr_pytest.errors import ApiError

Groups = dict[str, dict[str, list[str]]]
"""Group → version → kinds."""


class ServedCluster:
    """Answers what discoveries ask.

    Args:
        served: lines ``group/version Kind Kind``, as in the field's artefacts.
        objects: kind → what is there.
        aggregated: whether the server tells all its kinds in one answer.
    """

    observer = Unobserved()

    def __init__(self, *served: str, aggregated: bool = True, **objects: Sequence[Object]) -> None:
        self.kinds = {line.split()[0]: line.split()[1:] for line in served}
        self.objects = objects
        self.aggregated = aggregated

    def spoken(self, kind: Kind) -> Kind:
        return kind

    def serves(self, group: str, version: str) -> list[str]:
        return sorted(self.kinds.get(f"{group}/{version}", ()))

    def raw(self, method: str, path: str, **more: object) -> Response:
        groups: Groups = {}
        for api_version, kinds in self.kinds.items():
            group, _, version = api_version.partition("/")
            groups.setdefault(group, {})[version] = kinds
        said: Object = _aggregated(groups) if self.aggregated else _plain(groups)
        return Response(status=200, body=json.dumps(said).encode(), headers={})

    def list(
        self, kind: Kind, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        wanted = [("name", fields.removeprefix("metadata.name="))] if fields else []
        wanted += [("namespace", namespace)] if namespace else []
        chosen = dict(label.split("=") for label in labels.split(",") if label)
        return [
            obj
            for obj in self.objects.get(kind.name, ())
            if all(obj["metadata"].get(key) == value for key, value in wanted)
            and chosen.items() <= obj["metadata"].get("labels", {}).items()
        ]

    def find(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        return next(iter(self.list(kind, namespace, fields=f"metadata.name={name}")), None)

    def kind(self, api_version: str, name: str) -> Kind:
        if name not in self.kinds.get(api_version, ()):
            raise ApiError(404, "NotFound", name, request=f"GET /apis/{api_version}")
        group, _, version = api_version.partition("/")
        return Kind(group, version, name, f"{name.lower()}s", True)

    def kind_of(self, obj: Object) -> Kind:
        return self.kind(obj["apiVersion"], obj["kind"])

    def version(self) -> str:
        return "v1.35.0"


def _aggregated(groups: Groups) -> Object:
    items = [
        {
            "metadata": {"name": group},
            "versions": [
                {
                    "version": version,
                    "resources": [{"responseKind": {"kind": kind}} for kind in kinds],
                }
                for version, kinds in versions.items()
            ],
        }
        for group, versions in groups.items()
    ]
    return {"kind": "APIGroupDiscoveryList", "items": items}


def _plain(groups: Groups) -> Object:
    listed = [
        {"name": group, "versions": [{"version": version} for version in versions]}
        for group, versions in groups.items()
    ]
    return {"kind": "APIGroupList", "groups": listed}


def pod(where: str, image: str = "registry.example/tool:1") -> Object:
    """A pod, by namespace and name."""
    namespace, _, name = where.partition("/")
    return {
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"containers": [{"image": image}]},
    }


def named(where: str) -> Object:
    """Any object, by namespace and name, or by name alone."""
    namespace, _, name = where.rpartition("/")
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {}}
