#include "host/config/verbs.hpp"

#include <algorithm>
#include <iterator>

namespace gmmvae {

const std::vector<VerbInfo>& verbs() {
  static const std::vector<VerbInfo> table = {
      {"generate",
       "draw a Gaussian mixture and points from it",
       "--out FILE [options]",
       "",
       {"gmmvae generate --out data.npz",
        "gmmvae generate --layout ring --components 8 --dim 2 --spread 2 --sigma 0.1 --out ring.csv",
        "gmmvae generate --covariance full --weights dirichlet:5 --samples 5000 --seed 7 --out data.npz",
        "gmmvae generate --mixture ring.csv.mixture.toml --samples 100 --out more.npy"}},
      {"predict",
       "say before any training which latent dimensions will collapse",
       "--data FILE [options]",
       "",
       {"gmmvae predict --data data.npz", "gmmvae predict --data data.npz --objective course --scale minmax",
        "gmmvae predict --data data.npz --objective elbo --decoder-variance 0.5 --beta 4 --latent 3 --json"}},
      {"train",
       "train one or many VAEs on a data set",
       "--data FILE --out FILE [options]",
       "",
       {"gmmvae train --data data.npz --out model.safetensors",
        "gmmvae train --data data.npz --objective course --scale minmax --hidden 64 --out course.safetensors",
        ("gmmvae train --data points.csv --columns x,y,z --validation 0.2 --patience 20 --epochs 1000 "
         "--out model.safetensors --history history.csv"),
        ("gmmvae train --data data.npz --models 64 --epochs 500 --max-seconds 3600 --resume "
         "--out many.safetensors"),
        "cat points.csv | gmmvae train --data - --out model.safetensors --json"}},
      {"sample",
       "draw new points from a trained model",
       "--model FILE --out FILE [options]",
       "",
       {"gmmvae sample --model model.safetensors --out samples.npy",
        "gmmvae sample --model model.safetensors --count 10000 --noise off --out means.csv",
        "gmmvae sample --model many.safetensors --index 3 --rescale-to data.npz --out rescaled.npy"}},
      {"encode",
       "give the posterior of each point",
       "--model FILE --data FILE --out FILE.npz [options]",
       "",
       {"gmmvae encode --model model.safetensors --data data.npz --out latents.npz"}},
      {"decode",
       "turn latent points into points in raw units",
       "--model FILE --data FILE --out FILE [options]",
       "",
       {"gmmvae decode --model model.safetensors --data latents.npz --out points.npy",
        "gmmvae decode --model model.safetensors --data latent-grid.csv --out grid.csv"}},
      {"reconstruct",
       "encode points and decode their posterior means",
       "--model FILE --data FILE --out FILE [options]",
       "",
       {"gmmvae reconstruct --model model.safetensors --data data.npz --out reconstructed.csv"}},
      {"evaluate",
       "say how far a model, or any set of samples, is from the truth",
       "(--model FILE | --samples FILE) --data FILE [options]",
       "",
       {"gmmvae evaluate --model model.safetensors --data data.npz",
        "gmmvae evaluate --model model.safetensors --data data.npz --out metrics.json --json",
        "gmmvae evaluate --samples generated.npy --data data.npz"}},
      {"cluster",
       "cluster points and say how many clusters each rule sees",
       "--data FILE [options]",
       "",
       {"gmmvae cluster --data data.npz", "gmmvae cluster --data samples.npy --k 1..16 --out clusters.json",
        "gmmvae cluster --data points.csv --k 10 --method gmm --labels labels.npy --centers means.npy"}},
      {"tsne",
       "embed points in the plane by t-SNE",
       "--data FILE --out FILE [options]",
       "",
       {"gmmvae tsne --data data.npz --out embedding.npy",
        "gmmvae tsne --data data.npz --perplexity 50 --iterations 750 --out embedding.npz --json",
        "gmmvae tsne --data more.npy --transform embedding.npz --out placed.npy"}},
      {"run",
       "a whole study: data, predictions, models, verdicts and a report in one folder",
       "--out DIR [options]",
       "",
       {"gmmvae run --out runs/course", "gmmvae run --config study.toml --out runs/study",
        "gmmvae run --data points.csv --objective elbo --epochs 500 --out runs/points",
        "gmmvae run --components 8 --layout ring --dim 2 --set model.elbo.epochs=1000 --out runs/ring"},
       "Without --data, --objective or [model.NAME] tables of its own it is the course experiment: the "
       "models course "
       "and elbo, 100 epochs each, on one mixture of the shipped seed 34688. A folder that holds an "
       "unfinished run of "
       "the same configuration is gone on with.",
       true},
      {"sweep",
       "train every combination of some options' values and tabulate what became of them",
       "run|status|collect|retry|submit|report [SPEC.toml] [KEY=VALUES...] --out DIR [options]",
       "ACTION [SPEC.toml|DIR] [KEY=VALUES...]",
       {"gmmvae sweep run 'lr=log(1e-4,1e-2,8)' beta=0.5,1,4 --out sweeps/first",
        "gmmvae sweep run study.toml seed=1..100 --shard 0/4 --out sweeps/study",
        "gmmvae sweep run 'hidden=64,64;16' latent=1..4 --dry-run",
        ("gmmvae sweep run 'lr=log(1e-5,1e-1,1000)' 'beta=lin(0.1,4,1000)' --method sobol --points 256 "
         "--prune halving --keep 10 --out sweeps/sobol"),
        "gmmvae sweep submit study.toml seed=1..100 --slurm --shards 16 --dry-run --out sweeps/array",
        "gmmvae sweep status sweeps/first", "gmmvae sweep collect sweeps/first --out results.csv",
        "gmmvae sweep report sweeps/first --metric elbo"},
       "An axis is KEY=V,V, KEY=A..B (whole numbers, both ends), KEY=lin(A,B,N) or KEY=log(A,B,N); values of "
       "keys that are lists themselves are separated by semicolons. A specification file holds fixed keys, "
       "and the axes as texts or lists in a table [space].",
       false,
       {"run", "status", "collect", "retry", "submit", "report"}},
      {"report",
       "make the report of a run or sweep, or its pictures",
       "DIR [options]",
       "DIR",
       {"gmmvae report runs/course", "gmmvae report runs/course --format svg --out pictures",
        "gmmvae report sweeps/first --out first.html"}},
      {"export",
       "write models, histories and sweeps in the formats of other tools",
       "MODEL|RUN|SWEEP --out DIR [options]",
       "MODEL|RUN|SWEEP",
       {"gmmvae export model.safetensors --out onnx",
        "gmmvae export runs/course --format tensorboard --out logs",
        "gmmvae export model.safetensors --history history.csv --format npz --out arrays",
        "gmmvae export many.safetensors --index 3 --format csv --out tables",
        "gmmvae export sweeps/first --format optuna --out study"},
       "onnx: encoder.onnx (x to mean and variance) and decoder.onnx (z to x), raw units in and out. npz and "
       "csv: "
       "parameters and, where it is known, history. tensorboard: the history, for tensorboard --logdir DIR. "
       "optuna: "
       "a sweep as journal.log, for optuna-dashboard. A run's models get a folder each, named as they are.",
       false},
      {"bench",
       "time trainings, kernels and embeddings, and hold two measurements against each other",
       "train|kernels|tsne|compare|selftest [KEY=VALUES...|FILE FILE] [options]",
       "ACTION [KEY=VALUES...|FILE FILE]",
       {"gmmvae bench kernels",
        "gmmvae bench kernels --hidden '16;64,64' --batch 96,256 --json > before.json",
        "gmmvae bench train --hidden '16;64,64;256,256' --models 1,64 threads=1,2 --md",
        "gmmvae bench tsne --samples 1000,10000 --dim 50",
        "gmmvae bench compare before.json after.json --fail-on-slower 10", "gmmvae bench selftest"},
       "Every key that train, generate or tsne reads can be an axis, as an option below or as KEY=VALUES; "
       "every "
       "combination is timed. GB/s and GFLOP/s count what the work needs at least; percentages are of the "
       "peaks that the device reached in a copy and in a loop of multiply-adds. Kernels on the CPU run on "
       "one "
       "core and are timed by the processor's clock of their thread; dense layers on a GPU have cuBLASLt's "
       "time beside theirs.",
       false,
       {"train", "kernels", "tsne", "compare", "selftest"}},
      {"doctor",
       "say what works on this machine, what does not, and how to fix it",
       "[DIR] [options]",
       "[DIR]",
       {"gmmvae doctor", "gmmvae doctor --json", "gmmvae doctor /tmp"},
       "DIR is where results are to lie: whether it can be written, how much fits, and on what file system "
       "it is."},
      {"completion",
       "print a script that completes verbs and options in a shell",
       "bash|zsh|fish",
       "bash|zsh|fish",
       {"source <(gmmvae completion bash)", "gmmvae completion zsh > _gmmvae",
        "gmmvae completion fish > gmmvae.fish"},
       "An installed gmmvae has them where the shells look. By hand: bash reads what it sources, zsh a file "
       "_gmmvae in "
       "a folder of $fpath, fish one in ~/.config/fish/completions.",
       false,
       {"bash", "zsh", "fish"}},
      {"man",
       "print the manual page",
       "",
       "",
       {"gmmvae man > gmmvae.1"},
       "An installed gmmvae has it where man looks; man -l gmmvae.1 shows a page that lies anywhere."},
  };
  return table;
}

const VerbInfo* find_verb(std::string_view name) {
  const auto found =
      std::find_if(verbs().begin(), verbs().end(), [&](const VerbInfo& verb) { return verb.name == name; });
  return found == verbs().end() ? nullptr : &*found;
}

std::vector<std::string> verb_names() {
  std::vector<std::string> names;
  std::transform(verbs().begin(), verbs().end(), std::back_inserter(names),
                 [](const VerbInfo& verb) { return std::string(verb.name); });
  return names;
}

}  // namespace gmmvae
