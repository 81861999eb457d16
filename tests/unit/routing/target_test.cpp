#include "runtime/routing/target.h"

#include <gtest/gtest.h>

namespace catalyst::routing {
namespace {

using Admission = Target::Admission;

std::shared_ptr<Target> target(BulkheadPolicy bulkhead = {}, OutlierPolicy outliers = {},
                               Reach* reach = nullptr) {
  return std::make_shared<Target>("t", bulkhead, outliers, CheckPolicy{2, 2},
                                  [reach] { return reach == nullptr ? Reach::Up : *reach; });
}

std::shared_ptr<Target::Waiter> waiter(int& woken) {
  auto out = std::make_shared<Target::Waiter>();
  out->wake = [&woken] { ++woken; };
  return out;
}

TEST(Bulkhead, WithoutALimitEverybodyEnters) {
  const auto t = target();
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(t->enter(), Admission::Entered);
  }
  EXPECT_EQ(t->in_flight(), 100U);
  EXPECT_EQ(t->standing(0), Standing::Healthy);
}

TEST(Bulkhead, QueuesInOrderAndThenRefuses) {
  const auto t = target({.in_flight = 1, .queue = 2});
  int first = 0;
  int second = 0;
  EXPECT_EQ(t->enter(), Admission::Entered);
  EXPECT_EQ(t->standing(0), Standing::Busy);
  EXPECT_EQ(t->enter(waiter(first)), Admission::Queued);
  EXPECT_EQ(t->enter(waiter(second)), Admission::Queued);
  int third = 0;
  EXPECT_EQ(t->enter(waiter(third)), Admission::Full);
  EXPECT_EQ(t->enter(), Admission::Full);
  t->leave();
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 0);
  EXPECT_EQ(t->in_flight(), 1U) << "the place changed hands";
  t->leave();
  EXPECT_EQ(second, 1);
  t->leave();
  EXPECT_EQ(t->in_flight(), 0U);
  EXPECT_EQ(t->standing(0), Standing::Healthy);
}

TEST(Bulkhead, WhoGivesUpIsPassedBy) {
  const auto t = target({.in_flight = 1, .queue = 2});
  int first = 0;
  int second = 0;
  t->enter();
  const auto impatient = waiter(first);
  t->enter(impatient);
  t->enter(waiter(second));
  EXPECT_TRUE(t->give_up(impatient));
  t->leave();
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
}

TEST(Bulkhead, WhoGivesUpTooLateHasThePlace) {
  const auto t = target({.in_flight = 1, .queue = 1});
  int woken = 0;
  t->enter();
  const auto late = waiter(woken);
  t->enter(late);
  t->leave();
  EXPECT_FALSE(t->give_up(late));
  EXPECT_EQ(t->in_flight(), 1U);
}

TEST(Outliers, SoManyFailuresInARow) {
  const auto t = target({}, {.failures = 3});
  EXPECT_FALSE(t->report(Outcome::Timeout, 0));
  EXPECT_FALSE(t->report(Outcome::Refused, 0));
  EXPECT_FALSE(t->report(Outcome::Ok, 0));
  EXPECT_FALSE(t->report(Outcome::Unavailable, 0));
  EXPECT_FALSE(t->report(Outcome::Unavailable, 0));
  EXPECT_FALSE(t->report(Outcome::Cancelled, 0)) << "says nothing";
  EXPECT_FALSE(t->report(Outcome::Full, 0)) << "nor does our own limit";
  EXPECT_TRUE(t->report(Outcome::Unavailable, 0));
}

TEST(Outliers, AnErrorOfTheCallIsNoFailure) {
  const auto t = target({}, {.failures = 1});
  EXPECT_FALSE(t->report(Outcome::Error, 0));
}

TEST(Outliers, EachTimeLonger) {
  const auto t = target({}, {.failures = 1, .eject_ms = 100, .eject_max_ms = 250});
  t->eject(0);
  EXPECT_EQ(t->standing(99), Standing::Ejected);
  EXPECT_EQ(t->standing(100), Standing::Healthy);
  t->eject(100);
  EXPECT_EQ(t->standing(299), Standing::Ejected);
  EXPECT_EQ(t->standing(300), Standing::Healthy);
  t->eject(300);
  EXPECT_EQ(t->standing(549), Standing::Ejected);
  EXPECT_EQ(t->standing(550), Standing::Healthy) << "never longer than the most";
  t->report(Outcome::Ok, 550 + 250);
  t->eject(1'000);
  EXPECT_EQ(t->standing(1'100), Standing::Healthy) << "well for long enough: as the first time";
}

TEST(Checks, FailAndPassAfterSoManyInARow) {
  const auto t = target();
  t->checked(false);
  t->checked(true);
  t->checked(false);
  EXPECT_EQ(t->standing(0), Standing::Healthy);
  t->checked(false);
  EXPECT_EQ(t->standing(0), Standing::Failing);
  t->checked(true);
  t->checked(false);
  t->checked(true);
  EXPECT_EQ(t->standing(0), Standing::Failing);
  t->checked(true);
  EXPECT_EQ(t->standing(0), Standing::Healthy);
}

TEST(Checks, APassedOneEndsAnEjection) {
  const auto t = target();
  t->checked(false);
  t->checked(false);
  t->eject(0);
  t->checked(true);
  t->checked(true);
  EXPECT_EQ(t->standing(1), Standing::Healthy);
}

TEST(Standing, TheWorstCounts) {
  Reach reach = Reach::Starting;
  const auto t = target({}, {}, &reach);
  EXPECT_EQ(t->standing(0), Standing::Starting);
  reach = Reach::Down;
  EXPECT_EQ(t->standing(0), Standing::Down);
  reach = Reach::Up;
  t->set_differing(true);
  EXPECT_EQ(t->standing(0), Standing::Differing);
  t->drain(true);
  EXPECT_EQ(t->standing(0), Standing::Draining);
  t->drain(false);
  t->set_differing(false);
  EXPECT_EQ(t->standing(0), Standing::Healthy);
}

}  // namespace
}  // namespace catalyst::routing
