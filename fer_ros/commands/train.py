# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros train`: from FER2013 and a recipe to a trained network, its history and its curves."""

from __future__ import annotations

import argparse
from pathlib import Path

from fer_ros.commands.arguments import folder, share, threads
from fer_ros.commands.training_errors import loading_torch, training_errors


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "train", help="train an emotion network",
        description="Train an emotion network. Interrupt it at any time: the same command continues after the last finished "
                    "epoch. On several GPUs: torchrun --nproc-per-node 2 -m fer_ros.cli train ...",
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR",
                        help="folder with fer2013.csv (and fer2013new.csv), or with train/<class> and test/<class>; of a "
                        "recipe that names several sets, the folder that holds them")
    parser.add_argument("--out", type=folder, required=True, metavar="RUN", help="folder of the run; continued if it is one")
    parser.add_argument("--recipe", metavar="NAME|FILE",
                        help="a recipe that comes with fer_ros, or a YAML file (default: the run's own, or small)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="changes",
                        help="change one value of the recipe; may be given several times")
    parser.add_argument("--teacher", action="append", default=[], type=Path, metavar="RUN|ONNX", dest="teachers",
                        help="learn from the network of this run, or of a model that was exported from one, too (the recipe's "
                        "distillation); may be given several times")
    parser.add_argument("--start-from", type=Path, metavar="RUN|ONNX|JSON",
                        help="begin with the weights of another run, of a model that was exported from one, or of dlib's face "
                        "recognition network (the manifest that face-api.js has of it)")
    parser.add_argument("--fraction", type=share, default=1.0, help="take only this share of the training faces, to rehearse")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ... (default: auto)")
    parser.add_argument("--threads", type=threads, default=0, metavar="N", help="CPU threads (default: all cores)")
    parser.set_defaults(command=main)


@training_errors
def main(options: argparse.Namespace) -> int:
    loading_torch()
    from fer_ros.training import session

    session.train(options)
    return 0
