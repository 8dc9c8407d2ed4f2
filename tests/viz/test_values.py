"""Values, signed gradients, local derivatives, names and constants: what a teacher's first picture shows."""

from __future__ import annotations

import re

import numpy as np
import pytest

import tinygrad_np as tg
from tests.viz.graphs import digits, expression
from tinygrad_np.engine.tape import oldest_first, pullback
from tinygrad_np.viz import GraphView


def test_every_box_shows_its_number_and_its_gradient():
    out = expression()
    for freed in (False, True):
        if freed:
            out.backward()
        view = out.graph()
        for text in (
            view.to_text(),
            view.to_dot(),
            view.to_mermaid().replace("#124;", "|"),
            re.sub(r"\\u00a0|\xa0|&#160;", " ", view.to_html()),
        ):
            assert "data -6.0000 | grad 0.0216" in text and "data 2.0000 | grad -0.0648" in text
        nodes = dict(
            zip([n.id for n in view.nodes if n.kind in ("leaf", "op")], oldest_first([out._node]), strict=True)
        )
        for id_, node in nodes.items():
            (number,) = view[id_].grad.numbers
            if not freed:
                assert number == pullback(out._node, np.ones(()), wanted=[node])[node]
        for edge in view.edges:
            if edge.tracked:
                assert edge.gives.numbers[0] == pytest.approx(edge.local.numbers[0] * view[edge.dst].grad.numbers[0])


def test_before_and_after_backward_is_the_same_picture():
    out = expression()
    before = out.graph()
    out.backward()
    after = out.graph()
    assert [(n.value, n.grad) for n in before.nodes] == [(n.value, n.grad) for n in after.nodes]
    assert before.edges == after.edges


def test_values_are_the_arrays():
    rng = np.random.default_rng(0)
    x = tg.Tensor(rng.normal(size=(4, 5)), requires_grad=True)
    w = rng.normal(size=(5, 3))
    y = x @ w
    z = np.maximum(0, y)
    view = z.sum(axis=0).graph()
    for name, array in (("x", x), ("y", y), ("z", z), ("w", w)):
        shown = np.reshape(view[name].value.numbers, array.shape)
        assert np.array_equal(shown, np.asarray(getattr(array, "_array", array)))
    big = tg.Tensor(rng.normal(size=1000), requires_grad=True)
    assert np.sin(big).sum().graph()["sin#0"].value is None  # not by default
    value = np.sin(big).sum().graph(values=True)["sin#0"].value
    assert sum(value.bins) == 1000 and value.low == np.sin(big._array).min() and not value.numbers


@pytest.mark.parametrize("changed", ["leaf", "array", "tensor", "nothing"])
@pytest.mark.parametrize("freed", [False, True])
def test_a_value_that_changed_since_is_shown_as_it_was_or_not_at_all(changed, freed):
    x, array, tensor = tg.Tensor([1.0, 2.0], requires_grad=True), np.array([3.0, 4.0]), tg.Tensor([5.0, 6.0])
    parts = [x + 1, x + 1 + array, (x + 1 + array) - tensor]
    out = np.exp(parts[2])
    right = {f"{name}#0": part._array.copy() for name, part in zip(("add", "add#1", "subtract", "exp"), [*parts, out])}
    del parts
    if freed:
        out.sum().backward()
    with tg.no_grad():
        if changed == "leaf":
            x -= 0.5
        elif changed == "array":
            array[0] = 7.0
        elif changed == "tensor":
            tensor[0] = 8.0
    view = out.graph()
    shown = {n.id: n.value.numbers for n in view.nodes if n.kind == "op" and n.value is not None}
    for id_, numbers in shown.items():
        assert any(np.array_equal(numbers, value) for value in right.values()), id_
    assert "exp#0" in shown and (len(shown) == 4 or changed != "nothing")
    constants = [n.value.numbers for n in view.nodes if n.kind == "data" and n.value is not None]
    assert all(numbers in ((3.0, 4.0), (5.0, 6.0)) for numbers in constants)
    assert len(constants) == 2 or changed != "nothing"


def test_odd_numbers_are_said_and_stored():
    x = tg.Tensor([0.0, 1.0, np.inf], requires_grad=True)
    with np.errstate(all="ignore"):
        view = np.log(x).graph()
    assert "-inf" in view.to_text() and GraphView.from_json(view.to_json()) == view
    z = tg.Tensor([1 + 2j], requires_grad=True)
    view = (z * z).graph()
    assert "-3.0000+4.0000j" in view.to_text() and GraphView.from_json(view.to_json()) == view


def test_names_of_intermediates_are_found_and_shown():
    x = tg.Tensor([0.5], requires_grad=True, name="x")
    n = np.tanh(x * 2)
    view = n.graph()
    assert view["n"].op == "tanh" and view.title == "n" and "n = tanh" in view.to_dot()
    assert np.tanh(x).graph(names={}).title == "tanh#0"
    m = n  # two variables: neither is the name
    assert not m.graph().find("n") and m is n
    n.name = "hidden"
    view = n.sum().graph()
    for text in (view.to_text(), view.to_dot(), view.to_mermaid(), view.to_html(), view.to_json()):
        assert "hidden" in text
    assert (tg.named(x * 3, "three")).graph()["three"].op == "multiply"
    assert np.sin(x * 2).graph(names={"y": x}).nodes[0].id == "y"


def test_names_of_a_notebook_are_its_users_own():
    """locals() of a notebook has its history too, and may have itself: none of these names wins."""
    x = tg.Tensor([0.5], requires_grad=True)
    hidden = np.sin(x)
    cells = {"x": x, "hidden": hidden, "_": hidden, "_3": x, "Out": {3: x}, "pair": [x, hidden]}
    view = np.cos(hidden).graph(names={**cells, "all": cells})
    assert view["x"].kind == "leaf" and view["hidden"].op == "sin"


def test_a_name_that_was_given_wins_over_the_variable():
    other = tg.Tensor([1.0], requires_grad=True, name="weight")
    assert (other * 2).graph().nodes[0].id == "weight"


def test_constants_are_in_the_box_of_their_operation():
    z, y, f = (tg.Tensor(2.0, requires_grad=True, name=n) for n in "zyf")
    for out, formula in (
        (1 - z, "1 - z"),
        (np.maximum(0, 1 - y * f), "maximum(0, 1 - y * f)"),
        (z**2, "z ** 2"),
        (z + 1.5, "z + 1.5"),
        (2 / z, "2 / z"),
        (np.clip(z, 0, 1), "clip(z, 0, 1)"),
    ):
        for _ in range(2):
            view = tg.graph(out, names={})
            assert formula in [n.formula for n in view.nodes] and formula in view.to_text()
            if not view.stats()["freed"]:
                out.backward()  # so that the second time it is freed


def test_the_same_array_is_the_same_box():
    mask = np.array([1.0, 0.5, 1.0])
    x = tg.Tensor([1.0, 2.0, 3.0], requires_grad=True, name="x")
    view = (x * mask - mask + x / mask[::-1]).graph()
    assert len([n for n in view.nodes if n.kind == "data"]) == 1 and view["mask"].uses == 0
    large = np.ones(5000)
    y = tg.Tensor(np.ones(5000), requires_grad=True)
    view = (y * large + y * large.reshape(50, 100).reshape(-1)).graph()
    assert len([n for n in view.nodes if n.kind == "data"]) == 1
    view = (x * np.ones(3) + x * np.ones(3)).graph()
    assert len([n for n in view.nodes if n.kind == "data"]) == 2


def test_arrows_say_what_matters_and_nothing_else():
    x, y = (tg.Tensor([1.0, 2.0], requires_grad=True, name=n) for n in "xy")
    assert not re.search(r"label=<&#160;[xy]:?", (x + y).graph().to_dot())
    assert "subtracted" in (x - y).graph().to_dot() and "divides by" in (x / y).graph().to_dot()


def test_images_are_thumbnails():
    model, loss = digits()
    svg = loss.graph(model, values=True).to_svg()
    assert svg.count("data:image/png;base64,") == 4  # the images, the first weights, both biases
    loss.graph(model, values=True, grads=True).check()


def test_drawing_changes_no_gradient():
    out = expression()
    leaves = [n for n in oldest_first([out._node]) if n.op is None]
    out.graph(grads=True)
    assert all(leaf.grad is None for leaf in leaves)
    out.backward()
    expected = [leaf.grad.copy() for leaf in leaves]
    out.graph()
    assert all(np.array_equal(a, leaf.grad) for a, leaf in zip(expected, leaves, strict=True))


def test_operands_that_are_arrays_and_lists_are_told():
    x = tg.Tensor([1.0, -2.0, 3.0], requires_grad=True, name="x")
    rows, zeros = [2, 0, 0], np.zeros(2)
    assert "x[[2, 0, 0]]" in x[rows].graph(names={}).to_text()
    assert "x[array(3, 1)]" in x[np.array([[0], [1], [1]])].graph(names={}).to_text()
    assert "x[[0 1 1]]" in x[np.array([0, 1, 1])].graph(names={}).to_text()
    assert "x[array(9,)]" in x[[0, 1, 2] * 3].graph(names={}).to_text()
    assert "where([True False True], x, 0)" in np.where(x._array > 0, x, 0).graph(names={}).to_text()
    assert "1 - sum(x[1:])" in (1 - x[1:].sum()).graph(names={}).to_text()
    view = np.concatenate([x, zeros, zeros]).graph(names={"zeros": zeros})
    assert view["zeros"].value.numbers == (0, 0) and [e.src for e in view.edges] == ["x", "zeros", "zeros"]
    assert [n.args for n in np.stack([x[0], 2.5]).graph(names={}).nodes if n.kind == "const"] == ["2.5"]


def test_formulas_have_the_brackets_that_python_needs():
    a, b, c = (tg.Tensor(v, requires_grad=True, name=n) for v, n in zip((3.0, 2.0, 0.5), "abc", strict=True))
    for make in (
        lambda a, b, c: a - (b - c),
        lambda a, b, c: (a + b) * c,
        lambda a, b, c: (a * b) ** c,
        lambda a, b, c: a ** (b**c),
        lambda a, b, c: a / (b / c),
        lambda a, b, c: -(a + b),
        lambda a, b, c: (-a * b) - 2.0,
        lambda a, b, c: (1.0 - a) ** 2,
    ):
        view = tg.graph(tg.named(make(a, b, c), "out"), names={})
        assert eval(view["out"].formula, {"a": 3.0, "b": 2.0, "c": 0.5}) == make(3.0, 2.0, 0.5)


@pytest.mark.parametrize("shape", [(), (0,), (2,), (3, 2), (70,)])
def test_complex_numbers_of_every_shape(shape, rng):
    z = tg.Tensor(rng.normal(size=shape) + 1j * rng.normal(size=shape), requires_grad=True, name="z")
    view = (abs(z.T * 2) ** 2).sum().graph(values=True, grads=True)
    assert GraphView.from_json(view.to_json()) == view and view["z"].value.odd == 0
    if 0 < z.size <= 64:
        assert np.allclose([complex(*n) for n in view["z"].value.numbers], z._array.ravel())


def test_images_lie_in_rows():
    from tinygrad_np.viz.values import montage

    images = np.arange(10 * 64.0).reshape(10, 8, 8)
    sheet = montage(images)
    assert sheet.shape == (17, 44) and np.array_equal(sheet[9:, :8], images[5])
    assert montage(images[:1]).shape == (8, 8) and montage(np.ones((60, 28, 28))).shape == (57, 57)
