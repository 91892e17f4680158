#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "batches.h"
#include "fields.h"
#include "file_store.h"
#include "openai/service.h"
#include "plan.h"
#include "worker.h"

namespace galley::openai {

struct Service::Impl {
  Impl(TextModels& of, const Clock& by, ServiceOptions with)
      : models(of),
        clock(by),
        options(std::move(with)),
        ids(by),
        planning{of, by, ids, options.version},
        warm(!options.warms_up) {}

  TextModels& models;
  const Clock& clock;
  const ServiceOptions options;
  IdSource ids;
  const Planning planning;
  std::atomic<bool> warm;
  std::atomic<bool> draining{false};
  Notice changed = [](const http::Request&, const std::string&, const std::string&) {};
  Worker worker;
  std::unique_ptr<FileStore> files;  // both or neither
  std::unique_ptr<Batches> batches;
};

/// A handler that answers at once, with errors in OpenAI's shape.
using Answer = std::function<Result<http::Response>(const http::Request&)>;
Route plain(std::string method, std::string pattern, http::Run run, std::string summary,
            Answer answer);

/// Errors: unavailable while the server is stopping.
Status check_draining(const Service::Impl& service);

// One for each topic.
void add_generation_routes(std::vector<Route>& routes, Service::Impl& service);
void add_embedding_routes(std::vector<Route>& routes, Service::Impl& service);
void add_model_routes(std::vector<Route>& routes, Service::Impl& service);
void add_file_routes(std::vector<Route>& routes, Service::Impl& service);
void add_batch_routes(std::vector<Route>& routes, Service::Impl& service);
void add_token_routes(std::vector<Route>& routes, Service::Impl& service);
std::string print_metrics(const TextModels& models);

}  // namespace galley::openai
