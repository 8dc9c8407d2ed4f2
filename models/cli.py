"""`python -m models`: words to functions, errors to one line and an exit code (0 done, 1 failed, 2 bad usage)."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from tinygrad_np.parallel.distributed import launched

from . import commands
from .ensemble import VIEWS
from .errors import BadUsage, Failure, nearest
from .recipes import OPTIONS, RECIPES

EPILOG = "exit code: 0 done, 1 failed, 2 bad usage"


class Parser(argparse.ArgumentParser):
    """argparse with one line for an error, and the nearest name for a mistyped one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, epilog=options.pop("epilog", EPILOG), **options)

    def error(self, message: str) -> NoReturn:
        raise BadUsage(f"{message} (see {self.prog} --help)")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Name the nearest flag at once where one is unknown, while it is known whose flag it is."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown and unknown[0].startswith("--"):
            flags = [flag for flag in self._option_string_actions if flag.startswith("--")]
            raise BadUsage(f"unknown option {unknown[0]!r}: {nearest(unknown[0].partition('=')[0], flags)}")
        return parsed, unknown

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            raise BadUsage(f"unknown {action.metavar or action.dest} {value!r}: {nearest(str(value), action.choices)}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    _streams()
    try:
        options = vars(_parser().parse_args(arguments))
        options.pop("debug")
        options.pop("function")(**options)
        sys.stdout.flush()
        return 0
    except BrokenPipeError:  # the reader of our output left: `... | head`
        _to_nowhere(sys.stdout)
        return 1
    except (KeyboardInterrupt, Exception) as error:
        if "--debug" in arguments:
            traceback.print_exc()
        try:
            sys.stdout.flush()
        except OSError:  # what is left of the output can be written nowhere, and at the exit it would be tried again
            _to_nowhere(sys.stdout)
        with suppress(OSError):
            if launched()[0] == 0:  # what all processes of a job find wrong, the first one says
                print("error: " + " ".join(_sentence(error).split()), file=sys.stderr)
        return 2 if isinstance(error, BadUsage) else 1


def _streams() -> None:
    """Let standard streams be there, and take any character, whatever started us."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # a service or pythonw has none, and others may be closed
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _to_nowhere(stream: Any) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _sentence(error: BaseException) -> str:
    if isinstance(error, Failure):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; a training goes on where it stopped with --resume"
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, (OSError, ImportError, MemoryError)):  # the machine's: a full disk, a missing package
        return f"{type(error).__name__}: {error}"
    return f"unexpected {type(error).__name__}: {error} (--debug shows where)"


def _parser() -> Parser:
    common = Parser(add_help=False)
    common.add_argument("--json", action="store_true", help="print the result as JSON")
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser = Parser(prog="python -m models", description="Train and use digit recognizers with tinygrad_np.")
    choices = parser.add_subparsers(metavar="command", required=True)

    def add(function: Callable[..., None], name: str, help: str, **options: Any) -> Parser:
        command = choices.add_parser(name, help=help, description=help, parents=[common], **options)
        command.set_defaults(function=function)
        return command

    def add_recipe(command: Parser, **options: Any) -> None:
        command.add_argument("recipe", choices=RECIPES, metavar="recipe", help=", ".join(RECIPES), **options)
        command.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            dest="changes",
            help="change an option of the recipe; again for more",
        )

    def add_many(command: Parser) -> None:
        command.add_argument("runs", nargs="+", metavar="RUN", help="a run folder; of several, the mean answers")
        command.add_argument(
            "--views",
            choices=[str(number) for number in VIEWS],
            default="1",
            metavar="N",
            help="the mean over so many views of each image, moved by a pixel: 1, 5 or 9 (default: 1)",
        )

    add(commands.list_recipes, "list", "list the recipes")

    lines = "\n".join(f"  {name:11} {option.metadata['expected']}" for name, option in OPTIONS.items())
    train = add(
        commands.train,
        "train",
        "train a recipe and leave a run folder",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"options for --set:\n{lines}\n\n{EPILOG}",
    )
    add_recipe(train, nargs="?", default=None)
    train.add_argument("--data", metavar="PATH", help="a CSV or IDX file, a folder that holds one, digits or mnist")
    train.add_argument("--epochs", metavar="N", help="the same as --set epochs=N")
    train.add_argument("--seed", metavar="S", help="the same as --set seed=S")
    train.add_argument("--out", metavar="DIR", help="the run folder (default: runs/RECIPE, or RECIPE-2 and so on)")
    train.add_argument(
        "--resume",
        nargs="?",
        const=True,
        default=False,
        metavar="RUN",
        help="go on with a run where it stopped; the folder says all that is needed",
    )
    train.add_argument("--force", action="store_true", help="replace the run that is in the folder")
    train.add_argument(
        "--no-jit", action="store_true", help="do not replay the training step; the figures are the same"
    )

    evaluate = add(commands.evaluate, "evaluate", "measure a run on its held-out images and test file, or other data")
    add_many(evaluate)
    evaluate.add_argument("--data", metavar="PATH", help="labeled images to measure it on instead")

    predict = add(commands.predict, "predict", "write a run's predictions for a file of images in Kaggle's form")
    add_many(predict)
    predict.add_argument("--data", metavar="PATH", required=True, help="images, with or without labels")
    predict.add_argument("--out", metavar="CSV", default="submission.csv", help="(default: submission.csv)")

    show = add(commands.show, "show", "show an image with what the run takes it for and what it is")
    show.add_argument("run", metavar="RUN", help="a run folder")
    show.add_argument("--index", default="0", metavar="I", help="which image, from 0 (default: 0)")
    show.add_argument("--data", metavar="PATH", help="images to choose from (default: the run's held-out images)")
    show.add_argument("-o", dest="out", metavar="FILE", help="draw it to this .png, .svg or .pdf file as well")

    compare = add(commands.compare, "compare", "put runs side by side: a table, what differed, and their curves")
    compare.add_argument("runs", nargs="+", metavar="RUN", help="run folders")
    compare.add_argument(
        "-o", dest="out", metavar="FILE", default="compare.png", help="a .png, .svg or .pdf file (default: compare.png)"
    )

    report = add(commands.report, "report", "write a run's report: one HTML page")
    report.add_argument("run", metavar="RUN", help="a run folder")
    report.add_argument("-o", dest="out", metavar="FILE", help="(default: report.html in the run folder)")

    serve = add(commands.serve, "serve", "serve a page to draw a digit on, to this machine alone")
    serve.add_argument("run", metavar="RUN", help="a run folder")
    serve.add_argument("--port", default="8000", metavar="N", help="0 for any that is free (default: 8000)")

    graph = add(commands.graph, "graph", "draw the computation graph that a recipe differentiates")
    add_recipe(graph)
    graph.add_argument(
        "-o",
        dest="out",
        metavar="FILE",
        default="graph.svg",
        help="an .svg, .png, .pdf or .dot file (default: graph.svg)",
    )

    download = add(commands.download, "download", "bring a public dataset into the cache folder")
    download.add_argument("dataset", choices=("mnist",), metavar="dataset", help="mnist")
    download.add_argument(
        "--mirror",
        metavar="URL",
        help="where to fetch it instead of the public mirrors (also: $TINYGRAD_NP_MNIST_MIRROR)",
    )
    return parser
