// What happens to every verb that reads points or a model when these are not what they should be: the exit
// code, one sentence with the file, the place and the reason, and no file touched.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "host/io/atomic_file.hpp"
#include "host/io/dataset_file.hpp"
#include "host/io/model_file.hpp"
#include "tests/evaluation/linear_vae.hpp"
#include "tests/support/program.hpp"

namespace gmmvae::test {
namespace {

namespace fs = std::filesystem;

/// A verb with everything it needs but --data.
struct Reader {
  const char* verb;
  const char* arguments;
};
void PrintTo(const Reader& reader, std::ostream* out) {
  *out << reader.verb;
}

class BadInput : public ProgramTest {
 protected:
  void SetUp() override {
    save_model(path("model.safetensors"), linear_vae(2, 0.3).vae());
    save_dataset(path("data.npz"), make_dataset(linear_vae(2, 0.3).law(), 50, 1));
    write_file(path("kept.npz"), "kept");
    write_file(path("kept.npy"), "kept");
  }
};

class BadData : public BadInput, public testing::WithParamInterface<Reader> {
 protected:
  /// The sentence that refuses this file as --data.
  std::string refused(const std::string& data, int code = 4) const {
    return refusal(std::string(GetParam().verb) + " " + GetParam().arguments + " --data '" + data + "'",
                   code);
  }
};

INSTANTIATE_TEST_SUITE_P(, BadData,
                         testing::Values(Reader{"predict", ""},
                                         Reader{"encode", "--model model.safetensors --out kept.npz"},
                                         Reader{"decode", "--model model.safetensors --out kept.npy"},
                                         Reader{"reconstruct", "--model model.safetensors --out kept.npy"}),
                         [](const auto& run) { return run.param.verb; });

TEST_P(BadData, MissingOrCutOff) {
  EXPECT_EQ(refused("nowhere.npz"), "cannot read nowhere.npz: No such file or directory");
  EXPECT_EQ(refused("."), "cannot read .: it is a directory, not a file");
  const std::string whole = file_bytes(path("data.npz"));
  for (const std::size_t length : {whole.size() / 2, whole.size() - 1, std::size_t{10}}) {
    write_file(path("cut.npz"), whole.substr(0, length));
    EXPECT_TRUE(refused("cut.npz").starts_with("cut.npz")) << length;
  }
  write_file(path("empty.npy"), "");
  refused("empty.npy");
  write_file(path("empty.csv"), "");
  EXPECT_EQ(refused("empty.csv"), "empty.csv is empty");
}

TEST_P(BadData, NotWhatTheNameSays) {
  write_file(path("text.npy"), "just text, no numbers");
  EXPECT_EQ(refused("text.npy"), "text.npy is not a .npy file: it does not start with \\x93NUMPY");
  write_file(path("text.npz"), "just text, no numbers");
  EXPECT_EQ(refused("text.npz"), "text.npz is not a .npz file: it is no zip archive");
}

TEST_P(BadData, ArraysThatAreNoPoints) {
  const std::string folder = GMMVAE_TEST_DATA "/io/data/";
  EXPECT_NE(refused(folder + "object.npy").find("Python objects"), std::string::npos);
  EXPECT_NE(refused(folder + "complex.npy").find("complex numbers"), std::string::npos);
  EXPECT_NE(refused(folder + "text.npy").find("text"), std::string::npos);
  EXPECT_NE(refused(folder + "structured.npy").find("structured"), std::string::npos);
  EXPECT_NE(refused(folder + "vector_i4.npy").find("has the shape (3,)"), std::string::npos);
  EXPECT_NE(refused(folder + "cube_f4.npy").find("has the shape (2, 3, 4)"), std::string::npos);
  EXPECT_NE(refused(folder + "no_rows.npy").find("its shape is (0, 3)"), std::string::npos);
}

TEST_P(BadData, NumbersThatAreNone) {
  const std::string folder = GMMVAE_TEST_DATA "/io/data/";
  EXPECT_NE(refused(folder + "nan.npy").find("NaN in row 3, column 2"), std::string::npos);
  EXPECT_NE(refused(folder + "inf.npy").find("row 3, column 2"), std::string::npos);
  write_file(path("nan.csv"), "a,b\n1,2\n3,nan\n");
  EXPECT_EQ(refused("nan.csv"),
            "nan.csv: row 2 (line 3), column 'b' is NaN; use --columns a or remove such rows");
  write_file(path("inf.csv"), "a,b\n1,inf\n");
  EXPECT_TRUE(refused("inf.csv").starts_with("inf.csv: row 1 (line 2), column 'b'"));
  write_file(path("hole.csv"), "a,b\n1,\n");
  EXPECT_EQ(refused("hole.csv"),
            "hole.csv: row 1 (line 2), column 'b' is empty; use --columns a or remove such rows");
  write_file(path("words.csv"), "a,b,c\n1,red,2\n");
  EXPECT_NE(refused("words.csv").find("column 'b' is not numeric"), std::string::npos);
  EXPECT_NE(refused("words.csv").find("--columns a,c"), std::string::npos);
  write_file(path("header.csv"), "a,b\n");
  EXPECT_EQ(refused("header.csv"), "header.csv has a header and no rows");
}

TEST_F(BadInput, AnotherNumberOfDimensionsIsRefusedWithBothNumbers) {
  save_points(path("wide.npy"), Matrix<float>(5, 4));
  const std::string model = " --model model.safetensors";
  EXPECT_EQ(refusal("encode --data wide.npy --out kept.npz" + model, 4),
            "wide.npy has 4 columns, but the model model.safetensors has 3 data dimensions");
  EXPECT_EQ(refusal("reconstruct --data wide.npy --out kept.npy" + model, 4),
            "wide.npy has 4 columns, but the model model.safetensors has 3 data dimensions");
  EXPECT_EQ(refusal("decode --data - --out kept.npy" + model, 4, path("wide.npy")),
            "standard input has 4 columns, but the model model.safetensors has 2 latent dimensions");
  EXPECT_EQ(refusal("sample --rescale-to wide.npy --out kept.npy" + model, 4),
            "wide.npy has 4 columns, but the model model.safetensors has 3 data dimensions");
}

TEST_F(BadInput, FortranOrderIsTaken) {
  const std::string folder = GMMVAE_TEST_DATA "/io/data/";
  for (const char* type : {"le_f4", "be_f4", "le_f8", "be_f2"}) {
    const auto c = object("predict --data " + folder + type + ".npy");
    const auto fortran = object("predict --data " + folder + type + "_fortran.npy");
    EXPECT_EQ(c, fortran) << type;
  }
}

TEST_F(BadInput, ModelsThatAreNone) {
  const std::string whole = file_bytes(path("model.safetensors"));
  write_file(path("cut.safetensors"), whole.substr(0, whole.size() - 3));
  write_file(path("text.safetensors"), "just text, no numbers");
  write_file(path("empty.safetensors"), "");
  fs::copy(GMMVAE_TEST_DATA "/io/data/foreign.safetensors", path("foreign.safetensors"));
  const std::string verbs[] = {"sample --out kept.npy", "encode --data data.npz --out kept.npz",
                               "decode --data data.npz --out kept.npy",
                               "reconstruct --data data.npz --out kept.npy"};
  for (const std::string& verb : verbs) {
    EXPECT_NE(refusal(verb, 2).find("needs --model FILE"), std::string::npos);
    for (const char* model : {"cut", "text", "empty", "foreign"}) {
      const std::string file = std::string(model) + ".safetensors";
      EXPECT_NE(refusal(verb + " --model " + file, 4).find(file), std::string::npos);
    }
    EXPECT_NE(refusal(verb + " --model nowhere.safetensors", 4).find("No such file"), std::string::npos);
    EXPECT_NE(refusal(verb + " --model data.npz", 4).find("data.npz"), std::string::npos);
    EXPECT_EQ(refusal(verb + " --model model.safetensors --index 1", 2),
              "--index is 1, but model.safetensors holds 1 model, counted from 0");
    refusal(verb + " --model model.safetensors --index -1", 2);
  }
}

TEST_F(BadInput, OutputsThatCannotBeWritten) {
  fs::create_symlink("/dev/full", path("full.npy"));
  fs::create_symlink("/dev/full", path("full.npz"));
  fs::create_symlink("/dev/full", path("full.csv"));
  const std::string model = " --model model.safetensors";
  save_points(path("z.npy"), Matrix<float>(5, 2));
  const std::pair<std::string, std::string> verbs[] = {{"sample --count 5000" + model, ".npy"},
                                                       {"sample" + model, ".csv"},
                                                       {"encode --data data.npz" + model, ".npz"},
                                                       {"decode --data z.npy" + model, ".csv"},
                                                       {"reconstruct --data data.npz" + model, ".npy"}};
  for (const auto& [verb, ending] : verbs) {
    EXPECT_EQ(refusal(verb + " --out full" + ending, 4),
              "cannot write full" + ending + ": No space left on device");
    EXPECT_NE(refusal(verb + " --out nowhere/a" + ending, 4).find("no folder nowhere"), std::string::npos);
    EXPECT_NE(refusal(verb, 2).find("needs --out FILE"), std::string::npos);
    refusal(verb + " --out a.txt", 2);
  }
  EXPECT_NE(
      refusal("encode --data data.npz --out data.npz" + model, 2).find("which is also the input --data"),
      std::string::npos);
}

TEST_F(BadInput, ADeviceThatIsNotThereIsNotReplaced) {
  const std::string verb = "sample --model model.safetensors --out kept.npy --device ";
  refusal(verb + "gpu", 2);
  // No machine has a thousand devices.
  EXPECT_NE(refusal(verb + "cuda:1000", 3).find("--device"), std::string::npos);
  refusal("sample --model model.safetensors --out kept.npy --count 0", 2);
  refusal("sample --model model.safetensors --out kept.npy --noise maybe", 2);
  refusal("sample --model model.safetensors --out kept.npy --threads 0", 2);
}

}  // namespace
}  // namespace gmmvae::test
