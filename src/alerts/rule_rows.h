#pragma once

#include <string>
#include <vector>

#include "alerts/alerts.h"
#include "store/database.h"

namespace galley::alerts {

// The tables alert_rules and alert_firings.

Result<std::vector<StoredRule>> read_rules(store::Transaction& transaction);
/// Errors: conflict (the name is taken).
Status put_rule(store::Transaction& transaction, const StoredRule& rule);
/// Ends what it fires about. Errors: not_found.
Status erase_rule(store::Transaction& transaction, const std::string& name, WallTime now);

Result<std::vector<Firing>> read_firings(store::Transaction& transaction, bool open,
                                         std::int64_t limit);
/// Stores a change and tells watchers. Firing what fires already changes nothing but the value.
Status put_change(store::Transaction& transaction, const std::string& rule, const Change& change,
                  const std::string& body);
/// Forgets what was over long ago.
Status prune_firings(store::Transaction& transaction, WallTime now);

}  // namespace galley::alerts
