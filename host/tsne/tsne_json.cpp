#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "gmmvae/tsne.hpp"
#include "host/io/json_file.hpp"

namespace gmmvae {

std::string tsne_caption(const Embedding& embedding) {
  if (embedding.points.empty()) return "There are too few points for t-SNE.";
  const std::string neighbors =
      embedding.recall ? fmt::format(", neighbours approximate with recall {:.3f}", *embedding.recall) : "";
  return fmt::format(
      "t-SNE of {} points: perplexity {:.3g}{}, KL divergence {:.4f} nats after {} iterations. It keeps "
      "neighbours together; sizes of clusters and distances between them mean nothing, another perplexity "
      "gives another picture, and even pure noise falls into clumps.",
      embedding.points.rows(), embedding.perplexity, neighbors, embedding.kl_divergence,
      embedding.iterations);
}

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
  out["caption"] = tsne_caption(embedding);
  out["warnings"] = embedding.warnings;
  out["seconds"] = {{"neighbors", embedding.seconds.neighbors},
                    {"affinities", embedding.seconds.affinities},
                    {"start", embedding.seconds.start},
                    {"descent", embedding.seconds.descent}};
  return json_text(out);
}

}  // namespace gmmvae
