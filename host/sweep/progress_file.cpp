#include "host/sweep/progress_file.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

#include "host/io/json_file.hpp"

namespace gmmvae {
namespace {

std::filesystem::path progress_path(std::filesystem::path store) {
  return store.replace_extension(".progress.json");
}

}  // namespace

void ShardProgress::count(const TrialRecord& record) {
  if (record.status == TrialStatus::done) ++done;
  if (record.status == TrialStatus::pruned) ++pruned;
  if (!gmmvae::failed(record.status)) return;
  ++failed;
  ++reasons[failure_reason(record)];
}

double ShardProgress::trials_per_second() const {
  return seconds > 0.0 ? static_cast<double>(run) / seconds : 0.0;
}

std::string failure_reason(const TrialRecord& record) {
  return record.why.substr(0, record.why.find(" after epoch"));
}

void write_progress(const std::filesystem::path& store, const ShardProgress& progress) {
  write_json_file(progress_path(store).string(), {{"done", progress.done},
                                                  {"failed", progress.failed},
                                                  {"pruned", progress.pruned},
                                                  {"reasons", progress.reasons},
                                                  {"run", progress.run},
                                                  {"seconds", progress.seconds}});
}

std::optional<ShardProgress> read_progress(const std::filesystem::path& store) {
  std::ifstream file(progress_path(store));
  const auto json = nlohmann::json::parse(file, nullptr, false);
  ShardProgress progress;
  try {
    json.at("done").get_to(progress.done);
    json.at("failed").get_to(progress.failed);
    json.at("pruned").get_to(progress.pruned);
    json.at("reasons").get_to(progress.reasons);
    json.at("run").get_to(progress.run);
    json.at("seconds").get_to(progress.seconds);
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
  return progress;
}

}  // namespace gmmvae
