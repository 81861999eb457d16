// upstream PORT: the smallest MCP server that keeps up with a proxy, so that the proxy is what gets measured.
// One thread, epoll, loopback only; answers initialize, tools/list and tools/call (echo) for the revision
// 2025-11-25. Not a general server: requests must arrive with a Content-Length, as every client of this
// benchmark sends them.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <strings.h>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <unordered_map>

namespace {

struct Connection {
  std::string in;
  std::string out;
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

void answer(std::string& out, std::string_view status, std::string_view body) {
  out.append("HTTP/1.1 ").append(status).append("\r\n");
  if (!body.empty()) {
    out.append("Content-Type: application/json\r\n");
  }
  out.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
}

void serve(std::string& out, std::string_view method, std::string_view body) {
  if (method != "POST") {
    answer(out, "405 Method Not Allowed", "");
    return;
  }
  const std::string_view id = value_of(body, "\"id\"");
  const std::string_view call = value_of(body, "\"method\"");
  if (id.empty()) {
    answer(out, "202 Accepted", "");
    return;
  }
  std::string reply = "{\"jsonrpc\":\"2.0\",\"id\":";
  reply.append(id);
  if (call == "\"tools/call\"") {
    const std::string_view message = value_of(body, "\"message\"");
    reply.append(",\"result\":{\"content\":[{\"type\":\"text\",\"text\":")
        .append(message.empty() ? "\"\"" : message)
        .append("}]}}");
  } else if (call == "\"initialize\"") {
    reply.append(
        ",\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},"
        "\"serverInfo\":{\"name\":\"bench-upstream\",\"version\":\"1\"}}}");
  } else if (call == "\"tools/list\"") {
    reply.append(
        ",\"result\":{\"tools\":[{\"name\":\"echo\",\"description\":\"Echoes back the "
        "input\",\"inputSchema\":"
        "{\"type\":\"object\",\"properties\":{\"message\":{\"type\":\"string\"}},\"required\":[\"message\"]}}"
        "]}}");
  } else if (call == "\"ping\"") {
    reply.append(",\"result\":{}}");
  } else {
    reply.append(",\"error\":{\"code\":-32601,\"message\":\"Method not found\"}}");
    answer(out, "400 Bad Request", reply);
    return;
  }
  answer(out, "200 OK", reply);
}

/// Serves every complete request in `in`.
void drain_requests(Connection& connection) {
  size_t used = 0;
  const std::string_view all = connection.in;
  while (true) {
    const std::string_view rest = all.substr(used);
    const size_t head_end = rest.find("\r\n\r\n");
    if (head_end == std::string_view::npos) {
      break;
    }
    const std::string_view head = rest.substr(0, head_end);
    size_t length = 0;
    for (size_t line = head.find("\r\n"); line != std::string_view::npos;
         line = head.find("\r\n", line + 2)) {
      static constexpr std::string_view kName = "content-length:";
      const std::string_view header = head.substr(line + 2);
      if (header.size() > kName.size() && strncasecmp(header.data(), kName.data(), kName.size()) == 0) {
        const size_t digits = header.find_first_not_of(' ', kName.size());
        std::from_chars(header.data() + digits, header.data() + header.size(), length);
      }
    }
    if (rest.size() < head_end + 4 + length) {
      break;
    }
    serve(connection.out, head.substr(0, head.find(' ')), rest.substr(head_end + 4, length));
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

void watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/// False when the connection is over.
bool on_readable(int fd, Connection& connection) {
  std::array<char, 65536> buffer;
  const ssize_t n = read(fd, buffer.data(), buffer.size());
  if (n <= 0) {
    return n < 0 && errno == EAGAIN;
  }
  connection.in.append(buffer.data(), static_cast<size_t>(n));
  drain_requests(connection);
  // Answers are small against the socket buffer; a peer that does not read them is dropped.
  const bool sent =
      write(fd, connection.out.data(), connection.out.size()) == static_cast<ssize_t>(connection.out.size());
  connection.out.clear();
  return sent;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: upstream PORT\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  const int listener = listen_on(static_cast<uint16_t>(std::atoi(argv[1])));
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, listener);
  std::unordered_map<int, Connection> connections;
  std::array<epoll_event, 256> events;
  while (true) {
    const int count = epoll_wait(epoll, events.data(), events.size(), -1);
    for (int i = 0; i < count; i++) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == listener) {
        for (int peer = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK); peer >= 0;
             peer = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK)) {
          const int one = 1;
          setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
          watch(epoll, peer);
        }
      } else if (!on_readable(fd, connections[fd])) {
        close(fd);
        connections.erase(fd);
      }
    }
  }
}
