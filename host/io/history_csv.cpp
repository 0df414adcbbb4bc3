#include "host/io/history_csv.hpp"

#include "gmmvae/error.hpp"
#include "host/io/csv_writer.hpp"

namespace gmmvae {

void write_history_csv(const std::string& path, std::span<const TrainingState> states) {
  if (states.empty()) throw UsageError("cannot write " + path + ": there is no model to tell of");
  const bool several = states.size() > 1;
  CsvWriter csv(path);
  if (several) csv.cell("model");
  csv.cell("epoch");
  for (const std::string& name : states[0].history.column_names()) csv.cell(name);
  csv.end_row();
  for (std::size_t model = 0; model < states.size(); ++model) {
    const History& history = states[model].history;
    for (std::size_t epoch = 0; epoch < history.epochs(); ++epoch) {
      if (several) csv.cell(model);
      csv.cell(epoch + 1);
      for (const double value : history.row(epoch)) csv.cell(value);
      csv.end_row();
    }
  }
  csv.commit();
}

}  // namespace gmmvae
