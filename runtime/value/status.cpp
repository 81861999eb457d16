#include "runtime/value/value.h"

namespace catalyst::value {

std::string_view status_name(Status status) {
  switch (status) {
    case Status::Ok:
      return "ok";
    case Status::Missing:
      return "missing";
    case Status::BadType:
      return "bad_type";
    case Status::Overflow:
      return "overflow";
    case Status::DivisionByZero:
      return "division_by_zero";
    case Status::OutOfFuel:
      return "out_of_fuel";
    case Status::OutOfMemory:
      return "out_of_memory";
    case Status::OutOfRange:
      return "out_of_range";
    case Status::TooDeep:
      return "too_deep";
    case Status::NoSuchZone:
      return "no_such_zone";
  }
  return "unknown";
}

}  // namespace catalyst::value
