# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

# Bring the models of models/models.yaml together for share/fer_ros/models: what is in git, and what is downloaded.

set(FER_ROS_GET_MODELS "ON" CACHE STRING
  "ON downloads missing models and only warns when that fails, REQUIRED makes that an error, OFF downloads nothing")

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS models/models.yaml)
set(_models "${CMAKE_CURRENT_BINARY_DIR}/models")
file(MAKE_DIRECTORY "${_models}")
if(FER_ROS_GET_MODELS)
  execute_process(
    COMMAND "${Python3_EXECUTABLE}" "${CMAKE_CURRENT_SOURCE_DIR}/scripts/get_models.py" "${_models}"
    RESULT_VARIABLE _result ERROR_VARIABLE _error ERROR_STRIP_TRAILING_WHITESPACE)
  if(_result AND FER_ROS_GET_MODELS STREQUAL "REQUIRED")
    message(FATAL_ERROR "${_error}")
  elseif(_result)
    message(WARNING "${_error}\nThe build goes on without; `fer-ros models get` fetches it later.")
  endif()
endif()
install(DIRECTORY models/ DESTINATION share/${PROJECT_NAME}/models)
install(DIRECTORY "${_models}/" DESTINATION share/${PROJECT_NAME}/models)
