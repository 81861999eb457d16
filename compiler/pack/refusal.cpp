#include "compiler/pack/refusal.h"

#include <utility>

namespace catalyst::pack {
namespace {

struct Row {
  std::string_view slug;
  std::string_view text;
};

constexpr Row kRows[] = {
    {"", ""},
#define REFUSAL(name, slug, text) {slug, text},
#include "compiler/pack/refusal.def"
#undef REFUSAL
};

class Category final : public boost::system::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "pack"; }
  [[nodiscard]] std::string message(int code) const override { return std::string(kRows[code].text); }
};

const Category kCategory;

}  // namespace

std::string_view slug(const boost::system::error_code& code) {
  return code.category() == kCategory ? kRows[code.value()].slug : std::string_view();
}

Error refuse(Refusal why, std::string context) {
  return error({static_cast<int>(why), kCategory}, std::move(context));
}

}  // namespace catalyst::pack
