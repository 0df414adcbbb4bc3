#include <nlohmann/json.hpp>

#include "gmmvae/tsne.hpp"
#include "host/io/json_file.hpp"

namespace gmmvae {

std::string tsne_json(const Embedding& embedding) {
  nlohmann::ordered_json out;
  out["points"] = embedding.points.rows();
  out["dim"] = embedding.points.cols();
  out["kl_divergence"] = embedding.kl_divergence;
  out["perplexity"] = embedding.perplexity;
  out["effective_perplexity"] = embedding.effective_perplexity;
  out["neighbors"] = embedding.neighbors;
  out["neighbor_recall"] = embedding.recall ? nlohmann::ordered_json(*embedding.recall) : nullptr;
  out["method"] = embedding.method == GradientMethod::fft ? "fft" : "exact";
  out["iterations"] = embedding.iterations;
  out["exaggeration_iterations"] = embedding.exaggeration_end;
  out["warnings"] = embedding.warnings;
  out["seconds"] = {{"neighbors", embedding.seconds.neighbors},
                    {"affinities", embedding.seconds.affinities},
                    {"start", embedding.seconds.start},
                    {"descent", embedding.seconds.descent}};
  return json_text(out);
}

}  // namespace gmmvae
