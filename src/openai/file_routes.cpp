#include <algorithm>

#include "base/file.h"
#include "multipart.h"
#include "paging.h"
#include "service_impl.h"

namespace galley::openai {
namespace {

constexpr std::int64_t kMaxContentBytes = std::int64_t{4} << 30;

Result<http::Response> upload(Service::Impl& service, const http::Request& request) {
  GALLEY_TRY_STATUS(check_draining(service));
  GALLEY_TRY(const auto parts, parse_multipart(request.headers.get("Content-Type"), request.body));
  const Part* file = nullptr;
  std::string purpose;
  for (const Part& part : parts) {
    if (part.name == "file")
      file = &part;
    else if (part.name == "purpose")
      purpose = part.content;
    else if (!part.name.starts_with("expires_after"))  // files stay until they are deleted
      return Error{Errc::invalid_argument, "unknown field", std::string(part.name.substr(0, 64)),
                   "file and purpose"};
  }
  if (file == nullptr)
    return Error{Errc::invalid_argument, "required field is missing", "file", "a file"};
  if (purpose != "batch")
    return Error{
        Errc::invalid_argument,
        purpose.empty() ? "required field is missing" : "found \"" + purpose.substr(0, 40) + "\"",
        "purpose", "batch"};
  GALLEY_TRY(const auto stored,
             service.files->add(file->file_name.empty() ? "upload" : file->file_name, purpose,
                                file->content));
  service.changed(request, "file.add", stored.id);
  return http::Response::json(dump_json(print_file(stored)));
}

Result<http::Response> list_files(const Service::Impl& service, const http::Request& request) {
  std::vector<Json> files;
  for (const StoredFile& file : service.files->list())
    if (request.query_value("purpose").value_or(file.purpose) == file.purpose)
      files.push_back(print_file(file));
  if (request.query_value("order") == "asc") std::ranges::reverse(files);
  GALLEY_TRY(const Json page, page_of(files, request));
  return http::Response::json(dump_json(page));
}

Result<http::Response> content_of(const Service::Impl& service, const http::Request& request) {
  GALLEY_TRY(const auto file, service.files->find(request.param("id")));
  GALLEY_TRY(std::string bytes, read_file(service.files->path_of(file.id), kMaxContentBytes));
  http::Response response;
  response.headers.set("Content-Type", "application/octet-stream");
  response.body = std::move(bytes);
  return response;
}

}  // namespace

void add_file_routes(std::vector<Route>& routes, Service::Impl& service) {
  using enum http::Run;
  routes.push_back(
      plain("POST", "/v1/files", pool, "Keeps a file for a batch.",
            [&service](const http::Request& request) { return upload(service, request); }));
  routes.push_back(
      plain("GET", "/v1/files", pool, "Lists the files, newest first.",
            [&service](const http::Request& request) { return list_files(service, request); }));
  routes.push_back(plain("GET", "/v1/files/{id}", pool, "Describes a file.",
                         [&service](const http::Request& request) -> Result<http::Response> {
                           GALLEY_TRY(const auto file, service.files->find(request.param("id")));
                           return http::Response::json(dump_json(print_file(file)));
                         }));
  routes.push_back(
      plain("GET", "/v1/files/{id}/content", pool, "The bytes of a file.",
            [&service](const http::Request& request) { return content_of(service, request); }));
  routes.push_back(plain(
      "DELETE", "/v1/files/{id}", pool, "Deletes a file.",
      [&service](const http::Request& request) -> Result<http::Response> {
        const std::string id(request.param("id"));
        GALLEY_TRY_STATUS(service.files->remove(id));
        service.changed(request, "file.delete", id);
        return http::Response::json(dump_json({{"id", id}, {"object", "file"}, {"deleted", true}}));
      }));
}

}  // namespace galley::openai
