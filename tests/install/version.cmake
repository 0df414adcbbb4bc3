# The version follows the newest tag of a checkout, and stands in the sources for a tarball.
cmake_minimum_required(VERSION 3.25)

function(expect what got expected)
  if(NOT got MATCHES "^${expected}$")
    message(FATAL_ERROR "${what}: '${got}' in place of '${expected}'")
  endif()
endfunction()
function(git)
  execute_process(COMMAND git -c commit.gpgsign=false -c user.name=nobody -c user.email=nobody@localhost ${ARGV} WORKING_DIRECTORY ${WORK}
                  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
set(CMAKE_CURRENT_SOURCE_DIR ${WORK})

include(${SOURCE}/scripts/version.cmake)
expect("a tarball" "${GMMVAE_PACKAGE_VERSION} (${GMMVAE_COMMIT})" "${version} \\(\\)")
set(fallback ${version})

git(init -q)
git(commit -q --allow-empty -m one)
include(${SOURCE}/scripts/version.cmake)
expect("before the first tag" "${version} ${GMMVAE_PACKAGE_VERSION}" "${fallback} ${fallback}\\+0\\.g[0-9a-f]+")

git(tag v2.3.4)
include(${SOURCE}/scripts/version.cmake)
expect("at a tag" "${version} ${GMMVAE_PACKAGE_VERSION} ${GMMVAE_COMMIT}" "2\\.3\\.4 2\\.3\\.4 v2\\.3\\.4")

file(WRITE ${WORK}/file "1")
git(add file)
git(commit -q -m two)
file(WRITE ${WORK}/file "2")
include(${SOURCE}/scripts/version.cmake)
expect("behind a tag" "${version} ${GMMVAE_PACKAGE_VERSION}" "2\\.3\\.4 2\\.3\\.4\\+1\\.g[0-9a-f]+\\.dirty")
