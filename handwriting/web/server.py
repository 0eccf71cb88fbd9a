"""The page served on this machine, to this machine alone."""

import http.server
import posixpath
import urllib.parse
from functools import partial
from http import HTTPStatus
from pathlib import Path

from handwriting.errors import UserError
from handwriting.web.site import MANIFEST, PAGE, WEIGHTS, NamedFile, manifest_of, weights_in

HOST = "127.0.0.1"
PORT = 8000
PORTS = (0, 65_535)
"""The least and the greatest; 0 stands for any that is free."""

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".dic": "text/plain; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".safetensors": "application/octet-stream",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self';"
        " img-src 'self' blob: data:; connect-src 'self'; worker-src 'self'; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_FOR_GOOD = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"


class PageServer(http.server.ThreadingHTTPServer):
    """Serves the page with weights until it is shut down.

    Args:
        weights: a folder of exported models, see ``docs/export.md``.
        port: one of ``PORTS``.

    Attributes:
        url: of the page.

    Raises:
        UserError: there are no weights, or the port is taken.
    """

    daemon_threads = True
    # The page comes from another place where another server has the port.
    allow_reuse_address = False

    def __init__(self, weights: Path, port: int = 0) -> None:
        handler = partial(_PageRequests, weights=weights_in(weights))
        try:
            super().__init__((HOST, port), handler)
        except OSError as error:
            raise UserError(f"port {port}: cannot be used ({error.strerror or error})") from None
        self.url = f"http://{HOST}:{self.server_address[1]}/"


class _PageRequests(http.server.BaseHTTPRequestHandler):
    """Answers GET and HEAD for the page's own files and the weights, nothing else."""

    protocol_version = "HTTP/1.1"
    server_version = "handwriting"
    sys_version = ""

    def __init__(self, *args: object, weights: dict[str, NamedFile]) -> None:
        self._weights = weights
        super().__init__(*args)  # type: ignore[arg-type]  # passed on as the server gives them

    def do_GET(self) -> None:
        """Send a file."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Send a file's headers."""
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: each file of the page would be a line."""

    def _answer(self, with_body: bool) -> None:
        name = asked_name(self.path)
        body = self._content(name) if self._is_from_here() else None
        if body is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", TYPES[posixpath.splitext(name)[1]])
        self.send_header("Content-Length", str(len(body)))
        kept = name.startswith(f"{WEIGHTS}/") and not name.endswith(MANIFEST)
        self.send_header("Cache-Control", _FOR_GOOD if kept else _ASK_AGAIN)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def end_headers(self) -> None:
        """Add the headers that every answer has."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def _is_from_here(self) -> bool:
        """Whether the request names this host, not another that was made to point here."""
        host = urllib.parse.urlsplit(f"//{self.headers.get('Host', '')}").hostname
        return host in (HOST, "localhost")

    def _content(self, name: str) -> bytes | None:
        """Return the contents of a file by its name; None where there is none to be had."""
        folder, _, file = name.partition("/")
        if folder == WEIGHTS and file == MANIFEST:
            return manifest_of(self._weights)
        if folder == WEIGHTS:
            paths = [each.path for each in self._weights.values() if each.name == file]
            return paths[0].read_bytes() if paths else None
        path = PAGE / name
        is_ours = path.suffix in TYPES and path.resolve().is_relative_to(PAGE.resolve())
        return path.read_bytes() if is_ours and path.is_file() else None


def asked_name(target: str) -> str:
    """Return the name of the file that a request asks for, relative to the page; the page itself
    is ``index.html``."""
    path = urllib.parse.unquote(urllib.parse.urlsplit(target).path)
    if "\0" in path or "\\" in path:
        return ""
    name = posixpath.normpath(f"/{path}").lstrip("/")
    return name or "index.html"
