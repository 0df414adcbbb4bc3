#include <fmt/format.h>
#include <stdio.h>
#include <sys/wait.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "gmmvae/error.hpp"
#include "host/app/sweep_actions.hpp"
#include "host/io/atomic_file.hpp"
#include "host/study/commands.hpp"
#include "host/sweep/folder.hpp"

namespace gmmvae {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

/// Options of sweep run that a job takes over from the command line.
constexpr std::string_view kPassedOn[] = {"device", "threads", "keep", "rank-by"};

std::string job_command(const Settings& settings, const fs::path& folder) {
  std::string command =
      fmt::format("{} sweep run {} --out {}", shell_word(fs::read_symlink("/proc/self/exe").string()),
                  shell_word(plan_path(folder).string()), shell_word(folder.string()));
  for (const std::string_view name : kPassedOn)
    if (settings.is_given(name)) command += fmt::format(" --{} {}", name, shell_word(settings.text(name)));
  return command;
}

/// The signal comes a minute before the time limit. A job that Slurm itself requeues, or that somebody
/// cancels, gets SIGTERM instead and must not requeue itself.
std::string job_array(const Settings& settings, const fs::path& folder) {
  std::string text = "#!/bin/bash\n";
  const auto option = [&](std::string_view line) { text += fmt::format("#SBATCH {}\n", line); };
  option(fmt::format("--job-name=gmmvae-{}", folder.filename().string()));
  option(fmt::format("--array=0-{}", settings.count("shards") - 1));
  option(fmt::format("--output={}", shell_word((folder / "slurm-%A_%a.log").string())));
  option("--open-mode=append");
  option("--requeue");
  option("--signal=B:USR1@60");
  if (settings.is_given("threads") && settings.text("threads") != "auto")
    option(fmt::format("--cpus-per-task={}", settings.text("threads")));
  if (settings.is_set("sbatch"))
    for (const std::string& more : settings.names("sbatch")) option(more);
  text += fmt::format(R"(
# Each task runs the shard that its array index names. Stopped early, by the time limit or by being
# requeued, it saves how far it got; the next start of the same task goes on from there.
{} &
program=$!
out_of_time=no
trap 'out_of_time=yes; kill -USR1 $program' USR1
trap 'kill -TERM $program' TERM
while kill -0 $program 2>/dev/null; do wait $program; done
wait $program
code=$?
if [ $code = 75 ] && [ $out_of_time = yes ]; then
  scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"
fi
exit $code
)",
                      job_command(settings, folder));
  return text;
}

/// The number of the job.
std::string submitted(const fs::path& script) {
  FILE* const pipe = popen(fmt::format("sbatch --parsable {}", shell_word(script.string())).c_str(), "r");
  std::string printed;
  char buffer[256];
  while (pipe != nullptr && fgets(buffer, sizeof buffer, pipe) != nullptr) printed += buffer;
  const int status = pipe == nullptr ? -1 : pclose(pipe);
  if (status != 0)
    throw Error(
        ExitCode::failed,
        fmt::format("sbatch did not take {}{}: submit it where Slurm is, or give what the site asks for "
                    "in --sbatch",
                    script.string(), WEXITSTATUS(status) == 127 ? ", as it cannot be run here" : ""));
  return printed.substr(0, printed.find_first_of(";\n"));
}

}  // namespace

int sweep_submit(const Settings& settings, Console& console) {
  if (!settings.flag("slurm"))
    throw UsageError(
        "sweep submit needs --slurm: it knows no other queue; elsewhere start sweep run --shard I/N");
  const SweepPlan plan = sweep_plan(settings);
  const fs::path folder = fs::absolute(settings.required_path("out")).lexically_normal();
  claim_sweep_folder(folder, plan);
  const fs::path script = folder / "sweep.sbatch";
  write_file(script.string(), job_array(settings, folder));
  console.print(fmt::format("{} trials in {} tasks: {}", count_trials(plan), settings.count("shards"),
                            script.string()));
  ordered_json object{{"trials", count_trials(plan)}, {"script", script.string()}, {"job", nullptr}};
  if (settings.flag("dry-run")) {
    console.say(fmt::format("not submitted: look at it, then sbatch {}", shell_word(script.string())));
  } else {
    const std::string job = submitted(script);
    console.print(fmt::format("submitted as job {}", job));
    object["job"] = job;
  }
  console.result(object);
  return static_cast<int>(ExitCode::done);
}

}  // namespace gmmvae
