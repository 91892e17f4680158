#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>

#include "fixture.h"

namespace galley::http::testing {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Listening : public ServerTest {
 protected:
  static Router peers() {
    Router router;
    router.add("GET", "/peer", Run::inline_on_io, [](const Request& request) {
      return Response::text(request.peer.address + " " +
                            (request.peer.uid ? std::to_string(*request.peer.uid) : "none"));
    });
    return router;
  }
  static Result<std::unique_ptr<Server>> serve(std::vector<std::string> listen,
                                               std::string unix_socket = "") {
    ServerOptions options;
    options.listen = std::move(listen);
    options.unix_socket = std::move(unix_socket);
    options.pool_threads = 1;
    return Server::start(std::move(options), peers());
  }
  static std::string peer_at(std::string server_address) {
    const auto answer =
        (*Client::open({.server = std::move(server_address)}))->send({.target = "/peer"});
    return answer ? answer->body : answer.error().message;
  }
};

TEST_F(Listening, OnSeveralAddressesTellsTheRealPorts) {
  const auto started = serve({"127.0.0.1:0", "localhost:0"});
  ASSERT_TRUE(started);
  const auto& addresses = (*started)->addresses();
  ASSERT_EQ(addresses.size(), 2U);
  EXPECT_THAT(addresses[0], StartsWith("127.0.0.1:"));
  for (const auto& each : addresses) EXPECT_THAT(peer_at("http://" + each), EndsWith(" none"));
}

TEST_F(Listening, OnAPortInUseIsAConflictThatNamesIt) {
  const auto first = serve({"127.0.0.1:0"});
  ASSERT_TRUE(first);
  const auto& taken = (*first)->addresses().front();
  const auto second = serve({taken});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::conflict);
  EXPECT_THAT(second.error().message, HasSubstr(taken));
}

TEST_F(Listening, OnUnreadableAddressesIsAnError) {
  for (const auto* bad :
       {"", ":", "7420", "127.0.0.1", "127.0.0.1:", ":80", "127.0.0.1:http", "127.0.0.1:99999",
        "127.0.0.1:-1", "::1:80", "[::1:80", "300.1.1.1:0", "203.0.113.7:0"}) {
    const auto started = serve({bad});
    ASSERT_FALSE(started) << bad;
    EXPECT_EQ(started.error().code, Errc::invalid_argument) << bad << started.error().message;
  }
}

TEST_F(Listening, OnALocalSocketTellsTheUser) {
  const TempFolder folder;
  const auto path = folder / "galley.sock";
  auto started = serve({}, path);
  ASSERT_TRUE(started) << started.error().message;
  struct stat file {};
  ASSERT_EQ(stat(path.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777U, 0600U);
  EXPECT_EQ(peer_at("unix:" + path), "unix " + std::to_string(getuid()));
  started->reset();
  EXPECT_NE(stat(path.c_str(), &file), 0) << "the socket file was left behind";
}

TEST_F(Listening, ALiveLocalSocketIsAConflict) {
  const TempFolder folder;
  const auto path = folder / "galley.sock";
  const auto first = serve({}, path);
  ASSERT_TRUE(first);
  const auto second = serve({}, path);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::conflict);
  EXPECT_THAT(second.error().message, HasSubstr(path));
  EXPECT_THAT(peer_at("unix:" + path), StartsWith("unix "));
}

TEST_F(Listening, TheSocketFileOfADeadServerIsReplaced) {
  const TempFolder folder;
  const auto path = folder / "galley.sock";
  {
    const UniqueFd dead(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path.copy(name.sun_path, sizeof name.sun_path - 1);
    ASSERT_EQ(bind(dead.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  }
  const auto started = serve({}, path);
  ASSERT_TRUE(started) << started.error().message;
  EXPECT_THAT(peer_at("unix:" + path), StartsWith("unix "));
}

TEST_F(Listening, AFileThatIsNoSocketIsLeftAlone) {
  const TempFolder folder;
  const auto path = folder / "precious";
  std::ofstream(path) << "data";
  const auto started = serve({}, path);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::conflict);
  EXPECT_TRUE(std::ifstream(path).good());
}

TEST_F(Listening, OnImpossiblePathsIsAnError) {
  const TempFolder folder;
  EXPECT_EQ(serve({}, folder / std::string(200, 'x')).error().code, Errc::invalid_argument);
  EXPECT_EQ(serve({}, folder / "none/galley.sock").error().code, Errc::not_found);
}

}  // namespace
}  // namespace galley::http::testing
