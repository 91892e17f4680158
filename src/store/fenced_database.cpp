#include "store/fenced_database.h"

#include <atomic>

#include "store/lease.h"

namespace galley::store {
namespace {

class FencedDatabase final : public Database {
 public:
  FencedDatabase(Database& database, std::int64_t epoch, std::function<void()> refused)
      : database_(database), epoch_(epoch), refused_(std::move(refused)) {}

  void write_async(Command command, Done done) override {
    auto is_refused = std::make_shared<std::atomic<bool>>(false);
    database_.write_async(
        [epoch = epoch_, command = std::move(command),
         is_refused](Transaction& transaction) -> Status {
          const Status ours = check_epoch(transaction, epoch);
          *is_refused = !ours && ours.error().code == Errc::conflict;
          if (!ours) return ours;
          return command(transaction);
        },
        [refused = refused_, done = std::move(done), is_refused](Status status) {
          if (*is_refused) {
            status = Error{Errc::unavailable,
                           "another controller leads now: " + status.error().message,
                           {},
                           {},
                           "try again: the new leader answers"};
            refused();
          }
          done(std::move(status));
        });
  }
  Status read(const Command& reads) override { return database_.read(reads); }
  void on_commit(std::function<void()> listener) override {
    database_.on_commit(std::move(listener));
  }
  std::string description() const override { return database_.description(); }
  Kind kind() const override { return database_.kind(); }
  Stats stats() const override { return database_.stats(); }

 private:
  Database& database_;
  const std::int64_t epoch_;
  const std::function<void()> refused_;
};

}  // namespace

std::unique_ptr<Database> fence(Database& database, std::int64_t epoch,
                                std::function<void()> refused) {
  return std::make_unique<FencedDatabase>(database, epoch, std::move(refused));
}

}  // namespace galley::store
