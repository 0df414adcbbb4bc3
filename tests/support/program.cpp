#include "tests/support/program.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "gmmvae/backend.hpp"
#include "gmmvae/training.hpp"

namespace gmmvae::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kErrorStart = "gmmvae: error: ";

}  // namespace

std::string file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Vae trained_vae(const Dataset& data, std::size_t latent, std::size_t models) {
  Vae vae;
  vae.architecture = {
      .data_dim = data.x.cols(), .latent = latent, .encoder_hidden = {16, 8}, .decoder_hidden = {8, 16}};
  vae.scaler = Scaler::fit(ScaleKind::standard, data.x);
  vae.models = models;
  const Matrix<float> scaled = vae.scaler.apply(data.x);
  std::vector<TrainingJob> jobs(models);
  for (std::size_t m = 0; m < models; ++m) {
    TrainingJob& job = jobs[m];
    job.architecture = vae.architecture;
    job.objective = vae.objective;
    job.config = {.epochs = 15, .batch = 32, .learning_rate = 1e-2};
    job.data = scaled;
    job.log_jacobian = vae.scaler.log_jacobian();
    job.model = static_cast<std::uint32_t>(m);
    job.state = initial_state(job, Initialization::linear);
  }
  make_cpu_backend(1)->train(jobs, {});
  for (const TrainingJob& job : jobs)
    vae.parameters.insert(vae.parameters.end(), job.state.parameters.begin(), job.state.parameters.end());
  return vae;
}

ProgramTest::ProgramTest() {
  std::vector<std::string> ours;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    if (text.starts_with("GMMVAE_") && !text.starts_with("GMMVAE_ISA="))
      ours.push_back(text.substr(0, text.find('=')));
  }
  for (const std::string& name : ours) ::unsetenv(name.c_str());
}

Outcome ProgramTest::shell(const std::string& line, const std::string& input) const {
  const TemporaryFolder streams;
  const std::string command = "cd '" + folder_.path() +
                              "' && gmmvae() { '" GMMVAE_PROGRAM "' \"$@\"; } && { " + line + "\n} >'" +
                              streams / "out" + "' 2>'" + streams / "err" + "' <'" + input + "'";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, file_bytes(streams / "out"),
          file_bytes(streams / "err")};
}

Outcome ProgramTest::run(const std::string& arguments, const std::string& input,
                         const std::string& variables) const {
  return shell(variables + " '" GMMVAE_PROGRAM "' " + arguments, input);
}

json ProgramTest::object(const std::string& arguments) const {
  const Outcome got = run(arguments + " --json");
  EXPECT_EQ(got.code, 0) << arguments << "\n" << got.err;
  return json::parse(got.out, nullptr, false);
}

std::string ProgramTest::refusal(const std::string& arguments, int code, const std::string& input) const {
  const auto before = files();
  const Outcome plain = run(arguments, input);
  EXPECT_EQ(plain.code, code) << arguments << "\n" << plain.err;
  EXPECT_EQ(plain.out, "") << arguments;
  EXPECT_TRUE(plain.err.starts_with(kErrorStart)) << arguments << "\n" << plain.err;
  EXPECT_EQ(std::count(plain.err.begin(), plain.err.end(), '\n'), 1) << arguments << "\n" << plain.err;
  const Outcome wrapped = run(arguments + " --json", input);
  EXPECT_EQ(wrapped.code, code) << arguments;
  EXPECT_EQ(wrapped.err, plain.err) << arguments;
  if (!plain.err.starts_with(kErrorStart)) return plain.err;
  const std::string sentence = plain.err.substr(std::string(kErrorStart).size(),
                                                plain.err.size() - std::string(kErrorStart).size() - 1);
  EXPECT_EQ(json::parse(wrapped.out, nullptr, false), (json{{"error", sentence}, {"exit_code", code}}))
      << arguments;
  EXPECT_EQ(files(), before) << arguments << " touched a file";
  return sentence;
}

bool ProgramTest::exists(const std::string& name) const {
  return fs::exists(path(name));
}

std::vector<std::pair<std::string, std::string>> ProgramTest::files() const {
  std::vector<std::pair<std::string, std::string>> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
    found.emplace_back(entry.path().string(), entry.is_regular_file() ? file_bytes(entry.path()) : "");
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace gmmvae::test
