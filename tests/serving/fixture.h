#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "blobs/freeze.h"
#include "inference/classifier_files.h"
#include "serving/model_host.h"
#include "support/temp_folder.h"

namespace galley::serving {

/// A classifier that knows nothing and always answers its first label.
inline void write_model(const std::filesystem::path& folder, const std::string& answer) {
  inference::ClassifierWeights weights;
  weights.index = inference::RowIndex(std::vector<std::uint64_t>(16, 1));
  weights.dim = 16;
  weights.classes = 2;
  weights.embedding_i8.assign(16U * weights.dim, 1);
  weights.scales.assign(16, 0.01F);
  weights.output.assign(2U * weights.dim, 0.0F);
  weights.bias = {1.0F, 0.0F};
  inference::ClassifierCard card;
  card.labels = {answer, "other"};
  card.created_by = "test";
  card.data_sha256 = std::string(64, '0');
  const auto saved = inference::save_classifier(folder, card, weights);
  ASSERT_TRUE(saved) << describe(saved.error());
}

/// A machine's folder with its blobs and its host.
struct World {
  testing::TempFolder temp;
  std::unique_ptr<blobs::BlobStore> blobs;
  std::unique_ptr<ModelHost> host;
  ManualClock clock;

  World() {
    auto opened = blobs::BlobStore::open(temp / "blobs");
    GALLEY_CHECK(opened, "the blob store opens");
    blobs = *std::move(opened);
    restart();
  }

  std::filesystem::path folder() const { return temp / "serving"; }
  std::filesystem::path snapshot_folder(const std::string& id) const {
    return folder() / "models" / id;
  }

  void restart() {
    host.reset();
    auto opened = ModelHost::open(folder(), *blobs, clock);
    ASSERT_TRUE(opened) << describe(opened.error());
    host = *std::move(opened);
  }

  /// Freezes what the folder holds and names it model@version.
  Placement freeze(const std::filesystem::path& from, const std::string& model, int version) {
    const auto frozen = blobs::freeze(from, *blobs);
    EXPECT_TRUE(frozen) << describe(frozen.error());
    return {.model = model,
            .channel = "prod",
            .snapshot_id = "snap_" + model + std::to_string(version),
            .snapshot_ref = model + "@" + std::to_string(version),
            .manifest_sha256 = frozen ? frozen->name : std::string(64, '0'),
            .generation = version};
  }
  /// A snapshot of a model that always answers "MODEL-VERSION".
  Placement snapshot(const std::string& model, int version) {
    const auto from = temp / ("made-" + model + std::to_string(version));
    write_model(from, model + "-" + std::to_string(version));
    return freeze(from, model, version);
  }

  /// The label for one text, or the error as one line.
  std::string ask(const std::string& name, const std::string& text = "hello") const {
    const auto answer = host->predict(name, {text});
    return answer ? answer->predictions.at(0).label : describe(answer.error());
  }
};

/// Also what is read-only; a new file where there is none.
inline void overwrite(const std::filesystem::path& file, const std::string& bytes) {
  namespace fs = std::filesystem;
  if (fs::exists(file)) fs::permissions(file, fs::perms::owner_write, fs::perm_options::add);
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << bytes;
}

inline Placement at_generation(Placement placement, std::int64_t generation) {
  placement.generation = generation;
  return placement;
}

inline Placement on_channel(Placement placement, const std::string& channel) {
  placement.channel = channel;
  return placement;
}

}  // namespace galley::serving
