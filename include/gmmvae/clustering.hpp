#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gmmvae/matrix.hpp"
#include "gmmvae/mixture.hpp"

namespace gmmvae {

class Backend;

struct KMeansOptions {
  std::size_t k = 8;
  std::size_t restarts = 3;  ///< the start that ends with the least inertia is kept
  std::size_t max_iterations = 300;
  double tolerance = 1e-4;  ///< stop when the centres move, in squares summed, by less than this times the
                            ///< mean variance of a column
  std::uint64_t seed = 1;
  std::size_t threads = 0;  ///< of the function below; 0: as many as the process may use
};

/// One of the k-means that a backend is given at a time.
struct KMeansTask {
  MatrixView<float> x;       ///< [N,D], not copied
  KMeansOptions options;     ///< the threads are the backend's own
  std::uint32_t stream = 0;  ///< separates the random starts of tasks of one seed
};

struct KMeansResult {
  Matrix<double> centers;            ///< [k,D]
  std::vector<std::int32_t> labels;  ///< [N]
  double inertia = 0.0;              ///< sum of squared distances to the own centre
  std::size_t iterations = 0;        ///< of the start that was kept
  bool converged = false;
};

/// Lloyd's algorithm from greedy k-means++ starts (Arthur & Vassilvitskii 2007). x is [N,D], any N. A cluster
/// that loses its points starts again at the point farthest from its centre; with fewer distinct points than
/// k some clusters stay empty. Throws UsageError for k = 0 or above N.
KMeansResult kmeans(MatrixView<float> x, const KMeansOptions& options);

struct MixtureFitOptions {
  std::size_t max_iterations = 200;
  double tolerance = 1e-5;       ///< stop when the mean log-likelihood rises by less, nats
  double regularisation = 1e-6;  ///< added to every variance, in units of the mean variance of a column
  std::size_t threads = 0;       ///< of the function below; a backend has its own
};

/// A Gaussian mixture fitted by expectation maximisation.
struct MixtureFit {
  std::vector<double> weights;              ///< [k]; 0 for a component that died
  Matrix<double> means;                     ///< [k,D]
  std::vector<Matrix<double>> covariances;  ///< [k] of [D,D], regularisation included
  std::vector<std::int32_t> labels;         ///< [N] most probable component
  double log_likelihood = 0.0;              ///< of all points, nats
  double bic = 0.0;                         ///< -2 log L + parameters * log N: the less the better
  std::size_t iterations = 0;
  /// Components that died or shrank onto the regularisation in some direction: their density, and so the
  /// likelihood and BIC, is then the regularisation's choice and not the data's.
  std::size_t degenerate = 0;
};

/// `start` [N] labels in 0..k-1 give the first components. Columns that do not vary are left out of the
/// likelihood and get variance 0. Throws DataError where no column varies.
MixtureFit fit_mixture(MatrixView<float> x, std::size_t k, CovarianceKind kind,
                       std::span<const std::int32_t> start, const MixtureFitOptions& options);

/// Mean silhouette (Rousseeuw 1987): exact up to `sample` points, else over that many of them, each against
/// all points, with the standard error of the choice. Points alone in their cluster count 0. Absent where
/// fewer than two clusters have points.
std::optional<Estimate> silhouette(Backend& backend, MatrixView<float> x,
                                   std::span<const std::int32_t> labels, std::size_t k, std::size_t sample,
                                   std::uint64_t seed);

/// Ratio of between- to within-cluster variance (Calinski & Harabasz 1974); absent for k = 1, k >= N or no
/// spread within clusters.
std::optional<double> calinski_harabasz(MatrixView<float> x, double inertia, std::size_t k);

/// Agreement of two labellings of the same points beyond chance, 1 for the same partition (Hubert & Arabie
/// 1985).
double adjusted_rand_index(std::span<const std::int32_t> a, std::span<const std::int32_t> b);
/// Mutual information over the mean of the two entropies; 1 where both have one cluster only.
double normalized_mutual_information(std::span<const std::int32_t> a, std::span<const std::int32_t> b);

/// Index of the knee of a falling curve: the largest 1 - y - x with both scaled to [0,1] (Satopaa et al.
/// 2011, without smoothing). Absent below three points or where the curve does not fall.
std::optional<std::size_t> knee(std::span<const std::size_t> k, std::span<const double> inertia);

/// E*[log W] - log W for every k of a list (Tibshirani et al. 2001), references drawn uniformly from the box
/// around the data along its principal axes; the error is sd * sqrt(1 + 1/B).
struct GapStatistic {
  std::vector<double> gap;
  std::vector<double> error;
  std::size_t points = 0;  ///< points used: N, or a sample of a large N
};
GapStatistic gap_statistic(Backend& backend, MatrixView<float> x, std::span<const std::size_t> k,
                           std::size_t references, const KMeansOptions& options);
/// Smallest k whose gap is at least the next one's less its error; the last if none.
std::size_t gap_one_error(std::span<const double> gap, std::span<const double> error);

enum class ClusterMethod { kmeans, gmm };

struct ClusterOptions {
  std::vector<std::size_t> k;  ///< ascending, each 1 to N
  ClusterMethod method = ClusterMethod::kmeans;
  CovarianceKind covariance = CovarianceKind::spherical;  ///< of the mixtures behind BIC
  std::size_t references = 10;                            ///< of the gap statistic
  std::size_t silhouette_sample = 10000;
  std::size_t restarts = 10;
  std::uint64_t seed = 1;
};

/// What is known about one k. With method gmm the labels, and what is computed from them, are the mixture's.
struct ClusterRow {
  std::size_t k = 0;
  double inertia = 0.0;
  std::optional<Estimate> silhouette;
  std::optional<double> calinski_harabasz;
  std::optional<double> gap, gap_error;
  std::optional<double> bic;  ///< absent where the fit has degenerate components
  std::optional<double> adjusted_rand, normalized_information;  ///< where true labels are known
  double seconds = 0.0;
  Matrix<double> centers;
  std::vector<std::int32_t> labels;
};

struct ClusterAnalysis {
  std::vector<ClusterRow> rows;
  /// The k that each rule picks; absent where the rule has nothing to go by.
  std::optional<std::size_t> elbow, silhouette, calinski_harabasz, gap, gap_argmax, bic;
  std::vector<std::string> warnings;
  std::size_t gap_points = 0;
};

/// Clusters x [N,D] for every k asked for and lets every rule choose. `truth` [N] may be empty.
ClusterAnalysis cluster(Backend& backend, MatrixView<float> x, std::span<const std::int32_t> truth,
                        const ClusterOptions& options);

/// The text of clusters.json.
std::string clusters_json(const ClusterAnalysis& analysis);

}  // namespace gmmvae
