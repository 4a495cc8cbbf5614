"""camera_node: a camera, video, folder, stream or the demo clip as image_raw and camera_info."""

from __future__ import annotations

from pathlib import Path

from std_msgs.msg import Header

from fer_ros.core.calibration import load_calibration
from fer_ros.core.node_params import AudienceParams, CameraParams, ImageOutputParams
from fer_ros.core.source import SourceParams, flip_image, open_source, without_password
from fer_ros.core.types import Image
from fer_ros.ros.node import main_of
from fer_ros.ros.source_node import SourceNode


class CameraNode(SourceNode):
    NAME = "camera_node"
    PARAMS = (SourceParams, CameraParams, AudienceParams, ImageOutputParams)

    def setup(self) -> None:
        source, file = self.params[SourceParams], self.params[CameraParams].camera_info_file
        calibration = load_calibration(Path(file).expanduser()) if file else None
        self.capture(lambda: open_source(source), self._on_frame, without_password(source.source), calibration)

    def _on_frame(self, image: Image) -> None:
        stamp = self.get_clock().now()
        if stamp.nanoseconds == 0:
            self.say_once("clock", "use_sim_time is on and /clock has not come: the images are stamped 0")
        header = Header(stamp=stamp.to_msg(), frame_id=self.params[CameraParams].frame_id)
        self.publish(flip_image(image, self.params[SourceParams].flip), header)


main = main_of(CameraNode)

if __name__ == "__main__":
    main()
