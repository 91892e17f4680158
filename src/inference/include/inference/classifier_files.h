#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "inference/classifier_card.h"
#include "inference/classifier_weights.h"

namespace galley::inference {

/// The two files of a classifier's folder.
inline constexpr std::string_view kWeightsFile = "model.safetensors";
inline constexpr std::string_view kCardFile = "card.json";

struct Classifier {
  ClassifierCard card;
  ClassifierWeights weights;
};

/// The bytes of model.safetensors; sets nothing. `weights_sha256` goes into its metadata.
std::string print_weights(const ClassifierWeights& weights, const std::string& weights_sha256);
/// SHA-256 over the tensors' bytes in file order.
std::string hash_weights(const ClassifierWeights& weights);

/// Errors: corrupt, naming the tensor that is absent, of another type, or of another shape; also
/// for weights that are not finite.
Result<ClassifierWeights> parse_weights(std::string_view file, std::string& weights_sha256);

/// Writes both files, each in one step, the card last, so that a folder with a card is whole. Sets
/// the card's buckets, dim, embedding_type and weights_sha256 from the weights.
/// Errors: exhausted (disk full), forbidden; nothing half-written stays behind.
Status save_classifier(const std::filesystem::path& folder, ClassifierCard& card,
                       const ClassifierWeights& weights);

/// Errors: not_found, corrupt (a file is malformed, or the two are not of one model), unsupported
/// (made by another n-gram scheme or a newer version).
Result<Classifier> load_classifier(const std::filesystem::path& folder);

}  // namespace galley::inference
