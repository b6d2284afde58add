"""Kubernetes objects as YAML, for people who read YAML."""

from typing import Any

import yaml

# libyaml's writer is ten times as fast; wheels of PyYAML have it, builds from source may not.
_FastestDumper: type[yaml.SafeDumper] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_FastestDumper):  # type: ignore[valid-type,misc]  # the base is chosen at run time
    """Without anchors: the same object twice is written twice, as kubectl does."""

    def ignore_aliases(self, data: Any) -> bool:
        """Always."""
        return True


def yaml_text(obj: Any) -> str:
    """An object, or several as documents, as YAML like kubectl's."""
    documents = obj if isinstance(obj, list) else [obj]
    # Lines of any length: a wrapped string cannot be searched for.
    return yaml.dump_all(
        documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**20
    )
