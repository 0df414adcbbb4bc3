#include <fmt/format.h>

#include "host/config/completion.hpp"
#include "host/config/help.hpp"
#include "host/config/options.hpp"
#include "host/config/verbs.hpp"

namespace gmmvae {
namespace {

/// Text as roff takes it: no character of it is a request or an escape, and a minus sign stays one.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (out.empty() && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '\'') {
      out += "\\(aq";
    } else {
      out += c;
    }
  }
  return out;
}

std::string option_entry(const Option& option) {
  std::string out = ".TP\n";
  if (option.short_name != 0) out += fmt::format("\\fB\\-{}\\fR, ", option.short_name);
  out += fmt::format("\\fB\\-\\-{}\\fR", roff(option.name));
  if (!option.metavar.empty()) out += fmt::format(" \\fI{}\\fR", roff(option.metavar));
  return out + fmt::format("\n{}\n", roff(option_remarks(option)));
}

std::string example_lines(const VerbInfo& verb) {
  std::string out = ".PP\n.nf\n";
  for (const std::string_view example : verb.examples) out += fmt::format("{}\n", roff(example));
  return out + ".fi\n";
}

std::string verb_section(const VerbInfo& verb) {
  std::string out = fmt::format(".SS {}\n{}.\n.PP\n\\fBgmmvae {}\\fR {}\n", verb.name, roff(verb.summary),
                                verb.name, roff(verb.usage));
  if (!verb.notes.empty()) out += fmt::format(".PP\n{}\n", roff(verb.notes));
  out += example_lines(verb);
  for (const Option* option : options_of(verb.name)) {
    if (!option->verbs.empty()) out += option_entry(*option);
  }
  return out;
}

struct ExitStatus {
  int code;
  std::string_view meaning;
};
constexpr ExitStatus kExitStatus[] = {
    {0, "done"},
    {1, "failed"},
    {2, "usage or configuration, bad values of options included"},
    {3, "no usable device"},
    {4, "data or file, its contents included"},
    {5, "a training diverged"},
    {6, "a sweep ended with failed trials or missing shards"},
    {75, "stopped by a signal or a time limit with everything saved: run again to go on"},
};

}  // namespace

std::string manual_page(std::string_view version, std::string_view date) {
  std::string out = fmt::format(".TH GMMVAE 1 \"{}\" \"gmmvae {}\" \"User Commands\"\n", date, version);
  out +=
      ".SH NAME\ngmmvae \\- variational autoencoders on Gaussian mixtures, where the truth is known\n"
      ".SH SYNOPSIS\n\\fBgmmvae\\fR \\fIVERB\\fR [\\fIoptions\\fR]\n.SH DESCRIPTION\n"
      "Draws Gaussian mixtures, trains variational autoencoders (VAEs) on them, one or thousands at a time, "
      "and\n"
      "says which modes each model kept, how many nats it is from the truth, and why it collapsed if it "
      "did.\n"
      ".PP\nData go to standard output, messages to standard error. An option that takes a list takes it in "
      "one\n"
      "argument. Every option can also stand in a TOML file (\\fB\\-\\-config\\fR), in \\fB\\-\\-set\\fR or "
      "in the\n"
      "environment: \\fBGMMVAE_LR\\fR for \\fB\\-\\-lr\\fR. A flag wins over \\fB\\-\\-set\\fR, that over "
      "the\n"
      "environment, that over files, and files over defaults.\n.SH OPTIONS OF EVERY VERB\n";
  for (const Option* option : options_of("")) out += option_entry(*option);
  out += ".SH VERBS\n";
  for (const VerbInfo& verb : verbs()) out += verb_section(verb);
  out += ".SH EXIT STATUS\n";
  for (const ExitStatus& status : kExitStatus)
    out += fmt::format(".TP\n{}\n{}\n", status.code, roff(status.meaning));
  out +=
      ".SH ENVIRONMENT\n.TP\n\\fBGMMVAE_\\fIOPTION\\fR\nthe option of that name, in upper case with _ for "
      "\\-\n"
      ".TP\n\\fBGMMVAE_ISA\\fR\npins the instruction set of the CPU backend: baseline, avx2 or avx512\n"
      ".TP\n\\fBNO_COLOR\\fR\nno colours, whatever its value\n";
  return out;
}

}  // namespace gmmvae
