#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gmmvae/dataset.hpp"
#include "gmmvae/vae.hpp"
#include "tests/support/temporary_folder.hpp"

namespace gmmvae::test {

/// What a command left behind.
struct Outcome {
  int code = -1;
  std::string out, err;
};

/// The bytes of a file; "" where there is none.
std::string file_bytes(const std::string& path);

/// A small VAE with two hidden layers, trained on the data for a few epochs by the CPU backend; `models` of
/// them in one file where asked for.
Vae trained_vae(const Dataset& data, std::size_t latent, std::size_t models = 1);

/// Runs the program itself, as a shell does, in a folder of the test's own. The environment's
/// GMMVAE_ variables do not reach it, but for GMMVAE_ISA.
class ProgramTest : public testing::Test {
 protected:
  ProgramTest();

  /// What a shell makes of the line, in which `gmmvae` stands for the program.
  [[nodiscard]] Outcome shell(const std::string& line, const std::string& input = "/dev/null") const;
  /// gmmvae with these arguments (in the shell's notation), this standard input and these variables.
  [[nodiscard]] Outcome run(const std::string& arguments, const std::string& input = "/dev/null",
                            const std::string& variables = "") const;
  /// The one JSON object of a run under --json that must succeed.
  [[nodiscard]] nlohmann::json object(const std::string& arguments) const;
  /// Runs what must fail with this exit code, plainly and under --json: one sentence on standard error each
  /// time, {error, exit_code} on standard output under --json alone. Returns the sentence without "gmmvae:
  /// error: ".
  std::string refusal(const std::string& arguments, int code, const std::string& input = "/dev/null") const;

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] bool exists(const std::string& name) const;
  /// Every file of the folder with its bytes, sorted by name.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> files() const;

 private:
  TemporaryFolder folder_;
};

}  // namespace gmmvae::test
