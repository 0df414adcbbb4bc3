#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/dataset.hpp"
#include "gmmvae/error.hpp"
#include "host/app/device.hpp"
#include "host/app/files.hpp"
#include "host/app/short_list.hpp"
#include "host/app/verbs.hpp"
#include "host/io/npz.hpp"
#include "host/vae/sampling.hpp"

// The verbs that put points through a trained model: sample, encode, decode and reconstruct.
namespace gmmvae {
namespace {

using nlohmann::ordered_json;

/// A verb's output file, model and device, in the order in which they can fail.
struct OpenedModel {
  std::string out;
  ChosenModel model;
  std::unique_ptr<Backend> backend;

  OpenedModel(const Settings& settings, const Console& console, std::string_view endings)
      : out(writable_path(settings, "out", endings)),
        model(read_model(settings)),
        backend(chosen_backend(settings, console)) {}

  [[nodiscard]] const Architecture& shape() const { return model.vae.architecture; }
};

/// The points of a data set that must have as many columns as the model needs.
Dataset fitting(Dataset data, const Settings& settings, std::string_view option, std::size_t needed,
                const char* dimensions) {
  if (data.x.cols() == needed) return data;
  const std::string name = settings.text(option) == "-" ? "standard input" : settings.text(option);
  throw DataError(fmt::format("{} has {} columns, but the model {} has {} {}", name, data.x.cols(),
                              settings.text("model"), needed, dimensions));
}

/// What --data names, for a verb that encodes.
Dataset fitting_data(const Settings& settings, const OpenedModel& opened) {
  return fitting(read_data(settings), settings, "data", opened.shape().data_dim, "data dimensions");
}

ordered_json about_points(const Settings& settings, const OpenedModel& opened, MatrixView<float> points) {
  ordered_json object;
  object["out"] = opened.out;
  object["model"] = settings.text("model");
  object["index"] = opened.model.index;
  object["points"] = points.rows;
  object["dim"] = points.cols;
  return object;
}

/// Writes the points, and gives what --json has of any.
ordered_json write_result(const Settings& settings, const Console& console, const OpenedModel& opened,
                          MatrixView<float> points) {
  write_points(opened.out, points);
  console.say(fmt::format("wrote {}", opened.out));
  return about_points(settings, opened, points);
}

/// The sum of the columns' variances.
double total_variance(MatrixView<float> points) {
  const Matrix<double> covariance = moments(points).covariance;
  double sum = 0.0;
  for (std::size_t d = 0; d < covariance.rows(); ++d) sum += covariance(d, d);
  return sum;
}

double mean_squared_error(MatrixView<float> a, MatrixView<float> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a.data[i]) - b.data[i];
    sum += difference * difference;
  }
  return sum / static_cast<double>(a.size());
}

/// The mean over the points of each latent dimension's KL to the prior, nats.
std::vector<double> mean_kl(const Posterior& posterior) {
  std::vector<double> kl(posterior.mean.cols());
  for (std::size_t i = 0; i < posterior.mean.rows(); ++i) {
    for (std::size_t j = 0; j < kl.size(); ++j) {
      const double mean = posterior.mean(i, j), variance = posterior.variance(i, j);
      kl[j] += 0.5 * (mean * mean + variance - 1.0 - std::log(variance));
    }
  }
  for (double& value : kl) value /= static_cast<double>(posterior.mean.rows());
  return kl;
}

/// Samples stretched onto the data's range, and what that hides.
struct Rescaled {
  Matrix<float> points;
  double variance_ratio = 0.0;  ///< total variance of the samples before, over the data's
};

Rescaled rescale(const Settings& settings, const OpenedModel& opened, const Matrix<float>& samples) {
  const Dataset data = fitting(read_data(settings, "rescale-to"), settings, "rescale-to",
                               opened.shape().data_dim, "data dimensions");
  return {rescale_to_range(samples, data.x), total_variance(samples) / total_variance(data.x)};
}

}  // namespace

int run_sample(const Settings& settings, Console& console) {
  const OpenedModel opened(settings, console, ".npy .csv");
  const bool noise = settings.text("noise") == "on", rescaling = settings.is_set("rescale-to");
  Matrix<float> samples = sample_model(*opened.backend, opened.model.vae, opened.model.index,
                                       settings.count("count"), noise, settings.count("seed"));
  const std::vector<double> variance = opened.model.vae.decoder_variance(opened.model.index);
  ordered_json how = {{"noise", noise}, {"decoder_variance", variance}, {"rescaled_to", nullptr}};
  if (rescaling) {
    Rescaled rescaled = rescale(settings, opened, samples);
    samples = std::move(rescaled.points);
    how["rescaled_to"] = settings.text("rescale-to");
    how["variance_ratio_before_rescaling"] = rescaled.variance_ratio;
    console.warn(fmt::format(
        "RESCALED SAMPLES HIDE A COLLAPSE: each column was stretched onto the range of {}. Before "
        "that the samples' variance was {:.3g} times the data's; judge the model without "
        "--rescale-to",
        settings.text("rescale-to"), rescaled.variance_ratio));
  }
  ordered_json object = write_result(settings, console, opened, samples);
  object.update(how);
  console.print(fmt::format(
      "{} samples in {} dimensions, {}{}", samples.rows(), samples.cols(),
      noise ? fmt::format("with the decoder's noise (variance {} in scaled units)", short_list(variance))
            : "the decoder's means without its noise",
      rescaling ? ", RESCALED" : ""));
  console.result(object);
  return 0;
}

int run_encode(const Settings& settings, Console& console) {
  const OpenedModel opened(settings, console, ".npz");
  const Dataset data = fitting_data(settings, opened);
  const Posterior posterior = encode_points(*opened.backend, opened.model.vae, opened.model.index, data.x);
  NpzWriter writer(opened.out);
  writer.add<float>("mean", posterior.mean);
  writer.add<float>("variance", posterior.variance);
  writer.commit();
  const std::vector<double> kl = mean_kl(posterior);
  console.say(fmt::format("wrote {}", opened.out));
  console.print(
      fmt::format("the posteriors of {} points in {} latent dimensions, whose KL to the prior is {} nats",
                  data.x.rows(), kl.size(), short_list(kl)));
  ordered_json object = about_points(settings, opened, data.x);
  object["latent"] = kl.size();
  object["kl_per_dimension"] = kl;
  console.result(object);
  return 0;
}

int run_decode(const Settings& settings, Console& console) {
  const OpenedModel opened(settings, console, ".npy .csv");
  const Dataset latents =
      fitting(read_latents(settings), settings, "data", opened.shape().latent, "latent dimensions");
  const Matrix<float> points =
      decode_points(*opened.backend, opened.model.vae, opened.model.index, latents.x);
  ordered_json object = write_result(settings, console, opened, points);
  object["latent"] = latents.x.cols();
  console.print(fmt::format("{} points in {} dimensions from {} latent ones", points.rows(), points.cols(),
                            latents.x.cols()));
  console.result(object);
  return 0;
}

int run_reconstruct(const Settings& settings, Console& console) {
  const OpenedModel opened(settings, console, ".npy .csv");
  const Dataset data = fitting_data(settings, opened);
  const Matrix<float> points =
      reconstruct_points(*opened.backend, opened.model.vae, opened.model.index, data.x);
  ordered_json object = write_result(settings, console, opened, points);
  const double error = mean_squared_error(points, data.x);
  const double mean_variance = total_variance(data.x) / static_cast<double>(data.x.cols());
  object["mean_squared_error"] = error;
  object["mean_variance"] = mean_variance;
  console.print(
      fmt::format("{} points in {} dimensions; mean squared error {:.6g} where the data's mean variance is "
                  "{:.6g}",
                  points.rows(), points.cols(), error, mean_variance));
  console.result(object);
  return 0;
}

}  // namespace gmmvae
