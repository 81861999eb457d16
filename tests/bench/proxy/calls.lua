-- tools/call with 512 prebuilt requests in turn. Environment: TOOL, BYTES (size of the message), SESSION (optional), ERA (2025 or 2026).
-- Prints one line: RESULT requests_per_second p50_ms p99_ms failed requests
local tool = os.getenv("TOOL") or "echo"
local message = string.rep("x", tonumber(os.getenv("BYTES") or "1024"))
local headers = {
  ["Content-Type"] = "application/json",
  ["Accept"] = "application/json, text/event-stream",
}
local meta = ""
if os.getenv("ERA") == "2026" then
  headers["MCP-Protocol-Version"] = "2026-07-28"
  headers["Mcp-Method"] = "tools/call"
  headers["Mcp-Name"] = tool
  meta = ',"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
    .. '"io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}'
else
  headers["MCP-Protocol-Version"] = "2025-11-25"
  local session = os.getenv("SESSION")
  if session and session ~= "" then headers["Mcp-Session-Id"] = session end
end

local ring = {}
local turn = 0
function init()
  for i = 1, 512 do
    ring[i] = wrk.format("POST", nil, headers, '{"jsonrpc":"2.0","id":' .. i .. ',"method":"tools/call","params":{"name":"'
      .. tool .. '","arguments":{"message":"' .. message .. '"}' .. meta .. '}}')
  end
end

function request()
  turn = turn % 512 + 1
  return ring[turn]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %.1f %.4f %.4f %d %d\n", summary.requests / (summary.duration / 1e6),
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, e.status + e.connect + e.read + e.write + e.timeout,
    summary.requests))
end
