#include "serve.h"

#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "base/log.h"
#include "base/units.h"
#include "http/server.h"
#include "openai/service.h"
#include "process_signals.h"
#include "serve_gate.h"
#include "serve_options.h"
#include "serve_page.h"
#include "version.h"

namespace galley::app {
namespace {

constexpr Millis kServeDrainGrace{30'000};
constexpr Millis kCloseGrace{2'000};
constexpr Millis kLookAgain{5};
constexpr std::chrono::seconds kTidyPeriod{30};
/// A reader that takes nothing for so long holds a sequence that others wait for.
constexpr std::chrono::milliseconds kSlowReader{20'000};
constexpr std::size_t kStreamBufferBytes = 256 << 10;

http::ServerOptions server_options(const ServeOptions& options) {
  http::ServerOptions server;
  server.listen = {options.listen};
  if (!options.data.empty()) server.body_bytes_of_route = openai::Service::body_bytes_of_route();
  server.limits.write_timeout = kSlowReader;
  server.limits.stream_buffer_bytes = kStreamBufferBytes;
  if (!options.tls_certificate.empty())
    server.tls = http::TlsFiles{options.tls_certificate, options.tls_key};
  return server;
}

http::Router make_router(const ServeOptions& options, openai::Service& service) {
  http::Router router;
  auto routes = service.routes();
  for (auto& route : service.server_routes()) routes.push_back(std::move(route));
  add_page(routes);
  const auto gate = std::make_shared<ServeGate>(options.api_key, routes);
  router.use([gate](const http::Request& request, std::string_view pattern) {
    return gate->check(request, pattern);
  });
  openai::add_routes(router, std::move(routes));
  return router;
}

/// One line on stderr that grows, where somebody watches.
class LoadNote {
 public:
  explicit LoadNote(std::string name)
      : name_(std::move(name)), visible_(::isatty(STDERR_FILENO) == 1) {}
  ~LoadNote() {
    if (visible_) fmt::print(stderr, "\r\033[K");
  }
  void show(double share) const {
    if (visible_) fmt::print(stderr, "\rloading {} … {:3.0f} %", name_, share * 100);
  }

 private:
  std::string name_;
  bool visible_;
};

/// Waits until the engines have warmed up, unless the process is told to stop.
void wait_ready(const openai::TextModels& models, const std::atomic<bool>& stopping) {
  while (!models.ready() && !stopping) std::this_thread::sleep_for(kLookAgain);
}

void print_ready(const ServeOptions& options, const openai::TextModels& models,
                 const std::string& url, Instant began) {
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  for (const openai::TextModel* model : models.all()) {
    const auto& memory = model->facts().memory;
    fmt::print("galley serves {} at {}/v1: {} tokens of context, {} weights, {} KV\n",
               model->name(), url, model->context(),
               format_bytes(static_cast<std::int64_t>(memory.weight_bytes)),
               format_bytes(static_cast<std::int64_t>(memory.kv_bytes)));
  }
  fmt::print("ready after {:.2f} s{}\n", took.count(),
             options.data.empty() ? "" : ", batches in " + options.data.string());
  std::fflush(stdout);
}

/// What runs may end; what does not within the time is cut off.
void drain(openai::Service& service, const openai::TextModels& models, http::Server& server) {
  service.begin_drain();
  const auto deadline = std::chrono::steady_clock::now() + kServeDrainGrace;
  while (!service.idle() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(kLookAgain);
  models.cancel_all();
  server.drain(kCloseGrace);
}

Status serve(const ServeOptions& options, const sigset_t& signals, Instant began) {
  openai::TextModels models(system_clock());
  for (const auto& model : options.models) models.expect(model.name);
  GALLEY_TRY(auto service, openai::Service::open(models, system_clock(),
                                                 {.data = options.data,
                                                  .version = std::string(kVersion),
                                                  .warms_up = options.model.engine.warm_up}));
  GALLEY_TRY(auto server,
             http::Server::start(server_options(options), make_router(options, *service)));
  const std::string url =
      (options.tls_certificate.empty() ? "http://" : "https://") + server->addresses().front();
  fmt::print(stderr, "listening on {}\n", url);

  std::mutex failure_mutex;  // guards failure
  std::optional<Error> failure;
  std::atomic<bool> stopping{false};
  std::jthread loader([&] {
    for (const auto& model : options.models) {
      const LoadNote note(model.name);
      const auto status = models.load(model.name, model.path, options.model,
                                      [&](double share) { note.show(share); });
      if (status) continue;
      const std::lock_guard lock(failure_mutex);
      failure = status.error();
      failure->message =
          "the model " + model.path.string() + " cannot be served: " + failure->message;
      ::kill(::getpid(), SIGTERM);
      return;
    }
    wait_ready(models, stopping);
    if (!stopping && options.model.engine.warm_up) service->warm_up();
    if (!stopping) print_ready(options, models, url, began);
  });
  // What lies between used pieces of the heap is otherwise kept, and grows for days. Weights are
  // not on it: a heap of 15 MiB is locked for a few milliseconds.
  while (!stops_within(signals, kTidyPeriod)) ::malloc_trim(0);
  stopping = true;
  if (const std::lock_guard lock(failure_mutex); failure) return *failure;
  fmt::print(stderr, "stopping: running answers end, at most {} s\n",
             kServeDrainGrace.count() / 1000);
  drain(*service, models, *server);
  return ok();
}

}  // namespace

int run_serve(const std::vector<std::string>& arguments) {
  const Instant began = std::chrono::steady_clock::now();
  auto parsed = parse_serve_options(arguments);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  const ServeOptions& options = std::get<ServeOptions>(parsed);
  log::set_level(options.verbose ? log::Level::debug : log::Level::warn);
  const sigset_t signals = block_stop_signals();
  if (const auto status = serve(options, signals, began); !status) {
    fmt::print(stderr, "galley serve: {}\n", describe(status.error()));
    return 1;
  }
  return 0;
}

}  // namespace galley::app
