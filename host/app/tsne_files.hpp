#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "gmmvae/dataset.hpp"
#include "gmmvae/tsne.hpp"
#include "host/config/settings.hpp"
#include "host/tsne/checkpoint.hpp"

namespace gmmvae {

/// Where tsne puts its results; looked at before any work.
struct TsneOutputs {
  std::string out;         ///< "" where only something else is asked for
  std::string record;      ///< figures and configuration, beside out; "" where out is no regular file
  std::string checkpoint;  ///< likewise
  std::string affinities;  ///< "" where not asked for, as below
  std::string gradient;

  explicit TsneOutputs(const Settings& settings);
};

/// What is known of a finished embedding.
struct TsneRecord {
  std::string config;              ///< see tsne_identity
  nlohmann::ordered_json figures;  ///< what the verb reported
};

/// The configuration of an embedding of these points as checkpoints and records keep it; `start` are the
/// numbers of --init FILE, or empty.
std::string tsne_identity(const Settings& settings, const Dataset& data, const Matrix<float>& start);

/// The record that belongs to the embedding at `outputs.out`; none where that file is missing, or is another
/// than the record was written for. Throws DataError where either cannot be read.
std::optional<TsneRecord> read_tsne_record(const TsneOutputs& outputs);

/// The embedding with its snapshots, then the record.
void write_embedding(const TsneOutputs& outputs, const Dataset& data, const Matrix<float>& points,
                     const TsneSnapshots& snapshots, const TsneRecord& record);

/// The embedding alone.
void write_embedding(const std::string& path, const Dataset& data, const Matrix<float>& points,
                     const TsneSnapshots& snapshots);

void write_affinities(const std::string& path, const Affinities& affinities);

}  // namespace gmmvae
