#include "host/io/atomic_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "gmmvae/error.hpp"
#include "host/io/input_file.hpp"
#include "tests/support/error_message.hpp"
#include "tests/support/temporary_folder.hpp"

namespace gmmvae {
namespace {

using test::error_message;
using test::TemporaryFolder;

TEST(AtomicFile, AppearsWholeAndOnlyAtCommit) {
  const TemporaryFolder folder;
  const std::string path = folder / "out.txt";
  write_file(path, "old");
  const std::string large(200000, 'x');
  {
    AtomicFile file(path);
    file.write("new ");
    file.write(large);
    EXPECT_EQ(file.position(), 4 + large.size());
    EXPECT_EQ(read_file(path), "old");
    file.commit();
  }
  EXPECT_EQ(read_file(path), "new " + large);
  EXPECT_EQ(folder.count(), 1U);
}

TEST(AtomicFile, LeavesNothingWithoutCommit) {
  const TemporaryFolder folder;
  const std::string path = folder / "out.txt";
  write_file(path, "old");
  { AtomicFile(path).write("half"); }
  EXPECT_EQ(read_file(path), "old");
  EXPECT_EQ(folder.count(), 1U);
}

TEST(AtomicFile, AKilledProcessLeavesNothing) {
  const TemporaryFolder folder;
  const int able = ::open(folder.path().c_str(), O_WRONLY | O_TMPFILE, 0600);
  if (able < 0) GTEST_SKIP() << "files without a name: the file system of " << folder.path() << " has none";
  ::close(able);
  const std::string path = folder / "out.txt";
  write_file(path, "old");
  const pid_t child = ::fork();
  if (child == 0) {
    AtomicFile file(path);
    file.write(std::string(200000, 'x'));
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(read_file(path), "old");
  EXPECT_EQ(folder.count(), 1U);
}

TEST(AtomicFile, WritesWhereFilesCannotBeWithoutAName) {
  const TemporaryFolder folder;
  const std::string path = folder / "out.txt";
  write_file(path, "old");
  // Without /proc there is no way to name such a file; in a mount namespace of the child's own there is none.
  const pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", "/proc", "tmpfs", 0, nullptr) != 0)
      ::_exit(77);
    AtomicFile file(path);
    file.write("new");
    const bool named = folder.count() == 2;
    file.commit();
    ::_exit(named ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "unshare: /proc cannot be covered here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(read_file(path), "new");
  EXPECT_EQ(folder.count(), 1U);
}

TEST(AtomicFile, SaysWhyItCannotWrite) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_message<DataError>([&] { write_file(folder.path(), "x"); }),
            "cannot write " + folder.path() + ": it is a directory; give a file name");
  const std::string missing = folder / "no/such";
  EXPECT_EQ(error_message<DataError>([&] { write_file(missing + "/file", "x"); }),
            "cannot write " + missing + "/file: the folder " + missing + " does not exist; create it first");
  write_file(folder / "file", "x");
  EXPECT_EQ(error_message<DataError>([&] { write_file(folder / "file/inside", "x"); }),
            "cannot write " + (folder / "file/inside") + ": Not a directory");
  EXPECT_EQ(error_message<DataError>([] { write_file("", "x"); }), "cannot write a file with an empty name");
}

TEST(AtomicFile, UnwritableFolder) {
  const TemporaryFolder folder;
  std::filesystem::permissions(folder.path(),
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  constexpr uid_t kNobody = 65534;
  const bool root = ::geteuid() == 0;  // root may write anywhere, so be somebody else
  if (root && ::seteuid(kNobody) != 0) FAIL() << "cannot change the user";
  const std::string message = error_message<DataError>([&] { write_file(folder / "out", "x"); });
  if (root && ::seteuid(0) != 0) FAIL() << "cannot change back";
  std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_all);
  EXPECT_EQ(message, "cannot write " + (folder / "out") + ": Permission denied");
}

TEST(AtomicFile, FullDevice) {
  EXPECT_EQ(error_message<DataError>([] { write_file("/dev/full", "x"); }),
            "cannot write /dev/full: No space left on device");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));  // and it was not replaced
}

TEST(AtomicFile, AFullDiskKeepsTheOldFile) {
  const TemporaryFolder folder;
  const std::string path = folder / "out.bin";
  write_file(path, "old");
  // A limit on file sizes fails a write half-way, as a full disk does.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{100000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string message = error_message<DataError>([&] { write_file(path, std::string(300000, 'x')); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  EXPECT_EQ(message, "cannot write " + path + ": File too large; what was there before is untouched");
  EXPECT_EQ(read_file(path), "old");
  EXPECT_EQ(folder.count(), 1U);
}

TEST(AtomicFile, FollowsLinksInsteadOfReplacingThem) {
  const TemporaryFolder folder;
  write_file(folder / "target", "old");
  std::filesystem::create_symlink("target", folder / "link");
  write_file(folder / "link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(read_file(folder / "target"), "new");
}

TEST(InputFile, SaysWhyItCannotRead) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_message<DataError>([&] { read_file(folder / "missing"); }),
            "cannot read " + (folder / "missing") + ": No such file or directory");
  EXPECT_EQ(error_message<DataError>([&] { read_file(folder.path()); }),
            "cannot read " + folder.path() + ": it is a directory, not a file");
}

TEST(InputFile, ReadsPipesToTheirEnd) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "through a pipe", 14), 14);
  ::close(ends[1]);
  const int standard_input = ::dup(STDIN_FILENO);
  ::dup2(ends[0], STDIN_FILENO);
  const InputFile file("-");
  ::dup2(standard_input, STDIN_FILENO);
  ::close(standard_input);
  ::close(ends[0]);
  EXPECT_EQ(file.name(), "standard input");
  EXPECT_EQ(file.size(), 14U);
  char word[4];
  file.read(10, word, 4);
  EXPECT_EQ(std::string(word, 4), "pipe");
  EXPECT_THROW(file.read(11, word, 4), DataError);
}

}  // namespace
}  // namespace gmmvae
