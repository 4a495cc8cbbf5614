# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros`: the commands of the package."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys

from fer_ros import __version__
from fer_ros.media.source_name import without_secrets
from fer_ros.system.process_title import hide_secrets_in_arguments
from fer_ros.system.signals import interrupted_on_end
from fer_ros.words import nearest, one_line


def parser() -> argparse.ArgumentParser:
    """The command line; each command adds its own part and sets `command` to its function."""
    from fer_ros.commands import (
        annotate,
        bench,
        cameras,
        data,
        doctor,
        echo,
        evaluate,
        export,
        lifecycle,
        models,
        param,
        record,
        replay,
        run,
        topics,
        train,
    )

    top = argparse.ArgumentParser(prog="fer-ros", description="Real-time facial emotion recognition for ROS 2.")
    top.add_argument("--version", action="version", version=f"fer-ros {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (run, replay, record, annotate, echo, topics, param, lifecycle, doctor, cameras, models, data, train, export,
                   evaluate, bench):
        module.add_to(commands)
    _let_each_explain(top)
    return top


def _let_each_explain(one: argparse.ArgumentParser) -> None:
    """Let the options that a command finds say, as `explains`, whose they are: the innermost parser's."""
    one.set_defaults(explains=one)
    for action in one._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                _let_each_explain(inner)


def _parsed(arguments: list[str] | None) -> argparse.Namespace:
    """As `parse_args`, which shows the usage of `fer-ros` itself where a command does not know an argument."""
    options, unknown = parser().parse_known_args(arguments)
    if unknown:
        explains = options.explains
        known = [name for action in explains._actions for name in action.option_strings if name.startswith("--")]
        meant = nearest(unknown[0].partition("=")[0], known) if unknown[0].startswith("--") else ""
        explains.error(f"unrecognized arguments: {one_line(without_secrets(' '.join(unknown)))}"
                       + (f": did you mean {meant}?" if meant else ""))
    return options


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit with its status."""
    hide_secrets_in_arguments()
    _open_what_is_closed()
    try:
        with interrupted_on_end():
            options = _parsed(arguments)
            status = options.command(options)
            sys.stdout.flush()
        sys.exit(status)
    except KeyboardInterrupt:  # before or after the part of a command that handles it, while modules are loaded say
        sys.exit(130)
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:  # a full disk behind a redirected output, say
        print(f"fer-ros: {error.strerror or error}", file=sys.stderr)
        with contextlib.suppress(OSError):  # or Python tries again at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _open_what_is_closed() -> None:
    """Let output go nowhere that was closed (`>&-`): else the next file that is opened would get what is printed."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


if __name__ == "__main__":
    main()
