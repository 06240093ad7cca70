-- Become owner: lease and generation in one step.
-- KEYS: owner, state. ARGV: token, lease ms, how the tokens of standbys begin, ms for which a claim keeps them away.
-- Returns the generation, or nil while another's lease lasts, or, for a standby, while somebody else asks. The holder
-- itself gets its lease prolonged and the same generation again, so that a claim whose answer was lost can be repeated.
local function stands_by(token) return string.sub(token, 1, #ARGV[3]) == ARGV[3] end

local owner, time = redis.call('GET', KEYS[1]), redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
if owner == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return tonumber(redis.call('HGET', KEYS[2], 'generation'))
end
if owner then
  if stands_by(owner) and not stands_by(ARGV[1]) then
    redis.call('HSET', KEYS[2], 'wanted_ms', string.format('%d', now_ms)) -- `renew` tells the standby
  end
  return nil
end
if stands_by(ARGV[1]) then
  local wanted_ms = tonumber(redis.call('HGET', KEYS[2], 'wanted_ms') or 0)
  if math.abs(now_ms - wanted_ms) < tonumber(ARGV[4]) then return nil end -- a clock that was set back keeps nobody away
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('HDEL', KEYS[2], 'wanted_ms')
-- At least the store's clock: a store that lost its newest writes, or all, must not give out a generation a second time
-- while its first owner still lives.
local before = tonumber(redis.call('HGET', KEYS[2], 'generation') or 0)
local generation = math.max(before + 1, now_ms)
redis.call('HSET', KEYS[2], 'generation', string.format('%d', generation))
return generation
