#include <array>
#include <charconv>
#include <cmath>
#include <system_error>
#include <utility>

#include "serving/predict_json.h"

namespace galley::serving {
namespace {

/// JSON appended to one string; commas and nesting are the caller's.
class Writer {
 public:
  explicit Writer(std::size_t expected_bytes) { out_.reserve(expected_bytes); }

  void raw(std::string_view text) { out_ += text; }

  /// A quoted string. Bytes past 0x7f stand for themselves; the text is valid UTF-8.
  void text(std::string_view value) {
    out_ += '"';
    std::size_t plain = 0;  // where the run that needs no escape began
    for (std::size_t i = 0; i < value.size(); ++i) {
      const auto c = static_cast<unsigned char>(value[i]);
      if (c >= 0x20 && c != '"' && c != '\\') continue;
      out_ += value.substr(plain, i - plain);
      plain = i + 1;
      escape(c);
    }
    out_ += value.substr(plain);
    out_ += '"';
  }

  /// The shortest form that reads back as the same float; JSON has no word for what is not finite.
  void number(float value) {
    if (!std::isfinite(value)) return raw("null");
    std::array<char, 32> buffer;
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
    out_.append(buffer.data(), end);
  }
  void count(std::size_t value) {
    std::array<char, 24> buffer;
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
    out_.append(buffer.data(), end);
  }
  /// Milliseconds to the microsecond.
  void millis(double value) {
    std::array<char, 64> buffer;
    const auto [end, fault] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                            std::chars_format::fixed, 3);
    if (!std::isfinite(value) || fault != std::errc{}) return raw("null");
    out_.append(buffer.data(), end);
  }

  std::string take() { return std::move(out_); }

 private:
  void escape(unsigned char c) {
    switch (c) {
      case '"':
        out_ += "\\\"";
        return;
      case '\\':
        out_ += "\\\\";
        return;
      case '\n':
        out_ += "\\n";
        return;
      case '\r':
        out_ += "\\r";
        return;
      case '\t':
        out_ += "\\t";
        return;
      default:
        break;
    }
    constexpr std::string_view kDigits = "0123456789abcdef";
    out_ += "\\u00";
    out_ += kDigits[c >> 4U];
    out_ += kDigits[c & 15U];
  }

  std::string out_;
};

/// What an answer takes beside its labels: names of fields, ids and one time.
constexpr std::size_t kFrameBytes = 256;
constexpr std::size_t kNumberBytes = 16;

std::size_t expected_bytes(const Answer& answer) {
  std::size_t row = 48;
  for (const auto& label : *answer.labels) row += label.size() + kNumberBytes;
  return kFrameBytes + answer.model.size() + row * answer.predictions.size();
}

void append_prediction(Writer& out, const Answer& answer, const Prediction& prediction) {
  out.raw("\"label\":");
  out.text(prediction.label);
  out.raw(",\"probabilities\":{");
  for (std::size_t i = 0; i < prediction.probabilities.size(); ++i) {
    if (i > 0) out.raw(",");
    out.text((*answer.labels)[i]);
    out.raw(":");
    out.number(prediction.probabilities[i]);
  }
  out.raw("}");
}

void append_all_probabilities(Writer& out, const Answer& answer) {
  bool first = true;
  for (const auto& prediction : answer.predictions)
    for (const float probability : prediction.probabilities) {
      if (!first) out.raw(",");
      first = false;
      out.number(probability);
    }
}

}  // namespace

std::string print_predict(const Answer& answer, double time_ms, bool single) {
  GALLEY_CHECK(!single || answer.predictions.size() == 1, "one text has one prediction");
  Writer out(expected_bytes(answer));
  out.raw("{\"model\":");
  out.text(answer.model);
  out.raw(",\"snapshot_id\":");
  out.text(answer.snapshot_id);
  out.raw(",\"snapshot\":");
  out.text(answer.snapshot_ref);
  out.raw(",");
  if (single) {
    append_prediction(out, answer, answer.predictions.front());
  } else {
    out.raw("\"predictions\":[");
    for (std::size_t i = 0; i < answer.predictions.size(); ++i) {
      out.raw(i == 0 ? "{" : ",{");
      append_prediction(out, answer, answer.predictions[i]);
      out.raw("}");
    }
    out.raw("]");
  }
  out.raw(",\"time_ms\":");
  out.millis(time_ms);
  out.raw("}");
  return out.take();
}

std::string print_infer(const Answer& answer, std::string_view model_version, std::string_view id) {
  const std::size_t count = answer.predictions.size();
  Writer out(expected_bytes(answer) + id.size());
  out.raw("{\"model_name\":");
  out.text(answer.model);
  out.raw(",\"model_version\":");
  out.text(model_version);
  if (!id.empty()) {
    out.raw(",\"id\":");
    out.text(id);
  }
  out.raw(R"(,"outputs":[{"name":"label","datatype":"BYTES","shape":[)");
  out.count(count);
  out.raw("],\"data\":[");
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out.raw(",");
    out.text(answer.predictions[i].label);
  }
  out.raw(R"(]},{"name":"probabilities","datatype":"FP32","shape":[)");
  out.count(count);
  out.raw(",");
  out.count(answer.labels->size());
  out.raw("],\"data\":[");
  append_all_probabilities(out, answer);
  out.raw("]}]}");
  return out.take();
}

}  // namespace galley::serving
