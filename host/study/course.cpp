#include "host/study/course.hpp"

#include <string>

namespace gmmvae {

bool is_course(const Settings& run) {
  if (run.is_set("data")) return false;
  for (const std::string& name : run.model_names()) {
    if (name == "course" && run.for_model(name).text("objective") == "course") return true;
  }
  return false;
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
