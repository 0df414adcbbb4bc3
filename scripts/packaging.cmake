# cpack makes a .tar.gz that runs where it is unpacked, and Debian packages: gmmvae with the program, gmmvae-dev with what
# programs on the library need, gmmvae-cuda with the CUDA backend where it was built.
set(CPACK_PACKAGE_VENDOR "gmmvae developers")
set(CPACK_PACKAGE_CONTACT "gmmvae developers <gmmvae@localhost>")
set(CPACK_PACKAGE_VERSION ${GMMVAE_PACKAGE_VERSION})
set(CPACK_PACKAGE_FILE_NAME gmmvae-${GMMVAE_PACKAGE_VERSION}-linux-x86_64)
set(CPACK_GENERATOR TGZ DEB)
set(CPACK_STRIP_FILES ON)
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_LIBRARY_OUTPUT_DIRECTORY})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME gmmvae)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION
    "Variational autoencoders on Gaussian mixtures\n Trains VAEs where the truth is known and says what they learned.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME gmmvae-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "gmmvae (= ${GMMVAE_PACKAGE_VERSION})")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "Headers and CMake package of gmmvae\n For C++20 programs.")
# The driver comes with the GPU, CUDA's libraries from NVIDIA: neither is a package that one could depend on.
set(CPACK_DEBIAN_CUDA_PACKAGE_NAME gmmvae-cuda)
set(CPACK_DEBIAN_CUDA_PACKAGE_DEPENDS "gmmvae (= ${GMMVAE_PACKAGE_VERSION})")
set(CPACK_COMPONENT_CUDA_DESCRIPTION "CUDA backend of gmmvae\n Needs an NVIDIA GPU and its driver.")
include(CPack)
