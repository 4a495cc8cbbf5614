# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Parameters of the live page and its server."""

from __future__ import annotations

from dataclasses import dataclass

from fer_ros.parameters.params import param


@dataclass(frozen=True)
class WebParams:
    """Where the page is, and who may do what there."""

    host: str = param(
        "127.0.0.1", "Address that the page is served on. 127.0.0.1 is this machine alone; 0.0.0.0 is every network that it "
        "is on, and asks for a token.", live=False,
    )
    port: int = param(8642, "Port of the page; 0 takes a free one.", range=(0, 65535), live=False)
    names: str = param("", "Names, separated by commas, by which browsers reach this machine beside its host name and "
                       "addresses: robot.example, say.", live=False)
    web_control: bool = param(True, "Whether the page can change parameters, switch nodes and record; otherwise it only "
                              "shows.", live=False)
    tls_certificate: str = param("", "Certificate in PEM, with its chain; with it the page is https.", live=False)
    tls_key: str = param("", "Its private key in PEM; empty where the certificate's file holds it.", live=False)
    max_clients: int = param(16, "Pages that are open at once, at most.", range=(1, 100), live=False)
    recordings: str = param("", "Folder of the recordings that the page starts; empty for ~/fer_ros_recordings, which is made "
                            "when it is needed.", live=False)
    recording_limit: float = param(600.0, "A recording ends after so long at the latest.", unit="s", range=(1.0, 86400.0))
    picture_quality: int = param(75, "JPEG quality of the live picture.", range=(1, 100))
    picture_width: int = param(1280, "A wider picture is made smaller.", unit="px", range=(64, 8192))
    picture_rate: float = param(30.0, "Pictures per second, at most.", unit="Hz", range=(0.5, 120.0))
