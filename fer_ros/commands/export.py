# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros export`: a run as the ONNX file that the emotion node loads."""

from __future__ import annotations

import argparse
from pathlib import Path

from fer_ros.commands.arguments import factor, folder, part
from fer_ros.commands.training_errors import loading_torch, training_errors


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("export", help="make an ONNX file of a training run")
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a run of `fer-ros train`")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the data that the run learnt from")
    parser.add_argument("--out", type=folder, required=True, metavar="DIR", help="folder for emotion.onnx")
    parser.add_argument("--name", help="the model's name, as the node publishes it (default: fer_ros-ARCHITECTURE)")
    parser.add_argument("--int8", action="store_true",
                        help="try an int8 variant, and keep it as emotion_int8.onnx if it is faster and as good")
    parser.add_argument("--balance", type=part, metavar="SHARE",
                        help="of a network that learnt from several sets: how much the one answer favours rare emotions, from "
                             "0 (as often right as it can) to 1 (each emotion as much as any other); default: 0.75")
    parser.add_argument("--neutral-prior", type=factor, metavar="FACTOR",
                        help="of such a network: how many times as common neutral faces are before a camera as the one answer "
                             "takes them to be, for the emotion node's parameter of that name; default: 4")
    parser.add_argument("--rare-prior", type=factor, metavar="FACTOR",
                        help="the same of disgust and fear; default: 0.15")
    parser.add_argument("--force", action="store_true", help="overwrite files that are there")
    parser.set_defaults(command=main)


@training_errors
def main(options: argparse.Namespace) -> int:
    loading_torch()
    from fer_ros.training import export

    balance = export.BALANCE if options.balance is None else options.balance
    prior = export.NEUTRAL_PRIOR if options.neutral_prior is None else options.neutral_prior
    rare = export.RARE_PRIOR if options.rare_prior is None else options.rare_prior
    export.export(options.run, options.data, options.out, options.name, options.int8, force=options.force, balance=balance,
                  neutral_prior=prior, rare_prior=rare)
    return 0
