#pragma once

// The coroutine vocabulary of the house: every asynchronous function returns Task<T> and runs on the executor
// of its caller.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace catalyst {

namespace asio = boost::asio;

template <class T>
using Task = asio::awaitable<T>;

}  // namespace catalyst
