-- Prolong the lease if it is ours. KEYS: owner, and of a partition its state. ARGV: token, lease ms, and of a partition
-- the ms for which a claim counts.
-- Returns 0 when it is not, 1 when it was, 2 when also the scorer whose partition it is has just asked for it.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if not KEYS[2] then return 1 end
local wanted_ms, time = tonumber(redis.call('HGET', KEYS[2], 'wanted_ms') or 0), redis.call('TIME')
return math.abs(time[1] * 1000 + math.floor(time[2] / 1000) - wanted_ms) < tonumber(ARGV[3]) and 2 or 1
