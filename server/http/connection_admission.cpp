// Who sends a request, and whether that stays so.

#include <algorithm>
#include <boost/asio/co_spawn.hpp>

#include "server/http/connection.h"

namespace catalyst::server {
bool Connection::is_open() const {
  return std::any_of(options().open_paths.begin(), options().open_paths.end(), [this](std::string_view open) {
    return open.ends_with('*') ? path_.starts_with(open.substr(0, open.size() - 1)) : path_ == open;
  });
}

/// A key that is not known any more is asked for once, as for a request; meanwhile the client stays.
bool Connection::still_admitted() {
  const auto& config = *shard_->config;
  if (config.authenticator == nullptr || is_open()) {
    return true;
  }
  const Credentials shown{*this, certificate_ ? &*certificate_ : nullptr};
  const Admission now = config.authenticator->admit(shown);
  if (!now.wait) {
    key_fetch_ = KeyFetch::None;
    return now.principal != nullptr && is_same(*now.principal, *principal_);
  }
  if (key_fetch_ == KeyFetch::None) {
    key_fetch_ = KeyFetch::Pending;
    asio::co_spawn(shard_->context.get_executor(), config.authenticator->admit_later(shown),
                   [self = shared_from_this()](const std::exception_ptr&, const Admission&) {
                     self->key_fetch_ = KeyFetch::Done;
                   });
  }
  return key_fetch_ == KeyFetch::Pending;
}

/// The way of requests that are refused, or whose sender is not known at once.
Task<void> Connection::admit_and_handle(Admission admission) {
  if (admission.wait) {
    admission =
        co_await shard_->config->authenticator->admit_later({*this, certificate_ ? &*certificate_ : nullptr});
  }
  if (admission.principal != nullptr) {
    principal_ = std::move(admission.principal);
    co_await shard_->config->handler(*this);
    co_return;
  }
  const mcp::Header headers[] = {{"Content-Type", "application/json"},
                                 {"Cache-Control", "no-store"},
                                 {"WWW-Authenticate", admission.challenge}};
  co_await respond(admission.status, std::span(headers, admission.challenge.empty() ? 2 : 3), admission.body);
}

}  // namespace catalyst::server
