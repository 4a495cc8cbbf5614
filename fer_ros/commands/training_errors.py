# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the training commands say when something is wrong, in one place."""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable
from importlib.util import find_spec

_EXTRA = {"torch", "onnx", "onnxscript", "tensorboard", "matplotlib", "PIL", "scipy", "sympy"}


def lacking(error: ImportError) -> str:
    """What to say of a module that the extra `train` brings; empty for any other."""
    if (error.name or "").split(".")[0] not in _EXTRA:
        return ""
    return (f"{error.name} is not installed; training needs more than the graph does: "
            "pip install 'fer_ros[train]', in a clone `make training` or pip install '.[train]'")


def loading_torch() -> None:
    """Tell that torch is imported next, which takes seconds; where it is not installed the error says all there is to say."""
    from fer_ros.training.progress import tell

    if find_spec("torch"):
        tell("loading PyTorch")


def training_errors(command: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """One clear line and exit status 1 for what a user can mend; 130 for an interrupt."""

    @functools.wraps(command)
    def wrapped(options: argparse.Namespace) -> int:
        from fer_ros.training.progress import shown

        try:
            with shown():
                return command(options)
        except ModuleNotFoundError as error:
            text = lacking(error)
            if not text:
                raise
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
