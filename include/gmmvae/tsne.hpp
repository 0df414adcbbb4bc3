#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gmmvae/matrix.hpp"

namespace gmmvae {

enum class NeighborSearch { automatic, exact, approximate };
enum class GradientMethod { automatic, exact, fft };
enum class EmbeddingStart { pca, random };

/// How points become an embedding (van der Maaten & Hinton 2008). Learning rates are meant for the gradient
/// without its factor 4, as in FIt-SNE and openTSNE.
struct TsneOptions {
  double perplexity = 30.0;  ///< above 0; lowered to (N-1)/3 where there are too few points, with a warning
  std::size_t iterations = 1000;
  GradientMethod method = GradientMethod::automatic;
  NeighborSearch neighbors = NeighborSearch::automatic;
  std::size_t dim = 2;  ///< 1, 2 or 3; FFT-accelerated interpolation knows 2 only
  EmbeddingStart start = EmbeddingStart::pca;
  Matrix<float> start_points;      ///< [N,dim] to start from in place of `start`, taken as it is; or empty
  double exaggeration = 12.0;      ///< of the attraction in the first phase, which ends by itself
  double late_exaggeration = 1.0;  ///< of the attraction from then on
  double learning_rate = 0.0;  ///< 0: N / exaggeration in each phase, but at least 50 (Belkina et al. 2019)
  bool stop_when_converged = true;  ///< end before `iterations` where the divergence hardly falls any more
  std::uint64_t seed = 1;
  std::size_t threads = 0;  ///< 0: as many as the process may use; never changes a result
};

/// The nearest other points of every point, ascending by distance.
struct NearestNeighbors {
  std::size_t k = 0;
  std::vector<std::uint32_t> points;  ///< [N,k] rows of the data, never the point's own
  std::vector<float> squared;         ///< [N,k] squared distances
  std::optional<double> recall;       ///< of approximate ones, measured on a sample
};

/// Joint probabilities P [N,N] of t-SNE as compressed sparse rows: symmetric, without a diagonal, columns
/// ascending, sum 1. Rows stand in an order of their own that keeps neighbours together: row and column r
/// belong to the point order[r].
struct Affinities {
  std::vector<std::uint32_t> order;    ///< [N]
  std::vector<std::uint64_t> offsets;  ///< [N+1]
  std::vector<std::uint32_t> columns;  ///< [offsets[N]]
  std::vector<float> values;           ///< [offsets[N]]
  double perplexity = 0.0;             ///< that was aimed at
  double effective_perplexity = 0.0;   ///< mean over the points of exp(entropy of p(.|i))
  std::size_t neighbors = 0;           ///< of each point
  std::optional<double> recall;        ///< of approximate neighbours, measured on a sample
  std::vector<std::string> warnings;
  double neighbor_seconds = 0.0;
  double seconds = 0.0;  ///< without the neighbours

  [[nodiscard]] std::size_t points() const { return order.size(); }
};

/// The k nearest others of each point of x [N,D]. Throws DataError for numbers that are not finite,
/// UsageError unless 0 < k < N.
NearestNeighbors nearest_neighbors(MatrixView<float> x, std::size_t k, NeighborSearch search,
                                   std::size_t threads = 0);

/// Affinities of x [N,D]: for each point its 3 x perplexity nearest others, a Gaussian whose width gives that
/// perplexity, and p_ij = (p(j|i) + p(i|j)) / 2N over the pairs of either direction. Uses perplexity,
/// neighbors, seed and threads. Throws DataError for fewer than two points, UsageError for a perplexity that
/// is not positive.
Affinities tsne_affinities(MatrixView<float> x, const TsneOptions& options);

/// The same with rows and columns in the order of the data.
Affinities in_data_order(const Affinities& affinities);

/// KL(P || Q) with the true normalisation of Q over all pairs, in nats, and its gradient [N,dim], factor 4
/// included, at the embedding y [N,dim], in the order of the data.
struct TsneGradient {
  double kl_divergence = 0.0;
  double normalization = 0.0;  ///< sum over i != j of 1 / (1 + |y_i - y_j|^2)
  Matrix<double> gradient;
};
TsneGradient tsne_gradient(const Affinities& affinities, MatrixView<float> y, GradientMethod method,
                           std::size_t threads = 0);

/// Everything a stopped descent needs to go on as if it had not been stopped. Points are in the order of the
/// data.
struct TsneState {
  std::size_t iteration = 0;
  bool exaggerating = true;
  std::size_t exaggeration_end = 0;    ///< iterations with early exaggeration, once it is over
  Matrix<float> positions;             ///< [N,dim]
  Matrix<float> update;                ///< [N,dim] last step
  Matrix<float> gains;                 ///< [N,dim]
  std::vector<double> kl_divergences;  ///< at every poll of the current phase, oldest first
};

struct TsneProgress {
  std::size_t iteration = 0;  ///< iterations done
  double kl_divergence = 0.0;
  bool exaggerating = false;
};

/// What a caller wants to hear and say while an embedding is made; each may be empty.
struct TsneControl {
  std::function<bool()> stop;                         ///< asked at every iteration
  std::function<void()> advanced;                     ///< after every iteration
  std::function<void(const TsneProgress&)> progress;  ///< every 50 iterations
  double checkpoint_every = 0.0;                      ///< seconds; 0: never
  std::function<void(const TsneState&)> checkpoint;   ///< between two iterations
  std::size_t snapshot_every = 0;                     ///< iterations; 0: never
  std::function<void(std::size_t iteration, MatrixView<float> points)> snapshot;  ///< [N,dim], data order
};

struct TsneSeconds {
  double neighbors = 0.0;
  double affinities = 0.0;
  double start = 0.0;
  double descent = 0.0;
};

struct Embedding {
  Matrix<float> points;               ///< [N,dim], centred
  double kl_divergence = 0.0;         ///< without exaggeration, nats
  double perplexity = 0.0;            ///< aimed at, after lowering
  double effective_perplexity = 0.0;  ///< reached, mean over the points
  std::size_t neighbors = 0;
  std::optional<double> recall;                   ///< of approximate neighbours
  GradientMethod method = GradientMethod::exact;  ///< that was used
  std::size_t iterations = 0;                     ///< done
  std::size_t exaggeration_end = 0;               ///< of them with early exaggeration
  bool stopped = false;                           ///< by the control; `state` goes on from there
  TsneState state;
  std::vector<std::string> warnings;
  TsneSeconds seconds;
};

/// Embeds x [N,D]. Same options, same bytes, for any number of threads. `resume` continues a stopped descent
/// over the same data and options. Throws DataError for data, UsageError for options it cannot use.
Embedding embed(MatrixView<float> x, const TsneOptions& options, const TsneControl& control = {},
                const TsneState* resume = nullptr);

/// The descent alone, over affinities at hand. x [N,D] gives the principal axes to start from; it may be
/// empty with any other start.
Embedding embed(const Affinities& affinities, MatrixView<float> x, const TsneOptions& options,
                const TsneControl& control = {}, const TsneState* resume = nullptr);

/// Places new points [M,D] in a finished embedding y [N,dim] of x [N,D], which stays as it is (Policar et al.
/// 2023): each starts at the median of its nearest neighbours' positions and descends alone, so that no new
/// point moves another. Perplexity 5, 250 iterations. Throws DataError where rows or columns do not fit.
Matrix<float> tsne_transform(MatrixView<float> x, MatrixView<float> y, MatrixView<float> new_points,
                             std::size_t threads = 0);

/// What a picture of the embedding must say beside it: how it was made, and what cannot be read from it.
std::string tsne_caption(const Embedding& embedding);

/// The text of tsne.json.
std::string tsne_json(const Embedding& embedding);

}  // namespace gmmvae
