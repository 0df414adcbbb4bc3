#include "host/app/device.hpp"

#include <fmt/format.h>

#include "host/config/builders.hpp"

namespace gmmvae {

std::unique_ptr<Backend> chosen_backend(const Settings& settings, const Console& console) {
  std::string note;
  std::unique_ptr<Backend> backend = make_backend(backend_options(settings), &note);
  if (!note.empty()) console.detail(note);
  console.detail(fmt::format("device {}: {}", backend->name(), backend->description()));
  return backend;
}

}  // namespace gmmvae
