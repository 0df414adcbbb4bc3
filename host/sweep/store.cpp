#include "host/sweep/store.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <iterator>
#include <limits>
#include <random>
#include <set>
#include <system_error>
#include <thread>

#include "gmmvae/error.hpp"
#include "host/config/values.hpp"
#include "host/sweep/state_bytes.hpp"

namespace gmmvae {
namespace {

/// In the order of TrialStatus.
constexpr const char* kStatusNames[] = {"done", "diverged", "pruned", "impossible"};

namespace fs = std::filesystem;

constexpr int kVersion = 2;

constexpr const char* kSchema =
    "CREATE TABLE version(format INTEGER NOT NULL) STRICT;"
    "INSERT INTO version VALUES(2);"
    "CREATE TABLE paused(id TEXT PRIMARY KEY, state BLOB NOT NULL, seconds REAL NOT NULL) STRICT;"
    "CREATE TABLE trials("
    " id TEXT PRIMARY KEY, status TEXT NOT NULL, why TEXT NOT NULL, epochs INTEGER NOT NULL,"
    " loss REAL, reconstruction REAL, kl REAL, decoder_variance REAL, elbo REAL,"
    " modes_total INTEGER NOT NULL, modes_hit INTEGER NOT NULL, modes_captured INTEGER NOT NULL,"
    " high_quality REAL, kl_per_dimension TEXT NOT NULL, active_units INTEGER NOT NULL,"
    " predicted TEXT NOT NULL, found TEXT NOT NULL, effective_variance REAL, largest_eigenvalue REAL,"
    " metrics TEXT NOT NULL, seconds REAL, device TEXT NOT NULL) STRICT, WITHOUT ROWID;";

/// A prepared statement whose parameters and columns are taken in order.
class Statement {
 public:
  Statement(sqlite3* connection, const char* sql)
      : code_(sqlite3_prepare_v2(connection, sql, -1, &statement_, nullptr)) {}
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(statement_); }

  [[nodiscard]] int code() const { return code_; }
  int step() {
    column_ = 0;
    return code_ == SQLITE_OK ? sqlite3_step(statement_) : code_;
  }
  int reset() {
    parameter_ = 1;
    return sqlite3_reset(statement_);
  }

  void bind(const std::string& text) {
    sqlite3_bind_text(statement_, parameter_++, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
  }
  void bind_bytes(const std::string& bytes) {
    sqlite3_bind_blob64(statement_, parameter_++, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
  }
  void bind(std::uint64_t value) {
    sqlite3_bind_int64(statement_, parameter_++, static_cast<sqlite3_int64>(value));
  }
  void bind(double value) {  // SQLite keeps NaN as NULL
    sqlite3_bind_double(statement_, parameter_++, value);
  }

  void read(std::string& text) {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column_));
    text.assign(bytes == nullptr ? "" : bytes,
                static_cast<std::size_t>(sqlite3_column_bytes(statement_, column_)));
    ++column_;
  }
  void read_bytes(std::string& bytes) {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column_));
    bytes.assign(data == nullptr ? "" : data,
                 static_cast<std::size_t>(sqlite3_column_bytes(statement_, column_)));
    ++column_;
  }
  void read(std::uint64_t& value) {
    value = static_cast<std::uint64_t>(sqlite3_column_int64(statement_, column_++));
  }
  void read(double& value) {
    const bool null = sqlite3_column_type(statement_, column_) == SQLITE_NULL;
    value = null ? std::numeric_limits<double>::quiet_NaN() : sqlite3_column_double(statement_, column_);
    ++column_;
  }

 private:
  sqlite3_stmt* statement_ = nullptr;
  int code_;
  int parameter_ = 1;
  int column_ = 0;
};

std::string list_text(const std::vector<double>& values) {
  return fmt::format("{}", fmt::join(values, ","));
}

/// NaN stands as nan.
std::vector<double> read_list(Statement& select) {
  std::string text;
  select.read(text);
  std::vector<double> values;
  for (const std::string& piece : split_list(text)) {
    double value = std::numeric_limits<double>::quiet_NaN();
    std::from_chars(piece.data(), piece.data() + piece.size(), value);
    values.push_back(value);
  }
  return values;
}

void bind_record(Statement& insert, const TrialRecord& r) {
  insert.bind(r.id.text());
  insert.bind(std::string(name_of(r.status)));
  insert.bind(r.why);
  insert.bind(r.epochs);
  for (const double value : {r.loss, r.reconstruction, r.kl, r.decoder_variance, r.elbo}) insert.bind(value);
  for (const std::uint64_t value : {r.modes_total, r.modes_hit, r.modes_captured}) insert.bind(value);
  insert.bind(r.high_quality);
  insert.bind(list_text(r.kl_per_dimension));
  insert.bind(r.active_units);
  insert.bind(r.predicted);
  insert.bind(r.found);
  insert.bind(r.effective_variance);
  insert.bind(r.largest_eigenvalue);
  insert.bind(list_text(r.metrics));
  insert.bind(r.seconds);
  insert.bind(r.device);
}

TrialRecord read_record(Statement& select) {
  TrialRecord r;
  std::string text;
  select.read(text);
  r.id = TrialId::of_text(text);
  select.read(text);
  r.status = status_of_name(text);
  select.read(r.why);
  select.read(r.epochs);
  for (double* value : {&r.loss, &r.reconstruction, &r.kl, &r.decoder_variance, &r.elbo}) select.read(*value);
  for (std::uint64_t* value : {&r.modes_total, &r.modes_hit, &r.modes_captured}) select.read(*value);
  select.read(r.high_quality);
  r.kl_per_dimension = read_list(select);
  select.read(r.active_units);
  select.read(r.predicted);
  select.read(r.found);
  select.read(r.effective_variance);
  select.read(r.largest_eigenvalue);
  r.metrics = read_list(select);
  select.read(r.seconds);
  select.read(r.device);
  return r;
}

}  // namespace

const char* name_of(TrialStatus status) {
  return kStatusNames[static_cast<std::size_t>(status)];
}

TrialStatus status_of_name(const std::string& name) {
  const auto* const found = std::find(std::begin(kStatusNames), std::end(kStatusNames), name);
  if (found == std::end(kStatusNames)) throw DataError(fmt::format("'{}' is no status of a trial", name));
  return static_cast<TrialStatus>(found - std::begin(kStatusNames));
}

/// Two processes that begin together may each hold the file for reading and wait for the other to let go, so
/// that SQLite refuses both. Who is refused closes it, waits for a time of its own, and tries again. A
/// process that was killed may also hold its file a moment longer, until its last write is done.
SweepStore::SweepStore(const fs::path& file, Mode mode) : name_(file.string()) {
  using std::chrono::milliseconds;
  const auto end = std::chrono::steady_clock::now() + milliseconds(mode == Mode::create ? 700 : 400);
  std::minstd_rand random(static_cast<unsigned>(::getpid()));
  for (;;) {
    const milliseconds pause(20 + random() % 100);
    try {
      open(mode, pause);
      return;
    } catch (const UsageError&) {
      if (std::chrono::steady_clock::now() >= end) throw;
    }
    std::this_thread::sleep_for(pause);
  }
}

void SweepStore::open(Mode mode, std::chrono::milliseconds patience) {
  const int flags = mode == Mode::create ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE;
  try {
    if (const int code = sqlite3_open_v2(name_.c_str(), &connection_, flags, nullptr); code != SQLITE_OK)
      fail(code);
    sqlite3_busy_timeout(connection_, static_cast<int>(patience.count()));
    // One process a file, and no write-ahead log: both work on network file systems too.
    execute("PRAGMA locking_mode=EXCLUSIVE");
    execute("PRAGMA journal_mode=TRUNCATE");
    // Exclusive from the start, and for good: a reader that comes later must not stand in the way of a save.
    execute(mode == Mode::create ? "BEGIN EXCLUSIVE" : "BEGIN");
    check_version(mode);
    execute("COMMIT");
  } catch (...) {
    close();
    throw;
  }
}

SweepStore::~SweepStore() {
  close();
}

void SweepStore::close() {
  sqlite3_close(connection_);
  connection_ = nullptr;
}

void SweepStore::fail(int code) const {
  const int kind = code & 0xff;
  if (kind == SQLITE_BUSY || kind == SQLITE_LOCKED)
    throw UsageError(fmt::format(
        "{} is in use by another process: let it finish, or give this one another --shard", name_));
  if (kind == SQLITE_NOTADB || kind == SQLITE_CORRUPT)
    throw DataError(
        fmt::format("{} is damaged or no store of a sweep ({}): remove it, and its trials are run again",
                    name_, sqlite3_errmsg(connection_)));
  throw DataError(fmt::format("{}: {}", name_, sqlite3_errmsg(connection_)));
}

void SweepStore::execute(const char* sql) const {
  if (const int code = sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr); code != SQLITE_OK)
    fail(code);
}

void SweepStore::check_version(Mode mode) const {
  std::uint64_t tables = 0, version = 0;
  Statement count(connection_, "SELECT count(*) FROM sqlite_master");
  if (const int code = count.step(); code != SQLITE_ROW) fail(code);
  count.read(tables);
  if (tables == 0 && mode == Mode::create) return execute(kSchema);
  if (tables == 0) return;  // killed, or about to begin, before anything was stored
  Statement select(connection_, "SELECT max(format) FROM version");
  if (select.code() != SQLITE_OK || select.step() != SQLITE_ROW)
    throw DataError(fmt::format("{} is an SQLite file, but no store of a sweep", name_));
  select.read(version);
  if (version != kVersion)
    throw DataError(fmt::format("{} has format {}, but this program knows {}: take the program that wrote it",
                                name_, version, kVersion));
}

void SweepStore::save(const std::vector<TrialRecord>& records, const PausedTrials& paused) {
  execute("BEGIN IMMEDIATE");
  try {
    Statement resumed(connection_, "DELETE FROM paused WHERE id = ?");
    Statement insert(connection_,
                     "INSERT OR REPLACE INTO trials VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    for (const TrialRecord& record : records) {
      bind_record(insert, record);
      if (const int code = insert.step(); code != SQLITE_DONE) fail(code);
      insert.reset();
      resumed.bind(record.id.text());
      if (const int code = resumed.step(); code != SQLITE_DONE) fail(code);
      resumed.reset();
    }
    Statement pause(connection_, "INSERT OR REPLACE INTO paused VALUES(?,?,?)");
    for (const auto& [id, trial] : paused) {
      pause.bind(id.text());
      pause.bind_bytes(state_bytes(trial.state));
      pause.bind(trial.seconds);
      if (const int code = pause.step(); code != SQLITE_DONE) fail(code);
      pause.reset();
    }
    execute("COMMIT");
  } catch (...) {
    sqlite3_exec(connection_, "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
}

/// Calls `take` for each row; a store in which nothing was ever written has none.
template <class Take>
void SweepStore::each_row(const char* sql, const Take& take) const {
  Statement tables(connection_, "SELECT 1 FROM sqlite_master");
  if (tables.step() == SQLITE_DONE) return;
  Statement select(connection_, sql);
  int code = select.step();
  for (; code == SQLITE_ROW; code = select.step()) {
    try {
      take(select);
    } catch (const DataError& error) {
      throw DataError(
          fmt::format("{} is damaged ({}): remove it, and its trials are run again", name_, error.what()));
    }
  }
  if (code != SQLITE_DONE) fail(code);
}

std::unordered_map<TrialId, TrialRecord> SweepStore::read() const {
  std::unordered_map<TrialId, TrialRecord> records;
  each_row("SELECT * FROM trials", [&](Statement& select) {
    TrialRecord record = read_record(select);
    records.insert_or_assign(record.id, std::move(record));
  });
  return records;
}

std::unordered_set<TrialId> SweepStore::read_ids() const {
  std::unordered_set<TrialId> ids;
  each_row("SELECT id FROM trials", [&](Statement& select) {
    std::string text;
    select.read(text);
    ids.insert(TrialId::of_text(text));
  });
  return ids;
}

PausedTrials SweepStore::read_paused() const {
  PausedTrials paused;
  each_row("SELECT * FROM paused", [&](Statement& select) {
    std::string id, bytes;
    select.read(id);
    select.read_bytes(bytes);
    PausedTrial& trial = paused[TrialId::of_text(id)];
    trial.state = state_of_bytes(bytes);
    select.read(trial.seconds);
  });
  return paused;
}

std::uint64_t SweepStore::forget_failed() {
  execute("DELETE FROM trials WHERE status IN ('diverged', 'impossible')");
  return static_cast<std::uint64_t>(sqlite3_changes64(connection_));
}

fs::path store_path(const fs::path& folder, std::uint64_t shard, std::uint64_t shards) {
  return folder / fmt::format("shard-{}-of-{}.sqlite", shard, shards);
}

std::vector<fs::path> store_paths(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("shard-") && name.ends_with(".sqlite")) found.push_back(entry.path());
  }
  if (error)
    throw DataError(fmt::format("the folder {} cannot be read: {}", folder.string(), error.message()));
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> missing_shards(const fs::path& folder) {
  std::set<std::uint64_t> counts;
  std::set<std::string> there;
  for (const fs::path& file : store_paths(folder)) {
    const std::string name = file.stem().string();
    there.insert(file.filename().string());
    const std::size_t of = name.rfind("-of-");
    std::uint64_t count = 0;
    if (of != std::string::npos) std::from_chars(name.data() + of + 4, name.data() + name.size(), count);
    if (count > 0) counts.insert(count);
  }
  std::vector<std::string> missing;
  // Where a sweep was cut in several ways, the other shards may have done all there was to do.
  if (counts.size() != 1) return missing;
  for (std::uint64_t shard = 0; shard < *counts.begin(); ++shard) {
    const std::string name = store_path(folder, shard, *counts.begin()).filename().string();
    if (!there.contains(name)) missing.push_back(name);
  }
  return missing;
}

}  // namespace gmmvae
