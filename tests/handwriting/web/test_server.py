"""The page served on this machine, and written to a folder."""

import http.client
import json
import threading
from html.parser import HTMLParser

import pytest

from handwriting.errors import UserError
from handwriting.web.server import HEADERS, PageServer, asked_name
from handwriting.web.site import PAGE, write_site


@pytest.fixture
def weights(tmp_path):
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "writer.safetensors").write_bytes(b"a writer")
    (folder / "secret.txt").write_bytes(b"a secret")
    return folder


@pytest.fixture
def served(weights):
    with PageServer(weights) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def _get(port, path, method="GET", host="localhost"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), body


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/interface/app.js", "text/javascript; charset=utf-8"),
        ("/engine/kernel.wasm", "application/wasm"),
        ("/weights/manifest.json", "application/json"),
    ],
)
def test_files_have_their_types_and_the_headers(served, path, kind):
    status, headers, body = _get(served, path)
    assert status == 200 and body
    assert headers["Content-Type"] == kind
    assert headers.items() >= HEADERS.items()
    assert headers["Cache-Control"] == "no-cache"
    status, headers, none = _get(served, path, method="HEAD")
    assert (status, none, int(headers["Content-Length"])) == (200, b"", len(body))


def test_weights_have_a_hash_in_their_name_and_are_kept(served):
    _, _, manifest = _get(served, "/weights/manifest.json")
    names = json.loads(manifest)
    assert names.keys() == {"writer"}
    status, headers, body = _get(served, f"/weights/{names['writer']}")
    assert (status, body) == (200, b"a writer")
    assert "immutable" in headers["Cache-Control"]


@pytest.mark.parametrize(
    "path",
    [
        "/weights/secret.txt",
        "/weights/writer.safetensors",
        "/../server.py",
        "/%2e%2e/server.py",
        "/interface/%2e%2e/%2e%2e/server.py",
        "/..%5cserver.py",
        "/weights/../../exports/secret.txt",
        "/interface/",
        "/interface",
        "/nothing.js",
        "/%00",
    ],
)
def test_nothing_else_is_served(served, path):
    assert _get(served, path)[0] == 404


def test_a_host_that_was_made_to_point_here_gets_nothing(served):
    assert _get(served, "/", host="evil.example")[0] == 404
    assert _get(served, "/", host=f"127.0.0.1:{served}")[0] == 200


def test_other_methods_are_refused(served):
    assert _get(served, "/", method="POST")[0] == 501


def test_names_stay_inside_the_page():
    assert asked_name("/") == "index.html"
    assert asked_name("/a/../b.js?x#y") == "b.js"
    assert asked_name("/../../b.js") == "b.js"


def test_no_weights_and_a_taken_port_are_said_in_a_line(weights, tmp_path):
    with pytest.raises(UserError, match=r"has no weights for the page, writer\.safetensors or"):
        PageServer(tmp_path)
    with PageServer(weights) as server, pytest.raises(UserError, match="port .*: cannot be used"):
        PageServer(weights, server.server_address[1])


def test_a_site_is_all_of_the_page_with_its_weights(weights, tmp_path):
    write_site(tmp_path / "site", weights)
    written = {
        path.relative_to(tmp_path / "site").as_posix()
        for path in (tmp_path / "site").rglob("*")
        if path.is_file()
    }
    own = {path.relative_to(PAGE).as_posix() for path in PAGE.rglob("*") if path.is_file()}
    manifest = json.loads((tmp_path / "site/weights/manifest.json").read_text())
    assert written == own | {"weights/manifest.json", f"weights/{manifest['writer']}"}
    with pytest.raises(UserError, match="has files"):
        write_site(tmp_path / "site", weights)


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_the_page_asks_for_nothing_from_elsewhere_and_has_no_inline_code():
    tags = _Tags()
    tags.feed((PAGE / "index.html").read_text())
    for tag, attributes in tags.found:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        for name in ("src", "href"):
            place = attributes.get(name, "")
            assert "//" not in place or place.startswith("data:image/svg+xml,")
    assert all(attributes.get("src") for tag, attributes in tags.found if tag == "script")
    (policy,) = (
        attributes["content"]
        for tag, attributes in tags.found
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    # The header says the same, and who may frame the page, which a page cannot say itself.
    assert HEADERS["Content-Security-Policy"] == f"{policy}; frame-ancestors 'none'"


def test_text_never_becomes_html():
    unsafe = (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
    )
    for path in PAGE.rglob("*.js"):
        source = path.read_text()
        assert not [word for word in unsafe if word in source], path
