#include "base/text.h"
#include "service_impl.h"

// As llama.cpp's server has them.
namespace galley::openai {
namespace {

Result<http::Response> tokenize(const Service::Impl& service, const http::Request& request) {
  GALLEY_TRY(const Json body, parse_body(request.body));
  Fields in(body);
  std::string content, model;
  text::Tokenizer::EncodeOptions options{.add_special = false, .parse_special = true};
  bool with_pieces = false;
  in.require("content", "a text");
  in.text("content", content);
  in.text("model", model);
  in.flag("add_special", options.add_special);
  in.flag("parse_special", options.parse_special);
  in.flag("with_pieces", with_pieces);
  GALLEY_TRY_STATUS(in.finish());
  GALLEY_TRY(const auto found, service.models.find(model));
  const auto& tokenizer = found.model->tokenizer();
  const TokenList tokens = tokenizer.encode(content, options);
  if (!with_pieces) return http::Response::json(dump_json({{"tokens", tokens}}));
  Json list = Json::array();
  for (const auto token : tokens) {
    const std::string_view bytes = tokenizer.bytes_of(token, true);
    Json piece = Json(std::string(bytes));
    if (!is_valid_utf8(bytes)) {
      piece = Json::array();
      for (const char c : bytes) piece.push_back(static_cast<unsigned char>(c));
    }
    list.push_back({{"id", token}, {"piece", std::move(piece)}});
  }
  return http::Response::json(dump_json({{"tokens", std::move(list)}}));
}

Result<http::Response> detokenize(const Service::Impl& service, const http::Request& request) {
  GALLEY_TRY(const Json body, parse_body(request.body));
  Fields in(body);
  std::string model;
  in.text("model", model);
  in.require("tokens", "a list of token ids");
  const Json* tokens = in.any("tokens");
  GALLEY_TRY_STATUS(in.finish());
  GALLEY_TRY(const auto found, service.models.find(model));
  TokenList list;
  if (!tokens->is_array())
    return Error{Errc::invalid_argument, "found " + name_of_value(*tokens), "tokens",
                 "a list of token ids"};
  for (const Json& token : *tokens) {
    if (!token.is_number_integer() || token < 0 || token >= found.model->vocabulary())
      return Error{Errc::invalid_argument, "found " + name_of_value(token),
                   "tokens[" + std::to_string(list.size()) + "]",
                   "an id below " + std::to_string(found.model->vocabulary())};
    list.push_back(token.get<std::int32_t>());
  }
  return http::Response::json(
      dump_json({{"content", to_valid_utf8(found.model->tokenizer().decode(list, true))}}));
}

Result<http::Response> apply_template(const Service::Impl& service, const http::Request& request) {
  GALLEY_TRY(const Json body, parse_body(request.body));
  Fields in(body);
  Json messages;
  std::string model;
  bool add_generation_prompt = true;
  read_messages(in, messages);
  in.text("model", model);
  in.flag("add_generation_prompt", add_generation_prompt);
  const Json* tools = in.any("tools");
  GALLEY_TRY_STATUS(in.finish());
  GALLEY_TRY(const auto found, service.models.find(model));
  GALLEY_TRY(const auto prompt,
             render_chat(*found.model, messages, tools == nullptr ? Json() : *tools,
                         add_generation_prompt));
  return http::Response::json(dump_json({{"prompt", prompt}}));
}

}  // namespace

void add_token_routes(std::vector<Route>& routes, Service::Impl& service) {
  routes.push_back(
      plain("POST", "/tokenize", http::Run::pool, "Turns a text into tokens.",
            [&service](const http::Request& request) { return tokenize(service, request); }));
  routes.push_back(
      plain("POST", "/detokenize", http::Run::pool, "Turns tokens into a text.",
            [&service](const http::Request& request) { return detokenize(service, request); }));
  routes.push_back(plain(
      "POST", "/apply-template", http::Run::pool, "Writes messages out as the model reads them.",
      [&service](const http::Request& request) { return apply_template(service, request); }));
}

}  // namespace galley::openai
