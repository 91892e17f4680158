#include "links.h"

#include <set>

#include "blobs/blob_store.h"
#include "blobs/freeze.h"
#include "blobs/manifest.h"
#include "process_signals.h"
#include "protocol/checkpoint.h"

namespace galley::app {

void LocalControllerLink::report(protocol::AttemptReport report, Done done) {
  controller_.report(std::move(report), std::move(done));
}

void LocalControllerLink::progress(protocol::ProgressReport report,
                                   std::vector<agent::FrozenFile> files, Done done) {
  std::vector<controller::RegisteredFile> registered;
  registered.reserve(files.size());
  for (agent::FrozenFile& file : files)
    registered.push_back({std::move(file.path), std::move(file.kind),
                          std::move(file.manifest_sha256), file.size_bytes, file.step});
  std::set<std::string> keys;
  for (const auto& point : report.points) keys.insert(point.key);
  const RunId run = report.run_id;
  controller_.progress(std::move(report), std::move(registered),
                       [this, run, keys = std::vector<std::string>(keys.begin(), keys.end()),
                        done = std::move(done)](Status status) {
                         if (status && !keys.empty()) api_.metrics_arrived(run, keys);
                         done(std::move(status));
                       });
}

void LocalControllerLink::heartbeat(protocol::NodeRecord node) {
  controller_.heartbeat(std::move(node));
}

void LocalControllerLink::samples(protocol::NodeSample sample) {
  api_.sample_arrived(host_name(), sample);
  controller_.samples(std::move(sample));
}

Result<blobs::Manifest> LocalControllerLink::dataset(std::string_view reference) {
  if (const auto manifest = protocol::manifest_of_content(reference); !manifest.empty())
    return blobs::get_manifest(blobs_, std::string(manifest));
  GALLEY_TRY(auto snapshot, registry_.get(registry::Kind::dataset, reference));
  return blobs::get_manifest(blobs_, snapshot.manifest_sha256);
}

Result<std::vector<std::string>> LocalControllerLink::secrets(const AttemptId& attempt,
                                                              std::int64_t) {
  return api_.secrets(attempt);
}

void LocalAgentPort::assign(Assign assign) {
  agent_.assign({std::move(assign.assignment), assign.expected_running, assign.progress_offset});
}

}  // namespace galley::app
