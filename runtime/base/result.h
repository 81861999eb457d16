#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <string>
#include <utility>

namespace catalyst {

/// An operational failure: a module's error code and the context that was gathered on its way up.
/// Author mistakes are Diagnostics and rule outcomes are values in a verdict; neither ever becomes an Error.
struct Error {
  boost::system::error_code code;
  std::string context;

  /// "context: message of the code", for logs and terminals.
  [[nodiscard]] std::string message() const {
    if (!code) {
      return context;
    }
    return context.empty() ? code.message() : context + ": " + code.message();
  }
};

[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location& where) {
  boost::throw_with_location(boost::system::system_error(error.code, error.context), where);
}

/// Value or Error. Never throws; check before reading.
template <class T>
using Result = boost::system::result<T, Error>;

/// An Error of `code` whose context says what was being done.
inline Error error(boost::system::error_code code, std::string context) {
  return Error{code, std::move(context)};
}

/// An Error whose text says everything (no code that anyone branches on).
inline Error error(std::string text) { return Error{{}, std::move(text)}; }

/// Adds what the caller was doing in front of the context.
inline Error add_context(Error inner, const std::string& doing) {
  inner.context = inner.context.empty() ? doing : doing + ": " + inner.context;
  return inner;
}

}  // namespace catalyst
