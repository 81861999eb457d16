-- tools/call with 512 prebuilt requests in turn. Environment: TOOL, BYTES (size of the message) or ARGS (the arguments, JSON), ERA (2025 or
-- 2026), SESSION, TOKEN, PROGRESS=1 (ask for progress); the last three are optional.
-- Prints one line: RESULT requests_per_second p50_ms p99_ms failed requests
local tool = os.getenv("TOOL") or "echo"
local arguments = os.getenv("ARGS") or '{"message":"' .. string.rep("x", tonumber(os.getenv("BYTES") or "1024")) .. '"}'
local headers = {
  ["Content-Type"] = "application/json",
  ["Accept"] = "application/json, text/event-stream",
}
local function given(name)
  local value = os.getenv(name)
  return value and value ~= "" and value or nil
end
if given("TOKEN") then headers["Authorization"] = "Bearer " .. given("TOKEN") end
local meta = {}
if os.getenv("ERA") == "2026" then
  headers["MCP-Protocol-Version"] = "2026-07-28"
  headers["Mcp-Method"] = "tools/call"
  headers["Mcp-Name"] = tool
  table.insert(meta, '"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
    .. '"io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}')
else
  headers["MCP-Protocol-Version"] = "2025-11-25"
  headers["Mcp-Session-Id"] = given("SESSION")
end

local ring = {}
local turn = 0
function init()
  for i = 1, 512 do
    local entries = table.concat(meta, ",")
    if given("PROGRESS") then entries = entries .. (entries == "" and "" or ",") .. '"progressToken":' .. i end
    ring[i] = wrk.format("POST", nil, headers, '{"jsonrpc":"2.0","id":' .. i .. ',"method":"tools/call","params":{"name":"'
      .. tool .. '","arguments":' .. arguments .. (entries == "" and "" or ',"_meta":{' .. entries .. "}") .. '}}')
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
