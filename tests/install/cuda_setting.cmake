# What a configure says about CUDA: GMMVAE_CUDA=OFF and AUTO without nvcc go on and give one line with the reason; ON
# without nvcc stops with a sentence. SOURCE is configured into WORK, with no nvcc on the PATH.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/without_nvcc.cmake)

# configure(SETTING EXPECTED_CODE PATTERN): the code is 0 or FAILS; PATTERN is found in what was printed, once
function(configure setting expected pattern)
  file(REMOVE_RECURSE ${WORK})
  execute_process(
    COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK} -G ${GENERATOR} -D CMAKE_MAKE_PROGRAM=${MAKE}
            -D CMAKE_CXX_COMPILER=${COMPILER} -D GMMVAE_CUDA=${setting} -D BUILD_TESTING=OFF
    RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE text)
  string(REGEX REPLACE "[ \n]+" " " text "${text}")  # CMake breaks the lines of an error
  string(REPLACE ";" "," text "${text}")           # and a match with a semicolon would count as two
  if((expected STREQUAL "FAILS" AND code EQUAL 0) OR (expected EQUAL 0 AND NOT code EQUAL 0))
    message(FATAL_ERROR "GMMVAE_CUDA=${setting} ended with ${code}:\n${text}")
  endif()
  string(REGEX MATCHALL "${pattern}" found "${text}")
  list(LENGTH found times)
  if(NOT times EQUAL 1)
    message(FATAL_ERROR "GMMVAE_CUDA=${setting} says ${times} times '${pattern}':\n${text}")
  endif()
endfunction()

configure(OFF 0 "CUDA backend: OFF \\(GMMVAE_CUDA=OFF\\)")
configure(AUTO 0 "CUDA backend: OFF \\(no nvcc found: [^)]+\\)")
configure(ON FAILS "CUDA backend: no nvcc found: [^,]+, GMMVAE_CUDA=ON asks for it, GMMVAE_CUDA=OFF builds without")
configure(MAYBE FAILS "GMMVAE_CUDA is 'MAYBE': it must be AUTO, ON or OFF")
