"""TLS towards the API server: one context for all connections.

The kubernetes client would read certificates and keys again for every connection.
"""

import ssl
from typing import Any


def make_context(configuration: Any) -> ssl.SSLContext:
    """The context that a ``Configuration`` of the kubernetes client describes.

    Raises:
        OSError: a file of it cannot be read, or holds no certificate; ``ssl.SSLError`` is one.
    """
    data = getattr(configuration, "ca_cert_data", None)
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert or None, cadata=data)
    # Python 3.13 and newer refuse certificates that older authorities have made, e.g. without key
    # identifiers, and that kubectl takes; the chain is verified all the same.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if configuration.assert_hostname is False:
        context.check_hostname = False
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context
