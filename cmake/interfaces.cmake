# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

# find_or_build_interfaces(PACKAGE): find a package of messages that a ROS installation may lack. Where it does, build the
# definitions of interfaces/PACKAGE and install them along with this package.
#
# A copy that we built ourselves earlier does not count as found: the prefix that holds it is usually the one that is about to
# be overwritten, and an official package installed since then has to win.

macro(find_or_build_interfaces _package)
  set(${_package}_DIR "")
  string(REPLACE ":" ";" _prefixes "$ENV{CMAKE_PREFIX_PATH}:$ENV{AMENT_PREFIX_PATH}")
  foreach(_prefix IN LISTS CMAKE_PREFIX_PATH _prefixes)
    if(EXISTS "${_prefix}/share/${_package}/cmake/${_package}Config.cmake"
        AND NOT EXISTS "${_prefix}/share/${_package}/built_by_fer_ros")
      set(${_package}_DIR "${_prefix}/share/${_package}/cmake")
      break()
    endif()
  endforeach()
  if(NOT ${_package}_DIR)
    _build_interfaces(${_package})
  endif()
  find_package(${_package} REQUIRED)
endmacro()

# At configure time, because rosidl_generate_interfaces reads the package's files.
function(_build_interfaces package)
  message(STATUS "${package} is not installed: building the part that fer_ros uses")
  set(build "${CMAKE_CURRENT_BINARY_DIR}/${package}")
  set(stage "${CMAKE_CURRENT_BINARY_DIR}/${package}_stage")
  list(JOIN CMAKE_PREFIX_PATH "\\;" prefix_path)
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_SOURCE_DIR}/interfaces/${package}" -B "${build}" -G "${CMAKE_GENERATOR}"
      "-DCMAKE_MAKE_PROGRAM=${CMAKE_MAKE_PROGRAM}"
      "-DCMAKE_C_COMPILER=${CMAKE_C_COMPILER}"
      "-DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}"
      "-DCMAKE_TOOLCHAIN_FILE=${CMAKE_TOOLCHAIN_FILE}"
      "-DCMAKE_BUILD_TYPE=${CMAKE_BUILD_TYPE}"
      "-DCMAKE_PREFIX_PATH=${prefix_path}"
      "-DCMAKE_INSTALL_PREFIX=${CMAKE_INSTALL_PREFIX}"
      "-DPython3_EXECUTABLE=${Python3_EXECUTABLE}"
      -DBUILD_TESTING=OFF --no-warn-unused-cli
    COMMAND_ERROR_IS_FATAL ANY)
  cmake_host_system_information(RESULT cores QUERY NUMBER_OF_LOGICAL_CORES)
  execute_process(COMMAND "${CMAKE_COMMAND}" --build "${build}" --parallel ${cores} COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND "${CMAKE_COMMAND}" --install "${build}" --prefix "${stage}" OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${stage}/share/${package}/built_by_fer_ros")
  file(GLOB sources CONFIGURE_DEPENDS interfaces/${package}/* interfaces/${package}/msg/*)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${sources})
  set(${package}_DIR "${stage}/share/${package}/cmake" PARENT_SCOPE)
  install(CODE "
    execute_process(COMMAND \"${CMAKE_COMMAND}\" --install \"${build}\" --prefix \"\${CMAKE_INSTALL_PREFIX}\"
      OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)")
endfunction()
