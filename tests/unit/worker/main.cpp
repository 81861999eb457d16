#include <gtest/gtest.h>

#include <csignal>

#include "compiler/driver/worker.h"

int main(int argc, char** argv) {
  using catalyst::driver::Worker;
  std::signal(SIGPIPE, SIG_IGN);  // as the engine has it; a worker must not inherit it
  if (argc > 1 && argv[1] == Worker::kVerb) {
    return Worker::serve({argv + 2, argv + argc});
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
