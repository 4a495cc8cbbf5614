# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What is known of published sets of faces, by the name that a recipe gives them: for model cards."""

from __future__ import annotations

from typing import NamedTuple


class KnownSet(NamedTuple):
    """A published set.

    Attributes:
        title: its name and who made it.
        terms: on what terms it may be used.
    """

    title: str
    terms: str


KNOWN = {
    "fer2013": KnownSet(
        'FER2013 (I. Goodfellow et al., "Challenges in Representation Learning", ICONIP 2013), with the votes of FER+ '
        '(E. Barsoum et al., "Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label '
        'Distribution", ICMI 2016)',
        "FER2013: pictures of a web search, published for a research competition; FER+: MIT"),
    "affectnet": KnownSet(
        'AffectNet (A. Mollahosseini, B. Hasani, M. H. Mahoor, "AffectNet: A Database for Facial Expression, Valence, and '
        'Arousal Computing in the Wild", IEEE Transactions on Affective Computing, 2017)',
        "research; the pictures may not be passed on"),
    "expw": KnownSet(
        'ExpW (Z. Zhang, P. Luo, C. C. Loy, X. Tang, "From Facial Expression Recognition to Interpersonal Relation '
        'Prediction", IJCV 2018)',
        "pictures of a web search: research"),
    "rafdb": KnownSet(
        'RAF-DB (S. Li, W. Deng, J. Du, "Reliable Crowdsourcing and Deep Locality-Preserving Learning for Expression '
        'Recognition in the Wild", CVPR 2017)',
        "research, not commercial; the pictures may not be passed on"),
    "taiwanese": KnownSet("posed faces of 29 Taiwanese performers, with the shares of 50 to 100 raters", "research"),
    "fairface": KnownSet(
        'FairFace (K. Karkkainen, J. Joo, "FairFace: Face Attribute Dataset for Balanced Race, Gender, and Age for Bias '
        'Measurement and Mitigation", WACV 2021), which says nothing of emotions: the network has learnt what its teachers '
        "answered on it",
        "CC BY 4.0"),
}
"""By the set's name in a recipe, in lower case."""


def describe(name: str) -> str:
    """A line on a set."""
    known = KNOWN.get(name.lower())
    return f"`{name}`: {known.title}. Terms: {known.terms}." if known else f"`{name}`: ask whoever gave it for its terms."
