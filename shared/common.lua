-- Put before every script that needs it. Ids are compared as text: a Lua number is exact only up to 2^53, while the
-- sequence number of an alert may be larger.

local function split(id)
  local dash = string.find(id, '-', 1, true)
  return string.sub(id, 1, dash - 1), string.sub(id, dash + 1)
end

local function digits_before(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

-- Whether id a comes before id b.
local function before(a, b)
  local a_ms, a_seq = split(a)
  local b_ms, b_seq = split(b)
  if a_ms ~= b_ms then return digits_before(a_ms, b_ms) end
  return digits_before(a_seq, b_seq)
end

-- First id that is there and last id ever given; 0-0 for none.
local function ends(stream)
  if redis.call('EXISTS', stream) == 0 then return '0-0', '0-0' end
  local info = redis.call('XINFO', 'STREAM', stream)
  local first, last = '0-0', '0-0'
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then last = info[i + 1] end
    if info[i] == 'first-entry' and info[i + 1] then first = info[i + 1][1] end
  end
  return first, last
end

-- The error for a writer that is not the current owner, or nil.
local function fenced(state, generation)
  local current = redis.call('HGET', state, 'generation')
  if current == generation then return nil end
  return redis.error_reply('FENCED its generation is ' .. (current or 'none') .. ', ours ' .. generation)
end

