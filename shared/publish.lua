-- Publish what entries up to a position caused.
-- KEYS: state, alerts, signals, history.
-- ARGV: generation, position, signals kept, numbers of alerts and signals, then id and bytes of each alert,
-- the signals, and the rest is history.
-- Returns alert changes appended, known, differing.
local refused = fenced(KEYS[1], ARGV[1])
if refused then return refused end
local position, signals_kept = ARGV[2], ARGV[3]
local alerts_end = 5 + 2 * tonumber(ARGV[4])
local signals_end = alerts_end + tonumber(ARGV[5])
local appended, known, differing = 0, 0, 0

if alerts_end > 5 then
  local first, last = ends(KEYS[2])
  for i = 6, alerts_end, 2 do
    local id, change = ARGV[i], ARGV[i + 1]
    if before(last, id) then
      redis.call('XADD', KEYS[2], id, 'v', change)
      last = id
      appended = appended + 1
    else
      local there = redis.call('XRANGE', KEYS[2], id, id)[1]
      -- What the retention has taken away cannot be compared any more.
      local trimmed = first == '0-0' or before(id, first)
      if there and there[2][2] == change or not there and trimmed then
        known = known + 1
      else
        differing = differing + 1
      end
    end
  end
end

if differing > 0 then redis.call('HINCRBY', KEYS[1], 'differing', differing) end
if before(redis.call('HGET', KEYS[1], 'published') or '0-0', position) then
  redis.call('HSET', KEYS[1], 'published', position)
  for i = alerts_end + 1, signals_end do
    redis.call('XADD', KEYS[3], 'MAXLEN', signals_kept, '*', 'v', ARGV[i])
  end
  for i = signals_end + 1, #ARGV do redis.call('XADD', KEYS[4], '*', 'v', ARGV[i]) end
end
return {appended, known, differing}
