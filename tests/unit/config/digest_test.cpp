#include <gtest/gtest.h>

#include "server/config/digest.h"

namespace catalyst::server {
namespace {

TEST(Digest, IsSha256) {
  EXPECT_EQ(hex_digest(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace catalyst::server
