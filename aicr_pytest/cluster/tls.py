"""TLS towards the API server: one context for all connections, made once.

The kubernetes client writes certificates and keys of a kubeconfig into files below /tmp, where a
killed process leaves them, and reads them anew for every connection. Once the context is made the
files are not needed any more.
"""

import contextlib
import pathlib
import ssl
from collections.abc import Iterator
from typing import Any


def make_context(configuration: Any) -> ssl.SSLContext:
    """The context that a ``Configuration`` of the kubernetes client describes.

    Raises:
        OSError: a file of it cannot be read, or holds no certificate; ``ssl.SSLError`` is one.
    """
    data = getattr(configuration, "ca_cert_data", None)
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert or None, cadata=data)
    if configuration.assert_hostname is False:
        context.check_hostname = False
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context


@contextlib.contextmanager
def passing_files() -> Iterator[None]:
    """Files that the kubernetes client writes meanwhile are gone at the end.

    Those that were there before stay: somebody else in this process may read them again.
    """
    from kubernetes.config import kube_config

    # By content, for clients that read the same kubeconfig again; there is no public way.
    written: dict[Any, str] = getattr(kube_config, "_temp_files", {})
    before = set(written)
    try:
        yield
    finally:
        for content in written.keys() - before:
            with contextlib.suppress(OSError):
                pathlib.Path(written.pop(content)).unlink()
