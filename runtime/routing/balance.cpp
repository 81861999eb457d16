#include "runtime/routing/balance.h"

#include <cmath>

namespace catalyst::routing {
namespace {

constexpr double kBoundedLoad = 1.25;

/// Weighted rendezvous score: -weight / ln(u) for u uniform in (0, 1).
double score(const Candidate& candidate, uint64_t key) {
  const uint64_t hash = mix(candidate.hash ^ mix(key));
  const double u = (static_cast<double>(hash >> 11) + 0.5) / 9007199254740992.0;  // 2^53
  return -static_cast<double>(candidate.weight) / std::log(u);
}

}  // namespace

size_t next_weighted(std::span<const Candidate> candidates) {
  int64_t total = 0;
  size_t best = 0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    total += candidates[i].weight;
    *candidates[i].current += candidates[i].weight;
    if (*candidates[i].current > *candidates[best].current) {
      best = i;
    }
  }
  *candidates[best].current -= total;
  return best;
}

size_t next_least_loaded(std::span<const Candidate> candidates, Random& random) {
  if (candidates.size() == 1) {
    return 0;
  }
  const size_t a = random.below(candidates.size());
  size_t b = random.below(candidates.size() - 1);
  b += b >= a ? 1 : 0;
  // (in_flight + 1) / weight, without the division.
  const uint64_t load_a = (uint64_t{candidates[a].in_flight} + 1) * candidates[b].weight;
  const uint64_t load_b = (uint64_t{candidates[b].in_flight} + 1) * candidates[a].weight;
  return load_b < load_a ? b : a;
}

size_t next_by_hash(std::span<const Candidate> candidates, uint64_t key) {
  double weights = 0;
  double calls = 1;  // this one, too
  for (const Candidate& candidate : candidates) {
    weights += candidate.weight;
    calls += candidate.in_flight;
  }
  size_t best = candidates.size();
  size_t roomy = candidates.size();  // the best one below its bound
  double best_score = -1;
  double roomy_score = -1;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const double own = score(candidates[i], key);
    if (own > best_score) {
      best = i;
      best_score = own;
    }
    const double bound = std::ceil(kBoundedLoad * calls * candidates[i].weight / weights);
    if (own > roomy_score && candidates[i].in_flight + 1 <= bound) {
      roomy = i;
      roomy_score = own;
    }
  }
  return roomy < candidates.size() ? roomy : best;
}

}  // namespace catalyst::routing
