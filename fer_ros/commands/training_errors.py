"""What the training commands say when something is wrong, in one place."""

from __future__ import annotations

import argparse
import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path


def folder(text: str) -> Path:
    """A folder to write to, for argparse: one that is there, or that can be made."""
    path = Path(text)
    try:
        there = next(place for place in (path, *path.absolute().parents) if place.exists())
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text[:60]}: {error.strerror}") from None
    if not there.is_dir():
        raise argparse.ArgumentTypeError(f"{there} is a file, not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise argparse.ArgumentTypeError(f"{there} cannot be written to")
    return path


def share(text: str) -> float:
    """A number above 0 and at most 1, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share: above 0, at most 1")
    return value


def threads(text: str) -> int:
    """A number of threads, for argparse; 0 leaves it to torch."""
    if not text.isascii() or not text.isdigit() or int(text) > 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of threads: 0 to 1024")
    return int(text)


_EXTRA = {"torch", "onnx", "onnxscript", "tensorboard", "matplotlib", "PIL", "sympy"}


def training_errors(command: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """One clear line and exit status 1 for what a user can mend; 130 for an interrupt."""

    @functools.wraps(command)
    def wrapped(options: argparse.Namespace) -> int:
        try:
            return command(options)
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] not in _EXTRA:
                raise
            text = (f"{error.name} is not installed; training needs more than the graph does: "
                    "pip install 'fer_ros[train]', in a clone `make training` or pip install '.[train]'")
        except (ValueError, OSError) as error:  # the errors of fer_ros.training are ValueErrors
            text = str(error)
        except RuntimeError as error:
            if type(error).__name__ != "OutOfMemoryError":  # torch's, which is not to be imported here
                raise
            text = "the GPU's memory is full: take a smaller batch (--set batch=64), or --device cpu"
        except KeyboardInterrupt:
            print("\nfer-ros: interrupted", file=sys.stderr)
            return 130
        print(f"fer-ros: {text}", file=sys.stderr)
        return 1

    return wrapped
