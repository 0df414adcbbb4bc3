# The version: of the newest tag vX.Y.Z of a git checkout; VERSION, as it stands here, in a tarball or before the first
# tag. GMMVAE_COMMIT is what git says of the checkout, GMMVAE_PACKAGE_VERSION tells packages of two commits apart.
set(version 0.1.0)
set(GMMVAE_COMMIT "")
set(GMMVAE_DATE 2026-11-25)  # of the manual page
set(GMMVAE_PACKAGE_VERSION ${version})
if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/.git)  # not that of a folder around an unpacked tarball
  execute_process(COMMAND git describe --always --dirty --tags WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
                  OUTPUT_VARIABLE GMMVAE_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  execute_process(COMMAND git describe --always --dirty --tags --long --match "v[0-9]*.[0-9]*.[0-9]*"
                  WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
                  OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  execute_process(COMMAND git log -1 --format=%cs WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
                  OUTPUT_VARIABLE date OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(date)
    set(GMMVAE_DATE ${date})
  endif()
  string(REPLACE "-dirty" ".dirty" described "${described}")
  if(described MATCHES "^v([0-9]+\\.[0-9]+\\.[0-9]+)-([0-9]+)-(g[0-9a-f]+.*)$")
    set(version ${CMAKE_MATCH_1})
    set(GMMVAE_PACKAGE_VERSION ${version})
    set(behind "${CMAKE_MATCH_2}.${CMAKE_MATCH_3}")
    if(NOT behind MATCHES "^0\\.g[0-9a-f]+$")
      string(APPEND GMMVAE_PACKAGE_VERSION "+${behind}")
    endif()
  elseif(described MATCHES "^[0-9a-f]+(\\.dirty)?$")
    set(GMMVAE_PACKAGE_VERSION "${version}+0.g${described}")
  endif()
endif()
