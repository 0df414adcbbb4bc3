#include "host/config/options.hpp"

#include <algorithm>
#include <cctype>

#include "host/vae/names.hpp"

namespace gmmvae {
namespace {

using Words = std::vector<std::string>;
using enum OptionKind;

constexpr Range kPositiveCount{.lowest = 1, .highest = 4294967295.0};
constexpr Range kCount{.lowest = 0, .highest = 4294967295.0};
constexpr Range kAboveZero{.lowest = 0, .above_lowest = true};
constexpr Range kFraction{.lowest = 0, .highest = 1, .below_highest = true};
// TOML's integers end at 2^63 - 1; doubles hold them exactly only up to 2^53, which is where a seed stops.
constexpr Range kSeed{.lowest = 0, .highest = 9007199254740992.0};

constexpr std::string_view kDraws = "generate run";
constexpr std::string_view kReadsData = "predict train sample encode decode reconstruct run";
constexpr std::string_view kHasObjective = "predict train run";
constexpr std::string_view kTrains = "train run";
constexpr std::string_view kReadsModel = "sample encode decode reconstruct";

constexpr Option kTable[] = {
    // Mixture
    {.name = "layout",
     .group = "Mixture",
     .verbs = kDraws,
     .kind = choice,
     .default_value = "uniform",
     .metavar = "NAME",
     .help = "where the component means lie",
     .words = choices<Layout>},
    {.name = "components",
     .group = "Mixture",
     .verbs = kDraws,
     .kind = integer,
     .default_value = "10",
     .metavar = "K",
     .help = "number of components",
     .range = kPositiveCount},
    {.name = "dim",
     .group = "Mixture",
     .verbs = kDraws,
     .kind = integer,
     .default_value = "3",
     .metavar = "D",
     .help = "number of dimensions",
     .range = kPositiveCount},
    {.name = "samples",
     .group = "Mixture",
     .verbs = kDraws,
     .kind = integer,
     .default_value = "1000",
     .metavar = "N",
     .help = "number of points to draw",
     .range = kPositiveCount},
    {.name = "spread",
     .group = "Mixture",
     .verbs = kDraws,
     .kind = real,
     .default_value = "10",
     .metavar = "R",
     .help = "uniform: means from U(-R,R); normal: R N(0,I); ring: radius; grid: step",
     .range = kAboveZero},
    {.name = "sigma",
     .group = "Mixture",
     .verbs = kDraws,
     .kind = real,
     .default_value = "1",
     .metavar = "S",
     .help = "standard deviation of a component",
     .range = kAboveZero},
    {.name = "covariance",
     .group = "Mixture",
     .verbs = kDraws,
     .kind = choice,
     .default_value = "spherical",
     .metavar = "KIND",
     .help = "shape of the components",
     .words = choices<CovarianceKind>},
    {.name = "weights",
     .group = "Mixture",
     .verbs = kDraws,
     .kind = OptionKind::weights,
     .default_value = "equal",
     .metavar = "W",
     .help = "equal, dirichlet:A, or K comma-separated numbers"},
    {.name = "mixture",
     .group = "Mixture",
     .verbs = kDraws,
     .kind = path,
     .metavar = "FILE.toml",
     .help = "read the mixture from this file instead ([[component]] tables)",
     .unset = "drawn"},

    // Data
    {.name = "data",
     .group = "Data",
     .verbs = "predict train run",
     .kind = path,
     .metavar = "FILE",
     .help = "points: .npz, .npy or .csv, or - for standard input"},
    {.name = "data",
     .group = "Data",
     .verbs = "encode reconstruct",
     .kind = path,
     .metavar = "FILE",
     .help = "points in raw units: .npz, .npy or .csv, or - for standard input"},
    {.name = "data",
     .group = "Data",
     .verbs = "decode",
     .kind = path,
     .metavar = "FILE",
     .help = "latent points: what encode wrote, or .npy or .csv with one column a latent dimension"},
    {.name = "key",
     .group = "Data",
     .verbs = kReadsData,
     .kind = text,
     .metavar = "NAME",
     .help = "which array of an .npz holds the points",
     .unset = "x, or the mean that encode wrote for decode"},
    {.name = "columns",
     .group = "Data",
     .verbs = kReadsData,
     .kind = names,
     .metavar = "A,B,...",
     .help = "which columns of a .csv hold the points",
     .unset = "all but the label"},
    {.name = "label",
     .group = "Data",
     .verbs = kReadsData,
     .kind = text,
     .default_value = "label",
     .metavar = "NAME",
     .help = "the column of a .csv that holds labels; may be text"},
    {.name = "delimiter",
     .group = "Data",
     .verbs = kReadsData,
     .kind = character,
     .default_value = ",",
     .metavar = "C",
     .help = "what separates the columns of a .csv: one character, or tab"},
    {.name = "scale",
     .group = "Data",
     .verbs = kHasObjective,
     .kind = choice,
     .default_value = "standard",
     .metavar = "KIND",
     .help = "how each column is scaled before training; kept in the model and undone",
     .words = choices<ScaleKind>},
    {.name = "validation",
     .group = "Data",
     .verbs = kTrains,
     .kind = real,
     .default_value = "0",
     .metavar = "F",
     .help = "fraction of the points held out",
     .range = kFraction},

    // Trained model
    {.name = "model",
     .group = "Trained model",
     .verbs = kReadsModel,
     .kind = path,
     .metavar = "FILE",
     .help = "the model that train wrote"},
    {.name = "index",
     .group = "Trained model",
     .verbs = kReadsModel,
     .kind = integer,
     .default_value = "0",
     .metavar = "M",
     .help = "which model of a file of several, from 0",
     .range = kCount},

    // Model
    {.name = "hidden",
     .group = "Model",
     .verbs = kTrains,
     .kind = widths,
     .default_value = "64,64",
     .metavar = "W,W,...",
     .help = "hidden widths of the encoder, mirrored by the decoder; none: a linear model",
     .words = [] { return Words{"none"}; }},
    {.name = "encoder-hidden",
     .group = "Model",
     .verbs = kTrains,
     .kind = widths,
     .metavar = "W,W,...",
     .help = "hidden widths of the encoder alone",
     .unset = "as --hidden",
     .words = [] { return Words{"none"}; }},
    {.name = "decoder-hidden",
     .group = "Model",
     .verbs = kTrains,
     .kind = widths,
     .metavar = "W,W,...",
     .help = "hidden widths of the decoder alone",
     .unset = "--hidden mirrored",
     .words = [] { return Words{"none"}; }},
    {.name = "latent",
     .group = "Model",
     .verbs = kHasObjective,
     .kind = integer,
     .default_value = "2",
     .metavar = "Z",
     .help = "number of latent dimensions",
     .range = kPositiveCount},
    {.name = "activation",
     .group = "Model",
     .verbs = kTrains,
     .kind = choice,
     .default_value = "relu",
     .metavar = "NAME",
     .help = "activation of the hidden layers",
     .words = choices<Activation>},
    {.name = "posterior-variance",
     .group = "Model",
     .verbs = kTrains,
     .kind = choice,
     .default_value = "exp",
     .metavar = "NAME",
     .help = "how the encoder's output becomes a variance",
     .words = choices<PosteriorVariance>},
    {.name = "init",
     .group = "Model",
     .verbs = kTrains,
     .kind = choice,
     .default_value = "linear",
     .metavar = "NAME",
     .help = "initial weights, named as in PyTorch; linear is nn.Linear's default",
     .words = choices<Initialization>},

    // Objective
    {.name = "objective",
     .group = "Objective",
     .verbs = kHasObjective,
     .kind = choice,
     .default_value = "elbo",
     .metavar = "NAME",
     .help = "what is minimised",
     .words = choices<ObjectiveKind>},
    {.name = "beta",
     .group = "Objective",
     .verbs = kHasObjective,
     .kind = real,
     .default_value = "1",
     .metavar = "B",
     .help = "weight of the KL divergence",
     .range = {.lowest = 0}},
    {.name = "decoder-variance",
     .group = "Objective",
     .verbs = kHasObjective,
     .kind = real,
     .metavar = "V|learned|learned-per-dim",
     .help = "variance of the decoder's Gaussian for elbo",
     .unset = "learned",
     .words =
         [] {
           return Words{"learned", "learned-per-dim"};
         },
     .range = kAboveZero,
     .unit = "scaled units"},

    // Training
    {.name = "batch",
     .group = "Training",
     .verbs = kTrains,
     .kind = integer,
     .default_value = "96",
     .metavar = "B",
     .help = "points a step; the last batch of an epoch may be shorter",
     .range = kPositiveCount},
    {.name = "epochs",
     .group = "Training",
     .verbs = kTrains,
     .kind = integer,
     .default_value = "100",
     .metavar = "E",
     .help = "passes over the data",
     .range = kPositiveCount},
    {.name = "lr",
     .group = "Training",
     .verbs = kTrains,
     .kind = real,
     .default_value = "0.001",
     .metavar = "RATE",
     .help = "Adam's learning rate",
     .range = kAboveZero},
    {.name = "lr-schedule",
     .group = "Training",
     .verbs = kTrains,
     .kind = choice,
     .default_value = "constant",
     .metavar = "NAME",
     .help = "how the learning rate falls to 0 at the last step",
     .words = choices<LearningRateSchedule>},
    {.name = "patience",
     .group = "Training",
     .verbs = kTrains,
     .kind = integer,
     .default_value = "0",
     .metavar = "E",
     .help = "stop after so many epochs without a better validation ELBO; 0: never",
     .range = kCount},
    {.name = "models",
     .group = "Training",
     .verbs = "train",
     .kind = integer,
     .default_value = "1",
     .metavar = "M",
     .help = "train so many models, alike but for their random numbers, into one file",
     .range = kPositiveCount},
    {.name = "resume",
     .group = "Training",
     .verbs = "train",
     .kind = flag,
     .default_value = "false",
     .help = "go on from OUT.checkpoint if it is there; nothing to do if the training is finished"},
    {.name = "checkpoint-every",
     .group = "Training",
     .verbs = "train",
     .kind = duration,
     .default_value = "30s",
     .metavar = "TIME",
     .help = "how often OUT.checkpoint is written; 0: only when stopped",
     .range = {.lowest = 0}},
    {.name = "max-seconds",
     .group = "Training",
     .verbs = "train",
     .kind = duration,
     .metavar = "S",
     .help = "stop after this time with everything saved and exit code 75",
     .unset = "no limit",
     .range = kAboveZero},

    // Sampling
    {.name = "count",
     .group = "Sampling",
     .verbs = "sample",
     .kind = integer,
     .default_value = "1000",
     .metavar = "N",
     .help = "number of samples",
     .range = kPositiveCount},
    {.name = "noise",
     .group = "Sampling",
     .verbs = "sample",
     .kind = choice,
     .default_value = "on",
     .metavar = "on|off",
     .help = "add the decoder's Gaussian noise, as the model says, or give its mean",
     .words =
         [] {
           return Words{"on", "off"};
         }},
    {.name = "rescale-to",
     .group = "Sampling",
     .verbs = "sample",
     .kind = path,
     .metavar = "DATA",
     .help = "stretch each column onto the range of this data, as the course did; hides a collapse",
     .unset = "not rescaled"},

    // Output
    {.name = "out",
     .group = "Output",
     .verbs = "generate",
     .kind = path,
     .metavar = "FILE",
     .help = "data set to write: .npz, or .npy or .csv with a .mixture.toml beside it"},
    {.name = "out",
     .group = "Output",
     .verbs = "train",
     .kind = path,
     .metavar = "FILE",
     .help = "model to write, in safetensors format with PyTorch's names"},
    {.name = "out",
     .group = "Output",
     .verbs = "encode",
     .kind = path,
     .metavar = "FILE.npz",
     .help = "posterior to write: mean and variance, [N,Z] each"},
    {.name = "out",
     .group = "Output",
     .verbs = "sample decode reconstruct",
     .kind = path,
     .metavar = "FILE",
     .help = "points to write in raw units: .npy or .csv"},
    {.name = "history",
     .group = "Output",
     .verbs = "train",
     .kind = path,
     .metavar = "FILE.csv",
     .help = "loss, reconstruction, KL, decoder variance, ELBO and gradient norm of every epoch",
     .unset = "not written"},

    // Everywhere
    {.name = "config",
     .group = "Everywhere",
     .verbs = "",
     .kind = path,
     .metavar = "FILE.toml",
     .help = "read options from this file; may be repeated, later files win",
     .command_only = true},
    {.name = "set",
     .group = "Everywhere",
     .verbs = "",
     .kind = text,
     .metavar = "KEY=VALUE",
     .help = "set one key, as in a file; may be repeated",
     .command_only = true},
    {.name = "print-config",
     .group = "Everywhere",
     .verbs = "",
     .kind = flag,
     .help = "print every effective option with where it comes from, and do nothing else",
     .command_only = true},
    {.name = "seed",
     .group = "Everywhere",
     .verbs = "",
     .kind = integer,
     .default_value = "1",
     .metavar = "SEED",
     .help = "of every random number",
     .range = kSeed},
    {.name = "device",
     .group = "Everywhere",
     .verbs = "",
     .kind = OptionKind::device,
     .default_value = "auto",
     .metavar = "DEVICE",
     .help = "auto, cpu, cuda, cuda:N or cuda:0,1"},
    {.name = "threads",
     .group = "Everywhere",
     .verbs = "",
     .kind = integer,
     .default_value = "auto",
     .metavar = "N",
     .help = "most threads; auto: what affinity and the cgroup's quota allow",
     .words = [] { return Words{"auto"}; },
     .range = {.lowest = 1, .highest = 4096}},
    {.name = "json",
     .group = "Everywhere",
     .verbs = "",
     .kind = flag,
     .default_value = "false",
     .help = "print one JSON object on standard output and nothing else there"},
    {.name = "progress",
     .group = "Everywhere",
     .verbs = "",
     .kind = choice,
     .default_value = "auto",
     .metavar = "WHEN",
     .help = "show progress: on a terminal, always or never",
     .words =
         [] {
           return Words{"auto", "always", "never"};
         }},
    {.name = "quiet",
     .group = "Everywhere",
     .verbs = "",
     .kind = flag,
     .default_value = "false",
     .help = "no messages but errors",
     .short_name = 'q'},
    {.name = "verbose",
     .group = "Everywhere",
     .verbs = "",
     .kind = level,
     .default_value = "0",
     .help = "say which device, path and settings are used, and why",
     .range = {.lowest = 0, .highest = 9},
     .short_name = 'v'},
    {.name = "version",
     .group = "Everywhere",
     .verbs = "",
     .kind = flag,
     .help = "print the version",
     .command_only = true},
    {.name = "help",
     .group = "Everywhere",
     .verbs = "",
     .kind = flag,
     .help = "print this text",
     .short_name = 'h',
     .command_only = true},
};

}  // namespace

std::span<const Option> option_table() {
  return kTable;
}

bool reads(std::string_view verb, const Option& option) {
  if (option.verbs.empty()) return true;
  std::string_view rest = option.verbs;
  while (!rest.empty()) {
    const std::size_t blank = std::min(rest.find(' '), rest.size());
    if (rest.substr(0, blank) == verb) return true;
    rest.remove_prefix(std::min(blank + 1, rest.size()));
  }
  return false;
}

const Option* find_option(std::string_view verb, std::string_view name) {
  for (const Option& option : kTable) {
    if (option.name == name && reads(verb, option)) return &option;
  }
  return nullptr;
}

std::vector<const Option*> options_of(std::string_view verb) {
  std::vector<const Option*> found;
  for (const Option& option : kTable) {
    if (reads(verb, option)) found.push_back(&option);
  }
  return found;
}

const Option* find_key(std::string_view name) {
  for (const Option& option : kTable) {
    if (option.name == name && !option.command_only) return &option;
  }
  return nullptr;
}

std::vector<std::string> all_keys() {
  std::vector<std::string> keys;
  for (const Option& option : kTable) {
    const bool known = std::find(keys.begin(), keys.end(), option.name) != keys.end();
    if (!option.command_only && !known) keys.emplace_back(option.name);
  }
  return keys;
}

std::string environment_name(std::string_view option) {
  std::string name = "GMMVAE_";
  for (const char c : option) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

}  // namespace gmmvae
