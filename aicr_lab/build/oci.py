"""OCI images without a builder: layers made of files, in one archive that ``ctr`` imports."""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class Layer:
    """A layer in the making: files, links and directories; owners are root, times are zero.

    The same content gives the same bytes, so that images share what they have in common.
    """

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._tar = tarfile.TarFile(fileobj=self._buffer, mode="w", format=tarfile.PAX_FORMAT)
        self._seen: set[str] = set()

    def directory(self, path: str, mode: int = 0o755) -> None:
        """A directory, with the ones above it."""
        if self._add(path):
            info = tarfile.TarInfo(_relative(path))
            info.type, info.mode = tarfile.DIRTYPE, mode
            self._tar.addfile(info)

    def file(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """A file."""
        if self._add(path):
            info = tarfile.TarInfo(_relative(path))
            info.size, info.mode = len(content), mode
            self._tar.addfile(info, io.BytesIO(content))

    def copy(self, source: Path, path: str) -> None:
        """A file of this machine, without set-uid bits; links are followed."""
        self.file(path, source.read_bytes(), source.stat().st_mode & 0o755)

    def link(self, path: str, target: str) -> None:
        """A symbolic link."""
        if self._add(path):
            info = tarfile.TarInfo(_relative(path))
            info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
            self._tar.addfile(info)

    def content(self) -> bytes:
        """The finished layer."""
        self._tar.close()
        return self._buffer.getvalue()

    def _add(self, path: str) -> bool:
        """Make the directories above; false when the path is there already (the first wins)."""
        relative = _relative(path)
        if not relative or relative in self._seen:
            return False
        parent = str(PurePosixPath(relative).parent)
        if parent != ".":
            self.directory(parent)
        self._seen.add(relative)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image: its full name (registry and tag included), its layers, how it runs."""

    name: str
    layers: Sequence[bytes]
    config: Mapping[str, Any] = field(default_factory=dict)
    """``config`` of the OCI image configuration: Env, Entrypoint, Cmd, User, WorkingDir."""


def write_archive(path: Path, images: Iterable[Image]) -> list[str]:
    """Write an OCI layout with all images; layers in common are there once.

    Returns:
        The digest of each image's manifest.
    """
    blobs: dict[str, bytes] = {}
    manifests = [_add_image(image, blobs) for image in images]
    index = {"schemaVersion": 2, "manifests": manifests}
    with tarfile.open(path, "w") as tar:
        _write(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        _write(tar, "index.json", json.dumps(index).encode())
        for digest, content in blobs.items():
            _write(tar, f"blobs/sha256/{digest}", content)
    return [str(manifest["digest"]) for manifest in manifests]


def _add_image(image: Image, blobs: dict[str, bytes]) -> dict[str, Any]:
    layers = [_add_blob(layer, _LAYER, blobs) for layer in image.layers]
    config = {
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": dict(image.config),
        # Layers are not compressed, so their digests are those of the file systems too.
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _add_blob(json.dumps(config).encode(), _CONFIG, blobs),
        "layers": layers,
    }
    descriptor = _add_blob(json.dumps(manifest).encode(), _MANIFEST, blobs)
    descriptor["annotations"] = {
        "io.containerd.image.name": image.name,
        "org.opencontainers.image.ref.name": image.name.rsplit(":", 1)[-1],
    }
    return descriptor


def _add_blob(content: bytes, media_type: str, blobs: dict[str, bytes]) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    blobs[digest] = content
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}


def _write(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _relative(path: str) -> str:
    return path.strip("/")
