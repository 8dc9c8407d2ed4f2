"""The page to draw a digit on: right answers to drawings, errors to hostile requests, and nothing changed by them."""

import base64
import http.client
import json
import socket
import threading
import time

import numpy as np
import pytest

from models import data
from models.finish import trained
from models.run import Run
from models.serve import server as server_
from models.serve.answer import Recognizer
from models.serve.digit import centred, shares
from models.serve.server import Server
from tests.models.conftest import models
from tinygrad_np import nn, optim
from tinygrad_np.nn import functional as F

datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is an extra")


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    """Scikit-learn's digits, as images of 8 x 8."""
    images, labels = datasets.load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    model = nn.Sequential(nn.Linear(64, 32, generator=np.random.default_rng(0)), nn.ReLU(), nn.Linear(32, 10))
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    for _ in range(150):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return Recognizer(model, images, labels, "a test")


@pytest.fixture
def served(recognizer):
    with Server(recognizer, 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def asked(server, method="POST", path="/answer", body=b"", **headers):
    """Status and text of one request."""
    host, port = server.server_address[:2]
    connection = http.client.HTTPConnection(host, port, timeout=5)
    given = {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
    connection.request(method, path, body, {k: v for k, v in given.items() if v is not None})
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    return reply.status, text, reply


def drawing(ink: np.ndarray) -> bytes:
    text = base64.b64encode(np.ascontiguousarray(ink, np.uint8).tobytes()).decode()
    return json.dumps({"side": len(ink), "ink": text}).encode()


def test_an_answer_says_what_is_shown(served, recognizer):
    digit = int(np.flatnonzero(recognizer.labels == 0)[0])
    ink = np.kron(recognizer.known[digit].reshape(8, 8), np.ones((16, 16))) * 255
    status, text, _ = asked(served, body=drawing(ink))
    found = json.loads(text)
    assert status == 200 and found["digit"] == 0
    assert sum(found["probabilities"]) == pytest.approx(1, abs=1e-4)
    assert np.shape(found["image"]) == np.shape(found["saliency"]) == (8, 8)
    assert len(found["nearest"]) == 5 and found["nearest"][0]["label"] == 0
    assert np.max(found["first"]) == 255


def test_the_page_is_one_file_that_asks_for_nothing_else(served):
    status, page, reply = asked(served, "GET", "/", None)
    assert status == 200 and len(page) < 20_000
    assert "http://" not in page and "https://" not in page and "@import" not in page
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]


GOOD = drawing(np.eye(20) * 255)


@pytest.mark.parametrize(
    "request_, status",
    [
        ({"body": b"{"}, 400),
        ({"body": b"[]"}, 400),
        ({"body": b"null"}, 400),
        ({"body": b"\xff\xfe"}, 400),
        ({"body": b"[" * 5000}, 400),
        ({"body": b'{"side": 3, "ink": 7}'}, 400),
        ({"body": b'{"side": true, "ink": ""}'}, 400),
        ({"body": b'{"side": 3, "ink": "AAAA"}'}, 400),
        ({"body": b'{"side": 100000, "ink": ""}'}, 400),
        ({"body": b'{"side": 3, "ink": "!!!!"}'}, 400),
        ({"body": GOOD, "Content_Type": "text/plain"}, 415),
        ({"body": GOOD, "Content_Type": None}, 415),
        ({"body": b"x", "Content_Length": "99999999999"}, 413),
        ({"body": b"x", "Content_Length": "-1"}, 411),
        ({"body": b"x", "Content_Length": "x"}, 411),
        ({"body": GOOD, "Host": "evil.example:8000"}, 403),
        ({"body": GOOD, "Host": "127.0.0.1"}, 403),
        ({"body": GOOD, "Origin": "http://evil.example"}, 403),
        ({"body": GOOD, "Origin": "null"}, 403),
        ({"method": "GET"}, 405),
        ({"method": "POST", "path": "/", "body": GOOD}, 405),
        ({"method": "PUT", "body": GOOD}, 501),
        ({"method": "GET", "path": "/../run.json"}, 404),
        ({"method": "GET", "path": "/" + "a" * 70000}, 414),
    ],
    ids=str,
)
def test_a_hostile_request_gets_an_error_of_one_line_and_changes_nothing(served, recognizer, request_, status):
    before = {name: a.copy() for name, a in recognizer.model.state_dict().items()}
    found, text, _ = asked(served, **request_)
    assert found == status and text.count("\n") == 1 and "Traceback" not in text
    assert asked(served, body=GOOD)[0] == 200
    for name, a in recognizer.model.state_dict().items():
        np.testing.assert_array_equal(a, before[name])


def test_who_is_slow_or_one_of_too_many_is_hung_up_on(served, monkeypatch):
    monkeypatch.setattr(server_.Handler, "timeout", 0.3)
    idle = [socket.create_connection(served.server_address) for _ in range(server_.AT_ONCE + 3)]
    idle[0].sendall(b"POST /answer HTTP/1.1\r\nContent-Length: 10\r\n")
    for connection in idle:
        connection.settimeout(5)
        try:
            assert connection.recv(100) == b""
        except ConnectionResetError:
            pass
        connection.close()
    assert asked(served, body=GOOD)[0] == 200


def test_who_sends_a_byte_at_a_time_is_hung_up_on(served, monkeypatch):
    """Each byte in time, and never a whole request: sixteen such clients held every place there is."""
    monkeypatch.setattr(server_.Handler, "timeout", 0.3)
    with socket.create_connection(served.server_address) as dripping, pytest.raises(OSError):
        for _ in range(50):
            dripping.sendall(b"X")
            time.sleep(0.1)
    assert asked(served, body=GOOD)[0] == 200


@pytest.mark.parametrize("header", ["Host: evil.example", "Transfer-Encoding: chunked"])
def test_a_header_that_others_read_in_another_way_is_refused(served, header):
    host, port = served.server_address
    with socket.create_connection((host, port), timeout=5) as client:
        client.sendall(f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\n{header}\r\n\r\n".encode())
        assert client.recv(100).split()[1] in (b"403", b"411")


def test_it_listens_on_the_loopback_address_alone(served):
    assert served.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("side", [8, 28])
def test_a_drawing_is_centred_and_scaled(side, rng):
    for _ in range(20):
        height, width = rng.integers(4, 60, 2)
        top, left = rng.integers(0, 140 - 60, 2)
        ink = np.zeros((140, 140), np.float32)
        ink[top : top + height, left : left + width] = 1
        image = centred(ink, side)
        rows, columns = np.flatnonzero(image.max(1)), np.flatnonzero(image.max(0))
        assert max(len(rows), len(columns)) == {8: 8, 28: 20}[side]
        middle = image.sum(1) @ np.arange(side) / image.sum(), image.sum(0) @ np.arange(side) / image.sum()
        np.testing.assert_allclose(middle, side / 2 - 0.5, atol=0.51)
    assert not centred(np.zeros((5, 5), np.float32), side).any()
    np.testing.assert_allclose(shares(13, 5).sum(1), 1, rtol=1e-6)


@pytest.mark.browser
def test_drawn_in_a_browser(served, browser):
    driver, keys = browser, pytest.importorskip("selenium.webdriver").Keys
    driver.get(f"http://127.0.0.1:{served.server_address[1]}/")
    circle = [(140 + 80 * np.sin(t), 140 - 105 * np.cos(t)) for t in np.linspace(0, 2 * np.pi, 40)]
    strokes(driver, [circle])
    wait(driver)
    assert "This is a 0" in driver.find_element("id", "said").text
    assert len(driver.find_elements("css selector", "#nearest figure")) == 5
    driver.find_element("id", "clear").click()
    assert driver.find_element("id", "said").text == "Nothing drawn yet."
    pad = driver.find_element("id", "pad")
    pad.send_keys(keys.ARROW_UP * 7 + keys.SPACE + keys.ARROW_DOWN * 14)
    wait(driver)
    assert "This is a" in driver.find_element("id", "said").text
    driver.set_window_size(390, 800)
    assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    assert driver.get_log("browser") == []


@pytest.mark.slow
@pytest.mark.browser
def test_drawn_test_digits_are_told_in_a_browser(browser, mnist, tmp_path):
    """The strokes of 200 of MNIST's test images, drawn on the page with the pen."""
    training = models("train", "mnist-mlp", "--data", mnist, "--out", tmp_path / "run")
    assert training.returncode == 0, training.stderr
    known, test = data.load_labeled(str(mnist)), data.load_test(str(mnist))
    model = trained(Run.open(tmp_path / "run"), known)
    right = 0
    with Server(Recognizer(model, known.images[:5000], known.labels[:5000], "a test"), 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        browser.get(f"http://127.0.0.1:{server.server_address[1]}/")
        for image, label in zip(test.images[:200], test.labels[:200], strict=True):
            browser.find_element("id", "clear").click()
            strokes(browser, strokes_of(image.reshape(28, 28)))
            wait(browser)
            right += f"This is a {label}" in browser.find_element("id", "said").text
        server.shutdown()
        thread.join()
    assert right >= 194, right


def strokes_of(image: np.ndarray) -> list[list[tuple[float, float]]]:
    """Lines through the middle of an image's ink, as points of the 280 x 280 pad."""
    middle = {(int(r), int(c)) for r, c in np.argwhere(thinned(image > 0.5))}
    lines = []
    for r, c in sorted(middle):
        near = [(r + down, c + right) for down, right in ((0, 1), (1, -1), (1, 0), (1, 1))]
        joined = [point for point in near if point in middle]
        lines += [[(10 * c + 5, 10 * r + 5), (10 * x + 5, 10 * y + 5)] for y, x in joined or [(r, c)]]
    return lines


def thinned(ink: np.ndarray) -> np.ndarray:
    """Ink of one pixel's width (Zhang and Suen, 1984)."""
    a = np.pad(ink.astype(int), 1)
    while True:
        before = a.copy()
        for first in (True, False):
            around = [(1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1)]  # from above, clockwise
            p = [np.roll(a, shift, (0, 1)) for shift in around]
            turns = sum((p[i] == 0) & (p[(i + 1) % 8] == 1) for i in range(8))
            n, e, s, w = p[0], p[2], p[4], p[6]
            edge = (n * e * s == 0) & (e * s * w == 0) if first else (n * e * w == 0) & (n * s * w == 0)
            count = sum(p)
            a = np.where((a == 1) & (2 <= count) & (count <= 6) & (turns == 1) & edge, 0, a)
        if (a == before).all():
            return a[1:-1, 1:-1].astype(bool)


def strokes(driver, lines) -> None:
    """Draw lines of points of the 280 x 280 pad, by the events that a mouse makes."""
    driver.execute_script(
        """
        const pad = document.getElementById("pad"), box = pad.getBoundingClientRect();
        pad.setPointerCapture = () => {};
        const send = (name, [x, y]) => pad.dispatchEvent(new PointerEvent(name, { pointerId: 1, bubbles: true,
            clientX: box.left + x * box.width / 280, clientY: box.top + y * box.height / 280 }));
        document.body.dataset.ready = "0";
        for (const line of arguments[0]) {
            send("pointerdown", line[0]);
            for (const point of line.slice(1)) send("pointermove", point);
            send("pointerup", line.at(-1));
        }
        """,
        [[list(map(float, point)) for point in line] for line in lines],
    )


def wait(driver) -> None:
    """Until the page has an answer to all that was drawn."""
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(driver, 30, 0.02).until(
        lambda d: d.execute_script("return !busy && !wanted && +(document.body.dataset.ready || 0) > 0")
    )
