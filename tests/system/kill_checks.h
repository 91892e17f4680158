#pragma once

#include <filesystem>

#include "kill_clients.h"

namespace galley::testing {

// What must hold once everything has ended; each failed expectation names the thing that is wrong.

/// Every job reached its end, ran once, and its log and metrics are exact.
void check_jobs(support::ApiClient& client, const std::vector<WantedJob>& jobs,
                const JobFolders& folders);
/// Every acknowledged point is there once, and nothing that was not sent.
void check_points(support::ApiClient& client, const std::vector<MetricClient::Recorded>& runs);
/// Every acknowledged snapshot is there and every byte of it can be read.
void check_frozen(support::ApiClient& client, const std::vector<FrozenFolder>& frozen);
/// The history holds every acknowledged move in order, few others, and ends where the pointer is.
void check_channel(support::ApiClient& client, const ChannelClient& channel);
/// In the tables of a stopped server: no jobs but these, no two attempts on one device and none
/// past the processors of the node at any time.
void check_tables(const std::filesystem::path& database, std::size_t jobs);

}  // namespace galley::testing
