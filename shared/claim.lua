-- Become owner: lease and generation in one step.
-- KEYS: owner, state. ARGV: token, lease ms.
-- Returns the generation, or nil while another's lease lasts. The holder itself gets its lease prolonged and the same
-- generation again, so that a claim whose answer was lost can be repeated.
local owner = redis.call('GET', KEYS[1])
if owner == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return tonumber(redis.call('HGET', KEYS[2], 'generation'))
end
if owner then return nil end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return redis.call('HINCRBY', KEYS[2], 'generation', 1)
