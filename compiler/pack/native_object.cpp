#include "compiler/pack/native_object.h"

#include "compiler/pack/describe.h"
#include "compiler/pack/refusal.h"

namespace catalyst::pack {

std::string write_native(const NativeObject& object) {
  Writer writer;
  writer(object);
  return writer.take();
}

Result<NativeObject> read_native(std::string_view bytes, size_t memory_bytes) {
  NativeObject out;
  Reader reader(bytes, memory_bytes);
  reader(out);
  if (!reader.ok() || !reader.at_end()) {
    return refuse(Refusal::Malformed,
                  "its native code: " + (reader.ok() ? "something stands behind its end" : reader.problem()));
  }
  return out;
}

}  // namespace catalyst::pack
