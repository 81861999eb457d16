#include "runtime/abi/input.h"

namespace catalyst::abi {

std::string_view input_root_text(InputRoot root) {
  switch (root) {
#define INPUT_ROOT(name, text, trusted) \
  case InputRoot::name:                 \
    return text;
#include "runtime/abi/input_root.def"
#undef INPUT_ROOT
  }
  return {};
}

bool input_root_trusted(InputRoot root) {
  switch (root) {
#define INPUT_ROOT(name, text, trusted) \
  case InputRoot::name:                 \
    return trusted;
#include "runtime/abi/input_root.def"
#undef INPUT_ROOT
  }
  return false;
}

}  // namespace catalyst::abi
