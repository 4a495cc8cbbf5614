# find_package(vision_msgs), or build the seven definitions of interfaces/vision_msgs and install them along with this package.
#
# A copy that we built ourselves earlier does not count as found: the prefix that holds it is usually the one that is about to
# be overwritten, and an official package installed since then has to win.

set(vision_msgs_DIR "")
string(REPLACE ":" ";" _prefixes "$ENV{CMAKE_PREFIX_PATH}:$ENV{AMENT_PREFIX_PATH}")
foreach(_prefix IN LISTS CMAKE_PREFIX_PATH _prefixes)
  if(EXISTS "${_prefix}/share/vision_msgs/cmake/vision_msgsConfig.cmake"
      AND NOT EXISTS "${_prefix}/share/vision_msgs/built_by_fer_ros")
    set(vision_msgs_DIR "${_prefix}/share/vision_msgs/cmake")
    break()
  endif()
endforeach()

if(NOT vision_msgs_DIR)
  # At configure time, because rosidl_generate_interfaces reads the package's files.
  message(STATUS "vision_msgs is not installed: building the part that fer_ros uses")
  set(_build "${CMAKE_CURRENT_BINARY_DIR}/vision_msgs")
  set(_stage "${CMAKE_CURRENT_BINARY_DIR}/vision_msgs_stage")
  list(JOIN CMAKE_PREFIX_PATH "\\;" _prefix_path)
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_SOURCE_DIR}/interfaces/vision_msgs" -B "${_build}" -G "${CMAKE_GENERATOR}"
      "-DCMAKE_MAKE_PROGRAM=${CMAKE_MAKE_PROGRAM}"
      "-DCMAKE_C_COMPILER=${CMAKE_C_COMPILER}"
      "-DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}"
      "-DCMAKE_TOOLCHAIN_FILE=${CMAKE_TOOLCHAIN_FILE}"
      "-DCMAKE_BUILD_TYPE=${CMAKE_BUILD_TYPE}"
      "-DCMAKE_PREFIX_PATH=${_prefix_path}"
      "-DCMAKE_INSTALL_PREFIX=${CMAKE_INSTALL_PREFIX}"
      "-DPython3_EXECUTABLE=${Python3_EXECUTABLE}"
      -DBUILD_TESTING=OFF --no-warn-unused-cli
    COMMAND_ERROR_IS_FATAL ANY)
  cmake_host_system_information(RESULT _cores QUERY NUMBER_OF_LOGICAL_CORES)
  execute_process(COMMAND "${CMAKE_COMMAND}" --build "${_build}" --parallel ${_cores} COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND "${CMAKE_COMMAND}" --install "${_build}" --prefix "${_stage}"
    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${_stage}/share/vision_msgs/built_by_fer_ros")
  file(GLOB _sources CONFIGURE_DEPENDS interfaces/vision_msgs/* interfaces/vision_msgs/msg/*)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${_sources})
  set(vision_msgs_DIR "${_stage}/share/vision_msgs/cmake")
  install(CODE "
    execute_process(COMMAND \"${CMAKE_COMMAND}\" --install \"${_build}\" --prefix \"\${CMAKE_INSTALL_PREFIX}\"
      OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)")
endif()

find_package(vision_msgs REQUIRED)
if(vision_msgs_VERSION VERSION_LESS 4)
  message(FATAL_ERROR "vision_msgs ${vision_msgs_VERSION} in ${vision_msgs_DIR} is too old: fer_ros needs version 4 or later")
endif()
