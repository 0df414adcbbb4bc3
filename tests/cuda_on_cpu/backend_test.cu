// The CUDA backend on emulated devices: none, several, too old, too small.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "host/backend/plugin.hpp"
#include "tests/cuda_on_cpu/test_device.hpp"

namespace gmmvae {
namespace {

class CudaBackend : public test::EmulatorTest {
 protected:
  static std::unique_ptr<Backend> open(const std::vector<int>& ordinals = {}) {
    CudaSupport support = find_cuda(GMMVAE_CUDA_ON_CPU);
    return open_cuda(support, ordinals, "the test");
  }
  static std::string reason_not_to_open(const std::vector<int>& ordinals = {}) {
    try {
      (void)open(ordinals);
    } catch (const DeviceError& error) {
      return error.what();
    }
    ADD_FAILURE() << "it opens";
    return {};
  }
};

/// Jobs of several shapes on points of a fixed pattern.
struct Company {
  std::vector<float> points = std::vector<float>(40 * 3);
  std::vector<TrainingJob> jobs;

  explicit Company(std::size_t count) {
    for (std::size_t i = 0; i < points.size(); ++i) points[i] = 0.1f * static_cast<float>(i * 7 % 31) - 1.5f;
    for (std::size_t m = 0; m < count; ++m) {
      TrainingJob job;
      job.architecture = {
          .data_dim = 3, .latent = 1 + m % 2, .encoder_hidden = {5 + m}, .decoder_hidden = {4}};
      job.config.epochs = 3;
      job.config.batch = 16;
      job.data = {points.data(), 40, 3};
      job.model = static_cast<std::uint32_t>(m);
      job.state = initial_state(job, Initialization::linear);
      jobs.push_back(job);
    }
  }
};

void expect_same(const Company& a, const Company& b) {
  ASSERT_EQ(a.jobs.size(), b.jobs.size());
  for (std::size_t i = 0; i < a.jobs.size(); ++i) {
    EXPECT_EQ(a.jobs[i].state.epoch, 3U);
    EXPECT_EQ(a.jobs[i].state.status, TrainingStatus::finished);
    EXPECT_EQ(a.jobs[i].state.parameters, b.jobs[i].state.parameters) << "job " << i;
    const std::vector<double>& x = a.jobs[i].state.history.values();
    const std::vector<double>& y = b.jobs[i].state.history.values();
    ASSERT_EQ(x.size(), y.size());
    EXPECT_EQ(std::memcmp(x.data(), y.data(), x.size() * sizeof(double)), 0)
        << "job " << i;  // NaN equals NaN
  }
}

TEST_F(CudaBackend, SeveralDevicesGiveTheBytesOfOne) {
  emu::reset({emu::device_spec("sm_90"), emu::device_spec("sm_90"), emu::device_spec("sm_90")});
  Company one(5);
  Company three(5);
  open()->train(one.jobs, {});
  const auto backend = open({2, 0, 1});
  EXPECT_NE(backend->description().find("cuda:2"), std::string::npos) << backend->description();
  std::uint64_t epochs = 0;
  TrainingControl control;
  control.on_epochs = [&](std::uint64_t count) { epochs += count; };
  backend->train(three.jobs, control);
  EXPECT_EQ(epochs, 15U);
  EXPECT_FALSE(backend->training_method().empty());
  expect_same(one, three);
}

TEST_F(CudaBackend, JobsThatDoNotFitTogetherTakeTurns) {
  Company together(6);
  open()->train(together.jobs, {});
  emu::DeviceSpec small = emu::device_spec("sm_90");
  small.memory = 200000;
  emu::reset({small});
  Company in_turns(6);
  open()->train(in_turns.jobs, {});
  expect_same(together, in_turns);
}

TEST_F(CudaBackend, StopsBetweenSlicesAndBeforeJobsThatWait) {
  Company stopped(4);
  TrainingControl control;
  control.should_stop = [] { return true; };
  open()->train(stopped.jobs, control);
  for (const TrainingJob& job : stopped.jobs) EXPECT_EQ(job.state.epoch, 0U);
}

TEST_F(CudaBackend, NoDeviceIsAReason) {
  emu::reset({});
  const std::string reason = reason_not_to_open();
  EXPECT_NE(reason.find("shows no GPU"), std::string::npos) << reason;
  EXPECT_NE(reason.find("--device cpu"), std::string::npos) << reason;
}

TEST_F(CudaBackend, ADeviceThatIsNotThereIsAReason) {
  const std::string reason = reason_not_to_open({0, 3});
  EXPECT_NE(reason.find("no device 3"), std::string::npos) << reason;
}

TEST_F(CudaBackend, ACardTooOldForThisBuildIsAReasonWithWhatToInstall) {
  emu::DeviceSpec old = emu::device_spec("sm_75");
  old.name = "Old Card";
  old.major = 7;
  old.minor = 0;
  emu::reset({old});
  const std::string reason = reason_not_to_open();
  for (const char* part : {"Old Card is sm_70", "12.9", "GMMVAE_CUDA_ARCHITECTURES=70"})
    EXPECT_NE(reason.find(part), std::string::npos) << reason;
  emu::reset({old, emu::device_spec("sm_80")});
  EXPECT_NE(open()->description().find("cuda:1"), std::string::npos) << "the first that works is taken";
}

TEST_F(CudaBackend, DoublePrecisionIsTheCpus) {
  EXPECT_THROW((void)open()->loss_gradient({.data_dim = 1}, {}, {}, {}, {}, 0.0, Precision::double_),
               UsageError);
}

}  // namespace
}  // namespace gmmvae
