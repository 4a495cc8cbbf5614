# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

# What it takes to build against PyPI's ROS 2 wheels as well as against a ROS installation. There each of these does nothing.

# Make the prefix in which ament_cmake was found an ament prefix: a virtual environment has no setup.bash that does.
macro(ros_wheels_as_prefix)
  get_filename_component(_ros_prefix "${ament_cmake_DIR}/../../.." ABSOLUTE)
  string(REPLACE ":" ";" _ament_prefix_path "$ENV{AMENT_PREFIX_PATH}")
  if(NOT _ros_prefix IN_LIST _ament_prefix_path)
    list(APPEND _ament_prefix_path "${_ros_prefix}")
    list(REMOVE_ITEM _ament_prefix_path "")
    list(JOIN _ament_prefix_path ":" _ament_prefix_path)
    set(ENV{AMENT_PREFIX_PATH} "${_ament_prefix_path}")
    list(APPEND CMAKE_PREFIX_PATH "${_ros_prefix}")
  endif()
endmacro()

# The wheels' message packages export targets that name include directories of the machine that built the wheels, and CMake
# refuses a directory that does not exist. Deferred: rosidl_generate_interfaces finds more packages by itself.
function(_ros_wheels_drop_missing_directories)
  get_directory_property(targets IMPORTED_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(directories ${target} INTERFACE_INCLUDE_DIRECTORIES)
    set(existing "")
    foreach(directory IN LISTS directories)
      if(directory MATCHES "\\$<" OR EXISTS "${directory}")
        list(APPEND existing "${directory}")
      endif()
    endforeach()
    if(directories AND NOT existing STREQUAL directories)
      set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${existing}")
    endif()
  endforeach()
endfunction()

# To be called after rosidl_generate_interfaces.
macro(ros_wheels_portable_targets)
  cmake_language(DEFER CALL _ros_wheels_drop_missing_directories)

  # Do not commit the same sin: Python's and NumPy's headers are needed to build the Python library, not to use it.
  get_target_property(_directories ${PROJECT_NAME}__rosidl_generator_py INTERFACE_INCLUDE_DIRECTORIES)
  if(_directories)
    set_target_properties(${PROJECT_NAME}__rosidl_generator_py PROPERTIES
      INTERFACE_INCLUDE_DIRECTORIES "$<BUILD_INTERFACE:${_directories}>")
  endif()

  # A wheel's libraries find each other without LD_LIBRARY_PATH.
  file(RELATIVE_PATH _to_lib "/${PYTHON_INSTALL_DIR}/${PROJECT_NAME}" "/lib")
  get_directory_property(_targets BUILDSYSTEM_TARGETS)
  foreach(_target IN LISTS _targets)
    get_target_property(_type ${_target} TYPE)
    if(_type STREQUAL "SHARED_LIBRARY")
      set_property(TARGET ${_target} APPEND PROPERTY INSTALL_RPATH "$ORIGIN")
    elseif(_type STREQUAL "MODULE_LIBRARY")
      set_property(TARGET ${_target} APPEND PROPERTY INSTALL_RPATH "$ORIGIN/${_to_lib}")
    endif()
  endforeach()
endmacro()
