# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

# Install a small script for every line of executables.txt.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/executables.txt")
file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/executables.txt" lines REGEX "^[^#]")
foreach(line IN LISTS lines)
  if(NOT line MATCHES "^([A-Za-z0-9_-]+) = ([A-Za-z0-9_.]+):([A-Za-z0-9_]+)$")
    message(FATAL_ERROR "cmake/executables.txt: not NAME = MODULE:FUNCTION: ${line}")
  endif()
  set(name "${CMAKE_MATCH_1}")
  set(module "${CMAKE_MATCH_2}")
  set(function "${CMAKE_MATCH_3}")
  set(script "${CMAKE_CURRENT_BINARY_DIR}/executables/${name}")
  configure_file("${CMAKE_CURRENT_LIST_DIR}/executable.py.in" "${script}" @ONLY
    FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  install(PROGRAMS "${script}" DESTINATION lib/${PROJECT_NAME})
  if(NOT name MATCHES "_node$")
    install(PROGRAMS "${script}" DESTINATION bin)
  endif()
endforeach()
