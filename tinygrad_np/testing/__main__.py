"""Check an operation without a test suite: python -m tinygrad_np.testing check|write package.module:op ..."""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import sys
import traceback
from typing import Any

import numpy as np

from . import CheckFailed, check_op
from .foreign.recognize import and_its_backward

TEST = '''"""Is the derivative of {name} right? Made by python -m tinygrad_np.testing write {target}."""

import numpy as np

from tinygrad_np.testing import check_op, gradcheck
{imported}

def test_{short}():
    """Fifteen checks on a hundred drawn inputs; pass inputs=[(args...), ...] for your own."""
    report = check_op({spelled}{options})
    print(report)


def test_{short}_at_a_point():
    gradcheck({spelled}, {arguments}, order=2)
'''


def find(target: str):
    """The operation that `package.module:op` names."""
    module, _, path = target.partition(":")
    if not path or not module:
        raise LookupError(f"found {target!r}; expected package.module:operation, as in numpy:tanh")
    sys.path.insert(0, os.getcwd())
    try:
        found = importlib.import_module(module)
    except Exception as error:
        what = "" if isinstance(error, ImportError) else f"{type(error).__name__}: "
        raise LookupError(f"cannot import {module}: {what}{error}") from error
    for name in path.split("."):
        if not hasattr(found, name):
            raise LookupError(f"{module} has no {path}")
        owner, found = found, getattr(found, name)
    if not callable(found):
        raise LookupError(f"{target} is not a function")
    return and_its_backward(owner, name, found)


def test_file(target: str, signature: str | None) -> str:
    """The source of a test file for an operation."""
    from .strategies import example

    op = find(target)
    module, path = target.split(":")
    name = path.rsplit(".", 1)[-1]
    spelled = f"np.{path}" if module == "numpy" else name
    imported = "" if module == "numpy" else f"from {module} import {name}\n"
    return TEST.format(
        name=name,
        target=target,
        imported=imported,
        short=name,
        spelled=spelled,
        options=f", signature={signature!r}" if signature else "",
        arguments=example(op, signature),
    )


def domain_of(text: str) -> tuple:
    """The interval, or the intervals, that "0,inf" or "0,inf;-1,1" says."""
    try:
        found = tuple(tuple(float(end) for end in part.strip(" ()").split(",")) for part in text.split(";"))
        if not all(len(part) == 2 and part[0] < part[1] for part in found):
            raise ValueError
    except ValueError:
        raise LookupError(
            f"--domain: found {text!r}; expected low,high as in 0,inf, or one an operand: 0,inf;-1,1"
        ) from None
    return found[0] if len(found) == 1 else found


def parsed_arguments(text: str) -> tuple:
    """The arguments that source text says: lists and numbers with a point are arrays, whole numbers are options."""
    try:
        found = ast.literal_eval(f"({text},)")
    except (ValueError, SyntaxError):
        raise LookupError(
            f"--inputs: found {text!r}; expected numbers and lists, as in [[1, 2], [3, 4]], 0.5"
        ) from None
    return tuple(np.asarray(a, float) if isinstance(a, (list, float)) else a for a in found)


def main(argv: list[str] | None = None) -> int:
    """Exit code 0 if the checks pass, 1 if one fails, 2 for bad usage."""
    parser = argparse.ArgumentParser(prog="python -m tinygrad_np.testing", description=__doc__)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("check", "run every check on operations"), ("write", "print a test file for an operation")):
        command = commands.add_parser(name, help=text)
        command.add_argument("target", nargs="+" if name == "check" else 1, metavar="package.module:op")
        command.add_argument("--signature", help='core dimensions of the arguments, as "(m,k),(k,n)"')
        if name == "check":
            command.add_argument(
                "--domain", help='where it is defined: "0,inf", or one interval an operand: "0,inf;-1,1"'
            )
            command.add_argument("--inputs", help='arguments to check at, as "[0.5, 1], 2.0"')
            command.add_argument("--order", type=int, default=2, choices=(1, 2), help="1: no second derivative")
            command.add_argument("--examples", type=int, help="how many inputs to draw (100)")
            command.add_argument(
                "--mutants", action="store_true", help="say which mistakes these inputs would not notice"
            )
    options = parser.parse_args(argv)
    failed = False
    for target in options.target:
        try:
            if options.command == "write":
                print(test_file(target, options.signature), end="")
            else:
                print(
                    check_op(
                        find(target),
                        [parsed_arguments(options.inputs)] if options.inputs else None,
                        signature=options.signature,
                        domain=domain_of(options.domain) if options.domain else None,
                        order=options.order,
                        max_examples=options.examples,
                        mutants=options.mutants,
                    )
                )
        except CheckFailed as failure:
            print(f"{type(failure).__name__}: {failure}")
            failed = True
        except Exception as error:
            if options.debug:
                traceback.print_exc()
            print(f"{target}: {error}", file=sys.stderr)
            return 2
    return int(failed)


if __name__ == "__main__":
    streams: list[Any] = [sys.stdout, sys.stderr]
    for stream in streams:  # what a console cannot write is replaced
        if stream is not None:
            stream.reconfigure(errors="replace")
    try:
        code = main()
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:  # as in `... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)
