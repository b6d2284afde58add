"""Manifests of the suite: YAML files, one per actor, filled in strictly."""

import string
from pathlib import Path
from typing import Any

from aicr_pytest.errors import ManifestError
from aicr_pytest.locations import manifests_dir


def manifest_path(actor: str) -> Path:
    """The file of an actor, ``<requirement id>/<name>``.

    Raises:
        ManifestError: there is none.
    """
    path = manifests_dir() / f"{actor}.yaml"
    if not path.is_file():
        raise ManifestError(f"There is no manifest of {actor!r} in {manifests_dir()}.")
    return path


def render(path: Path, /, **values: str) -> list[dict[str, Any]]:
    """Fill in a manifest; every placeholder needs a value, every value a placeholder.

    Raises:
        ManifestError: they do not fit, or the result is no Kubernetes object.
    """
    import yaml  # here, because importing the plugin must stay cheap

    template = string.Template(path.read_text(encoding="utf-8"))
    wanted = set(template.get_identifiers())
    if wanted != values.keys():
        raise ManifestError(f"{path.name}: wants {sorted(wanted)}, was given {sorted(values)}.")
    objects = [obj for obj in yaml.safe_load_all(template.substitute(values)) if obj]
    for obj in objects:
        if not isinstance(obj, dict) or "kind" not in obj or "apiVersion" not in obj:
            raise ManifestError(f"{path.name}: holds something that is no Kubernetes object.")
        if obj["kind"] == "ConfigMap":
            _fill_in_programs(obj, path.parent)
    return objects


def _fill_in_programs(config_map: dict[str, Any], folder: Path) -> None:
    """Put files beside the manifest into keys of their names that are empty."""
    data = config_map.get("data") or {}
    for name in [name for name, text in data.items() if not text]:
        if not (file := folder / name).is_file():
            raise ManifestError(f"There is no {name} in {folder} for the ConfigMap that names it.")
        data[name] = file.read_text(encoding="utf-8")


def render_actor(actor: str, /, **values: str) -> list[dict[str, Any]]:
    """Fill in the manifest of an actor; a value that it does not ask for is left out."""
    path = manifest_path(actor)
    wanted = set(string.Template(path.read_text(encoding="utf-8")).get_identifiers())
    return render(path, **{name: value for name, value in values.items() if name in wanted})
