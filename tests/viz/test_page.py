"""The page, in a real browser, from a file, without a network."""

from __future__ import annotations

import base64
import json
import re
import time

import numpy as np
import pytest

import tinygrad_np as tg
from tests.viz.graphs import deep, digits, expression, needs_engine, recurrent, tangle

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser, tmp_path):
    """Opens the page of a view; afterwards checks that the console is silent and that nothing was asked for."""

    def open_page(view, **options):
        path = tmp_path / "graph.html"
        view.to_html(path, **options)
        browser.get("about:blank")
        browser.get_log("browser"), browser.get_log("performance")
        browser.get(path.as_uri())
        return browser

    yield open_page
    assert browser.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert len({url.partition("#")[0] for url in asked if url.startswith("file:")}) <= 1


def css(browser, selector: str):
    return browser.find_elements("css selector", selector)


def classes(browser, name: str) -> list[str]:
    """The labels of the nodes that have a class now."""
    return browser.execute_script(
        f"return [...document.querySelectorAll('#stage g.node.{name}')]"
        ".map(g => g.getAttribute('aria-label').split('.')[0])"
    )


def hover(browser, element):
    from selenium.webdriver import ActionChains

    ActionChains(browser).move_to_element(element).perform()
    time.sleep(0.05)


@pytest.fixture
def graph():
    with tg.record():
        model, loss = digits()
    loss.backward(retain_graph=True)
    return loss.graph(model, grads=True, names={"loss": loss})


@needs_engine
def test_every_node_is_on_the_page(page, graph):
    browser = page(graph)
    assert browser.title == "loss"
    assert len(css(browser, "#stage g.node")) == len(graph.collapse().nodes) == 5
    assert len(css(browser, "#stage g.edge")) == 4
    levels = [option.text for option in css(browser, "#level option")]
    assert levels == ["operations (5)", "the model (3)", "every node (9)"]
    for option, nodes in zip(css(browser, "#level option"), (5, 3, 9), strict=True):
        option.click()
        assert len(css(browser, "#stage g.node")) == nodes


@needs_engine
def test_search_marks_what_matches(page, graph):
    browser = page(graph)
    box = css(browser, "#search")[0]
    box.send_keys("relu")
    assert css(browser, "#hits")[0].text == "1 box" and classes(browser, "hit") == ["relu"]
    box.clear()
    box.send_keys("linear")
    assert css(browser, "#hits")[0].text == "2 boxes"
    box.clear()
    box.send_keys("2.bias")
    assert len(classes(browser, "hit")) == 1
    box.clear()
    box.send_keys("no such thing")
    assert css(browser, "#hits")[0].text == "0 boxes" and not classes(browser, "hit")


@needs_engine
def test_hover_tells_everything(page, graph):
    browser = page(graph)
    nodes = css(browser, "#stage g.node")
    hover(browser, nodes[1])
    tip = css(browser, "#tip")[0]
    assert tip.is_displayed()
    for said in (
        "linear",
        "0/linear#0",
        "(32, 10) float32",
        "1.3 kB",
        "0.weight",
        "(10, 64)",
        "summed over axis 0",
        "8.2 kB",
        "step 4",
        "norm",
        "graphs.py:",
    ):
        assert said in tip.text
    hover(browser, css(browser, "h1")[0])
    assert not tip.is_displayed()


@needs_engine
def test_click_lights_up_ancestors_and_descendants(page):
    x, y = (tg.Tensor(np.ones(3), requires_grad=True, name=name) for name in "xy")
    view = (np.sin(x) * np.cos(y) + np.tanh(np.exp(x))).sum().graph()
    browser = page(view)
    by_label = {g.get_attribute("aria-label").split(".")[0]: g for g in css(browser, "#stage g.node")}
    by_label["sin"].click()
    assert sorted(classes(browser, "dim")) == ["cos", "exp", "tanh", "y"]
    assert css(browser, "#panel")[0].is_displayed() and "sin#0" in css(browser, "#panel")[0].text
    css(browser, "body")[0].send_keys("\ue00c")  # Escape
    assert not classes(browser, "dim") and not css(browser, "#panel")[0].is_displayed()


@needs_engine
def test_the_backward_pass_is_walked_in_its_true_order(page, graph):
    browser = page(graph)
    assert not css(browser, "#walk")[0].is_displayed()
    css(browser, "#backward")[0].click()
    slider = css(browser, "#step")[0]
    assert slider.is_displayed() and slider.get_attribute("max") == "4"
    seen = []
    for _ in range(4):
        css(browser, "body")[0].send_keys("\ue014")  # right arrow
        seen += classes(browser, "now")
    assert seen == ["loss = cross_entropy", "linear", "relu", "linear"]
    assert "Step 4 of 4: linear gives a gradient to its 0.weight, 0.bias" in css(browser, "#said")[0].text
    assert len(css(browser, "#stage g.edge.backward")) == 3  # the images get no gradient
    css(browser, "#backward")[0].click()
    assert not css(browser, "#stage g.edge.backward") and not classes(browser, "now")


@needs_engine
def test_contributions_are_added_up_on_the_way(page):
    x = tg.Tensor(np.ones(3), requires_grad=True, name="x")
    view = (np.sin(x) + np.cos(x)).sum().graph().collapse(params="nodes")
    browser = page(view)
    css(browser, "#backward")[0].click()
    said = []
    for _ in range(4):
        css(browser, "body")[0].send_keys("\ue014")
        said.append(css(browser, "#said")[0].text)
    assert "x (1 of 2 added up)" in said[2] and "x (2 of 2 added up)" in said[3]


@needs_engine
def test_zoom_pan_and_fit(page, graph):
    browser = page(graph)

    def look():
        box = browser.execute_script("return document.querySelector('#stage svg').getAttribute('viewBox')")
        return [float(v) for v in box.split()]

    home = look()
    css(browser, "#in")[0].click()
    assert look()[2] < home[2]
    browser.execute_script(
        "document.getElementById('stage').dispatchEvent(new WheelEvent('wheel', "
        "{deltaY: 400, clientX: 300, clientY: 300, cancelable: true}))"
    )
    assert look()[2] > 0.8 * home[2]
    from selenium.webdriver import ActionChains

    before = look()
    ActionChains(browser).move_to_element_with_offset(
        css(browser, "#stage")[0], 0, 200
    ).click_and_hold().move_by_offset(60, 30).release().perform()
    assert look()[0] < before[0] and look()[1] < before[1] and not css(browser, "#panel")[0].is_displayed()
    css(browser, "#fit")[0].click()
    assert look() == home


@needs_engine
def test_a_long_graph_opens_large_enough_to_read(page):
    model, loss = deep(12)
    browser = page(loss.graph(model))
    size = "return document.querySelector('#stage .node text').getBoundingClientRect().height"
    assert browser.execute_script(size) > 6
    first = css(browser, "#stage g.node")[0]
    assert first.location["y"] > 0 and first.is_displayed()
    css(browser, "#fit")[0].click()
    assert browser.execute_script(size) < 6


@needs_engine
def test_both_themes_can_be_read(page, graph):
    browser = page(graph)
    for theme in ("light", "dark"):
        if browser.execute_script("return document.documentElement.dataset.theme") != theme:
            css(browser, "#theme")[0].click()
        low = browser.execute_script(CONTRAST)
        assert low == [], theme


CONTRAST = """
const lum = c => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(Number).map(x => x / 255)
  .map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4); return 0.2126*v[0] + 0.7152*v[1] + 0.0722*v[2]; };
const out = [];
for (const text of document.querySelectorAll('#stage .node text')) {
  const r = text.getBoundingClientRect(), color = getComputedStyle(text).fill;
  const under = document.elementsFromPoint(r.left + r.width / 2, r.top + r.height / 2)
    .find(e => e.closest('.node') && e !== text && getComputedStyle(e).fill.startsWith('rgb(') && e.tagName !== 'text');
  if (!under) { out.push('nothing under ' + text.textContent); continue; }
  const a = lum(color), b = lum(getComputedStyle(under).fill);
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) out.push(text.textContent + ' ' + ratio);
}
return out;
"""


@needs_engine
def test_no_script_in_a_name_is_run(page):
    name = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    x = tg.Tensor([1.0], requires_grad=True, name=name)
    browser = page((x * 2).sum().graph(title=name))
    time.sleep(0.1)
    assert browser.title == name
    assert name in css(browser, "h1")[0].text
    assert browser.execute_script("return document.scripts.length") == 2
    box = [g for g in css(browser, "#stage g.node") if "leaf" in g.get_attribute("class")][0]
    box.click()
    assert "document.title='owned'" in css(browser, "#panel")[0].text and browser.title == name


@needs_engine
@pytest.mark.parametrize(
    "make",
    [lambda: deep(12), lambda: recurrent(200), lambda: (None, tangle(2000))],
    ids=["deep", "recurrent", "tangle"],
)
def test_big_graphs_open_too(page, make):
    model, loss = make()
    view = loss.graph(model)
    browser = page(view)
    assert len(css(browser, "#stage g.node")) == len(view.collapse().nodes) <= 150
    assert "boxes for" in css(browser, "#caption")[0].text or len(view.collapse().nodes) < 151


@needs_engine
def test_sizes(graph):
    page = graph.to_html()
    assert len(page.encode()) <= 150_000
    assert len(graph._repr_mimebundle_()["text/html"].encode()) <= 40_000
    assert not re.search(r"""(src|href)=["']?(https?:)?//|@import|url[(]["']?http""", page)


@needs_engine
def test_two_pictures_in_one_notebook_share_no_id_and_are_not_clipped(browser, tmp_path, graph):
    other = deep(2)[1].graph()
    bundles = [view._repr_mimebundle_() for view in (graph, other)]
    assert all(bundle["text/plain"] for bundle in bundles)
    ids = [re.findall(r'\sid="([^"]+)"', bundle["text/html"]) for bundle in bundles]
    assert len(set(ids[0])) == len(ids[0]) and not set(ids[0]) & set(ids[1])
    assert not any("<script" in bundle["text/html"] for bundle in bundles)
    path = tmp_path / "notebook.html"
    cells = "".join(f'<div style="width:800px">{bundle["text/html"]}</div>' for bundle in bundles)
    path.write_text(f"<!doctype html><meta charset=utf-8>{cells}", encoding="utf-8")
    browser.get(path.as_uri())
    for svg in css(browser, "svg"):
        assert 0 < svg.size["width"] <= 800
        box = browser.execute_script(
            "const b = arguments[0].getBBox(), v = arguments[0].viewBox.baseVal;"
            "return [b.x - v.x, b.y - v.y, v.x + v.width - b.x - b.width, "
            "v.y + v.height - b.y - b.height]",
            svg,
        )
        assert min(box) >= -1


def press(browser, key: str, times: int = 1):
    css(browser, "body")[0].send_keys(key * times)


RIGHT = "\ue014"


def shown_texts(browser) -> list[str]:
    """The texts of all boxes, as they are shown now."""
    found = browser.execute_script(
        "return [...document.querySelectorAll('#stage g.node')].map(g => [...g.querySelectorAll('text')]"
        ".map(t => t.textContent).join(' '))"
    )
    return [" ".join(text.split()) for text in found]


@needs_engine
def test_the_values_on_the_page_are_the_arrays(page):
    out = expression()
    view = out.graph()
    texts = shown_texts(page(view))
    for node in view.nodes:
        if node.kind in ("leaf", "op"):
            said = f"data {node.value.numbers[0]:.4f} | grad {node.grad.numbers[0]:.4f}"
            assert any(said in text for text in texts), said


@needs_engine
def test_the_lecture_fills_in_the_numbers_and_writes_out_the_chain_rule(page):
    view = expression().graph()
    browser = page(view)
    press(browser, "l")
    operations = len([n for n in view.nodes if n.kind == "op"])
    assert css(browser, "#step")[0].get_attribute("max") == str(2 * operations)
    assert not any("grad -" in text or "grad 0" in text for text in shown_texts(browser))
    press(browser, RIGHT)
    assert "e = a * b = -6.0000" in css(browser, "#said")[0].text
    assert any("data -6.0000 | grad …" in text for text in shown_texts(browser))
    assert not any("data 4.0000" in text for text in shown_texts(browser))  # d is not computed yet
    press(browser, RIGHT, operations - 1)
    seen = {}
    for _ in range(operations):
        press(browser, RIGHT)
        for line in css(browser, "#rule li"):
            parts = [float(line.find_element("class name", name).text) for name in ("incoming", "local", "gives")]
            assert parts[0] * parts[1] == pytest.approx(parts[2], abs=1e-3)
            seen[line.find_element("class name", "to").text.split()[2]] = parts[2]
    for leaf in "abcf":
        assert seen[leaf] == pytest.approx(view[leaf].grad.numbers[0], abs=1e-4)
    assert not any("…" in text.replace("… /", "").replace("- …", "") for text in shown_texts(browser))


@needs_engine
def test_a_link_leads_to_a_step(page, browser):
    page(expression().graph())
    press(browser, "l")
    press(browser, RIGHT, 8)
    said, link = css(browser, "#said")[0].text, browser.current_url
    assert "#lecture=8" in link
    browser.get("about:blank")
    browser.get(link)
    assert css(browser, "#said")[0].text == said and css(browser, "#lecture")[0].get_attribute("aria-pressed") == "true"


@needs_engine
@pytest.mark.parametrize("make", [lambda: deep(3), lambda: recurrent(30), lambda: (None, tangle(2000))])
def test_a_box_opens_by_a_click_and_closes_again(page, make):
    model, loss = make()
    view = loss.graph(model).collapse(depth=1, max_nodes=30)
    browser = page(view)
    closed = len(css(browser, "#stage g.node"))
    assert closed == len(view.nodes)
    data = json.loads(css(browser, "#data")[0].get_attribute("textContent"))
    i, box = next((i, n) for i, n in enumerate(data["levels"][0]["nodes"]) if "inside" in n)
    click = (
        "[...document.querySelectorAll('#stage g.node')].find(g => g.id.endsWith('n' + arguments[0]))"
        ".dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    browser.execute_script(click, i)
    assert len(css(browser, "#stage g.node")) == closed - 1 + len(box["inside"]) > closed
    assert len(css(browser, "#stage g.frame")) == 1
    inner = next((k for k, n in enumerate(box["inside"]) if "inside" in n), None)
    if inner is not None:  # a box in the box
        browser.execute_script(click, i + inner)
        assert len(css(browser, "#stage g.frame")) == 2
    browser.execute_script(
        "document.querySelector('#stage g.frame').dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    assert len(css(browser, "#stage g.node")) == closed and not css(browser, "#stage g.frame")


@needs_engine
def test_open_boxes_stand_for_all_of_the_tape(graph):
    view = recurrent(30)[1].graph().collapse(max_nodes=20)
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', view.to_html(), re.S)[1])

    def members(box):
        runs = box["m"]
        return {n for k in range(0, len(runs), 2) for n in range(runs[k], runs[k] + runs[k + 1])}

    def checked(boxes):
        for box in boxes:
            if "inside" in box:
                inside = [members(b) for b in box["inside"]]
                assert sum(map(len, inside)) == len(set().union(*inside)) and set().union(*inside) == members(box)
                checked(box["inside"])

    boxes = data["levels"][0]["nodes"]
    assert sum(len(members(b)) for b in boxes) == len(view.whole.nodes)
    checked(boxes)
    assert len(data["wires"]) == 3 * len(view.whole.edges)


@needs_engine
@pytest.mark.parametrize("make", [lambda: expression().graph(), lambda: deep(3)[1].graph()])
def test_a_phone_needs_no_horizontal_scroll(page, browser, make):
    page(make())
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 780, "deviceScaleFactor": 2, "mobile": True}
    )
    try:
        browser.refresh()
        for _ in range(3):
            press(browser, "l")
            press(browser, RIGHT, 9)
            assert browser.execute_script("return document.scrollingElement.scrollWidth") <= 360
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@needs_engine
def test_on_paper_is_the_whole_picture_and_it_is_light(page, graph):
    browser = page(graph, theme="dark")
    state = (
        "return [document.querySelector('#stage svg').getAttribute('viewBox'), document.documentElement.dataset.theme]"
    )
    home = browser.execute_script(state)[0]
    for _ in range(3):
        css(browser, "#in")[0].click()
    before = browser.execute_script(state)
    assert before[0] != home and before[1] == "dark"
    browser.execute_script(
        "window.seen = []; window.addEventListener('beforeprint', () => seen.push("
        "document.querySelector('#stage svg').getAttribute('viewBox'), document.documentElement.dataset.theme))"
    )
    pdf = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"])
    assert pdf.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    assert browser.execute_script("return window.seen") == [home, "light"]
    assert browser.execute_script(state) == before
