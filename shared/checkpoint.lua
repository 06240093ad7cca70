-- Move the pointer to a checkpoint whose chunks are all there.
-- KEYS: state, new chunks, old chunks (the new ones again when there is no old).
-- ARGV: generation, pointer, chunks, position. Returns 1, or 0 when chunks are missing.
local refused = fenced(KEYS[1], ARGV[1])
if refused then return refused end
-- A command that its sender had given up may come late, when the same owner has saved a newer one. What that one does
-- not need may be trimmed already, so there is no way back to an older; only a new owner or epoch may begin lower.
local life = ARGV[1] .. ' ' .. (redis.call('HGET', KEYS[1], 'epoch') or '')
local there = redis.call('HMGET', KEYS[1], 'checkpoint_life', 'checkpoint_position')
if there[1] == life and before(ARGV[4], there[2]) then
  redis.call('UNLINK', KEYS[2])
  return 1
end
if redis.call('LLEN', KEYS[2]) ~= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], 'checkpoint', ARGV[2], 'checkpoint_life', life, 'checkpoint_position', ARGV[4])
redis.call('PERSIST', KEYS[2])
if KEYS[3] ~= KEYS[2] then redis.call('UNLINK', KEYS[3]) end
return 1
