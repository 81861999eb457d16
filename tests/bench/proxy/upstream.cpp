// bench_upstream PORT|stdio [legacy|sessions|modern]: the smallest MCP server that keeps up with a proxy, so
// that the proxy is what gets measured. One thread, loopback only. `legacy` (the default) speaks 2025-11-25
// without sessions, `sessions` the same with a session id for each client, `modern` 2026-07-28. Tools: echo
// {message}; echo_stream {message}, the same as an event stream; steps {count}, a stream of `count` progress
// messages before the result; blob {bytes}, a text of that size. Not a general server: requests must be
// compact JSON and, over HTTP, have a Content-Length, as every client of this benchmark sends them.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <strings.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

enum class Speaks { legacy, sessions, modern };

constexpr size_t kLargestBlob = size_t{16} << 20;

struct Connection {
  std::string in;
  std::string out;
  size_t sent = 0;
  bool waits_to_write = false;
};

/// What one request is answered with: messages before the result, and the result. No result: 202.
struct Reply {
  std::string_view status = "200 OK";
  std::vector<std::string> before;
  std::string result;
  bool as_stream = false;
  std::string session;
};

/// The JSON text behind the first `"key":` of `body`: a string with its quotes, or a number. Empty when there
/// is none.
std::string_view value_of(std::string_view body, std::string_view key) {
  const size_t at = body.find(key);
  if (at == std::string_view::npos) {
    return {};
  }
  size_t begin = body.find_first_not_of(" :", at + key.size());
  if (begin == std::string_view::npos) {
    return {};
  }
  size_t end = begin + 1;
  if (body[begin] == '"') {
    while (end < body.size() && body[end] != '"') {
      end += body[end] == '\\' ? 2 : 1;
    }
    end++;
  } else {
    end = body.find_first_of(",} ", begin);
  }
  return end <= body.size() ? body.substr(begin, end - begin) : std::string_view{};
}

size_t number_of(std::string_view body, std::string_view key) {
  const std::string_view text = value_of(body, key);
  size_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool calls(std::string_view body, std::string_view tool) {
  return body.find(std::string("\"name\":\"").append(tool).append("\"")) != std::string_view::npos;
}

constexpr std::string_view kTools =
    R"("tools":[)"
    R"({"name":"echo","description":"Echoes back the input","inputSchema":{"type":"object","properties":{"message":{"type":"string"}},"required":["message"]}},)"
    R"({"name":"echo_stream","description":"Echoes back the input on a stream","inputSchema":{"type":"object","properties":{"message":{"type":"string"}},"required":["message"]}},)"
    R"({"name":"steps","description":"Tells its progress","inputSchema":{"type":"object","properties":{"count":{"type":"integer"}},"required":["count"]}},)"
    R"({"name":"blob","description":"A text of a size","inputSchema":{"type":"object","properties":{"bytes":{"type":"integer"}},"required":["bytes"]}}])";

void call_tool(std::string_view body, Reply& reply) {
  reply.result.append("\"content\":[{\"type\":\"text\",\"text\":");
  if (calls(body, "blob")) {
    reply.result.append(1, '"')
        .append(std::min(number_of(body, "\"bytes\""), kLargestBlob), 'x')
        .append(1, '"');
  } else if (calls(body, "steps")) {
    const std::string_view token = value_of(body, "\"progressToken\"");
    for (size_t step = 0; !token.empty() && step < number_of(body, "\"count\""); step++) {
      reply.before.push_back(
          std::string(R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)")
              .append(token)
              .append(",\"progress\":")
              .append(std::to_string(step + 1))
              .append("}}"));
    }
    reply.as_stream = true;
    reply.result.append("\"done\"");
  } else {
    const std::string_view message = value_of(body, "\"message\"");
    reply.as_stream = calls(body, "echo_stream");
    reply.result.append(message.empty() ? "\"\"" : message);
  }
  reply.result.append("}]");
}

/// Answers the message `body`.
Reply serve(std::string_view body, Speaks speaks) {
  static size_t sessions = 0;
  const std::string_view id = value_of(body, "\"id\"");
  const std::string_view call = value_of(body, "\"method\"");
  Reply reply;
  if (id.empty()) {
    reply.status = "202 Accepted";
    return reply;
  }
  const std::string head = std::string("{\"jsonrpc\":\"2.0\",\"id\":").append(id);
  reply.result.append(head).append(",\"result\":{");
  const bool modern = speaks == Speaks::modern;
  if (call == "\"tools/call\"") {
    call_tool(body, reply);
  } else if (call == "\"tools/list\"") {
    reply.result.append(kTools).append(modern ? R"(,"ttlMs":60000,"cacheScope":"public")" : "");
  } else if (call == "\"initialize\"" && !modern) {
    const std::string_view version = value_of(body, "\"protocolVersion\"");
    reply.result.append("\"protocolVersion\":")
        .append(version.empty() ? "\"2025-11-25\"" : version)
        .append(R"(,"capabilities":{"tools":{}},"serverInfo":{"name":"bench-upstream","version":"1"})");
    if (speaks == Speaks::sessions) {
      reply.session = "bench-session-" + std::to_string(++sessions);
    }
  } else if (call == "\"server/discover\"" && modern) {
    reply.result.append(
        R"("supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"serverInfo":{"name":"bench-upstream","version":"1"},"ttlMs":60000,"cacheScope":"public")");
  } else if (call != "\"ping\"") {
    reply.status = modern ? "404 Not Found" : "400 Bad Request";
    reply.result = head + R"(,"error":{"code":-32601,"message":"Method not found"}})";
    return reply;
  }
  if (modern) {
    reply.result.append(R"(,"resultType":"complete")");
  }
  reply.result.append("}}");
  return reply;
}

void chunk(std::string& out, std::string_view message) {
  std::array<char, 20> size;
  const std::string_view before = "event: message\ndata: ";
  const auto end =
      std::to_chars(size.data(), size.data() + size.size(), before.size() + message.size() + 2, 16).ptr;
  out.append(size.data(), static_cast<size_t>(end - size.data())).append("\r\n");
  out.append(before).append(message).append("\n\n\r\n");
}

void write_http(std::string& out, const Reply& reply) {
  out.append("HTTP/1.1 ").append(reply.status).append("\r\n");
  if (!reply.session.empty()) {
    out.append("Mcp-Session-Id: ").append(reply.session).append("\r\n");
  }
  if (reply.as_stream) {
    out.append(
        "Content-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (const std::string& message : reply.before) {
      chunk(out, message);
    }
    chunk(out, reply.result);
    out.append("0\r\n\r\n");
    return;
  }
  if (!reply.result.empty()) {
    out.append("Content-Type: application/json\r\n");
  }
  out.append("Content-Length: ")
      .append(std::to_string(reply.result.size()))
      .append("\r\n\r\n")
      .append(reply.result);
}

size_t content_length(std::string_view head) {
  size_t length = 0;
  for (size_t line = head.find("\r\n"); line != std::string_view::npos; line = head.find("\r\n", line + 2)) {
    static constexpr std::string_view kName = "content-length:";
    const std::string_view header = head.substr(line + 2);
    if (header.size() > kName.size() && strncasecmp(header.data(), kName.data(), kName.size()) == 0) {
      const size_t digits = header.find_first_not_of(' ', kName.size());
      std::from_chars(header.data() + digits, header.data() + header.size(), length);
    }
  }
  return length;
}

/// Serves every complete request in `in`.
void drain_requests(Connection& connection, Speaks speaks) {
  size_t used = 0;
  const std::string_view all = connection.in;
  while (true) {
    const std::string_view rest = all.substr(used);
    const size_t head_end = rest.find("\r\n\r\n");
    if (head_end == std::string_view::npos) {
      break;
    }
    const std::string_view head = rest.substr(0, head_end);
    const size_t length = content_length(head);
    if (rest.size() < head_end + 4 + length) {
      break;
    }
    if (head.starts_with("POST ")) {
      write_http(connection.out, serve(rest.substr(head_end + 4, length), speaks));
    } else {
      Reply refusal;
      refusal.status =
          speaks == Speaks::sessions && head.starts_with("DELETE ") ? "200 OK" : "405 Method Not Allowed";
      write_http(connection.out, refusal);
    }
    used += head_end + 4 + length;
  }
  connection.in.erase(0, used);
}

int listen_on(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd, 1024) != 0) {
    std::perror("bench upstream");
    std::exit(1);
  }
  return fd;
}

void watch(int epoll, int fd, int operation, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  epoll_ctl(epoll, operation, fd, &event);
}

/// Writes what fits, and asks to be told when more does. False when the connection is over.
bool flush(int epoll, int fd, Connection& connection) {
  while (connection.sent < connection.out.size()) {
    const ssize_t n =
        write(fd, connection.out.data() + connection.sent, connection.out.size() - connection.sent);
    if (n < 0) {
      if (errno != EAGAIN) {
        return false;
      }
      break;
    }
    connection.sent += static_cast<size_t>(n);
  }
  const bool waits = connection.sent < connection.out.size();
  if (!waits) {
    connection.out.clear();
    connection.sent = 0;
  }
  if (std::exchange(connection.waits_to_write, waits) != waits) {
    watch(epoll, fd, EPOLL_CTL_MOD, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }
  return true;
}

/// False when the connection is over.
bool on_event(int epoll, int fd, uint32_t events, Connection& connection, Speaks speaks) {
  if ((events & ~static_cast<uint32_t>(EPOLLOUT)) != 0) {
    std::array<char, 65536> buffer;
    const ssize_t n = read(fd, buffer.data(), buffer.size());
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
      return false;
    }
    if (n > 0) {
      connection.in.append(buffer.data(), static_cast<size_t>(n));
      drain_requests(connection, speaks);
    }
  }
  return flush(epoll, fd, connection);
}

void serve_http(uint16_t port, Speaks speaks) {
  std::signal(SIGPIPE, SIG_IGN);
  const int listener = listen_on(port);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, listener, EPOLL_CTL_ADD, EPOLLIN);
  std::unordered_map<int, Connection> connections;
  std::array<epoll_event, 256> events;
  while (true) {
    const int count = epoll_wait(epoll, events.data(), events.size(), -1);
    for (int i = 0; i < count; i++) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      const int fd = event.data.fd;
      if (fd == listener) {
        for (int peer = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK); peer >= 0;
             peer = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK)) {
          const int one = 1;
          setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
          watch(epoll, peer, EPOLL_CTL_ADD, EPOLLIN);
        }
      } else if (!on_event(epoll, fd, event.events, connections[fd], speaks)) {
        close(fd);
        connections.erase(fd);
      }
    }
  }
}

/// Writes all of `out` to standard output; false when nobody reads it any more.
bool write_all(std::string_view out) {
  while (!out.empty()) {
    const ssize_t n = write(STDOUT_FILENO, out.data(), out.size());
    if (n <= 0) {
      return false;
    }
    out.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

/// One message a line, until standard input ends.
void serve_stdio(Speaks speaks) {
  std::string in;
  std::string out;
  std::array<char, 65536> buffer;
  for (ssize_t n = read(STDIN_FILENO, buffer.data(), buffer.size()); n > 0;
       n = read(STDIN_FILENO, buffer.data(), buffer.size())) {
    in.append(buffer.data(), static_cast<size_t>(n));
    size_t used = 0;
    for (size_t end = in.find('\n'); end != std::string::npos; end = in.find('\n', used)) {
      const Reply reply = serve(std::string_view(in).substr(used, end - used), speaks);
      for (const std::string& message : reply.before) {
        out.append(message).append(1, '\n');
      }
      if (!reply.result.empty()) {
        out.append(reply.result).append(1, '\n');
      }
      used = end + 1;
    }
    in.erase(0, used);
    if (!write_all(out)) {
      return;
    }
    out.clear();
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view how = argc == 3 ? argv[2] : "legacy";
  if (argc < 2 || argc > 3 || (how != "legacy" && how != "sessions" && how != "modern")) {
    std::fprintf(stderr, "usage: bench_upstream PORT|stdio [legacy|sessions|modern]\n");
    return 2;
  }
  const Speaks speaks = how == "modern"     ? Speaks::modern
                        : how == "sessions" ? Speaks::sessions
                                            : Speaks::legacy;
  if (argv[1] == std::string_view("stdio")) {
    serve_stdio(speaks);
    return 0;
  }
  serve_http(static_cast<uint16_t>(std::atoi(argv[1])), speaks);
}
