#include "host/study/course.hpp"

#include <fmt/format.h>

#include <string>

namespace gmmvae {

void add_course_defaults(Settings& run) {
  run.add_default("", "seed", fmt::format("{}", kCourseSeed));
  run.add_default("model.course", "objective", "course");
  run.add_default("model.course", "scale", "minmax");
  run.add_default("model.course", "hidden", "64");
  run.add_default("model.course", "posterior-variance", "softplus-half");
  run.add_default("model.elbo", "objective", "elbo");
}

bool is_course(const Settings& run) {
  if (run.is_set("data")) return false;
  for (const std::string& name : run.model_names()) {
    if (name == "course" && run.for_model(name).text("objective") == "course") return true;
  }
  return false;
}

std::vector<std::string> course_changes(const Settings& run) {
  Settings shipped("run");
  add_course_defaults(shipped);
  const Settings expected = shipped.for_model("course"), found = run.for_model("course");
  std::vector<std::string> changes;
  for (const Option* option : options_of("run")) {
    const bool counts =
        find_option("train", option->name) != nullptr || find_option("generate", option->name);
    if (!counts || option->effect != Effect::result) continue;
    if (const std::string value = found.text(option->name); value != expected.text(option->name))
      changes.push_back(fmt::format("{} = {}", option->name, value));
  }
  return changes;
}

std::vector<CourseRow> course_table(const History& history) {
  std::vector<CourseRow> rows;
  for (const CourseLoss& line : kCourseLosses) {
    if (history.epochs() < line.epoch) break;
    const double found = history.loss(line.epoch - 1);
    rows.push_back({line.epoch, line.published, found, found / line.published - 1.0});
  }
  return rows;
}

}  // namespace gmmvae
