"""A recipe is data: every option reads from text, refuses nonsense with what it expects, and survives JSON."""

import json

import pytest

from models import recipes
from models.errors import BadUsage

GOOD = {
    "hidden": {"64,32": (64, 32), "10": (10,), "none": ()},
    "conv": {"24x5p,48x3": ("24x5p", "48x3"), "8x3sp": ("8x3sp",), "none": ()},
    "batch_norm": {"yes": True, "no": False},
    "momentum": {"0.9": 0.9, "0": 0.0},
    "schedule": {"one-cycle": "one-cycle", "cosine": "cosine"},
    "warmup": {"0.3": 0.3},
    "smoothing": {"0.1": 0.1, "0": 0.0},
    "average": {"0.99": 0.99, "0": 0.0},
    "shift": {"2": 2.0, "1.5": 1.5},
    "turn": {"10": 10.0},
    "zoom": {"0.1": 0.1},
    "elastic": {"30": 30.0},
    "noise": {"0.1": 0.1, "0": 0.0},
    "optimizer": {"sgd": "sgd", "adagrad": "adagrad"},
    "lr": {"0.5": 0.5, "1e-3": 0.001},
    "epochs": {"3": 3},
    "batch_size": {"64": 64, "full": None},
    "l2": {"0": 0.0, "1e-4": 1e-4},
    "dropout": {"0": 0.0, "0.9": 0.9},
    "targets": {"index": "index", "one-hot": "one-hot"},
    "rows": {"500": 500, "all": None},
    "held_out": {"1000": 1000, "0.2": 0.2},
    "keep": {"last": "last", "best": "best"},
    "patience": {"5": 5, "none": None},
    "seed": {"0": 0, "12": 12},
}
BAD = {
    "hidden": ("", "64,", "0", "-3", "a,b", "6.5"),
    "conv": ("", "24", "24x", "x5", "0x3", "8x0", "8x3ps", "8x3,", "8x3q", "8x10"),
    "batch_norm": ("maybe", "1", ""),
    "momentum": ("1", "-0.1", "nan"),
    "schedule": ("one cycle", ""),
    "warmup": ("0", "1", "nan"),
    "smoothing": ("1", "-0.1", "nan"),
    "average": ("1", "-0.1", "nan"),
    "shift": ("-1", "15", "nan"),
    "turn": ("-1", "181", "nan"),
    "zoom": ("-0.1", "1", "inf"),
    "elastic": ("-1", "inf"),
    "noise": ("-0.1", "1.1", "nan"),
    "optimizer": ("SGD", "momentum", ""),
    "lr": ("0", "-1", "nan", "inf", "fast", ""),
    "epochs": ("0", "-1", "1.5", "many"),
    "batch_size": ("0", "-64", "half"),
    "l2": ("-1", "nan", "inf"),
    "dropout": ("1", "-0.1", "nan"),
    "targets": ("onehot",),
    "rows": ("0", "-1", "1.5"),
    "held_out": ("0", "1.0", "-0.2", "nan", "some"),
    "keep": ("first",),
    "patience": ("0", "x"),
    "seed": ("-1", "x", "1.5"),
}


def test_every_option_has_its_cases():
    assert GOOD.keys() == BAD.keys() == recipes.OPTIONS.keys()


@pytest.mark.parametrize("key", GOOD)
def test_an_option_reads_its_text_or_says_what_it_expects(key):
    recipe = recipes.find("digits-relu10")
    for text, value in GOOD[key].items():
        changed = recipe.with_options({key: text})
        assert getattr(changed, key) == value and type(getattr(changed, key)) is type(value)
        assert changed == recipes.Recipe.from_settings(recipe.name, json.loads(json.dumps(changed.settings())))
    for text in BAD[key]:
        with pytest.raises(BadUsage) as error:
            recipe.with_options({key: text})
        assert str(error.value) == f"option {key}: found {text!r}, expected {recipes.OPTIONS[key].metadata['expected']}"


def test_unknown_names_get_the_nearest():
    with pytest.raises(BadUsage, match="unknown recipe 'digit-relu': did you mean 'digits-relu10'[?]"):
        recipes.find("digit-relu")
    with pytest.raises(BadUsage, match="unknown option 'batchsize': did you mean 'batch_size'[?]"):
        recipes.find("digits-relu10").with_options({"batchsize": "3"})
    with pytest.raises(BadUsage, match="unknown recipe '----': known: digits-relu10, kaggle-relu10"):
        recipes.find("----")


def test_the_five_recipes_are_what_they_are_known_for():
    known = {name: (r.data, r.hidden, r.optimizer, r.batch_size, r.held_out) for name, r in recipes.RECIPES.items()}
    assert {name: known[name] for name in list(known)[:5]} == {
        "digits-relu10": ("digits", (10,), "sgd", None, 0.2),
        "kaggle-relu10": ("kaggle", (10,), "sgd", None, 1000),
        "mnist-relu10": ("mnist", (10,), "sgd", None, 1000),
        "kaggle-adam": ("kaggle", (256, 128), "adam", 128, 0.2),
        "kaggle-relu64x2": ("kaggle", (64, 64), "sgd", 64, 1000),
    }
    relu10, mnist = recipes.find("kaggle-relu10"), recipes.find("mnist-relu10")
    assert (relu10.lr, relu10.epochs, relu10.targets) == (0.5, 500, "one-hot")
    assert (mnist.lr, mnist.epochs) == (0.1, 500)
    assert recipes.find("kaggle-adam").l2 > 0 and recipes.find("kaggle-relu64x2").epochs == 1000
