# Whether and how nvcc builds the kernels. Included by the top CMakeLists.txt, so that every folder may use CUDA.
#
# gmmvae_cuda_target(TARGET)   flags, architectures and include folders for a target with .cu sources
include(CheckLanguage)

set(GMMVAE_CUDA_ARCHITECTURES "default" CACHE STRING
    "default: sm_80, sm_90 and PTX; all: every architecture this nvcc knows from sm_75; or a list for CMake")

set(GMMVAE_HAVE_CUDA OFF)
set(reason "")
if(GMMVAE_CUDA STREQUAL "OFF")
  set(reason "GMMVAE_CUDA=OFF")
else()
  if(DEFINED CMAKE_CUDA_ARCHITECTURES AND GMMVAE_CUDA_ARCHITECTURES STREQUAL "default")
    set(GMMVAE_CUDA_ARCHITECTURES "${CMAKE_CUDA_ARCHITECTURES}")
  elseif(DEFINED ENV{CUDAARCHS} AND GMMVAE_CUDA_ARCHITECTURES STREQUAL "default")
    set(GMMVAE_CUDA_ARCHITECTURES "$ENV{CUDAARCHS}")
  endif()
  set(CMAKE_CUDA_ARCHITECTURES OFF)  # chosen below, once nvcc's version is known
  check_language(CUDA)
  if(NOT CMAKE_CUDA_COMPILER)
    set(reason "no nvcc found: set CUDACXX or put nvcc on the PATH")
  else()
    enable_language(CUDA)
    if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 knows no dialects of nvcc 13
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
    endif()
    if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.4)
      set(reason "nvcc ${CMAKE_CUDA_COMPILER_VERSION} is older than 12.4")
    else()
      set(GMMVAE_HAVE_CUDA ON)
    endif()
  endif()
endif()

# Each architecture is another compilation of every kernel. The default covers the data-centre cards that sweeps run on
# (sm_80 code also runs on sm_86 and sm_89) and, by PTX, everything newer than sm_90, in a build of minutes on 2 cores;
# the preset release-all adds sm_75 and native code for the rest.
if(GMMVAE_HAVE_CUDA)
  if(GMMVAE_CUDA_ARCHITECTURES STREQUAL "default")
    set(architectures 80-real 90-real 90-virtual)
  elseif(GMMVAE_CUDA_ARCHITECTURES STREQUAL "all")
    set(architectures 75-real 80-real 86-real 89-real 90-real)
    if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.8)
      list(APPEND architectures 90-virtual)
    else()
      list(APPEND architectures 100-real 120-real 120-virtual)
    endif()
  else()
    set(architectures ${GMMVAE_CUDA_ARCHITECTURES})
  endif()
  set(CMAKE_CUDA_ARCHITECTURES ${architectures})
  string(REPLACE "-real" "" shown "${architectures}")
  string(REGEX REPLACE "([0-9]+)-virtual" "PTX \\1" shown "${shown}")
  set(GMMVAE_CUDA_BUILT_FOR "sm ${shown}")
  string(REPLACE ";" ", " GMMVAE_CUDA_BUILT_FOR "${GMMVAE_CUDA_BUILT_FOR}")
  message(STATUS "CUDA backend: ON (nvcc ${CMAKE_CUDA_COMPILER_VERSION}, sm ${shown})")
elseif(GMMVAE_CUDA STREQUAL "ON")
  message(FATAL_ERROR "CUDA backend: ${reason}; GMMVAE_CUDA=ON asks for it")
else()
  message(STATUS "CUDA backend: OFF (${reason})")
endif()

function(gmmvae_cuda_target target)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
  # 20011: a call from device code to a host function, which nvcc would only warn of
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CUDA>:--Werror=all-warnings --diag-error=20011 -Xptxas=-v -Xcompiler=-Wall,-Wextra>)
  set_target_properties(${target} PROPERTIES CUDA_RUNTIME_LIBRARY Static
                        CUDA_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
endfunction()

# Prints registers, stack, spills and shared memory of each kernel of a target once it is built, and adds the test
# kernel_resources.TARGET: no kernel spills registers. The figures are ptxas's own, kept by the launcher.
function(gmmvae_kernel_resources target)
  set(folder ${CMAKE_BINARY_DIR}/kernel_resources/${target})
  set_target_properties(${target} PROPERTIES
    CUDA_COMPILER_LAUNCHER "sh;${PROJECT_SOURCE_DIR}/kernels/keep_ptxas.sh;${folder}")
  set(table ${CMAKE_BINARY_DIR}/${target}_resources.txt)
  add_custom_target(${target}_resources ALL
    COMMAND ${CMAKE_COMMAND} -DFOLDER=${folder} -DTABLE=${table} -P ${PROJECT_SOURCE_DIR}/kernels/resources.cmake
    COMMENT "Kernel resources of ${target}" VERBATIM)
  add_dependencies(${target}_resources ${target})
  if(BUILD_TESTING)
    add_test(NAME kernel_resources.${target} COMMAND ${CMAKE_COMMAND} -DTABLE=${table} -DCHECK=ON
             -P ${PROJECT_SOURCE_DIR}/kernels/resources.cmake)
  endif()
endfunction()
