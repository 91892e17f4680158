#include "asked.h"

#include "job_words.h"

namespace galley::estimates {
namespace {

Error asked_wrongly(std::string field, const Json& found, std::string expected) {
  return {.code = Errc::invalid_argument,
          .message = "found " + dump_json(found).substr(0, 66),
          .field = std::move(field),
          .expected = std::move(expected)};
}

/// Takes a member that only questions have out of the document.
Result<std::optional<bool>> take_flag(Json& document, const char* name) {
  const auto found = document.find(name);
  if (found == document.end()) return std::optional<bool>{};
  if (!found->is_boolean()) return asked_wrongly(name, *found, "true or false");
  const bool value = found->get<bool>();
  document.erase(found);
  return std::optional<bool>{value};
}

Error below(Error error, const std::string& path) {
  error.field = error.field.empty() ? path : path + "." + error.field;
  return error;
}

}  // namespace

bool can_estimate(const estimator::EstimateRequest& request) {
  return !request.work.job.network.name.empty() && request.work.items > 0 &&
         request.work.epochs > 0;
}

Result<Asked> read_asked(const Json& question) {
  if (!question.is_object())
    return asked_wrongly("", question, "an object: a file of kind estimate");
  Json document = question;
  Asked asked;
  GALLEY_TRY(const auto cluster, take_flag(document, "cluster"));
  GALLEY_TRY(const auto prices, take_flag(document, "prices"));
  GALLEY_TRY(const auto spot, take_flag(document, "spot"));
  const bool of_job = document.contains("job");
  const bool tells_work = document.contains("work");
  if (of_job) {
    auto job = protocol::parse_job_spec(document["job"]);
    if (!job) return below(std::move(job).error(), "job");
    asked.job = *std::move(job);
    document.erase("job");
    Json work = Json::object();
    if (const auto told = document.find("work"); told != document.end()) {
      if (!told->is_object()) return asked_wrongly("work", *told, "an object");
      work = *told;
      document.erase(told);
    }
    if (!document.empty())
      return Error{.code = Errc::invalid_argument,
                   .message = "is no member beside job",
                   .field = document.begin().key(),
                   .expected = "job, work, cluster, prices and spot"};
    fill_work(work_of_words(words_of(*asked.job)), work);
    document = std::move(work);
  }
  document.emplace("kind", "estimate");
  document.emplace("version", 1);
  auto request = estimator::parse_request(document);
  if (!request) {
    Error error = std::move(request).error();
    // A network that nobody knows is a fault of the question, not a page that is missing.
    if (error.code == Errc::not_found) error.code = Errc::invalid_argument;
    if (of_job) error = below(std::move(error), "work");
    // What a job leaves unsaid, runs of it may tell.
    if (!of_job || tells_work) return error;
    asked.unsaid = std::move(error);
  } else {
    asked.request = *std::move(request);
  }
  asked.cluster = cluster.value_or(true);
  asked.prices = prices.value_or(asked.request.offers.empty() && !of_job);
  asked.spot = spot.value_or(false);
  return asked;
}

}  // namespace galley::estimates
