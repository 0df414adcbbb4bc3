#include "host/io/json_file.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "host/io/input_file.hpp"
#include "tests/support/temporary_folder.hpp"

namespace gmmvae {
namespace {

TEST(JsonFile, KeepsOrderAndDigitsAndWritesNullForNan) {
  nlohmann::ordered_json value;
  value["zeta"] = 0.1;
  value["alpha"] = std::numeric_limits<double>::quiet_NaN();
  value["beta"] = -std::numeric_limits<double>::infinity();
  value["list"] = {1, 1.0 / 3.0};
  value["bad"] = "caf\xe9";  // Latin-1, as a file name may be
  const test::TemporaryFolder folder;
  write_json_file(folder / "v.json", value);
  EXPECT_EQ(read_file(folder / "v.json"),
            "{\n  \"zeta\": 0.1,\n  \"alpha\": null,\n  \"beta\": null,\n"
            "  \"list\": [\n    1,\n    0.3333333333333333\n  ],\n  \"bad\": \"caf\xef\xbf\xbd\"\n}\n");
}

}  // namespace
}  // namespace gmmvae
