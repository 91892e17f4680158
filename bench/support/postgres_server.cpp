#include "postgres_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "process/child.h"

extern char** environ;

namespace galley::support {
namespace {

namespace fs = std::filesystem;
constexpr unsigned kNobody = 65534;
constexpr Millis kReadyTimeout{30'000};
constexpr Millis kStopTimeout{20'000};
constexpr Millis kPause{10};

/// The newest of Debian's.
Result<fs::path> find_programs() {
  int newest = 0;
  fs::path found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    const std::string name = entry.path().filename();
    int version = 0;
    std::from_chars(name.data(), name.data() + name.size(), version);
    if (version <= newest || !fs::exists(entry.path() / "bin/postgres")) continue;
    newest = version;
    found = entry.path() / "bin";
  }
  if (newest == 0)
    return Error{Errc::not_found,
                 "no PostgreSQL server is installed in /usr/lib/postgresql",
                 {},
                 {},
                 "apt-get install postgresql"};
  return found;
}

/// A port that was free a moment ago.
int free_port() {
  const UniqueFd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (::bind(probe.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::getsockname(probe.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
    return 0;
  return ::ntohs(address.sin_port);
}

fs::path folder_for(const PostgresOptions& options) {
  constexpr std::uintmax_t kRoom = std::uintmax_t{1} << 30;
  const fs::path memory = "/dev/shm";
  std::error_code error;
  const auto space = fs::space(memory, error);
  if (!options.on_disk && !error && space.available >= kRoom) return memory;
  return fs::temp_directory_path();
}

Status write_owned(const fs::path& path, const std::string& text) {
  GALLEY_TRY_STATUS(write_file_atomic(path, text, Durability::memory, 0600));
  if (::geteuid() == 0 && ::chown(path.c_str(), kNobody, kNobody) != 0)
    return system_error("cannot give away " + path.string(), errno);
  return ok();
}

}  // namespace

Result<PostgresServer> PostgresServer::start(const PostgresOptions& options) {
  PostgresServer server;
  GALLEY_TRY(server.programs_, find_programs());
  const fs::path parent = options.parent.empty() ? folder_for(options) : options.parent;
  std::string pattern = (parent / "galley-pg-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    return system_error("cannot make a temporary folder", errno);
  server.folder_ = pattern;
  server.as_user_ = {"/usr/bin/setpriv"};
  if (::geteuid() == 0) {
    const std::string id = std::to_string(kNobody);
    server.as_user_.insert(server.as_user_.end(), {"--reuid", id, "--regid", id, "--clear-groups"});
    if (::chown(pattern.c_str(), kNobody, kNobody) != 0)
      return system_error("cannot give away " + pattern, errno);
  }
  GALLEY_TRY_STATUS(server.initialise(options));
  GALLEY_TRY_STATUS(server.restart());
  GALLEY_TRY_STATUS(server.run("postgres", "create role locked login password 'right'"));
  return server;
}

PostgresServer::PostgresServer(PostgresServer&& other) noexcept
    : programs_(std::move(other.programs_)),
      folder_(std::exchange(other.folder_, {})),
      as_user_(std::move(other.as_user_)),
      port_(other.port_),
      pid_(std::exchange(other.pid_, -1)) {}

PostgresServer::~PostgresServer() {
  (void)crash();
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

Status PostgresServer::initialise(const PostgresOptions& options) {
  auto command = as_user_;
  const fs::path data = folder_ / "data";
  for (const std::string& word :
       {(programs_ / "initdb").string(), std::string("-D"), data.string(), std::string("-U"),
        std::string("galley"), std::string("-N"), std::string("-E"), std::string("UTF8"),
        std::string("-A"), std::string("trust"), std::string("--locale=C.UTF-8"),
        std::string("--locale-provider=icu"), std::string("--icu-locale=en-US")})
    command.push_back(word);
  GALLEY_TRY(const auto made,
             process::run_child(command, {.timeout = kReadyTimeout, .workdir = folder_.string()}));
  if (!made.succeeded())
    return Error{Errc::unavailable, "initdb failed: " + made.stdout_bytes + made.stderr_bytes};
  std::string settings = "listen_addresses = '127.0.0.1'\nunix_socket_directories = '" +
                         folder_.string() +
                         "'\nshared_buffers = 64MB\nmax_connections = 100\njit = off\n"
                         // Else a start after a crash syncs every file by itself.
                         "recovery_init_sync_method = syncfs\n";
  if (!options.durable) settings += "fsync = off\nfull_page_writes = off\n";
  for (const std::string& line : options.settings) settings += line + "\n";
  GALLEY_TRY_STATUS(write_owned(data / "postgresql.conf", settings));
  return write_owned(data / "pg_hba.conf",
                     "host all locked all scram-sha-256\nhost all all all trust\n"
                     "local all all trust\n");
}

/// Another program may take the port between our look and the server's; then we look again.
Status PostgresServer::restart() {
  constexpr int kTries = 5;
  Status status = ok();
  for (int i = 0; i < kTries; ++i) {
    const bool first = port_ == 0;
    if (first) port_ = free_port();
    status = begin();
    if (status) status = wait_ready();
    if (status) return status;
    (void)crash();
    if (first) port_ = 0;
  }
  return status;
}

Status PostgresServer::begin() {
  auto words = as_user_;
  const std::string log_file = (folder_ / "log").string();
  for (const std::string& word :
       {std::string("--pdeathsig"), std::string("QUIT"), (programs_ / "postgres").string(),
        std::string("-D"), (folder_ / "data").string(), std::string("-p"), std::to_string(port_)})
    words.push_back(word);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  GALLEY_TRY_STATUS(write_owned(log_file, ""));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log_file.c_str(), O_WRONLY | O_APPEND,
                                   0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  // A process group of its own: Ctrl-C is for us, and we then stop it in order.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  const int failed = ::posix_spawn(&pid_, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failed == 0) return ok();
  pid_ = -1;
  return system_error("cannot start PostgreSQL", failed);
}

Status PostgresServer::wait_ready() {
  const auto deadline = std::chrono::steady_clock::now() + kReadyTimeout;
  while (std::chrono::steady_clock::now() < deadline) {
    if (PQping(url("postgres").c_str()) == PQPING_OK) return ok();
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      return Error{Errc::unavailable, "PostgreSQL ended at once: " + log()};
    }
    std::this_thread::sleep_for(kPause);
  }
  return Error{Errc::timeout, "PostgreSQL is not ready: " + log()};
}

std::string PostgresServer::log() const {
  constexpr std::int64_t kMaxLog = 1 << 20;
  return read_file(folder_ / "log", kMaxLog).value_or("");
}

std::string PostgresServer::url(const std::string& database) const {
  return "postgresql://galley@127.0.0.1:" + std::to_string(port_) + "/" + database;
}

Result<std::string> PostgresServer::make_database(const std::string& name) {
  GALLEY_TRY_STATUS(run("postgres", "create database \"" + name + "\""));
  return url(name);
}

Result<std::string> PostgresServer::run(const std::string& database, const std::string& sql) const {
  const std::unique_ptr<pg_conn, decltype(&PQfinish)> connection(PQconnectdb(url(database).c_str()),
                                                                 PQfinish);
  const std::unique_ptr<pg_result, decltype(&PQclear)> result(PQexec(connection.get(), sql.c_str()),
                                                              PQclear);
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
    return Error{Errc::unavailable, sql + ": " + PQerrorMessage(connection.get())};
  return PQntuples(result.get()) > 0 ? std::string(PQgetvalue(result.get(), 0, 0)) : std::string();
}

Status PostgresServer::crash() {
  if (pid_ <= 0) return ok();
  ::kill(pid_, SIGQUIT);
  const auto deadline = std::chrono::steady_clock::now() + kStopTimeout;
  for (int status = 0; std::chrono::steady_clock::now() < deadline;) {
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      return ok();
    }
    std::this_thread::sleep_for(kPause);
  }
  ::kill(pid_, SIGKILL);
  reap();
  return Error{Errc::timeout, "PostgreSQL had to be killed"};
}

void PostgresServer::reap() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

}  // namespace galley::support
