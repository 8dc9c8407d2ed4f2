"""A mirror on loopback serves right, damaged and endless files: only the right ones reach the cache folder."""

import gzip
import hashlib
import http.server
import threading

import pytest

from models import download as dl
from models.errors import BadUsage, Failure
from tests.models.conftest import models, the_error

CONTENT = {"images": b"pixels" * 1000, "labels": b"0123456789" * 7}
FILES = tuple(dl.File(name, len(raw), hashlib.sha256(raw).hexdigest()) for name, raw in CONTENT.items())


@pytest.fixture
def mirror():
    """A server on loopback: `served` maps paths to bytes, `asked` lists the paths it was asked for."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append(self.path)
            body = server.served.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.served, server.asked = {}, []
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def serve(mirror, base: str = "", **changed: bytes):
    for name, raw in CONTENT.items():
        mirror.served[f"{base}/{name}.gz"] = changed.get(name, gzip.compress(raw))


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_files_arrive_unpacked_and_are_asked_for_once(tmp_path, mirror):
    serve(mirror)
    paths = dl.download(tmp_path / "new" / "mnist", (mirror.url + "/",), FILES)
    assert {path.name: path.read_bytes() for path in paths} == CONTENT
    said = []
    assert dl.download(tmp_path / "new" / "mnist", (mirror.url,), FILES, said.append) == paths
    assert mirror.asked == ["/images.gz", "/labels.gz"] and said == ["images: in the cache", "labels: in the cache"]


def test_a_damaged_file_in_the_cache_is_fetched_anew(tmp_path, mirror):
    serve(mirror)
    dl.download(tmp_path, (mirror.url,), FILES)
    (tmp_path / "labels").write_bytes(b"damaged")
    dl.download(tmp_path, (mirror.url,), FILES)
    assert mirror.asked == ["/images.gz", "/labels.gz", "/labels.gz"]
    assert (tmp_path / "labels").read_bytes() == CONTENT["labels"]


FAULTS = {
    "other bytes": (gzip.compress(b"pixels" * 999 + b"PIXELS"), "found SHA-256 .* expected " + FILES[0].sha256),
    "a cut file": (gzip.compress(CONTENT["images"])[:-30], "found SHA-256"),
    "not gzip": (b"<html>sign in</html>", "incorrect header check"),
    "a bomb": (gzip.compress(bytes(50_000_000)), r"found SHA-256 .* \(6,001 bytes unpacked\)"),
    "nothing": (b"", "found SHA-256"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_copy_is_refused_and_nothing_is_written(tmp_path, mirror, fault):
    body, message = FAULTS[fault]
    serve(mirror, images=body)
    (tmp_path / "images").write_bytes(b"what was there")
    with pytest.raises(Failure, match=f"{mirror.url}/images.gz: .*{message}"):
        dl.download(tmp_path, (mirror.url,), FILES)
    assert names(tmp_path) == ["images"] and (tmp_path / "images").read_bytes() == b"what was there"


def test_the_next_mirror_is_tried_and_all_are_named_when_all_fail(tmp_path, mirror):
    serve(mirror, "/good")
    serve(mirror, "/bad", images=b"x")
    bad, none, good = (f"{mirror.url}/{name}" for name in ("bad", "none", "good"))
    dl.download(tmp_path, (bad, none, good), FILES)
    assert names(tmp_path) == ["images", "labels"]
    with pytest.raises(Failure, match=f"{bad}/images.gz: .*; {none}/images.gz: .*(Not Found|404)"):
        dl.download(tmp_path / "other", (bad, none), FILES)
    with pytest.raises(BadUsage, match="expected an address that begins with http"):
        dl.download(tmp_path / "other", ("file:///etc",), FILES)


def test_the_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("TINYGRAD_NP_CACHE", str(tmp_path))
    assert dl.mnist_folder() == tmp_path / "mnist"
    monkeypatch.delenv("TINYGRAD_NP_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert dl.mnist_folder() == tmp_path / "tinygrad_np" / "mnist"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert dl.mnist_folder() == tmp_path / ".cache" / "tinygrad_np" / "mnist"


def test_the_command_refuses_a_wrong_checksum_and_a_silent_server(tmp_path, mirror):
    for file in dl.MNIST:
        mirror.served[f"/{file.name}.gz"] = gzip.compress(b"not MNIST")
    error = the_error(models("download", "mnist", "--mirror", mirror.url, TINYGRAD_NP_CACHE=str(tmp_path)))
    assert f"{mirror.url}/train-images-idx3-ubyte.gz: found SHA-256" in error and dl.MNIST[0].sha256 in error
    environment = {"TINYGRAD_NP_CACHE": str(tmp_path), "TINYGRAD_NP_MNIST_MIRROR": "http://127.0.0.1:9"}
    assert "http://127.0.0.1:9/train-images-idx3-ubyte.gz: Connection refused" in the_error(
        models("download", "mnist", **environment)
    )
    assert names(tmp_path / "mnist") == []


def test_the_real_mnist_comes_through_the_command(tmp_path, mirror, mnist):
    for path in mnist.glob("*-ubyte*"):
        packed = path.read_bytes() if path.suffix == ".gz" else gzip.compress(path.read_bytes(), 1)
        mirror.served[f"/{path.name.removesuffix('.gz')}.gz"] = packed
    environment = {"TINYGRAD_NP_CACHE": str(tmp_path), "TINYGRAD_NP_MNIST_MIRROR": mirror.url}
    done = models("download", "mnist", **environment)
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == str(tmp_path / "mnist"), done.stderr
    assert names(tmp_path / "mnist") == sorted(file.name for file in dl.MNIST)
    done = models(
        "train", "mnist-relu10", "--epochs", 1, "--set", "rows=2000", "--out", tmp_path / "run", **environment
    )
    assert done.returncode == 0 and "on 10,000 images" in done.stdout, done.stderr
