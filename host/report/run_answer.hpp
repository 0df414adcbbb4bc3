#pragma once

#include <string>

#include "host/study/run_record.hpp"

namespace gmmvae {

/// What a reader wants to know of a run, as HTML, before any picture: which modes survived and how far the
/// models are from the truth in a sentence or two, then a card a model with its figures and the reason.
std::string run_answer(const RunRecord& run);

}  // namespace gmmvae
