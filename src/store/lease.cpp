#include "store/lease.h"

namespace galley::store {
namespace {

Error superseded(std::int64_t epoch, std::int64_t current) {
  return Error{Errc::conflict, "this controller led in epoch " + std::to_string(epoch) +
                                   ", but the current epoch is " + std::to_string(current)};
}

}  // namespace

Result<std::int64_t> acquire_lease(Transaction& transaction, std::string_view holder) {
  GALLEY_TRY(const auto row,
             transaction.query_one(
                 "insert into lease (name, holder, epoch, renewals) values ('leader', :1, 1, 0)"
                 " on conflict (name) do update set holder = excluded.holder,"
                 " epoch = lease.epoch + 1, renewals = 0, successor = '' returning epoch",
                 {std::string(holder)}));
  return row->integer(0);
}

Result<std::int64_t> acquire_lease(Transaction& transaction, std::string_view holder,
                                   const std::optional<Lease>& seen) {
  GALLEY_TRY(const auto current, read_lease(transaction));
  if (current != seen)
    return Error{Errc::conflict, current ? "\"" + current->holder + "\" leads in epoch " +
                                               std::to_string(current->epoch)
                                         : "the lease is gone"};
  return acquire_lease(transaction, holder);
}

Status renew_lease(Transaction& transaction, std::int64_t epoch) {
  GALLEY_TRY_STATUS(check_epoch(transaction, epoch));
  GALLEY_TRY_STATUS(
      transaction.execute("update lease set renewals = renewals + 1 where name = 'leader'"));
  return ok();
}

Status release_lease(Transaction& transaction, std::int64_t epoch) {
  GALLEY_TRY_STATUS(check_epoch(transaction, epoch));
  GALLEY_TRY_STATUS(transaction.execute("update lease set holder = '' where name = 'leader'"));
  return ok();
}

Status name_successor(Transaction& transaction, std::int64_t epoch, std::string_view successor) {
  GALLEY_TRY_STATUS(check_epoch(transaction, epoch));
  GALLEY_TRY_STATUS(transaction.execute("update lease set successor = :1 where name = 'leader'",
                                        {std::string(successor)}));
  return ok();
}

Status check_epoch(Transaction& transaction, std::int64_t epoch) {
  GALLEY_TRY(const auto lease, read_lease(transaction));
  const std::int64_t current = lease ? lease->epoch : 0;
  if (current != epoch) return superseded(epoch, current);
  return ok();
}

Result<std::optional<Lease>> read_lease(Transaction& transaction) {
  GALLEY_TRY(const auto row,
             transaction.query_one("select holder, epoch, renewals, successor from lease"
                                   " where name = 'leader'"));
  if (!row) return std::optional<Lease>();
  return std::optional<Lease>({row->text(0), row->integer(1), row->integer(2), row->text(3)});
}

}  // namespace galley::store
