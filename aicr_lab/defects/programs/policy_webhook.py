"""A policy engine's webhook: denies whatever the API server asks it about.

Run by the lab beside the API server (``python -m aicr_lab.defects.programs.policy_webhook``).
"""

import argparse
import http.server
import json
import ssl
from pathlib import Path

MESSAGE = "the cluster's policy does not want it"


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers AdmissionReviews."""

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        review = json.loads(self.rfile.read(length))
        response = {
            "uid": review["request"]["uid"],
            "allowed": False,
            "status": {"message": MESSAGE, "reason": "Forbidden", "code": 403},
        }
        body = json.dumps({**review, "request": None, "response": response}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until it is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True, metavar="HOST:PORT")
    for name in ("cert", "key"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    host, _, port = options.address.rpartition(":")
    server = http.server.ThreadingHTTPServer((host, int(port)), _Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.cert, options.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
