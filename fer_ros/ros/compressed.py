# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Images as JPEG beside the raw ones, as image_transport has them: made in a thread of their own, while somebody listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from std_msgs.msg import Header

from fer_ros.ros.exchange import Exchange, Worker
from fer_ros.ros.images import to_jpeg
from fer_ros.ros.output import Output
from fer_ros.types import Image

_TOPIC = "compressed"


class CompressedOutput:
    """Publishes images as JPEG; whoever publishes the raw ones never waits for that, nor do others where all cores are wanted.

    Args:
        output: of `sensor_msgs/CompressedImage`.
        quality: of the next one, from 1 to 100.
        depth: how many images wait; the newest takes the place of the oldest.
        durable: whether images are kept for who comes late, so that they count while nobody listens, too.
        skipped: called for each image whose place was taken.
        failed: called with what making one raised.
    """

    def __init__(self, output: Output, quality: Callable[[], int], depth: int, durable: bool, skipped: Callable[[], None],
                 failed: Callable[[Exception], None]):
        self._output, self._quality, self._durable, self._failed = output, quality, durable, failed
        self._worker = Worker(patient=True, name="compressed")
        self._images = Exchange().subscribe(_TOPIC, self._worker, self._make, depth, skipped=skipped)

    def put(self, image: Image, header: Header) -> None:
        """An HxWx3 uint8 BGR image that nobody changes any more; returns at once."""
        if self._durable or self._output.remote:
            self._images.put((image, header))

    def close(self) -> None:
        """Make no more of them; one that is being made is finished first."""
        self._images.close()
        self._worker.end()

    def _make(self, found: Any) -> None:
        image, header = found
        try:
            if self._output.remote:
                message = to_jpeg(image, header, self._quality())  # before: the output is locked while it publishes
                self._output.publish(lambda: message)
            else:
                self._output.publish(lambda: to_jpeg(image, header, self._quality()))
        except Exception as error:
            self._failed(error)
