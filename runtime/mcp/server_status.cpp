#include "runtime/mcp/server_status.h"

#include "runtime/mcp/router.h"

namespace catalyst::mcp {

std::vector<ServerStatus> server_statuses(const Router& router) {
  const CataloguePtr catalogue = router.keeper().current();
  std::vector<ServerStatus> out;
  for (uint32_t server = 0; server < router.upstreams().size(); ++server) {
    const ServerEntry& entry = catalogue->servers()[server];
    ServerStatus status;
    status.name = entry.name;
    status.state = router.upstreams()[server]->state();
    status.listed = entry.state == ServerEntry::State::Listed;
    status.error = entry.error;
    if (entry.listing != nullptr) {
      status.era = entry.listing->info->era;
      status.protocol_version = entry.listing->info->protocol_version;
      status.tools = entry.listing->of(ListKind::Tools).size();
      status.prompts = entry.listing->of(ListKind::Prompts).size();
      status.resources = entry.listing->of(ListKind::Resources).size();
    }
    out.push_back(std::move(status));
  }
  return out;
}

}  // namespace catalyst::mcp
