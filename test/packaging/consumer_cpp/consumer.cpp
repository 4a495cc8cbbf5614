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
