#pragma once

#include <string>

#include "guide_text.h"
#include "spec_file.h"

namespace galley::cli {

/// A job that is about to be submitted, and how its refusal names the place to change.
struct Draft {
  Json spec;
  const SpecFile* file = nullptr;  // null when it comes from options
  EditForm form() const { return file != nullptr ? EditForm::fields : EditForm::options; }
};

/// Shows what would become of the job, without submitting it: 0 when it could ever run, 4 when not.
Result<int> dry_run(Session& session, const Draft& draft);

/// Submits it. A refusal that the server explains is shown on stderr with what would help, and its
/// error has the code `forbidden`, for exit code 4.
Result<Json> submit_draft(Session& session, const Draft& draft);

/// Notes why the job just submitted does not start at once. Silent when it does, or when nobody
/// can tell.
void note_wait(Session& session, const std::string& id);

}  // namespace galley::cli
