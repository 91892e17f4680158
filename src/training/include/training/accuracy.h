#pragma once

#include <cstdint>

#include "base/result.h"
#include "inference/text_classifier.h"
#include "training/labelled_texts.h"

namespace galley::training {

/// The share of texts whose most probable class is their label, asked of the classifier exactly as
/// a server asks it. `texts` must have been read with the classifier's labels; threads = 0: every
/// core. Errors: too_large (a text).
Result<double> measure_accuracy(const inference::TextClassifier& classifier,
                                const LabelledTexts& texts, std::uint32_t threads);

}  // namespace galley::training
