#include "host/mixture/mixture_toml.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "gmmvae/error.hpp"
#include "host/io/atomic_file.hpp"
#include "host/io/input_file.hpp"
#include "host/linalg/symmetric.hpp"

namespace gmmvae {
namespace {

constexpr std::array<std::string_view, 3> covariance_keys = {"variance", "variances", "covariance"};

/// The component tables of one file; every error names the place.
class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  Mixture read() {
    const toml::table root = parse();
    for (const auto& [key, node] : root) {
      if (key != "component")
        fail(key, fmt::format("unknown key '{}'; a mixture has [[component]] tables only", key.str()));
    }
    const toml::array* components = root["component"].as_array();
    if (components == nullptr || components->empty()) {
      throw DataError(
          fmt::format("{}: there is no [[component]] table; a mixture needs at least one", path_));
    }
    for (const toml::node& node : *components) {
      const toml::table* table = node.as_table();
      if (table == nullptr) fail(node, "a component is a table; write [[component]]");
      read_component(*table);
    }
    Matrix<double> means(weights_.size(), dim_, std::move(means_));
    return {std::move(weights_), std::move(means), std::move(covariances_)};
  }

 private:
  toml::table parse() {
    try {
      return toml::parse(std::string_view(text_ = read_file(path_)), std::string_view(path_));
    } catch (const toml::parse_error& error) {
      const toml::source_position place = error.source().begin;
      throw DataError(fmt::format("{}:{}:{}: {}", path_, place.line, place.column, error.description()));
    }
  }

  template <class Located>
  [[noreturn]] void fail(const Located& at, const std::string& reason) const {
    const toml::source_position place = at.source().begin;
    throw DataError(fmt::format("{}:{}:{}: {}", path_, place.line, place.column, reason));
  }

  [[nodiscard]] double number(const toml::node& node, std::string_view name) const {
    const auto value = node.value<double>();
    if (!value || !node.is_number() || !std::isfinite(*value))
      fail(node, fmt::format("{} takes finite numbers", name));
    return *value;
  }

  [[nodiscard]] double variance(const toml::node& node, std::string_view name) const {
    const double value = number(node, name);
    if (!(value > 0.0)) fail(node, fmt::format("{} must be positive", name));
    return value;
  }

  [[nodiscard]] const toml::array& list(const toml::node& node, std::string_view name,
                                        std::size_t size) const {
    const toml::array* array = node.as_array();
    if (array == nullptr || array->empty()) fail(node, fmt::format("{} takes a list", name));
    if (size != 0 && array->size() != size) {
      fail(node, fmt::format("{} has {} entries; the mixture has {} dimensions", name, array->size(), size));
    }
    return *array;
  }

  [[nodiscard]] const toml::node& required(const toml::table& table, std::string_view key) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) fail(table, fmt::format("the component has no {}", key));
    return *node;
  }

  void read_component(const toml::table& table) {
    const toml::node* spread = nullptr;
    std::string_view form;
    for (const auto& [key, node] : table) {
      if (key == "weight" || key == "mean") continue;
      const auto known = std::find(covariance_keys.begin(), covariance_keys.end(), key.str());
      if (known == covariance_keys.end()) {
        fail(key,
             fmt::format("unknown key '{}'; a component has weight, mean and one of variance, variances and "
                         "covariance",
                         key.str()));
      }
      if (spread != nullptr) fail(key, "a component takes only one of variance, variances and covariance");
      spread = &node;
      form = *known;
    }
    weights_.push_back(variance(required(table, "weight"), "weight"));
    const toml::array& mean = list(required(table, "mean"), "mean", dim_);
    dim_ = mean.size();
    for (const toml::node& node : mean) means_.push_back(number(node, "mean"));
    if (spread == nullptr) fail(table, "the component has none of variance, variances and covariance");
    read_covariance(*spread, form);
  }

  void read_covariance(const toml::node& node, std::string_view form) {
    Matrix<double> covariance(dim_, dim_);
    if (form == "variance") {
      const double value = variance(node, form);
      for (std::size_t d = 0; d < dim_; ++d) covariance(d, d) = value;
    } else if (form == "variances") {
      const toml::array& values = list(node, form, dim_);
      for (std::size_t d = 0; d < dim_; ++d) covariance(d, d) = variance(values[d], form);
    } else {
      const toml::array& rows = list(node, form, dim_);
      for (std::size_t i = 0; i < dim_; ++i) {
        const toml::array& row = list(rows[i], "a row of covariance", dim_);
        for (std::size_t j = 0; j < dim_; ++j) covariance(i, j) = number(row[j], form);
      }
      require_usable(node, covariance);
    }
    covariances_.push_back(std::move(covariance));
  }

  /// Mixture checks this too, but it cannot say where in the file the matrix stands.
  void require_usable(const toml::node& node, const Matrix<double>& covariance) const {
    if (!is_symmetric(covariance)) fail(node, "covariance is not symmetric");
    if (!cholesky(covariance)) fail(node, "covariance is not positive definite");
  }

  std::string path_;
  std::string text_;
  std::size_t dim_ = 0;
  std::vector<double> weights_;
  std::vector<double> means_;
  std::vector<Matrix<double>> covariances_;
};

std::string covariance_text(const Matrix<double>& covariance) {
  std::vector<double> variances;
  bool diagonal = true;
  for (std::size_t i = 0; i < covariance.rows(); ++i) {
    variances.push_back(covariance(i, i));
    for (std::size_t j = 0; j < covariance.cols(); ++j)
      diagonal = diagonal && (i == j || covariance(i, j) == 0.0);
  }
  if (diagonal && std::equal(variances.begin() + 1, variances.end(), variances.begin())) {
    return fmt::format("variance = {}\n", variances.front());
  }
  if (diagonal) return fmt::format("variances = [{}]\n", fmt::join(variances, ", "));
  std::string text = "covariance = [\n";
  for (std::size_t i = 0; i < covariance.rows(); ++i) {
    text += fmt::format("  [{}],\n", fmt::join(covariance.row(i), ", "));
  }
  return text + "]\n";
}

}  // namespace

Mixture read_mixture_toml(const std::string& path) {
  return Reader(path).read();
}

void write_mixture_toml(const std::string& path, const Mixture& mixture) {
  std::string text = "# A Gaussian mixture, as gmmvae generate --mixture reads it.\n";
  for (std::size_t k = 0; k < mixture.components(); ++k) {
    text += fmt::format("\n[[component]]\nweight = {}\nmean = [{}]\n", mixture.weights()[k],
                        fmt::join(mixture.means().row(k), ", "));
    text += covariance_text(mixture.covariances()[k]);
  }
  write_file(path, text);
}

}  // namespace gmmvae
