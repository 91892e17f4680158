#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/ngrams.h"

namespace galley::inference {

/// What `card.json` says beside a classifier's numbers: enough to run it, and where it came from.
/// Holds no time of day, so equal trainings give equal bytes.
struct ClassifierCard {
  std::vector<std::string> labels;  // one a class, in the order of the output layer
  text::NgramOptions ngrams;
  std::uint32_t buckets = 0;
  std::uint32_t dim = 0;
  std::string embedding_type;  // "int8" or "f32"
  std::string weights_sha256;  // over all tensor bytes; the same string stands in model.safetensors
  std::uint64_t seed = 0;
  bool finished = true;                    // false when training was told to stop early
  std::string created_by;                  // "galley-train 0.1.0"
  std::string data_sha256;                 // of the training file as read (decompressed)
  std::map<std::string, double> training;  // the trainer's options and sizes
  std::map<std::string, double> metrics;   // dev_accuracy, test_accuracy, ...

  bool operator==(const ClassifierCard&) const = default;
};

/// Errors: corrupt, naming the field that is absent, wrong or unknown to this version.
Result<ClassifierCard> parse_classifier_card(std::string_view json);
/// Indented JSON with a final newline.
std::string print_classifier_card(const ClassifierCard& card);

}  // namespace galley::inference
