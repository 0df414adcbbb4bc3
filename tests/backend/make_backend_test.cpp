// How a backend is found, and what is said where it is not.
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "gmmvae/error.hpp"
#include "host/backend/plugin.hpp"
#include "tests/support/error_message.hpp"
#include "tests/support/temporary_folder.hpp"

namespace gmmvae::test {
namespace {

const std::string libraries = GMMVAE_TEST_LIBRARIES;

bool has_cuda() {
  return !find_cuda(default_plugin_path()).trouble;
}

TEST(MakeBackend, NamesThatAreNone) {
  for (const char* device :
       {"abacus", "cuda:", "cuda:x", "cuda:0,", "cuda:0,0", "cuda:-1", "cuda0", "CUDA", ""})
    EXPECT_THROW((void)make_backend({.device = device}), UsageError) << device;
}

TEST(MakeBackend, CpuIsAlwaysThere) {
  EXPECT_EQ(make_backend({.device = "cpu", .threads = 1})->name(), "cpu");
}

TEST(MakeBackend, WithoutADeviceCudaIsAnErrorThatSaysWhatToDo) {
  if (has_cuda()) GTEST_SKIP() << "there is a CUDA device here";
  for (const char* device : {"cuda", "cuda:0", "cuda:0,1"}) {
    try {
      (void)make_backend({.device = device});
      FAIL() << device;
    } catch (const DeviceError& error) {
      EXPECT_EQ(error.code(), ExitCode::no_device);
      const std::string text = error.what();
      EXPECT_EQ(text.find("--device " + std::string(device) + ": "), 0U) << text;
      EXPECT_NE(text.find("or use --device cpu"), std::string::npos) << text;
    }
  }
}

TEST(MakeBackend, AutoFallsBackToTheCpuAndSaysWhy) {
  if (has_cuda()) GTEST_SKIP() << "there is a CUDA device here";
  std::string note;
  EXPECT_EQ(make_backend({.device = "auto", .threads = 1}, &note)->name(), "cpu");
  EXPECT_EQ(note.find("running on the CPU: "), 0U) << note;
  EXPECT_GT(note.size(), 50U) << note;
}

TEST(MakeBackend, AutoTakesTheDeviceThatIsThere) {
  if (!has_cuda()) GTEST_SKIP() << "there is no CUDA device here";
  std::string note;
  EXPECT_EQ(make_backend({.device = "auto"}, &note)->name(), "cuda");
  EXPECT_EQ(note, "");
}

std::string reason_not_to_load(const std::string& path) {
  Trouble trouble;
  EXPECT_EQ(load_plugin(path, trouble), nullptr);
  EXPECT_FALSE(trouble.fix.empty());
  return trouble.what;
}

TEST(Plugin, IsLookedForBesideTheLibrary) {
  EXPECT_EQ(default_plugin_path().find(libraries + "/libgmmvae_cuda.so"), 0U) << default_plugin_path();
}

TEST(Plugin, MissingUnreadableForeignOrOfAnotherBuild) {
  const TemporaryFolder folder;
  std::ofstream(folder / "text.so") << "no library";
  EXPECT_NE(reason_not_to_load(folder / "none.so").find("no CUDA backend"), std::string::npos);
  EXPECT_NE(reason_not_to_load(folder / "text.so").find("cannot be loaded"), std::string::npos);
  EXPECT_NE(reason_not_to_load(libraries + "/libgmmvae.so").find("no plugin of gmmvae"), std::string::npos);
  const std::string other = reason_not_to_load(libraries + "/libplugin_of_another_build.so");
  EXPECT_NE(other.find("0.0.0, interface 0"), std::string::npos) << other;
  EXPECT_NE(other.find(plugin_build()), std::string::npos) << other;
}

}  // namespace
}  // namespace gmmvae::test
