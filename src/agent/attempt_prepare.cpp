// The part of an AttemptRun that brings an image to this machine before the job begins.
#include <unistd.h>

#include <algorithm>

#include "agent/ending_report.h"
#include "attempt_checkpoint.h"
#include "attempt_run.h"
#include "base/text.h"
#include "prepare_log.h"
#include "process/log_reader.h"
#include "protocol/job_spec.h"

namespace galley::agent {

using protocol::AttemptState;

/// The data sets that it needs here, those that are only built from included.
std::vector<std::string> AttemptRun::references() const {
  const auto& spec = assigned_.assignment.spec;
  std::vector<std::string> wanted = spec.datasets;
  if (spec.build) wanted.push_back(spec.build->context);
  if (const auto content = checkpoint_content(spec); !content.empty()) wanted.push_back(content);
  return wanted;
}

void AttemptRun::prepare_image(std::vector<DataSet> data_sets) {
  if (end_) return;  // cancelled meanwhile
  const auto& spec = assigned_.assignment.spec;
  if (spec.image) return want_image(*spec.image, std::nullopt, std::move(data_sets));
  if (!spec.build) return launch(std::move(data_sets));
  const protocol::BuildSpec& wanted = *spec.build;
  const auto context = std::ranges::find(data_sets, wanted.context, &DataSet::reference);
  GALLEY_CHECK(context != data_sets.end(), "the context was prepared with the data sets");
  ImageBuild build{.context = context->folder,
                   .file = wanted.file.value_or(""),
                   .requirements = wanted.requirements.value_or(""),
                   .base = wanted.base.value_or(std::string(protocol::kBuildBase)),
                   .limit = wanted.max_runtime};
  const std::string image =
      protocol::built_image(sha256_hex(protocol::build_inputs(wanted, context->manifest_sha256)));
  // The job sees it as a data set only where it asks for that.
  if (std::ranges::find(spec.datasets, wanted.context) == spec.datasets.end())
    data_sets.erase(context);
  want_image(image, std::move(build), std::move(data_sets));
}

void AttemptRun::want_image(std::string image, std::optional<ImageBuild> build,
                            std::vector<DataSet> data_sets) {
  const auto log = std::make_shared<PrepareLog>(folder_, assigned_.assignment.spec.log_limit.count);
  image_ticket_ = world_.images.want(
      image, std::move(build),
      {.stage =
           [later = later_, log](const std::string& stage) {
             log->note(stage);
             later([stage](AttemptRun& run) { run.on_waits("preparing: " + stage); });
           },
       .output = [log](std::string_view output) { log->write(output); },
       .done =
           [later = later_, log, image, sets = std::move(data_sets)](const Result<Engine>& engine,
                                                                     ImageFault fault) {
             if (!engine) log->note(engine.error().message);
             later([image, engine, fault, sets](AttemptRun& run) {
               run.on_image(image, engine, fault, sets);
             });
           }});
}

void AttemptRun::on_image(const std::string& image, const Result<Engine>& engine, ImageFault fault,
                          std::vector<DataSet> data_sets) {
  image_ticket_.reset();
  if (end_) return;
  if (!engine) {
    if (fault == ImageFault::node) return end_lost(engine.error().message);
    return end_as(AttemptState::failed, engine.error().message);
  }
  const bool as_root = ::geteuid() == 0 || engine->rootless;
  container_ =
      ContainerPlace{.engine = *engine,
                     .image = image,
                     .images_cache = world_.images.images_folder(),
                     // Files that a daemon's root writes would be nobody's to remove.
                     .user = engine->program.kind == EngineKind::docker && !as_root
                                 ? std::to_string(::getuid()) + ":" + std::to_string(::getgid())
                                 : std::string()};
  launch(std::move(data_sets));
}

void AttemptRun::leave_preparations() {
  if (image_ticket_) world_.images.leave(*std::exchange(image_ticket_, std::nullopt));
  if (references().empty()) return;
  world_.slow.run([&cache = world_.data_sets, holder = id().str()] { cache.release(holder); });
}

void AttemptRun::end_container(const process::AttemptExit& exit) {
  auto report = report_exit(id(), exit);
  const auto& spec = assigned_.assignment.spec;
  const bool contained = spec.image || spec.build;
  if (!contained || report.state != AttemptState::failed || !exit.exit_code ||
      exit.reason != process::ExitReason::exited)
    return end(std::move(report));
  constexpr std::int64_t kTailBytes = 4096;
  const process::LogReader log(folder_);
  const auto tail = log.read(std::max<std::int64_t>(0, exit.log_bytes - kTailBytes), kTailBytes);
  // An adopted attempt does not know its engine any more; those with such codes say the same.
  const EngineKind kind = container_ ? container_->engine.program.kind : EngineKind::podman;
  const auto failure = explain_run(kind, *exit.exit_code, tail ? tail->bytes : "");
  constexpr int kKilled = 137;
  if (failure) {
    report.reason = failure->reason;
    if (failure->fault == ImageFault::node) report.state = AttemptState::lost;
  } else if (*exit.exit_code == kKilled && spec.resources.memory.count > 0) {
    report.reason += ": its container was killed, perhaps for passing its memory limit";
  }
  end(std::move(report));
}

}  // namespace galley::agent
