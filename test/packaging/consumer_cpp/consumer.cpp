// Copyright 2026 fer_ros maintainers
// Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
// License. You may obtain a copy of the License at
//     http://www.apache.org/licenses/LICENSE-2.0
// Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
// IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific
// language governing permissions and limitations under the License.

// Fill a message, and ask for its type support, which needs the compiled libraries.
#include <iostream>

#include <fer_ros/msg/emotion_array.hpp>
#include <fer_ros/msg/emotion_event.hpp>
#include <rosidl_typesupport_cpp/message_type_support.hpp>

int main()
{
  fer_ros::msg::Emotion emotion;
  emotion.label = "happy";
  emotion.bbox.center.position.x = 320.0;
  fer_ros::msg::EmotionArray array;
  array.emotions.push_back(emotion);
  const auto support = rosidl_typesupport_cpp::get_message_type_support_handle<fer_ros::msg::EmotionArray>();
  fer_ros::msg::EmotionEvent event;
  event.kind = fer_ros::msg::EmotionEvent::CHANGED;
  event.lasted.sec = 2;
  std::cout << array.emotions.front().label << " " << (support != nullptr) << " " << event.kind + event.lasted.sec << std::endl;
}
