// Native code that is kept between starts, or comes with a pack: used when it is the right one, whole, and
// nobody else could have written it.

#include "compiler/driver/native_cache.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "compiler/driver/compile.h"
#include "compiler/pack/module_codec.h"
#include "compiler/pack/refusal.h"
#include "tests/support/golden.h"
#include "tests/unit/pack/goldens.h"

namespace catalyst::driver {
namespace {

namespace fs = std::filesystem;
using pack::NativeObject;

constexpr uint64_t kPlenty = 64u * 1024 * 1024;

/// A folder that goes with the test.
class NativeCacheTest : public ::testing::Test {
 protected:
  NativeCacheTest() {
    std::string name = (fs::temp_directory_path() / "catalyst-native-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
  }
  ~NativeCacheTest() override { fs::remove_all(root_); }

  [[nodiscard]] std::string folder() const { return root_ + "/data/native"; }
  [[nodiscard]] NativeCache cache(uint64_t bytes_max = kPlenty) const {
    return NativeCache({folder(), bytes_max});
  }
  [[nodiscard]] std::vector<fs::path> files() const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(folder())) {
      out.push_back(entry.path());
    }
    return out;
  }

  std::string root_;
};

abi::Target target() { return {"x86_64-pc-linux-gnu", "znver4", "+avx2", "19.1.7", "c0ffee"}; }
NativeObject object(uint8_t number, size_t bytes) {
  return {target(), {number}, std::string(bytes, static_cast<char>(number))};
}
std::string content_of(const fs::path& path) { return catalyst::testing::read_file(path.string()); }
void overwrite(const fs::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

TEST_F(NativeCacheTest, FindsWhatItKept) {
  const NativeCache kept = cache();
  auto nothing = kept.find(target(), {1});
  ASSERT_TRUE(nothing.has_value());
  EXPECT_FALSE(nothing->has_value());
  ASSERT_TRUE(kept.keep(object(1, 1000)).has_value());
  ASSERT_TRUE(kept.keep(object(1, 1000)).has_value()) << "again";
  const auto found = kept.find(target(), {1});
  ASSERT_TRUE(found.has_value()) << found.error().message();
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->code, object(1, 1000).code);
  EXPECT_FALSE(kept.find(target(), {2})->has_value()) << "other rules";
  abi::Target other = target();
  other.llvm = "20.1.0";
  EXPECT_FALSE(kept.find(other, {1})->has_value()) << "another LLVM";
  struct stat status{};
  ASSERT_EQ(::stat(folder().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0700u);
  ASSERT_EQ(files().size(), 1u);
  ASSERT_EQ(::stat(files()[0].c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
}

TEST_F(NativeCacheTest, EveryTruncationAndAlterationIsFoundAndRemoved) {
  const NativeCache kept = cache();
  ASSERT_TRUE(kept.keep(object(1, 300)).has_value());
  const fs::path path = files()[0];
  const std::string good = content_of(path);
  for (size_t i = 0; i < good.size(); i++) {
    std::string altered = good;
    altered[i] = static_cast<char>(altered[i] ^ 0x10);
    for (const std::string& bytes : {good.substr(0, i), altered, good + altered.substr(0, i + 1)}) {
      overwrite(path, bytes);
      ::chmod(path.c_str(), 0600);
      ASSERT_TRUE(kept.find(target(), {1}).has_error()) << i;
      ASSERT_FALSE(fs::exists(path)) << i;
    }
  }
}

TEST_F(NativeCacheTest, OneFileInPlaceOfAnotherIsNotUsed) {
  const NativeCache kept = cache();
  ASSERT_TRUE(kept.keep(object(1, 10)).has_value());
  const fs::path first = files()[0];
  const std::string bytes = content_of(first);
  fs::remove(first);
  ASSERT_TRUE(kept.keep(object(2, 10)).has_value());
  overwrite(files()[0], bytes);
  EXPECT_TRUE(kept.find(target(), {2}).has_error());
}

TEST_F(NativeCacheTest, WhatOthersCanWriteIsNotUsedAndLeftAlone) {
  const NativeCache kept = cache();
  ASSERT_TRUE(kept.keep(object(1, 10)).has_value());
  const fs::path path = files()[0];
  fs::permissions(path, fs::perms::others_write, fs::perm_options::add);
  EXPECT_TRUE(kept.find(target(), {1}).has_error());
  EXPECT_TRUE(fs::exists(path));
  fs::permissions(path, fs::perms::others_write, fs::perm_options::remove);
  EXPECT_TRUE(kept.find(target(), {1})->has_value());

  fs::permissions(folder(), fs::perms::group_write, fs::perm_options::add);
  EXPECT_TRUE(kept.find(target(), {1}).has_error());
  EXPECT_TRUE(kept.keep(object(2, 10)).has_error());
  fs::permissions(folder(), fs::perms::group_write, fs::perm_options::remove);

  fs::rename(path, root_ + "/elsewhere");
  fs::create_symlink(root_ + "/elsewhere", path);
  EXPECT_TRUE(kept.find(target(), {1}).has_error());
  if (::geteuid() == 0) {
    fs::remove(path);
    fs::rename(root_ + "/elsewhere", path);
    ASSERT_EQ(::chown(path.c_str(), 12345, 12345), 0);
    EXPECT_TRUE(kept.find(target(), {1}).has_error());
  }
}

TEST_F(NativeCacheTest, ALinkInPlaceOfTheFolderIsNotFollowed) {
  fs::create_directories(root_ + "/data");
  fs::create_directory(root_ + "/theirs");
  fs::create_directory_symlink(root_ + "/theirs", folder());
  EXPECT_TRUE(cache().keep(object(1, 10)).has_error());
  EXPECT_TRUE(fs::is_empty(root_ + "/theirs"));
}

TEST_F(NativeCacheTest, WhatWasUsedLongestAgoMakesRoom) {
  const NativeCache kept = cache(3500);
  using namespace std::chrono_literals;
  for (const uint8_t number : {1, 2, 3}) {
    ASSERT_TRUE(kept.keep(object(number, 1000)).has_value());
    for (const fs::path& path : files()) {
      fs::last_write_time(path, fs::last_write_time(path) - 1h);
    }
  }
  ASSERT_TRUE(kept.find(target(), {1})->has_value()) << "used now";
  overwrite(folder() + "/" + std::string(64, 'a') + ".native.1.part", "begun and left");
  fs::last_write_time(folder() + "/" + std::string(64, 'a') + ".native.1.part",
                      fs::file_time_type::clock::now() - 3h);
  ASSERT_TRUE(kept.keep(object(4, 1000)).has_value());
  EXPECT_TRUE(kept.find(target(), {1})->has_value());
  EXPECT_FALSE(kept.find(target(), {2})->has_value());
  EXPECT_TRUE(kept.find(target(), {3})->has_value());
  EXPECT_TRUE(kept.find(target(), {4})->has_value());
  EXPECT_EQ(files().size(), 3u);
  EXPECT_TRUE(kept.keep(object(5, 5000)).has_error()) << "more than all that may be kept";
}

/// What a start does: what is at hand, or else the compiler's.
NativeUnit make_native(const Analysis& analysis, const NativeOptions& options) {
  NativeUnit out = native_at_hand(analysis, options);
  if (out.unit == nullptr) {
    auto compiled = compile_native(analysis, options);
    EXPECT_TRUE(compiled.has_value()) << compiled.error().message();
    out.unit = std::move(compiled->unit);
    out.remarks.insert(out.remarks.end(), compiled->remarks.begin(), compiled->remarks.end());
  }
  EXPECT_STREQ(out.unit->tier, "native");
  return out;
}

const PackBuild& quickstart() {
  for (const auto& [path, built] : pack::testing::golden_packs()) {
    if (path.ends_with("quickstart/policy.cata")) {
      return built;
    }
  }
  return pack::testing::golden_packs().front().second;
}

TEST_F(NativeCacheTest, ASecondStartNeedsNoCompilation) {
  const NativeCache kept = cache();
  const auto make = [&](const Analysis& analysis) { return make_native(analysis, {.cache = &kept}); };
  EXPECT_EQ(make(quickstart().analysis).origin, NativeOrigin::Compiled);
  // Read from the pack: the same rules in another place of memory.
  const auto loaded = load_pack(quickstart().bytes);
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(make(*loaded->analysis).origin, NativeOrigin::Cache);

  ASSERT_EQ(files().size(), 1u);
  std::string bytes = content_of(files()[0]);
  bytes[bytes.size() / 2] ^= 1;
  overwrite(files()[0], bytes);
  const NativeUnit again = make(*loaded->analysis);
  EXPECT_EQ(again.origin, NativeOrigin::Compiled);
  ASSERT_EQ(again.remarks.size(), 1u);
  EXPECT_NE(again.remarks[0].find("altered"), std::string::npos) << again.remarks[0];
  EXPECT_EQ(make(*loaded->analysis).origin, NativeOrigin::Cache) << "it was kept anew";

  EXPECT_EQ(make_native(quickstart().analysis, {.opt_level = 0, .cache = &kept}).origin,
            NativeOrigin::Compiled);
}

/// The quickstart with native code, its target changed by `change`, signed by `key`.
template <class Change>
std::string with_native(const pack::Key& key, Change change) {
  const auto part = native_part(quickstart().analysis, "native");
  EXPECT_TRUE(part.has_value()) << part.error().message();
  NativeObject native = *pack::read_native(*part, kPlenty);
  change(native);
  pack::BuildInput input = quickstart().input;
  input.native = pack::write_native(native);
  const std::string bytes = pack::build(input);
  const auto opened = pack::open(bytes);
  return pack::with_signatures(bytes, *opened, {key.sign(*opened)});
}

TEST(NativePart, IsUsedWhereItFitsAndATrustedKeySigned) {
  const pack::Key key = pack::Key::generate();
  LoadOptions trusting;
  trusting.trust.keys = {*pack::Key::public_from_pem(key.public_pem(), "release")};
  const auto made = [&](const std::string& bytes) {
    const auto loaded = load_pack(bytes, trusting);
    EXPECT_TRUE(loaded.has_value()) << loaded.error().message();
    return make_native(*loaded->analysis, {.offered = loaded->native});
  };
  const std::string good = with_native(key, [](NativeObject&) {});
  EXPECT_EQ(made(good).origin, NativeOrigin::Pack);
  EXPECT_EQ(made(good).remarks, std::vector<std::string>());

  const auto untrusted = load_pack(good);
  ASSERT_TRUE(untrusted.has_value());
  EXPECT_TRUE(untrusted->native.empty());
  EXPECT_EQ(untrusted->native_unused, "no trusted key signed it");
  LoadOptions careful = trusting;
  careful.use_native = false;
  EXPECT_TRUE(load_pack(good, careful)->native.empty());

  const auto refused = [&](auto change, std::string_view why) {
    const NativeUnit unit = made(with_native(key, change));
    EXPECT_EQ(unit.origin, NativeOrigin::Compiled) << why;
    ASSERT_EQ(unit.remarks.size(), 1u) << why;
    EXPECT_NE(unit.remarks[0].find(why), std::string::npos) << unit.remarks[0];
  };
  refused([](NativeObject& native) { native.target.llvm = "18.1.0"; }, "LLVM 18.1.0");
  refused([](NativeObject& native) { native.target.program = "00"; }, "another build");
  refused([](NativeObject& native) { native.target.triple = "riscv64-unknown-linux-gnu"; }, "riscv64");
  refused([](NativeObject& native) { native.target.cpu = "made-up"; }, "made-up");
  refused([](NativeObject& native) { native.made_from[0] ^= 1; }, "other rules");
  refused([](NativeObject& native) { native.code.resize(native.code.size() / 2); }, "not used");
  refused([](NativeObject& native) { native.code = "no object code at all"; }, "not used");
}

TEST(NativePart, IsMadeForNamedProcessors) {
  const auto unknown = native_part(quickstart().analysis, "abacus");
  ASSERT_TRUE(unknown.has_error());
  EXPECT_NE(unknown.error().message().find("known are"), std::string::npos);
#ifdef __x86_64__
  const auto old = native_part(quickstart().analysis, "x86-64");
  ASSERT_TRUE(old.has_value()) << old.error().message();
  EXPECT_EQ(*old, *native_part(quickstart().analysis, "x86-64")) << "the same bytes whenever it is built";
  EXPECT_EQ(make_native(quickstart().analysis, {.offered = *old}).origin, NativeOrigin::Pack)
      << "what every processor of this kind can do";
#endif
}

}  // namespace
}  // namespace catalyst::driver
