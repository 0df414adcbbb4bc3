#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/config/options.hpp"

namespace gmmvae {

// The rows of the option table, one function a file, in the order of help; options.cpp joins them. What the
// rows share stands here.

std::span<const Option> mixture_options();
std::span<const Option> data_options();
std::span<const Option> model_options();
std::span<const Option> training_options();
std::span<const Option> evaluation_options();
std::span<const Option> clustering_options();
std::span<const Option> embedding_options();
std::span<const Option> sweep_options();
std::span<const Option> bench_options();
std::span<const Option> stopping_options();
std::span<const Option> output_options();
std::span<const Option> everywhere_options();

using Words = std::vector<std::string>;

inline constexpr Range kPositiveCount{.lowest = 1, .highest = 4294967295.0};
inline constexpr Range kCount{.lowest = 0, .highest = 4294967295.0};
inline constexpr Range kAboveZero{.lowest = 0, .above_lowest = true};
/// Lengths whose squares and ratios stay far from the ends of single precision.
inline constexpr Range kLength{.lowest = 1e-15, .highest = 1e15};
inline constexpr Range kFraction{.lowest = 0, .highest = 1, .below_highest = true};

inline constexpr std::string_view kDraws = "generate run sweep";
inline constexpr std::string_view kReadsData =
    "predict train sample encode decode reconstruct evaluate cluster tsne run";
inline constexpr std::string_view kHasObjective = "predict train run sweep";
inline constexpr std::string_view kTrains = "train run sweep";
inline constexpr std::string_view kReadsModel = "sample encode decode reconstruct evaluate export";

}  // namespace gmmvae
