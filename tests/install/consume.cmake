# Installs BUILD into an empty prefix, then configures, builds and runs SOURCE against it. The PATH it does so with
# has no nvcc: whoever uses the library needs no CUDA toolkit.
cmake_minimum_required(VERSION 3.25)

string(REPLACE ":" ";" folders "$ENV{PATH}")
set(path "")
foreach(folder IN LISTS folders)
  if(NOT EXISTS ${folder}/nvcc)
    list(APPEND path ${folder})
  endif()
endforeach()
list(JOIN path ":" path)
set(ENV{PATH} "${path}")
unset(ENV{CUDACXX})

file(REMOVE_RECURSE ${WORK})
include(${CMAKE_CURRENT_LIST_DIR}/must.cmake)

must(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
# The README's lines: its includes, and what stands behind them inside a main.
file(READ ${README} text)
string(FIND "${text}" "\n\n" end)
string(SUBSTRING "${text}" 0 ${end} includes)
string(SUBSTRING "${text}" ${end} -1 statements)
file(WRITE ${WORK}/readme.cpp "${includes}\nint main() {${statements}return job.state.history.epochs() == 100 ? 0 : 1;\n}\n")
must(${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK}/build -D README=${WORK}/readme.cpp -G ${GENERATOR} -D CMAKE_PREFIX_PATH=${WORK}/prefix
     -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_MAKE_PROGRAM=${MAKE} -D CMAKE_BUILD_TYPE=Release)
must(${CMAKE_COMMAND} --build ${WORK}/build)
must(${WORK}/build/consumer)
must(${WORK}/build/readme)
must(${WORK}/prefix/bin/gmmvae --version)
