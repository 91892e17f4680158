#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "error_reply.h"
#include "filter.h"
#include "listing.h"
#include "registered.h"
#include "service_impl.h"

namespace galley::mlflow {
namespace {

using store::Transaction;

constexpr std::size_t kMaxRegisteredName = 256;
constexpr std::size_t kMaxDescription = 5000;
constexpr std::int64_t kRegisteredShown = 100;
constexpr std::int64_t kMaxRegisteredShown = 1000;

Status check_registered_name(const std::string& name) {
  if (name.size() > kMaxRegisteredName || name.find_first_of("/:") != std::string::npos)
    return fault(
        fmt::format("Invalid model name: '{}'. A name has at most {} bytes, and neither /"
                    " nor :",
                    name.substr(0, 80), kMaxRegisteredName));
  return ok();
}

Result<std::string> description_of(const Call& call) {
  GALLEY_TRY(auto text, call.text_or("description"));
  if (text.size() <= kMaxDescription) return text;
  return fault(fmt::format("a description has at most {} bytes", kMaxDescription));
}

Result<Reply> create_registered(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto name, call.text("name"));
  GALLEY_TRY_STATUS(check_registered_name(name));
  GALLEY_TRY(const auto description, description_of(call));
  GALLEY_TRY(const auto tags, call.pairs("tags"));
  const WallTime now = service.now();
  Reply reply{.subject = name};
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    if (find_registered(transaction, name))
      return already_there(fmt::format("Registered Model (name={}) already exists.", name));
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into registered_models (name, description, user_name, created_ms, updated_ms)"
        " values (:1, :2, :3, :4, :4)",
        {name, description, call.principal(), to_ms(now)}));
    for (const auto& [key, value] : tags)
      GALLEY_TRY_STATUS(write_registered_tag(transaction, name, 0, key, value));
    GALLEY_TRY(const auto made, find_registered(transaction, name));
    reply.body = Json{{"registered_model", print_registered(made)}};
    return ok();
  }));
  return reply;
}

Result<Reply> get_registered(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto name, call.text("name"));
  Reply reply;
  GALLEY_TRY_STATUS(service.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto found, find_registered(transaction, name));
    reply.body = Json{{"registered_model", print_registered(found)}};
    return ok();
  }));
  return reply;
}

/// Every table that names the model.
Status rename_everywhere(Transaction& transaction, const RegisteredModel& model,
                         const std::string& name, WallTime now) {
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into registered_models (name, description, user_name, created_ms, updated_ms)"
      " values (:1, :2, :3, :4, :5)",
      {name, model.description, model.user, model.created_ms, to_ms(now)}));
  for (const char* table : {"registered_versions", "registered_tags", "registered_aliases"})
    GALLEY_TRY_STATUS(transaction.execute(
        fmt::format("update {} set model = :1 where model = :2", table), {name, model.name}));
  return transaction.enqueue("delete from registered_models where name = :1", {model.name});
}

Result<Reply> rename_registered(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto name, call.text("name"));
  GALLEY_TRY(const auto new_name, call.text("new_name"));
  GALLEY_TRY_STATUS(check_registered_name(new_name));
  const WallTime now = service.now();
  Reply reply{.subject = new_name};
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto found, find_registered(transaction, name));
    if (new_name != name) {
      if (find_registered(transaction, new_name))
        return already_there(fmt::format("Registered Model (name={}) already exists.", new_name));
      GALLEY_TRY_STATUS(rename_everywhere(transaction, found, new_name, now));
    }
    GALLEY_TRY(const auto renamed, find_registered(transaction, new_name));
    reply.body = Json{{"registered_model", print_registered(renamed)}};
    return ok();
  }));
  return reply;
}

Result<Reply> update_registered(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto name, call.text("name"));
  GALLEY_TRY(const auto description, description_of(call));
  const WallTime now = service.now();
  Reply reply{.subject = name};
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(find_registered(transaction, name));
    GALLEY_TRY_STATUS(transaction.execute(
        "update registered_models set description = :1, updated_ms = :2 where name = :3",
        {description, to_ms(now), name}));
    GALLEY_TRY(const auto found, find_registered(transaction, name));
    reply.body = Json{{"registered_model", print_registered(found)}};
    return ok();
  }));
  return reply;
}

Result<Reply> delete_registered(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto name, call.text("name"));
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(find_registered(transaction, name));
    for (const char* table : {"registered_aliases", "registered_tags", "registered_versions"})
      GALLEY_TRY_STATUS(
          transaction.execute(fmt::format("delete from {} where model = :1", table), {name}));
    return transaction.enqueue("delete from registered_models where name = :1", {name});
  }));
  return Reply{.subject = name};
}

Result<bool> fulfils_all_of_registered(const std::vector<Clause>& clauses,
                                       const RegisteredModel& model) {
  for (const Clause& clause : clauses) {
    if (clause.entity == Entity::tag) {
      const auto tag = std::ranges::find(model.tags, clause.key, &KeyValue::first);
      if (!fulfils(clause, tag == model.tags.end() ? nullptr : &tag->second)) return false;
    } else if (clause.entity == Entity::attribute && clause.key == "name") {
      if (!fulfils(clause, &model.name)) return false;
    } else {
      return fault(fmt::format("Invalid attribute key '{}' specified. Valid keys are name and tags",
                               clause.key.substr(0, 80)));
    }
  }
  return true;
}

/// What clients keep among models and is none, unless it is asked for.
bool is_prompt(const RegisteredModel& model) {
  return std::ranges::find(model.tags, "mlflow.prompt.is_prompt", &KeyValue::first) !=
         model.tags.end();
}

Before<RegisteredModel> registered_field(std::string_view key) {
  if (key == "name") return by_member(&RegisteredModel::name);
  if (key == "timestamp" || key == "last_updated_timestamp")
    return by_member(&RegisteredModel::updated_ms);
  return {};
}

Result<Reply> search_registered(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto filter, call.text_or("filter"));
  GALLEY_TRY(const auto clauses, parse_filter(filter));
  GALLEY_TRY(const auto orders, call.texts("order_by"));
  std::vector<RegisteredModel> found;
  GALLEY_TRY_STATUS(service.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(auto all, all_registered(transaction));
    for (RegisteredModel& one : all) {
      GALLEY_TRY(const bool fits, fulfils_all_of_registered(clauses, one));
      if (fits && (!clauses.empty() || !is_prompt(one))) found.push_back(std::move(one));
    }
    return ok();
  }));
  GALLEY_TRY_STATUS(sort_by(found, orders, registered_field));
  return reply_page(call, found, "registered_models", kRegisteredShown, kMaxRegisteredShown,
                    [](const RegisteredModel& one) { return print_registered(one); });
}

Result<Reply> latest_versions(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto name, call.text("name"));
  GALLEY_TRY(const auto stages, call.texts("stages"));
  Reply reply;
  GALLEY_TRY_STATUS(service.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto found, find_registered(transaction, name));
    for (const RegisteredVersion& one : found.latest)
      if (stages.empty() || std::ranges::find(stages, one.stage) != stages.end())
        reply.body["model_versions"].push_back(print_version(one));
    return ok();
  }));
  return reply;
}

Result<Reply> write_model_tag(Service::Impl& service, const Call& call,
                              const std::optional<std::string>& value) {
  GALLEY_TRY(const auto name, call.text("name"));
  GALLEY_TRY(const auto key, call.text("key"));
  const WallTime now = service.now();
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(find_registered(transaction, name));
    GALLEY_TRY_STATUS(write_registered_tag(transaction, name, 0, key, value));
    return touch_registered(transaction, name, now);
  }));
  return Reply{};
}
Result<Reply> set_model_tag(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto value, call.text_or("value"));
  return write_model_tag(service, call, value);
}
Result<Reply> delete_model_tag_of_name(Service::Impl& service, const Call& call) {
  return write_model_tag(service, call, std::nullopt);
}

Result<std::string> alias_of(const Call& call) {
  GALLEY_TRY(auto alias, call.text("alias"));
  const bool plain = std::ranges::all_of(alias, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  std::string folded = alias;
  for (char& c : folded) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  const bool version_like = folded.starts_with('v') && folded.size() > 1 &&
                            folded.find_first_not_of("0123456789", 1) == std::string::npos;
  if (plain && alias.size() <= 255 && !version_like && folded != "latest") return alias;
  return fault(
      fmt::format("Invalid alias name: '{}'. An alias has letters, digits, _ and -, and is"
                  " neither 'latest' nor like v1",
                  alias.substr(0, 80)));
}

Result<Reply> set_alias(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto name, call.text("name"));
  GALLEY_TRY(const auto alias, alias_of(call));
  GALLEY_TRY(const auto version, call.integer_or("version", 0));
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(find_version(transaction, name, version));
    return transaction.enqueue(
        "insert into registered_aliases (model, alias, version) values (:1, :2, :3)"
        " on conflict (model, alias) do update set version = excluded.version",
        {name, alias, version});
  }));
  return Reply{.subject = name + "@" + alias};
}

Result<Reply> delete_alias(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto name, call.text("name"));
  GALLEY_TRY(const auto alias, call.text("alias"));
  GALLEY_TRY_STATUS(service.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(find_registered(transaction, name));
    return transaction.enqueue("delete from registered_aliases where model = :1 and alias = :2",
                               {name, alias});
  }));
  return Reply{.subject = name + "@" + alias};
}

Result<Reply> get_by_alias(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto name, call.text("name"));
  GALLEY_TRY(const auto alias, call.text("alias"));
  Reply reply;
  GALLEY_TRY_STATUS(service.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto found, find_registered(transaction, name));
    const auto at =
        std::ranges::find(found.aliases, alias, &std::pair<std::string, std::int64_t>::first);
    // The client tells this one from others by its code.
    if (at == found.aliases.end())
      return fault(fmt::format("Registered model alias {} not found.", alias.substr(0, 80)));
    GALLEY_TRY(const auto version, find_version(transaction, name, at->second));
    reply.body = Json{{"model_version", print_version(version)}};
    return ok();
  }));
  return reply;
}

}  // namespace

std::vector<Line> registered_model_lines() {
  using enum Effect;
  return {{"POST", "/registered-models/create", "MLflow: registers a name for models.",
           create_registered, change, "registered_model.create"},
          {"GET", "/registered-models/get", "MLflow: a registered model.", get_registered},
          {"POST", "/registered-models/rename", "MLflow: renames a registered model.",
           rename_registered, change, "registered_model.rename"},
          {"PATCH", "/registered-models/update", "MLflow: describes a registered model.",
           update_registered, stream},
          {"DELETE", "/registered-models/delete", "MLflow: deletes a registered model.",
           delete_registered, change, "registered_model.delete"},
          {"GET", "/registered-models/search", "MLflow: registered models by filter and order.",
           search_registered},
          {"GET", "/registered-models/get-latest-versions",
           "MLflow: the newest version of each stage.", latest_versions},
          {"POST", "/registered-models/get-latest-versions",
           "MLflow: the newest version of each stage.", latest_versions},
          {"POST", "/registered-models/set-tag", "MLflow: sets a tag of a registered model.",
           set_model_tag, stream},
          {"DELETE", "/registered-models/delete-tag",
           "MLflow: removes a tag of a registered model.", delete_model_tag_of_name, stream},
          {"POST", "/registered-models/alias", "MLflow: points an alias at a version.", set_alias,
           change, "registered_model.alias"},
          {"DELETE", "/registered-models/alias", "MLflow: removes an alias.", delete_alias, change,
           "registered_model.alias"},
          {"GET", "/registered-models/alias", "MLflow: the version that an alias points at.",
           get_by_alias}};
}

}  // namespace galley::mlflow
