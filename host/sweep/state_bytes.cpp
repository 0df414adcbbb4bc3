#include "host/sweep/state_bytes.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <vector>

#include "gmmvae/error.hpp"

namespace gmmvae {
namespace {

/// Whole numbers at the start; the arrays follow in the order of their lengths here.
enum Head : std::size_t {
  kEpoch,
  kStatus,
  kBestEpoch,
  kLatent,
  kHistory,
  kParameters,
  kFirstMoment,
  kSecondMoment,
  kBestParameters,
  kHeadSize
};

template <class T>
void append(std::string& bytes, const std::vector<T>& values) {
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

template <class T>
std::vector<T> take(std::string_view& bytes, std::uint64_t count) {
  if (count > bytes.size() / sizeof(T)) throw DataError("a training's stored state is cut off");
  std::vector<T> values(count);
  if (count > 0) std::memcpy(values.data(), bytes.data(), count * sizeof(T));
  bytes.remove_prefix(count * sizeof(T));
  return values;
}

}  // namespace

std::string state_bytes(const TrainingState& state) {
  const std::vector<std::uint64_t> head = {state.epoch,
                                           static_cast<std::uint64_t>(state.status),
                                           state.best_epoch,
                                           state.history.latent(),
                                           state.history.values().size(),
                                           state.parameters.size(),
                                           state.first_moment.size(),
                                           state.second_moment.size(),
                                           state.best_parameters.size()};
  std::string bytes;
  append(bytes, head);
  append(bytes, state.history.values());
  for (const auto* values :
       {&state.parameters, &state.first_moment, &state.second_moment, &state.best_parameters})
    append(bytes, *values);
  return bytes;
}

TrainingState state_of_bytes(std::string_view bytes) {
  const std::vector<std::uint64_t> head = take<std::uint64_t>(bytes, kHeadSize);
  if (head[kStatus] > static_cast<std::uint64_t>(TrainingStatus::diverged))
    throw DataError("a training's stored state makes no sense");
  TrainingState state;
  state.epoch = head[kEpoch];
  state.status = static_cast<TrainingStatus>(head[kStatus]);
  state.best_epoch = head[kBestEpoch];
  state.history = History(head[kLatent]);
  state.history.append(take<double>(bytes, head[kHistory]));
  state.parameters = take<float>(bytes, head[kParameters]);
  state.first_moment = take<float>(bytes, head[kFirstMoment]);
  state.second_moment = take<float>(bytes, head[kSecondMoment]);
  state.best_parameters = take<float>(bytes, head[kBestParameters]);
  if (!bytes.empty()) throw DataError("a training's stored state is too long");
  return state;
}

}  // namespace gmmvae
