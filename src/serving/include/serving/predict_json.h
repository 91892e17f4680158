#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "serving/model_host.h"

namespace galley::serving {

// The bodies of prediction requests and answers. Pure and thread-safe. Parsing validates the whole
// document (syntax, UTF-8, depth) before any field is believed, with one parser kept per thread;
// a short body takes about a microsecond each way.

/// The body of POST /v1/predict: {"model", "text"} or {"model", "texts": [...]}.
struct PredictRequest {
  std::string model;
  std::vector<std::string> texts;
  bool single = false;  // "text" was given, so the answer has one label and not a list

  /// For ModelHost::predict; into this object.
  std::vector<std::string_view> views() const { return {texts.begin(), texts.end()}; }
};

/// Errors: invalid_argument, with the field: not JSON, invalid UTF-8, an unknown field (with the
/// nearest name), a field given twice, missing or of a wrong type, both text and texts, more than
/// ModelHost::kMaxTexts texts, a text past ModelHost::kMaxTextBytes.
Result<PredictRequest> parse_predict(std::string_view body);

/// single: {"model", "snapshot_id", "snapshot", "label", "probabilities": {label: p}, "time_ms"};
/// else "predictions": [{"label", "probabilities"}]. The answer's texts must be valid UTF-8, and it
/// must hold exactly one prediction when `single`.
std::string print_predict(const Answer& answer, double time_ms, bool single);

/// The body of KServe v2's POST /v2/models/MODEL/infer.
struct InferRequest {
  std::string id;  // empty when it was not given
  std::vector<std::string> texts;

  std::vector<std::string_view> views() const { return {texts.begin(), texts.end()}; }
};

/// One input: name "text", datatype BYTES, shape [n] or [n,1], data a list of n strings, or for
/// [n,1] of n lists of one. `parameters`, `outputs` and fields that the protocol may add are
/// ignored; every output is always given. Errors: as parse_predict.
Result<InferRequest> parse_infer(std::string_view body);

/// {"model_name", "model_version", "id"?, "outputs": [label BYTES [n], probabilities FP32 [n,k]]};
/// the probabilities are in row-major order, those of a row in the order of Answer::labels.
/// An empty id is left out.
std::string print_infer(const Answer& answer, std::string_view model_version, std::string_view id);

}  // namespace galley::serving
