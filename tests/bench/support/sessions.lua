-- Opens sessions (initialize), makes one call in each, and drops them (DELETE); with LEAVE=1 they are never dropped, as most clients do. Stops
-- after COUNT sessions. TOKEN is optional.
-- Prints one line: RESULT sessions failed
local count = tonumber(os.getenv("COUNT") or "1000")
local leave = os.getenv("LEAVE") == "1"
local token = os.getenv("TOKEN")
local headers = { ["Content-Type"] = "application/json", ["Accept"] = "application/json, text/event-stream" }
if token and token ~= "" then headers["Authorization"] = "Bearer " .. token end
local greeting = '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}'
local function call(number)
  return '{"jsonrpc":"2.0","id":' .. number .. ',"method":"tools/call","params":{"name":"echo","arguments":{"message":"hello"}}}'
end

local opened, failed, calls = 0, 0, 0
-- Sessions to call in, sessions in a call by the id of that call, sessions to drop.
local to_call, called, to_drop = {}, {}, {}

local function with(session)
  local all = { ["MCP-Protocol-Version"] = "2025-11-25", ["Mcp-Session-Id"] = session }
  for name, value in pairs(headers) do all[name] = value end
  return all
end

function request()
  if #to_drop > 0 then return wrk.format("DELETE", nil, with(table.remove(to_drop)), "") end
  if #to_call > 0 then
    local session = table.remove(to_call)
    calls = calls + 1
    called[calls] = session
    return wrk.format("POST", nil, with(session), call(calls))
  end
  return wrk.format("POST", nil, headers, greeting)
end

function response(status, received, body)
  if status ~= 200 and status ~= 202 and status ~= 204 then failed = failed + 1 end
  local number = tonumber(body:match('"id":(%d+)') or 0)
  if called[number] then
    if not leave then table.insert(to_drop, called[number]) end
    called[number] = nil
  end
  for name, value in pairs(received) do
    if name:lower() == "mcp-session-id" and body:find("protocolVersion", 1, true) then
      opened = opened + 1
      table.insert(to_call, value)
    end
  end
  if opened >= count then
    -- wrk itself ends by its clock only. What the other connections just opened stays open.
    io.write(string.format("RESULT %d %d\n", opened, failed))
    io.flush()
    os.exit(0)
  end
end
