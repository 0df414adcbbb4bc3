#include "host/app/drawing.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "gmmvae/error.hpp"
#include "host/config/builders.hpp"
#include "host/mixture/mixture_toml.hpp"

namespace gmmvae {
namespace {

/// Options that say how a mixture is drawn, and so contradict one that is read.
constexpr std::string_view kDrawing[] = {"layout", "components", "dim",    "spread",
                                         "sigma",  "covariance", "weights"};

Mixture drawn_mixture(const Settings& settings) {
  const MixtureSpec spec = mixture_spec(settings);
  const std::uint64_t count = settings.count("samples");
  if (spec.components > count)
    throw UsageError(
        fmt::format("{} is {}, more than the {} points that {} asks for: give every component a chance",
                    settings.label("components"), spec.components, count, settings.label("samples")));
  return draw_mixture(spec, settings.count("seed"));
}

Mixture chosen_mixture(const Settings& settings) {
  if (!settings.is_set("mixture")) return drawn_mixture(settings);
  refuse_drawing_options(settings, "mixture");
  return read_mixture_toml(settings.text("mixture"));
}

}  // namespace

void refuse_drawing_options(const Settings& settings, std::string_view option) {
  for (const std::string_view drawing : kDrawing) {
    // A configuration may be shared with runs that draw their mixture; a command line is about this one.
    const std::string source = settings.get(drawing).source;
    if (source == "flag" || source == "--set")
      throw UsageError(fmt::format("{} does not go with {}: the file says how the {} look{}",
                                   settings.label(drawing), settings.label(option),
                                   option == "mixture" ? "mixture" : "data", option == "mixture" ? "s" : ""));
  }
}

Dataset drawn_dataset(const Settings& settings) {
  return make_dataset(chosen_mixture(settings), settings.count("samples"), settings.count("seed"));
}

}  // namespace gmmvae
