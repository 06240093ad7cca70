-- wrk: posts the bodies of $BODIES (separated by the byte 30) to $POST_PATH in turn, with the API keys of $API_KEYS
-- (separated by commas) in turn; at the end prints one line of JSON.
local reqs, n, at = {}, 0, 0

init = function()
  local file = io.open(os.getenv("BODIES"), "rb")
  local text = file:read("*a")
  file:close()
  local keys = {}
  for key in string.gmatch(os.getenv("API_KEYS"), "[^,]+") do
    keys[#keys + 1] = key
  end
  for body in string.gmatch(text, "[^\30]+") do
    local headers = {
      ["Content-Type"] = "application/json",
      ["Content-Length"] = tostring(#body),
      ["Authorization"] = "Bearer " .. keys[n % #keys + 1],
    }
    n = n + 1
    reqs[n] = wrk.format("POST", os.getenv("POST_PATH"), headers, body)
  end
end

request = function()
  at = at + 1
  return reqs[at % n + 1]
end

done = function(summary, latency)
  local e = summary.errors
  print(string.format(
    'JSON {"requests":%d,"took_us":%d,"p50_ms":%.3f,"p99_ms":%.3f,"refused":%d,"broken":%d}',
    summary.requests, summary.duration, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    e.status, e.connect + e.read + e.write + e.timeout
  ))
end
