-- Apply the retention. KEYS: state, skip, events, alerts, history, rejects, audit.
-- ARGV: generation, then the first id to keep of each stream in that order.
-- Returns first and last id of the events stream.
local refused = fenced(KEYS[1], ARGV[1])
if refused then return refused end
for i = 3, #KEYS do redis.call('XTRIM', KEYS[i], 'MINID', ARGV[i - 1]) end
local first, last = ends(KEYS[3])
for _, id in ipairs(redis.call('HKEYS', KEYS[2])) do
  -- Nobody reads an entry that is gone, so nobody needs to skip it.
  if before(id, first) then redis.call('HDEL', KEYS[2], id) end
end
return {first, last}
