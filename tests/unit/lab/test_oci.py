import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

from aicr_lab.build import images
from aicr_lab.build.oci import Image, Layer, write_archive


def members(layer: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        return {member.name: member for member in tar.getmembers()}


def blob(tar: tarfile.TarFile, descriptor: dict[str, Any]) -> bytes:
    file = tar.extractfile(f"blobs/sha256/{descriptor['digest'].removeprefix('sha256:')}")
    assert file is not None
    content = file.read()
    assert hashlib.sha256(content).hexdigest() in descriptor["digest"]
    assert len(content) == descriptor["size"]
    return content


def test_a_layer_makes_the_directories_above_a_file() -> None:
    layer = Layer()
    layer.file("/usr/bin/tool", b"x", 0o755)
    layer.link("bin", "usr/bin")
    found = members(layer.content())
    assert list(found) == ["usr", "usr/bin", "usr/bin/tool", "bin"]
    assert found["usr/bin/tool"].mode == 0o755
    assert (found["bin"].issym(), found["bin"].linkname) == (True, "usr/bin")


def test_the_first_of_two_entries_wins() -> None:
    layer = Layer()
    layer.directory("tmp", 0o1777)
    layer.directory("/tmp/")
    layer.file("a", b"1")
    layer.file("/a", b"2")
    found = members(layer.content())
    assert (found["tmp"].mode, found["a"].size) == (0o1777, 1)
    assert len(found) == 2


def test_copies_lose_their_set_uid_bit(tmp_path: Path) -> None:
    program = tmp_path / "su"
    program.write_bytes(b"x")
    program.chmod(0o4755)
    layer = Layer()
    layer.copy(program, "su")
    assert members(layer.content())["su"].mode == 0o755


def test_the_same_content_gives_the_same_bytes() -> None:
    def made() -> bytes:
        layer = Layer()
        layer.file("etc/passwd", b"root")
        return layer.content()

    assert made() == made()


def test_an_archive_holds_what_its_descriptors_promise(tmp_path: Path) -> None:
    shared = Layer()
    shared.file("base", b"b")
    base = shared.content()
    config = {"Entrypoint": ["/coredns"], "User": "65532"}
    path = tmp_path / "i.tar"
    write_archive(
        path,
        [
            Image(name="registry.k8s.io/coredns/coredns:v1", layers=[base], config=config),
            Image(name="docker.io/library/other:2", layers=[base]),
        ],
    )
    with tarfile.open(path) as tar:
        index_file = tar.extractfile("index.json")
        assert index_file is not None
        index = json.load(index_file)
        names = [m["annotations"]["io.containerd.image.name"] for m in index["manifests"]]
        assert names == ["registry.k8s.io/coredns/coredns:v1", "docker.io/library/other:2"]
        manifest = json.loads(blob(tar, index["manifests"][0]))
        image = json.loads(blob(tar, manifest["config"]))
        assert image["config"] == config
        assert blob(tar, manifest["layers"][0]) == base
        assert image["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(base).hexdigest()}"]
        digests = [name for name in tar.getnames() if name.startswith("blobs/")]
        assert len(digests) == len(set(digests)) == 5, "the shared layer is there once"


def test_the_cuda_image_bakes_the_environment_and_no_vendor_tool(tmp_path: Path) -> None:
    tool = tmp_path / "bash"
    tool.write_bytes(b"x")
    image = images.cuda_image({"usr/bin/bash": tool}, {"/usr/local/bin/gpu-workload": tool})
    assert "NVIDIA_VISIBLE_DEVICES=all" in image.config["Env"]
    assert "NVIDIA_DRIVER_CAPABILITIES=compute,utility" in image.config["Env"]
    names = [name for layer in image.layers for name in members(layer)]
    assert {"usr/bin/bash", "usr/local/bin/gpu-workload", "bin", "lib64"} <= set(names)
    assert not [name for name in names if "nvidia" in name]


def test_images_have_normalised_names() -> None:
    """containerd looks for ``docker.io/library/x:1`` where a pod says ``x:1``."""
    for name in (images.CUDA, images.BUSYBOX, images.COREDNS, images.PAUSE):
        host, rest = name.split("/", 1)
        assert "." in host
        assert ":" in rest
