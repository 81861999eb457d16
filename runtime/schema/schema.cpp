#include "runtime/schema/schema.h"

#include "runtime/schema/evaluate.h"
#include "runtime/schema/plain.h"

namespace catalyst::schema {
namespace {

constexpr size_t kFirstBytes = 4 * 1024;
constexpr size_t kKeptBytes = 256 * 1024;

}  // namespace

struct Schema::Impl {
  Graph graph;
};

Schema::Schema() : impl_(std::make_unique<Impl>()) {}
Schema::~Schema() = default;

Result<std::shared_ptr<const Schema>> Schema::compile(std::string_view schema_json, const Limits& limits) {
  std::shared_ptr<Schema> out(new Schema());
  out->impl_->graph.limits = limits;
  if (const Result<void> built = build(schema_json, out->impl_->graph); built.has_error()) {
    return built.error();
  }
  mark_plain(out->impl_->graph);
  return std::shared_ptr<const Schema>(std::move(out));
}

Outcome Schema::validate(std::string_view instance_json) const {
  if (fits_plainly(impl_->graph, instance_json)) {
    return {true, {}};
  }
  const Limits& limits = impl_->graph.limits;
  thread_local simdjson::dom::parser small;
  simdjson::dom::parser large;  // whose memory is not kept
  simdjson::dom::parser& parser = instance_json.size() <= kKeptBytes ? small : large;
  Element instance;
  if (parser.max_depth() != limits.depth && parser.allocate(kFirstBytes, limits.depth) != simdjson::SUCCESS) {
    return {false, {{"", "is too large"}}};
  }
  if (const auto failure = parser.parse(instance_json.data(), instance_json.size()).get(instance)) {
    const bool number = failure == simdjson::NUMBER_ERROR;
    return {false,
            {{"", number                             ? "holds a number that is too large to be checked"
                  : failure == simdjson::DEPTH_ERROR ? "is nested too deeply"
                                                     : "is not JSON that can be read"}}};
  }
  return evaluate(impl_->graph, instance);
}

const std::vector<std::string>& Schema::unchecked() const { return impl_->graph.unchecked; }

std::string Outcome::text() const {
  std::string out;
  for (const Issue& issue : issues) {
    out += (out.empty() ? "" : "; ") + (issue.path.empty() ? "" : issue.path + " ") + issue.message;
  }
  return out;
}

}  // namespace catalyst::schema
