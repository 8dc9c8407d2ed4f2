"""The playground's answers are right under this Python; its page asks for files that there are."""

import functools
import http.server
import importlib.util
import json
import re
import shutil
import threading
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

PLACE = Path(__file__).parent.parent / "docs" / "playground"
spec = importlib.util.spec_from_file_location("answer", PLACE / "answer.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)


def test_the_program_that_the_page_shows():
    shown = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", (PLACE / "index.md").read_text(encoding="utf-8"), re.S)[1]
    found = module.answer(shown)
    assert found["error"] == "" and set(found["gradients"]) == {"x", "w", "b"}
    assert float(found["gradients"]["b"]) == pytest.approx(0.5, abs=0.01)
    picture = ElementTree.fromstring(found["svg"])
    assert {"x", "w", "b"} <= {text.strip() for text in picture.itertext()}


@pytest.mark.parametrize(
    "program, part, shown",
    [
        ("print(1 + 1)", "printed", "2\n"),
        ("x = 3\nx * 2", "value", "6"),
        ("tg.grad(np.sin)(0.0)", "value", "array(1.)"),
        ("a = 1\nb = a +", "error", "SyntaxError"),
        ("a = 1\n\nnp.linalg.inv(np.zeros((2, 2)))", "error", "line 3: numpy.linalg.LinAlgError: Singular matrix"),
        ("raise SystemExit(3)", "error", "line 1: SystemExit: 3"),
        ("", "value", ""),
    ],
)
def test_an_answer(program, part, shown):
    found = module.answer(program)
    assert found[part].startswith(shown) or shown in found[part]
    assert (found["error"] == "") == (part != "error")


def test_gradients_of_an_array_that_is_not_a_number():
    found = module.answer("x = tg.Tensor([1.0, 2.0], requires_grad=True)\nx * x")
    assert found["gradients"] == {"x": "[2. 4.]"} and "<svg" in found["svg"]


def test_the_page_asks_for_files_that_there_are():
    page, program = ((PLACE / name).read_text(encoding="utf-8") for name in ("index.md", "playground.js"))
    asked = re.findall(r'(?:src|href)="([\w.]+)"', page) + re.findall(r'URL\("(answer\.py)"', program)
    assert sorted(asked) == ["answer.py", "playground.css", "playground.js"]
    assert all((PLACE / name).is_file() for name in asked)
    ids = set(re.findall(r'byId\("(\w+)"\)', program))
    assert ids == set(re.findall(r'\bid="(\w+)"', page))


PYODIDE = """
const must = (text, part) => { if (!text.includes(part)) throw Error(`${part} is not in ${text}`); };
export const loadPyodide = async () => ({
  loadPackage: async () => {},
  FS: { writeFile: (name, text) => must(text, "def answer") },
  pyimport: (name) => ({
    install: async ([url]) => must(url, ".whl"),
    answer: (text) => ({ toJs: () => (%s)[text.trim()] }),
  }),
});
"""


@pytest.mark.browser
def test_the_page_shows_what_python_answers(browser, tmp_path):
    """In a browser, with what CPython answers in Pyodide's place."""
    from selenium.webdriver.support.wait import WebDriverWait

    page = (PLACE / "index.md").read_text(encoding="utf-8")
    program = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.S)[1].strip()
    for name in ("answer.py", "playground.css", "playground.js"):
        shutil.copy(PLACE / name, tmp_path)
    (tmp_path / "index.html").write_text(f"<!doctype html><meta charset=utf-8>{page}", encoding="utf-8")
    (tmp_path / "wheel.txt").write_text("a.whl\n", encoding="utf-8")
    answers = {program: module.answer(program), "1 +": module.answer("1 +")}
    (tmp_path / "pyodide.mjs").write_text(PYODIDE % json.dumps(answers), encoding="utf-8")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    handler.func.log_message = lambda *_: None
    handler.func.extensions_map[".mjs"] = "text/javascript"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        browser.get(f"http://127.0.0.1:{server.server_port}/index.html?runtime=./")
        said = lambda: browser.find_element("id", "said").text  # noqa: E731
        button = browser.find_element("css selector", "button")
        button.click()
        wait = WebDriverWait(browser, 20)
        wait.until(lambda _: "gradient of x" in said())
        assert "Tensor(" in said() and browser.find_elements("css selector", "#graph svg text")
        area = browser.find_element("id", "program")
        area.clear()
        area.send_keys("1 +")
        button.click()
        wait.until(lambda _: "SyntaxError" in said())
        assert not browser.find_elements("css selector", "#graph svg text")
    finally:
        server.shutdown()
        server.server_close()
