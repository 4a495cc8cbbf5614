# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the commands share that look at a graph which runs already."""

from __future__ import annotations

import argparse
import math
import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fer_ros.commands.status import INTERRUPTED, NO_ROS
from fer_ros.dds import privacy_environment
from fer_ros.graph import webcam_graph
from fer_ros.media.source_name import without_secrets
from fer_ros.system.signals import Asked, on_end
from fer_ros.words import one_line

if TYPE_CHECKING:
    from fer_ros.ros.visitor import Visitor


def add_to(parser: argparse.ArgumentParser, *, json: str) -> None:
    """The options of each of them.

    Args:
        json: what a line of --json stands for.
    """
    parser.add_argument("--namespace", default="", help="of the graph: what is before /camera and /fer")
    parser.add_argument("--json", action="store_true", help=f"print one JSON object a line for each {json}")


def command(visit: Callable[[argparse.Namespace, Visitor], int]) -> Callable[[argparse.Namespace], int]:
    """The function of a command that needs a `Visitor`."""

    def main(options: argparse.Namespace) -> int:
        try:
            prefix_of(options)
            with joined() as visitor:
                return visit(options, visitor)
        except ImportError as error:
            print(NO_ROS.format(error=error), file=sys.stderr)
            return 1
        except BrokenPipeError:
            raise
        except (ValueError, OSError) as error:
            tell(str(error))
            return 2 if isinstance(error, UsageError) else 1
        except KeyboardInterrupt:
            return INTERRUPTED

    return main


class UsageError(ValueError):
    """The arguments are wrong."""


def prefix_of(options: argparse.Namespace) -> str:
    """The namespace that the user names, absolute; empty for none. Raises UsageError where it is none."""
    try:
        return webcam_graph({}, namespace=options.namespace).prefix
    except ValueError as error:
        raise UsageError(str(error)) from None


def tell(text: str) -> None:
    """Say something beside what the command prints."""
    print(f"fer-ros: {one_line(without_secrets(text))}", file=sys.stderr, flush=True)


def line(value: dict[str, Any]) -> None:
    """Print a JSON object in a line of its own, at once; everything in it is ASCII, and a number that is not finite null."""
    import json

    print(json.dumps({name: _told(one) for name, one in value.items()}, allow_nan=False), flush=True)


def _told(value: Any) -> Any:
    if isinstance(value, list):
        return [_told(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def reader_is_gone() -> bool:
    """Whether nobody reads any more what is printed, as `head` does not once it has seen enough."""
    watched = select.poll()
    try:
        watched.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):  # printed to no file
        return False
    return any(event & select.POLLERR for _, event in watched.poll(0))


@contextmanager
def joined() -> Iterator[Visitor]:
    """A `Visitor` of the graph that `fer-ros run` would start."""
    stop = Asked()
    with on_end(stop):
        # As `fer-ros run`, so that it is this machine's graph and nobody else's.
        os.environ.update(privacy_environment(os.environ))
        import rclpy

        from fer_ros.ros.joining import join
        from fer_ros.ros.visitor import Visitor

        join()
        try:
            with Visitor(lambda: stop.asked) as visitor:
                yield visitor
        finally:
            rclpy.try_shutdown()
